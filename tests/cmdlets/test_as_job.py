"""-AsJob: the same hooks, in child jobs."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest

from psbridge import JobCmdlet, Parameter, Session

running = 0
most = 0
lock = threading.Lock()


class All(JobCmdlet, verb="Test", noun="All"):
    n: Annotated[int, Parameter(position=0, from_pipeline=True)] = 0

    def begin(self) -> str:
        return "begin"

    def process(self) -> Iterator[int]:
        if self.n == 13:
            raise ValueError("unlucky")
        yield self.n * 2

    def end(self) -> str:
        return "end"


class Each(JobCmdlet, verb="Test", noun="Each", children="each"):
    n: Annotated[int, Parameter(position=0, from_pipeline=True)] = 0

    def process(self) -> Iterator[int]:
        global running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        if self.n == 13:
            raise ValueError("unlucky")
        yield self.n * 2


class Forever(JobCmdlet, verb="Test", noun="Forever"):
    def process(self) -> Iterator[int]:
        while True:
            time.sleep(0.001)
            yield 1


@pytest.fixture
def shell_with(shell: Session) -> Session:
    shell.import_cmdlets(All, Each, Forever)
    return shell


def test_without_the_switch_it_runs_in_the_foreground(shell_with: Session) -> None:
    assert shell_with.run("1, 2 | Test-All") == ["begin", 2, 4, "end"]
    assert len(shell_with.jobs) == 0


def test_with_the_switch_the_caller_gets_the_job_at_once(shell_with: Session) -> None:
    began = time.monotonic()
    script = "$job = Test-Forever -AsJob; [string]$job.State; $job.PSJobTypeName; $job.Command"
    assert shell_with.run(script) == ["Running", "PythonJob", "Test-Forever"]
    assert time.monotonic() - began < 5
    shell_with.run("$job | Stop-Job")
    assert shell_with.run("[string]$job.State") == ["Stopped"]


def test_one_child_does_all_records_as_the_foreground_does(shell_with: Session) -> None:
    script = "1, 2 | Test-All -AsJob -JobName mine | Wait-Job | Receive-Job"
    assert shell_with.run(script) == ["begin", 2, 4, "end"]
    assert shell_with.run("(Get-Job -Name mine).ChildJobs.Count") == [1]


def test_each_record_has_a_child_of_its_own_where_the_author_says_so(shell_with: Session) -> None:
    script = "1..5 | Test-Each -AsJob -JobName mine | Receive-Job -Wait"
    assert sorted(shell_with.run(script)) == [2, 4, 6, 8, 10]
    assert shell_with.run("(Get-Job -Name mine).ChildJobs.Count") == [5]


def test_throttle_limit_is_kept(shell_with: Session) -> None:
    global most
    most = 0
    result = shell_with.run("1..8 | Test-Each -AsJob -ThrottleLimit 2 | Receive-Job -Wait")
    assert len(result) == 8
    assert most == 2


def test_one_child_that_fails_loses_nothing_of_the_others(shell_with: Session) -> None:
    result = shell_with.run("1, 13, 3 | Test-Each -AsJob -JobName mine | Receive-Job -Wait")
    assert sorted(result) == [2, 6]
    assert [error.message for error in result.errors] == ["ValueError: unlucky"]
    assert shell_with.jobs["mine"].state == "Failed"


def test_no_input_at_all_makes_a_job_that_completes(shell_with: Session) -> None:
    assert shell_with.run("@() | Test-Each -AsJob | Receive-Job -Wait") == []


@pytest.mark.parametrize("parameters", ["-JobName x", "-ThrottleLimit 2"])
def test_the_parameters_of_jobs_want_the_switch(shell_with: Session, parameters: str) -> None:
    (error,) = shell_with.run(f"Test-All {parameters}").errors
    assert "add -AsJob" in error.message


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_wrong_throttle_limit_is_refused(shell_with: Session, limit: str) -> None:
    assert shell_with.run(f"Test-All -AsJob -ThrottleLimit {limit}").errors
    assert len(shell_with.jobs) == 0


def test_a_finished_job_leaves_no_trace_after_auto_remove(shell_with: Session) -> None:
    for _ in range(20):
        assert shell_with.run("1 | Test-Each -AsJob | Receive-Job -Wait -AutoRemoveJob") == [2]
    assert len(shell_with.jobs) == 0


class Early(JobCmdlet, verb="Test", noun="Early"):
    n: Annotated[int, Parameter(from_pipeline=True)] = 0
    k: int = 7

    def begin(self) -> str:
        return f"begin {self.n} {self.k}"

    def end(self) -> str:
        return f"end {self.k}"


@pytest.mark.parametrize("source", ["4, 5", "@()"])
def test_begin_and_end_see_what_they_see_in_the_foreground(shell: Session, source: str) -> None:
    shell.import_cmdlets(Early)
    expected = shell.run(f"{source} | Test-Early -K 1")
    assert expected[0] == "begin 0 1"
    assert shell.run(f"{source} | Test-Early -K 1 -AsJob | Receive-Job -Wait") == expected


def test_the_author_s_stop_is_called(shell: Session) -> None:
    class Waiting(JobCmdlet, verb="Test", noun="Waiting"):
        def process(self) -> None:
            began.set()
            released.wait(30)

        def stop(self) -> None:
            released.set()

    began, released = threading.Event(), threading.Event()
    shell.import_cmdlets(Waiting)
    shell.run("$j = Test-Waiting -AsJob")
    assert began.wait(10)
    shell.run("$j | Stop-Job")
    assert released.is_set()
    assert shell.run("[string]$j.State") == ["Stopped"]


class Batched(JobCmdlet, verb="Test", noun="Batched", children=2, supports_should_process=True):
    n: Annotated[int, Parameter(from_pipeline=True)] = 0

    def begin(self) -> None:
        self.seen: list[int] = []

    def process(self) -> None:
        self.seen.append(self.n)

    def end(self) -> list[int]:
        return [*self.seen, self.should_process("anything")]

    def dispose(self) -> None:
        self.seen = []


class Streamed(
    Batched,
    verb="Test",
    noun="Streamed",
    children="each",
    stream_input=True,
    supports_should_process=True,
):
    pass


class StreamedOne(
    Batched,
    verb="Test",
    noun="StreamedOne",
    children="one",
    stream_input=True,
    supports_should_process=True,
):
    pass


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Batched", [[1, 2, True], [3, 4, True], [5, True]]),
        ("Streamed", [[n, True] for n in (1, 2, 3, 4, 5)]),
        ("StreamedOne", [[1, 2, 3, 4, 5, True]]),
    ],
)
def test_the_records_are_shared_out_as_the_author_chose(
    shell: Session, name: str, expected: list[object]
) -> None:
    shell.import_cmdlets(Batched, Streamed, StreamedOne)
    script = f"$job = 1..5 | Test-{name} -AsJob -Confirm:$false -ThrottleLimit 1; $null = Wait-Job"
    result = shell.run(f"{script} $job; $job.ChildJobs | % {{ , (Receive-Job $_) }}")
    assert result == expected


def test_streamed_records_are_worked_on_while_more_come(shell: Session) -> None:
    shell.import_cmdlets(Batched, Streamed)
    script = (
        "$global:seen = $null; & { 1; 2; $until = [datetime]::Now.AddSeconds(20);"
        " while (-not $global:seen -and [datetime]::Now -lt $until) {"
        " $global:seen = (Get-Job -Name early).ChildJobs"
        " | ? { $_.JobStateInfo.State -eq 'Completed' } } ; 3 }"
        " | Test-Streamed -AsJob -JobName early -Confirm:$false | Wait-Job | Receive-Job;"
        " $null -ne $global:seen"
    )
    assert shell.run(script) == [[1, True], [2, True], [3, True], True]


def test_what_if_asks_before_there_is_a_job(shell: Session) -> None:
    shell.import_cmdlets(Batched, Streamed)
    assert shell.run("1..3 | Test-Batched -AsJob -WhatIf") == []
    assert shell.run("1..3 | Test-Streamed -AsJob -WhatIf") == []
    assert shell.run("Get-Job") == []


def test_timeout_seconds_ends_a_child(shell: Session) -> None:
    class Slow(JobCmdlet, verb="Test", noun="Slow"):
        def process(self) -> None:
            while True:
                self.check_stop()
                time.sleep(0.01)

    shell.import_cmdlets(Slow)
    result = shell.run("Test-Slow -AsJob -TimeoutSeconds 1 | Receive-Job -Wait")
    assert result.errors[0].message == "TimeoutError: the work did not end within 1 seconds"
    (error,) = shell.run("Test-Slow -TimeoutSeconds 1").errors
    assert error.message == "-TimeoutSeconds is for jobs: add -AsJob."


def test_a_terminating_error_fails_the_job_with_the_exception(shell: Session) -> None:
    class Throws(JobCmdlet, verb="Test", noun="Throws"):
        def process(self) -> None:
            self.throw_terminating_error(KeyError("it"), error_id="Gone")

    shell.import_cmdlets(Throws)
    result = shell.run("Test-Throws -AsJob | Receive-Job -Wait")
    assert result.errors[0].message == "KeyError: 'it'"


def test_a_job_has_nobody_to_ask(shell: Session) -> None:
    class Asks(JobCmdlet, verb="Test", noun="Asks"):
        def process(self) -> bool:
            return self.should_continue("really?")

    shell.import_cmdlets(Asks)
    result = shell.run("Test-Asks -AsJob | Receive-Job -Wait")
    assert "a job has nobody to ask: really?" in result.errors[0].message


class Named(JobCmdlet, verb="Test", noun="Named", children="each"):
    n: Annotated[int, Parameter(from_pipeline=True)] = 0
    what: str = "number"

    def process(self) -> int:
        return self.n

    def child_name(self) -> str | None:
        if self.n == 3:
            return None
        assert "n" in self.given
        return f"{self.what} {self.n}"


class NamedBatches(Named, verb="Test", noun="NamedBatches", children=2):
    pass


class NamedStream(Named, verb="Test", noun="NamedStream", children="each", stream_input=True):
    pass


def test_children_have_the_names_that_the_author_gives(shell: Session) -> None:
    shell.import_cmdlets(Named, NamedBatches, NamedStream)
    names = "| Wait-Job | % ChildJobs | % Name"
    one, two, three = shell.run(f"1..3 | Test-Named -AsJob -What no {names}")
    assert (one, two, three[:3]) == ("no 1", "no 2", "Job")
    assert shell.run("(Get-Job -Name 'no 2' -IncludeChildJob | Receive-Job)") == [2]
    assert shell.run(f"4..6 | Test-NamedBatches -AsJob {names}") == ["number 4", "number 6"]
    assert shell.run(f"4..5 | Test-NamedStream -AsJob {names}") == ["number 4", "number 5"]


def test_a_name_that_cannot_be_made_is_an_error_and_no_job(shell: Session) -> None:
    class Unnamed(Named, verb="Test", noun="Unnamed", children="each"):
        def child_name(self) -> str | None:
            raise ValueError("no name")

    shell.import_cmdlets(Unnamed)
    result = shell.run("1..2 | Test-Unnamed -AsJob")
    assert [error.message for error in result.errors] == ["ValueError: no name"]
    assert (list(result), len(shell.jobs)) == ([], 0)


class Apply(JobCmdlet, verb="Test", noun="Apply"):
    how: Annotated[Callable[..., Any], Parameter(position=0, mandatory=True)]

    def process(self) -> Iterator[Any]:
        yield self.how([3, 4])


def test_a_script_block_runs_in_the_midst_of_what_the_session_runs(shell: Session) -> None:
    """Beside that the process died: PowerShell would begin it after a quarter of a second."""
    shell.import_cmdlets(Apply)
    shell.run(
        "function Get-Length($of) { foreach ($n in 1..20000) { $null = & { $n } }; $of.Count }"
    )
    code = """
        $job = Test-Apply { Get-Length $args[0] } -AsJob
        [System.Threading.Thread]::Sleep(600)
        foreach ($n in 1..60000) { $null = & { param($of) & { $of } } $n }
        while ($job.State -eq 'Running') { Start-Sleep -Milliseconds 10 }
        Receive-Job $job
    """
    assert shell.run(code, check=True) == [[2]]
    assert shell.run("Test-Apply { $args[0].Count }") == [[2]]


def test_a_script_block_says_that_the_session_waits_for_its_job(shell: Session) -> None:
    shell.import_cmdlets(Apply)
    result = shell.run("Test-Apply { $args[0].Count } -AsJob | Receive-Job -Wait")
    assert "neither would ever end" in result.errors[0].message
