"""Job definitions: jobs written in Python that ``Start-Job -DefinitionName`` starts."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import Job, JobFailed, JobGroup, JobHandle, PowerShellError, Session
from psbridge.errors import SessionClosedError
from psbridge.jobs import FunctionJob


class Greet(Job):
    def run(self) -> Iterator[str]:
        yield "hello"
        yield "world"


class Paced(Job):
    """Comes to pause points until it is stopped."""

    pausable = True
    grace = 0.3

    def run(self) -> None:
        while True:
            self.pause_point()
            time.sleep(0.001)


def start(shell: Session, name: str, more: str = "") -> JobHandle:
    (net,) = shell.run(f"Start-Job -DefinitionName {name} {more} -ErrorAction Stop")
    return JobHandle(net, shell)


# --- starting ------------------------------------------------------------------------------------


def test_start_job_starts_what_was_defined(shell: Session) -> None:
    shell.jobs.define("greet", Greet)
    assert shell.run("Start-Job -DefinitionName greet | Receive-Job -Wait -AutoRemoveJob") == [
        "hello",
        "world",
    ]
    assert len(shell.jobs) == 0


def test_it_is_a_job2_that_get_job_lists(shell: Session) -> None:
    shell.jobs.define("greet", Greet)
    handle = start(shell, "greet")
    assert handle.wait(10)
    assert handle in shell.jobs
    shown = shell.run(
        "Get-Job | % { $_ -is [System.Management.Automation.Job2]; $_.PSJobTypeName; $_.Command;"
        " [string]$_.State; $_.ChildJobs.Count }"
    )
    assert shown == [True, "PythonJob", "greet", "Completed", 1]
    assert handle.result(10) == ["hello", "world"]


@pytest.mark.parametrize("more", ["-Type PythonJobSource", "-Type PYTHON*"])
def test_the_type_of_the_definition_may_be_given(shell: Session, more: str) -> None:
    shell.jobs.define("greet", Greet)
    assert start(shell, "greet", more).result(10) == ["hello", "world"]


def test_names_are_told_apart_without_regard_to_case(shell: Session) -> None:
    shell.jobs.define("Greet", Greet)
    assert start(shell, "gREET").result(10) == ["hello", "world"]
    shell.jobs.undefine("GREET")
    with pytest.raises(PowerShellError):
        start(shell, "Greet")


def test_a_name_may_have_spaces_and_marks(shell: Session) -> None:
    shell.jobs.define("it's a *job* [1]", Greet)
    started = shell.run("param($n) Start-Job -DefinitionName $n", n="it's a *job* [1]")
    assert JobHandle(started[0], shell).result(10) == ["hello", "world"]


def test_each_start_makes_a_job_of_its_own(shell: Session) -> None:
    numbers = iter(range(100))
    shell.jobs.define("number", lambda: FunctionJob(lambda number: number, next(numbers)))
    started = shell.run("1..20 | % { Start-Job -DefinitionName number }")
    handles = [JobHandle(net, shell) for net in started]
    assert [handle.result(10) for handle in handles] == [[number] for number in range(20)]
    assert len({handle.id for handle in handles}) == len(shell.jobs) == 20


def test_a_definition_may_give_a_group(shell: Session) -> None:
    shell.jobs.define(
        "group", lambda: JobGroup([Greet(), Greet()], name="greetings", throttle_limit=1)
    )
    handle = start(shell, "group")
    assert handle.result(10) == ["hello", "world"] * 2
    assert (handle.name, len(handle.children)) == ("greetings", 2)
    assert shell.run("(Get-Job greetings).Id") == [handle.id]


def test_a_definition_may_give_a_group_that_makes_its_children_as_it_goes(shell: Session) -> None:
    shell.jobs.define("map", lambda: JobGroup.map(str, range(50), throttle_limit=2))
    assert sorted(start(shell, "map").result(10), key=int) == [str(number) for number in range(50)]


def test_the_factory_may_use_the_session(shell: Session) -> None:
    seen: list[Any] = []

    def make() -> Job:
        seen.extend(shell.run("(Get-Job).Count; (Get-Job).Command"))
        return Greet()

    shell.jobs.define("greet", make)
    assert start(shell, "greet").result(10) == ["hello", "world"]
    assert seen == [1, "greet"]  # it is there, and has not begun


def test_a_started_job_is_not_started_again(shell: Session) -> None:
    made: list[Job] = []

    def make() -> Job:
        made.append(Greet())
        return made[-1]

    shell.jobs.define("greet", make)
    handle = start(shell, "greet")
    (error,) = shell.run("param($job) $job.StartJob()", job=handle.net).errors
    assert error.error_id == "InvalidJobStateException"
    assert "is started once" in error.message
    assert handle.result(10) == ["hello", "world"]
    assert len(made) == 1


NEW_JOB = (
    "$type = [System.Management.Automation.JobDefinition]\n"
    "$definition = $type::new([PSBridge.PythonJobSource], '', 'defined')\n"
    "[runspace]::DefaultRunspace.JobManager.NewJob($definition)"
)


def test_a_job_can_be_made_now_and_started_later(shell: Session) -> None:
    shell.jobs.define("defined", Greet)
    (net,) = shell.run(NEW_JOB)
    handle = JobHandle(net, shell)
    assert (handle.state, handle.children) == ("NotStarted", [])
    assert handle in shell.jobs
    shell.run("param($job) $job.StartJob()", job=net)
    assert handle.result(10) == ["hello", "world"]


def test_a_job_that_is_stopped_before_its_start_does_nothing(shell: Session) -> None:
    ran = threading.Event()
    shell.jobs.define("defined", lambda: FunctionJob(ran.set))
    (net,) = shell.run(NEW_JOB)
    handle = JobHandle(net, shell)
    handle.stop()
    assert handle.state == "Stopped"
    shell.run("param($job) $job.StartJob()", job=net)
    assert not ran.wait(0.1)
    assert handle.state == "Stopped"


# --- stopping and pausing ------------------------------------------------------------------------


def test_it_is_suspended_and_resumed_where_its_work_can_be(shell: Session) -> None:
    shell.jobs.define("paced", Paced)
    handle = start(shell, "paced")
    script = "param($job) $job.SuspendJob(); [string]$job.State; $job.ResumeJob()"
    assert shell.run(script, job=handle.net) == ["Suspended"]
    until(lambda: handle.state == "Running")
    handle.stop()
    assert handle.state == "Stopped"


def test_work_without_pause_points_says_so(shell: Session) -> None:
    go = threading.Event()
    shell.jobs.define("wait", lambda: FunctionJob(go.wait, 10))
    handle = start(shell, "wait")
    (error,) = shell.run("param($job) $job.SuspendJob()", job=handle.net).errors
    assert "pausable = True" in error.message
    go.set()
    assert handle.result(10) == [True]


def test_stop_job_and_remove_job_take_it(shell: Session) -> None:
    shell.jobs.define("paced", Paced)
    script = "1..3 | % { Start-Job -DefinitionName paced } | Stop-Job -PassThru"
    assert shell.run(f"{script} | % {{ [string]$_.State }}") == ["Stopped"] * 3
    handle = start(shell, "paced")
    shell.run("Get-Job | Remove-Job -Force")
    assert (handle.state, len(shell.jobs)) == ("Stopped", 0)


def test_closing_the_session_stops_it() -> None:
    with Session() as shell:
        shell.jobs.define("paced", Paced)
        handle = start(shell, "paced")
        assert handle.state == "Running"
    assert handle.state == "Stopped"


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("more", ["", "-Type PythonJobSource"])
def test_an_unknown_name_is_an_error(shell: Session, more: str) -> None:
    shell.jobs.define("greet", Greet)
    result = shell.run(f"Start-Job -DefinitionName nobody {more}")
    assert result == []
    (error,) = result.errors
    assert error.error_id.startswith("StartJobFromDefinitionNameNotFound")
    assert "nobody" in error.message
    assert len(shell.jobs) == 0


def test_another_type_does_not_have_it(shell: Session) -> None:
    shell.jobs.define("greet", Greet)
    (error,) = shell.run("Start-Job -DefinitionName greet -Type Other").errors
    assert error.error_id.startswith("StartJobFromDefinitionNameNotFound")


def test_a_factory_that_raises_gives_a_failed_job_with_the_traceback(shell: Session) -> None:
    def make() -> Job:
        raise ValueError("no job today")

    shell.jobs.define("none", make)
    handle = start(shell, "none")
    assert (handle.state, handle.reason) == ("Failed", "ValueError: no job today")
    (traceback,) = shell.run("param($job) $job.JobStateInfo.Reason.PythonTraceback", job=handle.net)
    assert "in make" in traceback
    with pytest.raises(JobFailed, match="no job today") as raised:
        handle.result(10)
    (error,) = raised.value.result.errors
    assert error.message == "ValueError: no job today"
    handle.remove()
    assert len(shell.jobs) == 0


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_even_exceptions_that_end_programs_only_fail_the_job(
    shell: Session, error: BaseException
) -> None:
    def make() -> Job:
        raise error

    shell.jobs.define("none", make)
    handle = start(shell, "none")
    assert handle.state == "Failed"
    assert shell.run("1 + 1") == [2]


@pytest.mark.parametrize("given", [42, None, Greet, "Greet"])
def test_a_factory_that_gives_something_else_gives_a_failed_job(shell: Session, given: Any) -> None:
    shell.jobs.define("wrong", lambda: given)
    handle = start(shell, "wrong")
    assert handle.state == "Failed"
    assert handle.reason is not None
    assert handle.reason.endswith("is neither a Job nor a JobGroup")


def test_a_factory_that_gives_the_same_job_twice_gives_a_failed_job(shell: Session) -> None:
    job = Greet()
    shell.jobs.define("same", lambda: job)
    assert start(shell, "same").result(10) == ["hello", "world"]
    handle = start(shell, "same")
    assert handle.state == "Failed"
    assert handle.reason is not None
    assert "has been started before" in handle.reason


def test_work_that_fails_shows_its_reason(shell: Session) -> None:
    def work() -> Iterator[int]:
        yield 1
        raise KeyError("missing")

    shell.jobs.define("fails", lambda: FunctionJob(work))
    handle = start(shell, "fails")
    with pytest.raises(JobFailed, match="KeyError: 'missing'") as raised:
        handle.result(10)
    assert raised.value.result == [1]


@pytest.mark.parametrize(("name", "make"), [("", Greet), ("greet", None), ("greet", Greet())])
def test_a_definition_without_a_name_or_a_factory_is_refused(
    shell: Session, name: str, make: Any
) -> None:
    with pytest.raises(TypeError, match="something to call"):
        shell.jobs.define(name, make)


def test_nothing_is_defined_in_a_closed_session() -> None:
    shell = Session()
    shell.close()
    with pytest.raises(SessionClosedError):
        shell.jobs.define("greet", Greet)


# --- replacing and taking back -------------------------------------------------------------------


def test_a_definition_of_the_same_name_is_replaced(shell: Session) -> None:
    shell.jobs.define("number", lambda: FunctionJob(lambda: 1))
    first = start(shell, "number")
    shell.jobs.define("NUMBER", lambda: FunctionJob(lambda: 2))
    second = start(shell, "number")
    assert (first.result(10), second.result(10)) == ([1], [2])


def test_what_was_taken_back_is_unknown_and_its_jobs_stay(shell: Session) -> None:
    shell.jobs.define("paced", Paced)
    shell.jobs.define("greet", Greet)
    handle = start(shell, "paced")
    shell.jobs.undefine("paced")
    with pytest.raises(PowerShellError, match="paced"):
        start(shell, "paced")
    assert handle in shell.jobs
    assert handle.suspend(10)
    handle.stop()
    assert start(shell, "greet").result(10) == ["hello", "world"]


def test_taking_back_what_is_not_there_is_a_key_error(shell: Session) -> None:
    with pytest.raises(KeyError, match="nobody"):
        shell.jobs.undefine("nobody")  # when nothing was ever defined
    shell.jobs.define("greet", Greet)
    with pytest.raises(KeyError, match="nobody"):
        shell.jobs.undefine("nobody")
    shell.jobs.undefine("greet")
    with pytest.raises(KeyError, match="greet"):
        shell.jobs.undefine("greet")


def test_definitions_of_two_sessions_are_apart(shell: Session) -> None:
    with Session() as other:
        shell.jobs.define("which", lambda: FunctionJob(lambda: "mine"))
        other.jobs.define("which", lambda: FunctionJob(lambda: "other's"))
        other.jobs.define("only", Greet)
        assert start(shell, "which").result(10) == ["mine"]
        assert start(other, "which").result(10) == ["other's"]
        assert (len(shell.jobs), len(other.jobs)) == (1, 1)
        with pytest.raises(PowerShellError, match="only"):
            start(shell, "only")
        other.jobs.undefine("which")
        assert start(shell, "which").result(10) == ["mine"]
    assert start(shell, "which").result(10) == ["mine"]


def test_native_start_job_still_works_beside_it(shell: Session) -> None:
    shell.jobs.define("greet", Greet)
    assert shell.run("Start-Job { 1 + 1 } | Receive-Job -Wait -AutoRemoveJob") == [2]
