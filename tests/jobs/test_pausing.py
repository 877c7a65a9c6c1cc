"""Suspending, resuming, blocking and unblocking jobs, which are PowerShell's Job2 then."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import DeclarationError, Job, JobError, JobGroup, JobHandle, Session, StopRequested
from psbridge.engine.compiling import SourceFile, compile_assembly
from psbridge.jobs import Retry


class Paced(Job):
    """Comes to a pause point again and again until it is let go."""

    pausable = True
    grace = 0.3

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        self.began = threading.Event()
        self.go = threading.Event()
        self.cleaned = threading.Event()
        self.steps = 0

    def run(self) -> Iterator[object]:
        try:
            yield "begun"
            self.began.set()
            while not self.go.is_set():
                self.steps += 1
                self.pause_point()
                time.sleep(0.001)
            self.write_warning("soon")
            yield "ended"
        finally:
            self.cleaned.set()


class Asking(Job):
    """Blocks until somebody unblocks it."""

    grace = 0.3

    def run(self) -> Iterator[str]:
        yield "before"
        self.block("needs an answer")
        yield "after"


@pytest.fixture
def paced(shell: Session) -> Iterator[tuple[Paced, JobHandle]]:
    """A pausable job that runs."""
    job = Paced(name="paced")
    handle = shell.start(job)
    assert job.began.wait(10)
    yield job, handle
    job.go.set()


@pytest.fixture
def asking(shell: Session) -> JobHandle:
    """A job that is blocked."""
    handle = shell.start(Asking(name="asking"))
    until(lambda: handle.state == "Blocked")
    return handle


def call(shell: Session, script: str, handle: JobHandle) -> Any:
    """Run a script with the job in $job."""
    return shell.run(f"param($job) {script}", job=handle.net)


def states(handle: JobHandle) -> list[str]:
    """The state of a job, then those of its children."""
    return [handle.state, *(child.state for child in handle.children)]


# --- suspending and resuming ---------------------------------------------------------------------


def test_powershell_suspends_and_resumes_it(shell: Session, paced: tuple[Paced, JobHandle]) -> None:
    job, handle = paced
    script = "$job.SuspendJob(); [string]$job.State; [string]$job.ChildJobs[0].State"
    assert call(shell, script, handle) == ["Suspended", "Suspended"]
    assert call(shell, "$job.ResumeJob()", handle) == []
    until(lambda: states(handle) == ["Running", "Running"])
    job.go.set()
    assert handle.result(10) == ["begun", "ended"]


def test_a_handle_suspends_and_resumes_it(paced: tuple[Paced, JobHandle]) -> None:
    job, handle = paced
    assert handle.suspend(10) is True
    assert states(handle) == ["Suspended", "Suspended"]
    assert not handle.finished
    handle.resume()
    until(lambda: states(handle) == ["Running", "Running"])
    job.go.set()
    assert handle.result(10) == ["begun", "ended"]


def test_suspended_work_stands_still_until_it_is_resumed(paced: tuple[Paced, JobHandle]) -> None:
    job, handle = paced
    handle.suspend(10)
    steps = job.steps
    assert not job.cleaned.wait(0.25)
    assert job.steps == steps
    handle.resume()
    until(lambda: job.steps > steps)


def test_it_can_be_suspended_many_times(paced: tuple[Paced, JobHandle]) -> None:
    job, handle = paced
    for _ in range(20):
        assert handle.suspend(10)
        steps = job.steps
        handle.resume()
        until(lambda: job.steps > steps)  # noqa: B023
    job.go.set()
    assert handle.wait(10)


def test_it_is_running_once_resumed_where_no_other_pause_point_comes(shell: Session) -> None:
    began, pause, resumed, go = (threading.Event() for _ in range(4))

    class Once(Job):
        pausable = True

        def run(self) -> None:
            began.set()
            pause.wait(10)
            self.pause_point()
            resumed.set()
            go.wait(10)

    handle = shell.start(Once())
    assert began.wait(10)
    handle.suspend(0)
    pause.set()
    assert handle.suspend(10)
    handle.resume()
    until(lambda: states(handle) == ["Running", "Running"])
    assert resumed.wait(10)
    assert states(handle) == ["Running", "Running"]
    go.set()
    assert handle.wait(10)


def test_work_on_its_way_to_a_pause_point_is_suspending(shell: Session) -> None:
    go = threading.Event()

    class Far(Job):
        pausable = True

        def run(self) -> None:
            go.wait(10)

    handle = shell.start(Far())
    until(lambda: handle.children[0].state == "Running")
    assert handle.suspend(0) is False
    assert handle.suspend(0.05) is False
    until(lambda: states(handle) == ["Suspending", "Suspending"])
    handle.resume()
    until(lambda: states(handle) == ["Running", "Running"])
    handle.suspend(0)
    go.set()
    assert handle.wait(10)
    assert states(handle) == ["Completed", "Completed"]


@pytest.mark.parametrize("way", ["powershell", "handle"])
def test_who_waits_for_the_suspension_is_told_that_it_was_taken_back(
    shell: Session, way: str
) -> None:
    go = threading.Event()

    class Far(Job):
        pausable = True

        def run(self) -> None:
            go.wait(10)

    handle = shell.start(Far())
    until(lambda: handle.children[0].state == "Running")
    gave: list[bool | None] = []
    ask = handle.suspend if way == "handle" else handle.net.SuspendJob
    waiting = threading.Thread(target=lambda: gave.append(ask()))
    waiting.start()
    until(lambda: handle.state == "Suspending")
    handle.resume()
    waiting.join(10)
    assert not waiting.is_alive()
    assert gave == [False if way == "handle" else None]
    go.set()


def test_who_waits_for_the_suspension_is_told_that_it_has_ended(shell: Session) -> None:
    go = threading.Event()

    class Far(Job):
        pausable = True

        def run(self) -> None:
            go.wait(10)

    handle = shell.start(Far())
    until(lambda: handle.children[0].state == "Running")
    gave: list[bool] = []
    waiting = threading.Thread(target=lambda: gave.append(handle.suspend()))
    waiting.start()
    until(lambda: handle.state == "Suspending")
    go.set()
    waiting.join(10)
    assert gave == [False]


def test_the_work_may_suspend_its_own_job(shell: Session) -> None:
    handles: list[JobHandle] = []
    ready = threading.Event()
    gave: list[bool] = []

    class Sleepy(Job):
        pausable = True

        def run(self) -> str:
            ready.wait(10)
            gave.append(handles[0].suspend())
            self.pause_point()
            return "rested"

    handles.append(shell.start(Sleepy()))
    ready.set()
    until(lambda: handles[0].state == "Suspended")
    assert gave == [False]
    handles[0].resume()
    assert handles[0].result(10) == ["rested"]


def test_a_job_that_has_ended_is_neither_suspended_nor_resumed(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    job, handle = paced
    job.go.set()
    assert handle.wait(10)
    assert handle.suspend() is False
    handle.resume()
    for method in ("SuspendJob", "ResumeJob"):
        (error,) = call(shell, f"$job.{method}()", handle).errors
        assert error.error_id == "InvalidJobStateException"
        assert "A job that has ended cannot be" in error.message
    assert handle.state == "Completed"


@pytest.mark.parametrize("method", ["suspend", "resume"])
@pytest.mark.parametrize("which", ["parent", "child"])
def test_a_job_without_pause_points_says_so(shell: Session, method: str, which: str) -> None:
    go = threading.Event()
    handle = shell.start(go.wait, 10)
    target = handle if which == "parent" else handle.children[0]
    with pytest.raises(JobError, match="pausable = True") as raised:
        getattr(target, method)()
    assert raised.value.job is target
    (error,) = call(shell, f"$job.{method.title()}Job()", target).errors
    assert error.error_id == "PSNotSupportedException"
    assert "cannot be suspended or resumed" in error.message
    go.set()
    assert handle.result(10) == [True]


def test_a_job_of_powershell_s_own_says_what_it_lacks(shell: Session) -> None:
    (native,) = shell.run(
        "1 | ForEach-Object -Parallel { while ($true) { [Threading.Thread]::Sleep(1) } } -AsJob"
    )
    handle = JobHandle(native, shell)
    for method, called in (
        (handle.suspend, "SuspendJob"),
        (handle.resume, "ResumeJob"),
        (handle.unblock, "UnblockJob"),
    ):
        with pytest.raises(JobError, match=f"is a PSTaskJob, which has no {called}"):
            method()
    handle.remove(force=True)


def test_only_threads_can_pause() -> None:
    with pytest.raises(DeclarationError, match='a pausable job runs with executor="thread"'):
        JobGroup([Paced()], executor="process")
    with pytest.raises(DeclarationError, match="pausable"):
        JobGroup(iter([]), executor="async", pausable=True)


def test_a_pause_point_is_a_place_to_stop(shell: Session) -> None:
    began = threading.Event()

    class Plain(Job):
        def run(self) -> None:
            began.set()
            while True:
                self.pause_point()
                time.sleep(0.001)

    handle = shell.start(Plain())
    assert began.wait(10)
    handle.stop()
    assert states(handle) == ["Stopped", "Stopped"]


def test_a_pause_point_outside_of_a_running_job_says_so() -> None:
    with pytest.raises(Exception, match="is not running"):
        Paced().pause_point()


# --- a group -------------------------------------------------------------------------------------


def test_children_that_wait_do_not_begin_while_the_group_is_suspended(shell: Session) -> None:
    jobs = [Paced() for _ in range(3)]
    handle = shell.start(JobGroup(jobs, throttle_limit=1))
    assert jobs[0].began.wait(10)
    assert handle.suspend(10)
    assert states(handle) == ["Suspended", "Suspended", "NotStarted", "NotStarted"]
    handle.children[0].stop()
    until(lambda: states(handle) == ["Suspended", "Stopped", "NotStarted", "NotStarted"])
    assert not jobs[1].began.wait(0.25)
    handle.resume()
    for job in jobs:
        job.go.set()
    assert handle.wait(10)
    assert states(handle) == ["Completed", "Stopped", "Completed", "Completed"]


def test_children_that_come_while_the_group_is_suspended_do_not_begin(shell: Session) -> None:
    gate = threading.Event()
    jobs = [Paced(), Paced()]

    def made() -> Iterator[Job]:
        yield jobs[0]
        gate.wait(10)
        yield jobs[1]

    handle = shell.start(JobGroup(made(), pausable=True))
    assert jobs[0].began.wait(10)
    assert handle.suspend(10)
    gate.set()
    until(lambda: len(handle.children) == 2)
    assert not jobs[1].began.wait(0.25)
    assert states(handle) == ["Suspended", "Suspended", "NotStarted"]
    handle.resume()
    for job in jobs:
        job.go.set()
    assert handle.wait(10)
    assert handle.state == "Completed"


def test_a_group_that_is_suspended_before_it_begins_waits(shell: Session) -> None:
    gate = threading.Event()
    job = Paced()

    def made() -> Iterator[Job]:
        gate.wait(10)
        yield job

    handle = shell.start(JobGroup(made(), pausable=True))
    assert handle.suspend(10)
    gate.set()
    assert not job.began.wait(0.2)
    handle.resume()
    job.go.set()
    assert handle.result(10) == ["begun", "ended"]


def test_one_child_may_be_suspended_by_itself(shell: Session) -> None:
    jobs = [Paced(), Paced()]
    handle = shell.start(JobGroup(jobs))
    for job in jobs:
        assert job.began.wait(10)
    assert handle.children[0].suspend(10)
    assert states(handle) == ["Running", "Suspended", "Running"]
    jobs[1].go.set()
    until(lambda: handle.state == "Suspended")  # all that have begun and not ended are
    assert states(handle) == ["Suspended", "Suspended", "Completed"]
    handle.children[0].resume()
    jobs[0].go.set()
    assert handle.wait(10)
    assert handle.state == "Completed"


# --- stopping, time limits, the end --------------------------------------------------------------


@pytest.mark.parametrize("how", ["handle", "powershell"])
def test_a_suspended_job_stops_at_its_pause_point(
    shell: Session, paced: tuple[Paced, JobHandle], how: str
) -> None:
    job, handle = paced
    handle.suspend(10)
    if how == "handle":
        handle.stop()
    else:
        call(shell, "Stop-Job $job", handle)
    assert job.cleaned.is_set()
    assert states(handle) == ["Stopped", "Stopped"]
    assert handle.children[0].net.Warning.Count == 0


def test_queued_children_stop_while_the_group_is_suspended(shell: Session) -> None:
    jobs = [Paced() for _ in range(3)]
    handle = shell.start(JobGroup(jobs, throttle_limit=1))
    assert jobs[0].began.wait(10)
    handle.suspend(10)
    handle.children[1].stop()
    assert states(handle) == ["Suspended", "Suspended", "Stopped", "NotStarted"]
    handle.stop()
    assert states(handle) == ["Stopped"] * 4
    assert not jobs[2].began.is_set()


def test_a_blocked_job_stops(shell: Session, asking: JobHandle) -> None:
    call(shell, "Stop-Job $job", asking)
    assert states(asking) == ["Stopped", "Stopped"]
    assert asking.receive() == ["before"]


def test_the_time_limit_of_a_suspended_job_goes_on(shell: Session) -> None:
    job = Paced(timeout=2)
    handle = shell.start(job)
    assert job.began.wait(10)
    assert handle.suspend(10)
    assert handle.wait(10)
    assert job.cleaned.is_set()
    assert states(handle) == ["Failed", "Failed"]
    assert handle.reason == "TimeoutError: the work did not end within 2 seconds"


def test_the_time_limit_of_a_blocked_job_goes_on(shell: Session) -> None:
    handle = shell.start(Asking(timeout=0.1))
    assert handle.wait(10)
    assert handle.reason == "TimeoutError: the work did not end within 0.1 seconds"
    assert handle.children[0].net.Warning.Count == 0


def test_closing_the_session_ends_suspended_and_blocked_jobs() -> None:
    jobs = [Paced() for _ in range(3)]
    with Session() as shell:
        suspended = shell.start(JobGroup(jobs, throttle_limit=2))
        blocked = shell.start(Asking())
        assert jobs[1].began.wait(10)
        suspended.suspend(10)
        until(lambda: blocked.state == "Blocked")
        began = time.monotonic()
    assert time.monotonic() - began < 4
    assert states(suspended) == ["Stopped"] * 4
    assert states(blocked) == ["Stopped"] * 2
    assert jobs[0].cleaned.is_set()


def test_one_stop_job_stops_several_side_by_side(shell: Session) -> None:
    class SlowToStop(Paced):
        grace = 10

        def run(self) -> Iterator[object]:
            try:
                yield from super().run()
            finally:
                time.sleep(0.3)

    jobs = [SlowToStop() for _ in range(6)]
    handles = [shell.start(job) for job in jobs]
    for job in jobs:
        assert job.began.wait(10)
    began = time.monotonic()
    stopped = shell.run("Get-Job | Stop-Job -PassThru | % { [string]$_.State }")
    seconds = time.monotonic() - began
    assert stopped == ["Stopped"] * 6
    assert {handle.state for handle in handles} == {"Stopped"}
    assert 0.3 <= seconds < 1.5  # one after the other: 1.8


# --- blocking ------------------------------------------------------------------------------------


def test_a_blocked_job_says_what_it_waits_for(shell: Session, asking: JobHandle) -> None:
    assert states(asking) == ["Blocked", "Blocked"]
    assert call(shell, "$job.ChildJobs[0].StatusMessage", asking) == ["needs an answer"]
    asking.unblock()
    assert asking.result(10) == ["before", "after"]
    assert call(shell, "$job.ChildJobs[0].StatusMessage", asking) == [""]


def test_powershell_unblocks_it(shell: Session, asking: JobHandle) -> None:
    call(shell, "$job.UnblockJob()", asking)
    assert asking.result(10) == ["before", "after"]
    assert asking.state == "Completed"


def test_receive_job_unblocks_it(shell: Session, asking: JobHandle) -> None:
    assert call(shell, "Receive-Job $job", asking) == ["before"]
    assert asking.result(10) == ["after"]
    assert states(asking) == ["Completed", "Completed"]


def test_receive_job_that_waits_unblocks_it(shell: Session, asking: JobHandle) -> None:
    assert call(shell, "Receive-Job $job -Wait", asking) == ["before", "after"]
    assert states(asking) == ["Completed", "Completed"]


@pytest.mark.parametrize("switch", ["", "-Any", "-Force", "-Timeout 20"])
def test_wait_job_refuses_to_wait_for_a_blocked_job(
    shell: Session, asking: JobHandle, switch: str
) -> None:
    (error,) = call(shell, f"Wait-Job $job {switch}", asking).errors
    assert error.error_id.startswith("BlockedJobsDeadlockWithWaitJob")
    assert asking.state == "Blocked"


def test_the_parent_is_blocked_while_any_child_is(shell: Session) -> None:
    go = threading.Event()

    class Busy(Job):
        def run(self) -> None:
            go.wait(10)

    handle = shell.start(JobGroup([Asking(), Busy(), Asking()]))
    until(lambda: states(handle) == ["Blocked", "Blocked", "Running", "Blocked"])
    handle.children[0].unblock()
    until(lambda: handle.children[0].finished)
    assert states(handle) == ["Blocked", "Completed", "Running", "Blocked"]
    handle.children[2].unblock()
    until(lambda: states(handle) == ["Running", "Completed", "Running", "Completed"])
    go.set()
    assert handle.wait(10)
    assert handle.state == "Completed"


def test_a_queued_child_does_not_hide_that_another_is_blocked(shell: Session) -> None:
    handle = shell.start(JobGroup([Asking(), Asking()], throttle_limit=1))
    until(lambda: states(handle) == ["Blocked", "Blocked", "NotStarted"])
    handle.unblock()
    until(lambda: states(handle) == ["Blocked", "Completed", "Blocked"])
    handle.unblock()
    assert handle.result(10) == ["before", "after"] * 2


def test_unblocking_what_is_not_blocked_changes_nothing(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    job, handle = paced
    handle.unblock()
    assert states(handle) == ["Running", "Running"]
    job.go.set()
    assert handle.wait(10)
    handle.unblock()
    assert states(handle) == ["Completed", "Completed"]


def test_work_that_is_to_stop_does_not_block(shell: Session) -> None:
    seen: list[str] = []
    began = threading.Event()

    class Late(Job):
        def run(self) -> None:
            began.set()
            while not self.stopping:
                time.sleep(0.001)
            try:
                self.block("too late")
            except StopRequested:
                seen.append("StopRequested")
                raise

    handle = shell.start(Late())
    assert began.wait(10)
    handle.stop()
    assert (seen, handle.state) == (["StopRequested"], "Stopped")


def test_a_blocked_job_that_is_to_be_suspended_is_so_once_it_is_unblocked(shell: Session) -> None:
    class Both(Job):
        pausable = True

        def run(self) -> str:
            self.block("first")
            self.pause_point()
            return "done"

    handle = shell.start(Both())
    until(lambda: handle.state == "Blocked")
    assert handle.suspend(0.05) is False
    assert handle.state == "Blocked"
    handle.unblock()
    until(lambda: handle.state == "Suspended")
    handle.resume()
    assert handle.result(10) == ["done"]


def test_blocking_does_not_wipe_the_word_about_a_retry(shell: Session) -> None:
    tries: list[int] = []

    class Twice(Job):
        def run(self) -> None:
            tries.append(1)
            if len(tries) == 1:
                raise ValueError("no answer")
            self.block("once more")

    handle = shell.start(JobGroup([Twice()], retry=Retry(1)))
    until(lambda: handle.state == "Blocked")
    child = handle.children[0].net
    assert child.StatusMessage == "once more"
    handle.unblock()
    assert handle.wait(10)
    assert child.StatusMessage == "retry 1 of 1 after ValueError: no answer"


# --- what a Job2 promises ------------------------------------------------------------------------


def completed(handle: JobHandle, operation: str) -> list[tuple[Any, Any]]:
    """Call an Async method of a Job2 and give the sender and the error of its event."""
    seen: list[tuple[Any, Any]] = []
    came = threading.Event()

    def note(sender: Any, event: Any) -> None:
        seen.append((sender, event.Error))
        came.set()

    getattr(handle.net, f"add_{operation}JobCompleted")(_handler(note))
    getattr(handle.net, f"{operation}JobAsync")()
    assert came.wait(10)
    return seen


def _handler(function: Callable[[Any, Any], None]) -> Any:
    from System import EventHandler
    from System.ComponentModel import AsyncCompletedEventArgs

    return EventHandler[AsyncCompletedEventArgs](function)


def test_each_async_operation_says_when_it_is_done(paced: tuple[Paced, JobHandle]) -> None:
    _, handle = paced
    for operation, state in (
        ("Suspend", "Suspended"),
        ("Resume", "Running"),
        ("Unblock", "Running"),
        ("Stop", "Stopped"),
    ):
        ((sender, error),) = completed(handle, operation)
        assert sender.InstanceId == handle.net.InstanceId
        assert error is None
        until(lambda: handle.state == state)  # noqa: B023


def test_an_async_operation_that_fails_says_so_in_its_event(
    paced: tuple[Paced, JobHandle],
) -> None:
    job, handle = paced
    ((_, error),) = completed(handle, "Start")
    assert "is started once" in error.Message
    job.go.set()
    assert handle.wait(10)
    for operation in ("Suspend", "Resume"):
        ((_, error),) = completed(handle, operation)
        assert "has ended" in error.Message
    ((_, error),) = completed(handle, "Stop")
    assert error is None


def test_a_reason_and_force_may_be_given(shell: Session, paced: tuple[Paced, JobHandle]) -> None:
    _, handle = paced
    assert call(shell, "$job.SuspendJob($true, 'lunch'); [string]$job.State", handle) == [
        "Suspended"
    ]
    assert call(shell, "$job.StopJob($true, 'home'); [string]$job.State", handle) == ["Stopped"]


# --- PowerShell's cmdlets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "selector",
    ["-Id $job.Id", "-Name paced", "-Name p[a]*", "-InstanceId $job.InstanceId",
     "-State Suspended", "-Command Paced", "-Command Pa*", "-Newest 1", "-HasMoreData $true",
     "-Filter @{ Name = 'pac*' }", "-Filter @{ State = 'Suspended'; Id = $job.Id }",
     "-Filter @{ Location = 'LOCALHOST' }"],
)  # fmt: skip
def test_get_job_finds_it_by(shell: Session, paced: tuple[Paced, JobHandle], selector: str) -> None:
    _, handle = paced
    handle.suspend(10)
    assert call(shell, f"(Get-Job {selector}).Id", handle) == [handle.id]


@pytest.mark.parametrize(
    "selector",
    ["-State Running", "-Command Other", "-Filter @{ Name = 'x*' }", "-Filter @{ Nonsense = 1 }",
     "-Filter @{ Name = 'paced'; State = 'Running' }"],
)  # fmt: skip
def test_get_job_does_not_find_it_by(
    shell: Session, paced: tuple[Paced, JobHandle], selector: str
) -> None:
    _, handle = paced
    handle.suspend(10)
    assert call(shell, f"@(Get-Job {selector}).Count", handle) == [0]


def test_get_job_lists_it_among_others_in_the_order_of_their_numbers(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    _, handle = paced
    plain = shell.start(lambda: 1)
    other = shell.start(Paced())
    assert shell.run("(Get-Job).Id") == [handle.id, plain.id, other.id]
    assert [listed.id for listed in shell.jobs] == [handle.id, plain.id, other.id]
    assert shell.jobs["paced"] == handle
    shown = shell.run("Get-Job paced | % { $_.PSJobTypeName, $_.Command, $_.Location }")
    assert shown == ["PythonJob", "Paced", "localhost"]
    other.stop()


def test_get_job_shows_its_children(shell: Session, paced: tuple[Paced, JobHandle]) -> None:
    _, handle = paced
    expected = [handle.id, handle.children[0].id]
    assert shell.run("(Get-Job -IncludeChildJob).Id") == expected
    assert shell.run("(Get-Job -ChildJobState Running).Id") == expected


def test_wait_job_counts_a_suspended_job_as_done_unless_it_is_forced(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    _, handle = paced
    handle.suspend(10)
    waited = call(shell, "(Wait-Job $job).Id", handle)
    assert waited == [handle.id]
    assert "suspended" in str(waited.warnings[0])
    assert call(shell, "Wait-Job $job -Force -Timeout 1", handle) == []


@pytest.mark.parametrize("selector", ["-Id $job.Id", "-Name paced", "-Filter @{ Name = 'p*' }"])
@pytest.mark.parametrize("cmdlet", ["Stop-Job", "Remove-Job -Force"])
def test_the_cmdlets_that_end_jobs_find_it_by(
    shell: Session, paced: tuple[Paced, JobHandle], cmdlet: str, selector: str
) -> None:
    job, handle = paced
    ended = call(shell, f"{cmdlet} {selector}", handle)
    assert not ended.errors
    assert handle.state == "Stopped"
    assert job.cleaned.is_set()
    assert len(shell.jobs) == (1 if cmdlet == "Stop-Job" else 0)


def test_receive_job_keeps_the_order_of_writing(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    job, handle = paced
    job.go.set()
    assert handle.wait(10)
    for switch in ("-Keep", "-Wait"):
        merged = call(shell, f"Receive-Job $job {switch} *>&1 | % {{ [string]$_ }}", handle)
        assert merged == ["begun", "soon", "ended"]
    assert not handle.has_more_data


def test_receive_job_takes_it_away_where_that_is_asked_for(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    job, handle = paced
    job.go.set()
    received = call(shell, "Receive-Job $job -Wait -AutoRemoveJob", handle)
    assert (received, received.errors) == (["begun", "ended"], [])
    assert len(shell.jobs) == 0


def test_remove_job_refuses_a_suspended_job_without_force(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    job, handle = paced
    handle.suspend(10)
    (error,) = call(shell, "Remove-Job $job", handle).errors
    assert error.error_id.startswith("JobObjectNotFinishedCannotBeRemoved")
    handle.remove(force=True)
    assert job.cleaned.is_set()
    assert (handle.state, len(shell.jobs)) == ("Stopped", 0)


def test_remove_job_takes_a_finished_one_away(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    job, handle = paced
    job.go.set()
    assert handle.wait(10)
    call(shell, "Get-Job | Remove-Job", handle)
    assert handle not in shell.jobs
    assert len(shell.jobs) == 0


def test_pausable_jobs_of_two_sessions_are_apart(
    shell: Session, paced: tuple[Paced, JobHandle]
) -> None:
    with Session() as other:
        mine = other.start(Paced(name="mine"))
        assert [job.name for job in other.jobs] == ["mine"]
        assert [job.name for job in shell.jobs] == ["paced"]
    assert mine.state == "Stopped"
    assert paced[1].state == "Running"


# --- two at once ---------------------------------------------------------------------------------


_RACES = """
using System;
using System.Management.Automation;
using System.Threading;
using PSBridge;
using Call = System.Action<PSBridge.PythonChildJob>;

namespace PSBridgeTests;

public static class Races
{
    private static void Begin(PythonChildJob job) => job.TryBegin(null);

    private static void BeginBlocked(PythonChildJob job)
    {
        job.TryBegin(null);
        job.Block();
    }

    private static void DoAll(PythonChildJob job)
    {
        if (job.TryBegin(null))
        {
            job.Finish(null);
        }
    }

    // How often two calls at the same moment left the child or its parent unfinished.
    public static int Run(int times, int which)
    {
        (Call Before, Call One, Call Two) race = which switch
        {
            0 => (Begin, job => job.SuspendJob(), job => job.Finish(null)),
            1 => (BeginBlocked, job => job.UnblockJob(), job => job.Abandon()),
            2 => (Begin, job => job.Block(), job => job.Abandon()),
            3 => (Begin, job => { job.SuspendJob(); job.IsSuspended(0); }, job => job.Abandon()),
            4 => (_ => { }, DoAll, job => job.Abandon()),
            _ => (_ => { }, DoAll, job => job.RequestStop()),
        };
        int unfinished = 0;
        PythonChildJob? job = null;
        bool over = false;
        using Barrier moment = new(3);
        Thread Racer(Call action)
        {
            Thread thread = new(() =>
            {
                while (true)
                {
                    moment.SignalAndWait();
                    if (over)
                    {
                        return;
                    }

                    action(job!);
                    moment.SignalAndWait();
                }
            });
            thread.Start();
            return thread;
        }

        Thread one = Racer(race.One), two = Racer(race.Two);
        for (int time = 0; time < times; time++)
        {
            job = new PythonChildJob("race", null, "here") { IsPausable = true };
            PythonPausableJob parent = new("races", null, null) { IsPausable = true };
            parent.Children.Add(job);
            parent.Children.NoMore(null);
            parent.Children.Run();
            race.Before(job);
            moment.SignalAndWait();
            moment.SignalAndWait();
            unfinished += Finished(job) && Finished(parent) ? 0 : 1;
            job.Dispose();
            parent.Dispose();
        }

        over = true;
        moment.SignalAndWait();
        one.Join();
        two.Join();
        return unfinished;
    }

    private static bool Finished(Job job) =>
        job.JobStateInfo.State is JobState.Completed or JobState.Failed or JobState.Stopped;
}
"""


def test_a_job_that_has_ended_never_leaves_its_state(shell: Session) -> None:
    from System.Reflection import Assembly

    engine = shell.engine
    image = compile_assembly(
        [SourceFile("races.cs", _RACES)],
        name="Races",
        home=engine.home.path,
        references=[engine.native],
    )
    Assembly.Load(image)
    from PSBridgeTests import Races

    assert [Races.Run(300, which) for which in range(6)] == [0] * 6
