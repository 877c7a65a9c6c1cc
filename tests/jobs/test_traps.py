"""The traps that a job of one's own meets in PowerShell, and that psbridge's jobs do not fall into.

For each of them: what the engine does to a job that does not know it, and what becomes of a job of
ours. The naive jobs are C#, see NaiveJobs.cs.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from psbridge import DeclarationError, Job, JobGroup, JobHandle, Session, StopRequested

SECONDS = 20  # the longest that anything here may take
A_MOMENT = 0.2  # so long it is looked at whether something does not happen

Later = Callable[..., "Future[Any]"]


# Not run before: a test that fails here while its jobs fail on threads of theirs can bring pytest
# down on Python 3.11 ("AST constructor recursion depth mismatch", python/cpython#106905).
class Gate(Job):
    """Runs until it is let go or stopped."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name, location="here")
        self.began = threading.Event()
        self.go = threading.Event()
        self.ended = threading.Event()

    def run(self) -> Iterator[str]:
        try:
            self.began.set()
            while not self.go.wait(0.01):
                self.check_stop()
            yield "gone"
        finally:
            self.ended.set()


class PausableGate(Gate):
    """The same, as a Job2."""

    pausable = True

    def run(self) -> Iterator[str]:
        try:
            self.began.set()
            while not self.go.wait(0.01):
                self.pause_point()
            yield "gone"
        finally:
            self.ended.set()


class Question(Job):
    """Blocks until somebody unblocks it."""

    pausable = True

    def run(self) -> Iterator[str]:
        yield "asked"
        self.block("an answer, please")
        yield "answered"


@pytest.fixture
def later(shell: Session) -> Iterator[Later]:
    """Runs something on another thread."""
    threads = ThreadPoolExecutor()
    yield threads.submit
    # What hangs ends when the shell is closed, after this.
    threads.shutdown(wait=False, cancel_futures=True)


@pytest.fixture
def naive(shell: Session, naive_jobs: Any) -> Callable[..., Any]:
    """Makes a naive job that is in the repository and runs."""
    from System.Management.Automation import JobState

    def make(name: str = "naive", kind: str = "NaiveJob") -> Any:
        job = getattr(naive_jobs, kind)("Do-Something", name)
        shell.jobs.add(job)
        job.Become(JobState.Running)
        return job

    return make


@pytest.fixture
def state(shell: Session) -> Any:
    """JobState, which there is once the engine runs."""
    from System.Management.Automation import JobState

    return JobState


def started(shell: Session, job: Gate) -> JobHandle:
    handle = shell.start(job)
    assert job.began.wait(SECONDS)
    return handle


def call(shell: Session, script: str, *jobs: Any) -> Any:
    """Run a script with the .NET jobs in $jobs."""
    nets = [job.net if isinstance(job, JobHandle) else job for job in jobs]
    return shell.run(f"param($jobs) {script}", jobs=nets)


def error_ids(result: Any) -> list[str]:
    return [error.error_id.partition(",")[0] for error in result.errors]


def psobject(value: str) -> Any:
    from System.Management.Automation import PSObject

    return PSObject.AsPSObject(value)


def reaches(naive_jobs: Any, handle: JobHandle, state: str) -> bool:
    """Wait until the job is in this state."""
    return bool(naive_jobs.StateLog(handle.net).WaitFor(state, SECONDS * 1000))


# 1. Job or Job2: `Receive-Job -Wait -AutoRemoveJob` takes a Job2 away through the adapter that it
# comes from, and leaves one that has none.


def test_trap_01_job_or_job2_a_naive_job2_is_not_removed(
    shell: Session, naive: Any, state: Any
) -> None:
    job = naive(kind="NaiveJob2")
    job.Become(state.Completed)
    result = call(shell, "Receive-Job $jobs -Wait -AutoRemoveJob", job)
    assert error_ids(result) == ["ReceiveJobAutoRemovalError"]
    assert len(shell.jobs) == 1


def test_trap_01_job_or_job2_ours_is_removed(shell: Session) -> None:
    handles = [shell.start(lambda: 1), shell.start(JobGroup([Gate() for _ in range(3)]))]
    call(shell, "Stop-Job $jobs", handles[1])
    result = call(shell, "Receive-Job $jobs -Wait -AutoRemoveJob", *handles)
    assert (result, result.errors, len(shell.jobs)) == ([1], [], 0)


def test_trap_01_job_or_job2_a_pausable_job_is_a_job2_and_is_removed(shell: Session) -> None:
    job = PausableGate()
    handle = started(shell, job)
    assert call(shell, "$jobs | % { $_ -is [System.Management.Automation.Job2] }", handle) == [True]
    job.go.set()
    result = call(shell, "Receive-Job $jobs -Wait -AutoRemoveJob", handle)
    assert (result, result.errors, len(shell.jobs)) == (["gone"], [], 0)


# 2. Order: jobs that fill their public streams only are received as blocks, and so is every Job2.

# With -Wait an information record comes as a RemotingInformationRecord, here as with remoting jobs.
KINDS = "*>&1 | % { $_.GetType().Name -replace 'Remoting' }"


class Mixed(Job):
    """Writes to all streams, the output first and last."""

    def run(self) -> Iterator[str]:
        yield "first"
        self.write_warning("careful")
        self.write_error("bad")
        self.write_information("by the way")
        yield "last"


class PausableMixed(Mixed):
    """The same, as a Job2."""

    pausable = True


WRITTEN = ["String", "WarningRecord", "ErrorRecord", "InformationRecord", "String"]


def test_trap_02_order_a_naive_job_is_received_in_blocks(shell: Session, naive: Any) -> None:
    from System.Management.Automation import WarningRecord

    job = naive()
    job.Output.Add(psobject("first"))
    job.Warning.Add(WarningRecord("careful"))
    job.Output.Add(psobject("last"))
    assert call(shell, f"Receive-Job $jobs {KINDS}", job) == ["String", "String", "WarningRecord"]


@pytest.mark.parametrize("kind", [Mixed, PausableMixed])
@pytest.mark.parametrize("switch", ["", "-Keep", "-Wait"])
def test_trap_02_order_ours_is_received_as_it_was_written(
    shell: Session, kind: type[Job], switch: str
) -> None:
    handle = shell.start(kind())
    assert handle.wait(SECONDS)
    assert call(shell, f"Receive-Job $jobs {switch} {KINDS}", handle) == WRITTEN
    assert handle.has_more_data == (switch == "-Keep")
    if switch == "-Keep":
        assert call(shell, f"Receive-Job $jobs {KINDS}", handle) == WRITTEN
        assert not handle.has_more_data


def test_trap_02_order_the_children_of_a_group_one_after_the_other(shell: Session) -> None:
    handle = shell.start(JobGroup([Mixed() for _ in range(3)]))
    assert handle.wait(SECONDS)
    assert call(shell, f"Receive-Job $jobs {KINDS}", handle) == WRITTEN * 3


# 3. The reason of a failure is an error of every Receive-Job: in the error stream it would be there
# twice.


def test_trap_03_the_reason_a_naive_job_says_twice(shell: Session, naive: Any) -> None:
    from System import Exception as NetException
    from System.Management.Automation import ErrorCategory, ErrorRecord

    job, error = naive(), NetException("broken")
    job.Error.Add(ErrorRecord(error, "Broken", ErrorCategory.NotSpecified, None))
    job.Fail(error)
    assert error_ids(call(shell, "Receive-Job $jobs", job)) == ["Broken", "JobStateFailed"]
    assert error_ids(call(shell, "Receive-Job $jobs", job)) == ["JobStateFailed"]


def test_trap_03_the_reason_ours_says_once_in_each_call(shell: Session) -> None:
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    handle = shell.start(work)
    assert handle.wait(SECONDS)
    for output in ([1], [], []):
        result = call(shell, "Receive-Job $jobs", handle)
        assert (result, error_ids(result)) == (output, ["JobStateFailed"])
        assert result.errors[0].message == "ValueError: broken"


# 4. Stop-Job waits for each Job2 until it raises StopJobCompleted, in its own name.


def test_trap_04_stop_completed_a_naive_job2_holds_up_stop_job(
    shell: Session, naive: Any, later: Later
) -> None:
    from System.ComponentModel import AsyncCompletedEventArgs

    job = naive(kind="NaiveJob2")
    stopping = later(call, shell, "Stop-Job $jobs -PassThru | % Name", job)
    assert job.StopAsked.WaitOne(SECONDS * 1000)
    assert job.JobStateInfo.State.ToString() == "Stopped"
    with pytest.raises(TimeoutError):
        stopping.result(A_MOMENT)
    job.OnStopJobCompleted(AsyncCompletedEventArgs(None, False, None))
    assert stopping.result(SECONDS) == ["naive"]


def test_trap_04_stop_completed_ours_is_stopped_and_stop_job_returns(
    shell: Session, later: Later
) -> None:
    jobs = [Gate("a"), Gate("b")]
    handles = [started(shell, job) for job in jobs]
    script = "Stop-Job $jobs[0], $jobs[1], $jobs[0] -PassThru | % Name"
    result = later(call, shell, script, *handles).result(SECONDS)
    assert (result, result.errors) == (["a", "b", "a"], [])
    assert [handle.state for handle in handles] == ["Stopped", "Stopped"]


def test_trap_04_stop_completed_a_pausable_job_says_it(shell: Session, later: Later) -> None:
    jobs = [PausableGate("a"), PausableGate("b")]
    handles = [started(shell, job) for job in jobs]
    assert handles[1].suspend(SECONDS)
    result = later(call, shell, "Stop-Job $jobs -PassThru | % Name", *handles).result(SECONDS)
    assert (result, result.errors) == (["a", "b"], [])
    assert [handle.state for handle in handles] == ["Stopped", "Stopped"]
    assert all(job.ended.is_set() for job in jobs)


def test_trap_04_stop_completed_a_pausable_job_is_removed_by_force(
    shell: Session, later: Later
) -> None:
    handles = [started(shell, PausableGate(name)) for name in "ab"]
    result = later(call, shell, "Remove-Job $jobs -Force", *handles).result(SECONDS)
    assert (result.errors, len(shell.jobs)) == ([], 0)


# 5. What a StopJob throws ends the pipeline, and the jobs that come after it run on.


def test_trap_05_a_stop_that_raises_keeps_others_running(shell: Session, naive: Any) -> None:
    first, second = naive("first"), started(shell, Gate("second"))
    first.RefusesToStop = True
    result = call(shell, "Stop-Job $jobs", first, second)
    assert [error.message for error in result.errors] == ["It cannot be stopped."]
    assert second.state == "Running"


def test_trap_05_a_stop_that_raises_is_not_one_of_ours(shell: Session, later: Later) -> None:
    class Sore(Gate):
        def run(self) -> Iterator[str]:
            try:
                yield from super().run()
            except StopRequested:
                raise OSError("I was not done") from None

    class Deaf(Gate):
        def _stop(self) -> None:
            raise OSError("I do not hear you")

        stop = _stop

    handles = [started(shell, job) for job in (Sore(), Deaf(), Gate())]
    result = later(call, shell, "Stop-Job $jobs", *handles).result(SECONDS)
    assert result.errors == []
    assert [handle.state for handle in handles][1:] == ["Stopped", "Stopped"]
    assert handles[0].finished


# 6. `Remove-Job -Force` disposes of a plain job right after its StopJob.


def test_trap_06_removed_under_the_worker_a_naive_job_cannot_write(
    shell: Session, naive: Any
) -> None:
    from System import InvalidOperationException, ObjectDisposedException

    job = naive()
    call(shell, "Remove-Job $jobs -Force", job)
    with pytest.raises(InvalidOperationException):
        job.Output.Add(psobject("late"))
    with pytest.raises(ObjectDisposedException):
        job.SetJobState(job.JobStateInfo.State)


def test_trap_06_removed_under_the_worker_ours_is_unwound(shell: Session) -> None:
    class Busy(Gate):
        seen: BaseException | None = None

        def run(self) -> Iterator[str]:
            try:
                while True:
                    self.began.set()
                    yield "more"
                    self.write_warning("and more")
            except BaseException as error:
                self.seen = error
                raise
            finally:
                self.ended.set()

    for _ in range(20):
        job = Busy()
        handle = started(shell, job)
        result = call(shell, "Remove-Job $jobs -Force", handle)
        assert job.ended.is_set()
        assert isinstance(job.seen, StopRequested)
        assert (result.errors, handle.state, job.exception) == ([], "Stopped", None)
    assert len(shell.jobs) == 0


# 7. A job without a command lets `Get-Job -Command` fail for the whole session.


def test_trap_07_no_command_a_naive_job_breaks_get_job(shell: Session, naive_jobs: Any) -> None:
    from System.Management.Automation import JobRepository

    job = naive_jobs.NaiveJob()
    assert (job.Name, job.Command) == (None, None)
    net_repository(shell, JobRepository).Add(job)
    (error,) = shell.run("Get-Job -Command anything").errors
    assert error.error_id.startswith("System.NullReferenceException")


def test_trap_07_no_command_added_through_psbridge_it_has_one(
    shell: Session, naive_jobs: Any
) -> None:
    shell.jobs.add(naive_jobs.NaiveJob())
    assert_command(shell, "NaiveJob")


@pytest.mark.parametrize("command", ["", "Get-Something *", "ein Wörtchen"])
def test_trap_07_no_command_ours_always_has_one(shell: Session, command: str) -> None:
    shell.start(Job(command=command)).wait(SECONDS)
    assert_command(shell, command)


def test_trap_07_no_command_an_empty_group_has_one(shell: Session) -> None:
    shell.start(JobGroup([]))
    assert_command(shell, "JobGroup")


def assert_command(shell: Session, command: str) -> None:
    result = shell.run("Get-Job | % Command; Get-Job -Command nothing-like-it")
    assert (result, result.errors) == ([command], [])


def net_repository(shell: Session, kind: Any) -> Any:
    """The .NET object behind `shell.jobs`."""
    (found,) = (value for value in vars(shell.jobs).values() if isinstance(value, kind))
    return found


# 8. The streams refuse what is written after the end.


def test_trap_08_writing_after_the_end_a_naive_job_throws(naive: Any, state: Any) -> None:
    from System.Management.Automation import PSInvalidOperationException

    job = naive()
    job.Become(state.Completed)
    with pytest.raises(PSInvalidOperationException):
        job.Output.Add(psobject("late"))


def test_trap_08_writing_after_the_end_ours_is_told_to_stop(shell: Session) -> None:
    job = Gate()
    job.go.set()
    handle = shell.start(job)
    assert handle.result(SECONDS) == ["gone"]
    for write in (job.write, job.write_error, job.write_warning, job.write_progress):
        with pytest.raises(StopRequested):
            write("late")
    result = handle.receive()
    assert (result, result.errors, result.warnings) == ([], [], [])


# 9. Receive-Job sets a childless job that is Blocked to Running, whatever it waits for.


def test_trap_09_received_while_blocked_a_naive_job_runs_by_itself(
    shell: Session, naive: Any, state: Any
) -> None:
    job = naive()
    job.Become(state.Blocked)
    call(shell, "Receive-Job $jobs", job)
    assert job.JobStateInfo.State.ToString() == "Running"


@pytest.mark.parametrize("switch", ["", "-Keep"])
def test_trap_09_received_while_blocked_ours_shows_what_it_does(
    shell: Session, naive_jobs: Any, switch: str
) -> None:
    """Blocked as long as it waits: Receive-Job unblocks it, or leaves both as they are."""
    handle = shell.start(Question())
    assert reaches(naive_jobs, handle, "Blocked")
    assert call(shell, f"Receive-Job $jobs {switch}", handle)[0] == "asked"
    if "Blocked" in (handle.state, handle.children[0].state):
        handle.unblock()
    assert handle.wait(SECONDS)
    assert (handle.state, handle.receive()[-1]) == ("Completed", "answered")


@pytest.mark.parametrize("way", ["job", "handle"])
def test_trap_09_received_while_blocked_unblocking_lets_it_go_on(
    shell: Session, naive_jobs: Any, way: str
) -> None:
    handle = shell.start(Question())
    assert reaches(naive_jobs, handle, "Blocked")
    assert handle.children[0].state == "Blocked"
    if way == "job":
        call(shell, "$jobs[0].UnblockJob()", handle)
    else:
        handle.unblock()
    assert handle.result(SECONDS) == ["asked", "answered"]


# 10. ContainerParentJob counts its children wrongly.


def test_trap_10_a_parent_that_miscounts_after_a_blocked_child(naive: Any, state: Any) -> None:
    from System.Management.Automation import ContainerParentJob

    parent, child = ContainerParentJob("Do-Something"), naive(kind="NaiveJob2")
    parent.AddChildJob(child)
    for now in (state.Running, state.Blocked, state.Completed):
        child.Become(now)
    assert parent.JobStateInfo.State.ToString() == "Running"  # for ever


def test_trap_10_a_parent_that_miscounts_and_runs_after_its_end(naive: Any, state: Any) -> None:
    from System.Management.Automation import ContainerParentJob

    parent = ContainerParentJob("Do-Something")
    for name in ("first", "second"):
        child = naive(name, kind="NaiveJob2")
        parent.AddChildJob(child)
        child.Become(state.Running)
        shown = parent.JobStateInfo.State.ToString()
        child.Become(state.Completed)
    assert shown == "Running"  # while it has finished, says its handle:
    assert parent.Finished.WaitOne(0)


@pytest.mark.parametrize("throttle_limit", [1, 8])
def test_trap_10_a_parent_that_miscounts_ours_ends_once(
    shell: Session, naive_jobs: Any, throttle_limit: int
) -> None:
    gate = Gate()
    jobs = [gate, *(Mixed() for _ in range(50))]
    handle = shell.start(JobGroup(jobs, throttle_limit=throttle_limit))
    log = naive_jobs.StateLog(handle.net)
    assert (handle.state, handle.net.Finished.WaitOne(0)) == ("Running", False)
    gate.go.set()
    assert handle.wait(SECONDS)
    assert list(log.States) == ["Completed"]
    assert handle.net.Finished.WaitOne(SECONDS * 1000)


def test_trap_10_a_parent_that_miscounts_ours_is_blocked_while_a_child_is(
    shell: Session, naive_jobs: Any
) -> None:
    gate = PausableGate()
    handle = shell.start(JobGroup([gate, Question(), Question()]))
    first, second = handle.children[1:]
    log = naive_jobs.StateLog(handle.net)
    assert reaches(naive_jobs, first, "Blocked")
    assert reaches(naive_jobs, second, "Blocked")
    assert log.WaitFor("Blocked", SECONDS * 1000)
    first.stop()
    assert (first.state, handle.state) == ("Stopped", "Blocked")
    handle.unblock()
    assert second.wait(SECONDS)
    assert log.WaitFor("Running", SECONDS * 1000)
    gate.go.set()
    assert handle.wait(SECONDS)
    # It may have been Blocked before anybody wrote that down; `handle.state` has said so above.
    assert list(log.States)[-2:] == ["Running", "Completed"]


def test_trap_10_a_parent_that_miscounts_ours_ends_when_it_is_stopped_while_blocked(
    shell: Session, naive_jobs: Any, later: Later
) -> None:
    handle = shell.start(JobGroup([Question(), Question()]))
    for child in handle.children:
        assert reaches(naive_jobs, child, "Blocked")
    assert later(call, shell, "Stop-Job $jobs", handle).result(SECONDS).errors == []
    assert {handle.state, *(child.state for child in handle.children)} == {"Stopped"}


# 11. A job can be added to a repository once.


def test_trap_11_added_twice_the_engine_says_nothing_useful(shell: Session, naive: Any) -> None:
    from System import ArgumentException
    from System.Management.Automation import JobRepository

    with pytest.raises(ArgumentException, match=r"^job\s"):
        net_repository(shell, JobRepository).Add(naive())


def test_trap_11_added_twice_psbridge_says_which(shell: Session, naive: Any) -> None:
    with pytest.raises(DeclarationError, match="job naive is in this session already"):
        shell.jobs.add(naive())


def test_trap_11_started_twice_ours_says_it(shell: Session) -> None:
    job = Mixed()
    shell.start(job)
    with pytest.raises(DeclarationError, match="has been started before"):
        shell.start(JobGroup([job]))
    assert len(shell.jobs) == 1


# 12. Closing a runspace stops its remoting jobs only.


def test_trap_12_closing_leaves_a_naive_job_running_and_stops_ours(naive_jobs: Any) -> None:
    from System.Management.Automation import JobState

    foreign, ours = naive_jobs.NaiveJob("Do-Something", "naive"), Gate()
    with Session() as shell:
        shell.jobs.add(foreign)
        foreign.Become(JobState.Running)
        handles = [started(shell, ours), shell.start(JobGroup([Gate()]))]
    assert foreign.JobStateInfo.State.ToString() == "Running"
    assert [handle.state for handle in handles] == ["Stopped", "Stopped"]
    assert ours.ended.is_set()


def test_trap_12_closing_stops_pausable_jobs_in_every_state(naive_jobs: Any) -> None:
    suspended, running = PausableGate(), PausableGate()
    with Session() as shell:
        handles = [started(shell, suspended), started(shell, running), shell.start(Question())]
        assert handles[0].suspend(SECONDS)
        assert reaches(naive_jobs, handles[2], "Blocked")
    assert [handle.state for handle in handles] == ["Stopped"] * 3


# 13. `Receive-Job -Wait` holds up whoever writes until it has passed on what was there before. A
# lock that is held meanwhile, and that a getter needs, is a deadlock.

HELD_UP = "$jobs[0] | Receive-Job -Wait | % { $null = $jobs[1].Set(); $null = $jobs[2].WaitOne() }"


@pytest.fixture
def reader(shell: Session, later: Later) -> Iterator[Callable[[Any], Any]]:
    """Begins to receive a job, and holds on at its first record; gives what lets it go on."""
    from System.Threading import ManualResetEvent

    reached, go_on = ManualResetEvent(False), ManualResetEvent(False)
    reading: list[Future[Any]] = []

    def read(job: Any) -> Any:
        reading.append(later(call, shell, HELD_UP, job, reached, go_on))
        assert reached.WaitOne(SECONDS * 1000)
        return go_on

    yield read
    go_on.Set()
    for future in reading:
        future.result(SECONDS)


def test_trap_13_held_up_by_a_reader_a_write_waits(
    naive: Any, state: Any, later: Later, reader: Any
) -> None:
    job = naive()
    job.Output.Add(psobject("before"))
    go_on = reader(job)
    writing = later(job.Output.Add, psobject("now"))
    with pytest.raises(TimeoutError):
        writing.result(A_MOMENT)
    go_on.Set()
    writing.result(SECONDS)
    job.Become(state.Completed)


def test_trap_13_held_up_by_a_reader_ours_answers_meanwhile(later: Later, reader: Any) -> None:
    class Writer(Gate):
        def run(self) -> Iterator[str]:
            yield "before"
            self.began.set()
            self.go.wait(SECONDS)
            yield "now"
            self.ended.set()

    job = Writer()
    with Session() as other:
        handle = started(other, job)
        go_on = reader(handle)
        job.go.set()
        assert not job.ended.wait(A_MOMENT)
        # Asked from a second session, while the reader's is busy.
        script = "$jobs | % { $_.HasMoreData, $_.Location, [string]$_.JobStateInfo.State }"
        for asked in (handle, handle.children[0]):
            answer = later(call, other, script, asked).result(SECONDS)
            assert answer == [True, "here", "Running"]
        assert repr(handle).endswith("Running>")
        go_on.Set()
        assert handle.wait(SECONDS)
        assert (handle.state, job.ended.is_set()) == ("Completed", True)


def test_trap_13_held_up_by_a_reader_ours_can_be_stopped(later: Later, reader: Any) -> None:
    class Busy(Gate):
        def run(self) -> Iterator[str]:
            yield "before"
            self.began.set()
            while True:
                yield "now"

    with Session() as other:
        handle = started(other, Busy())
        go_on = reader(handle)
        stopping = later(handle.stop)
        with pytest.raises(TimeoutError):
            stopping.result(A_MOMENT)  # it waits for the work, which the reader holds up
        go_on.Set()
        stopping.result(SECONDS)
        assert handle.state == "Stopped"


# 14. To enumerate an open stream can be to wait for what comes: where a pipeline writes to it, or
# where it was told to, as here.


def test_trap_14_enumerating_an_open_stream_waits(naive_jobs: Any, naive: Any, state: Any) -> None:
    job = naive()
    job.Output.BlockingEnumerator = True
    job.Output.Add(psobject("there"))
    enumeration = naive_jobs.Enumeration(job.Output)
    assert not enumeration.Ended.WaitOne(int(A_MOMENT * 1000))
    job.Become(state.Completed)
    assert enumeration.Ended.WaitOne(SECONDS * 1000)


@pytest.mark.parametrize("kind", ["ours", "naive"])
def test_trap_14_receiving_a_running_job_does_not_wait(
    shell: Session, naive: Any, later: Later, kind: str
) -> None:
    handle = started(shell, Gate()) if kind == "ours" else JobHandle(naive(), shell)
    handle.net.Output.BlockingEnumerator = True
    for keep in (True, False):
        assert later(handle.receive, keep=keep).result(SECONDS) == []
    assert handle.has_more_data
    assert handle.state == "Running"


# 15. Only the engine's own types pass `Receive-Job -ComputerName`.


def test_trap_15_computer_name_is_refused_and_nothing_is_lost(shell: Session) -> None:
    handle = shell.start(Mixed(location="web1"))
    assert handle.wait(SECONDS)
    result = call(shell, "Receive-Job -Job $jobs -ComputerName web1", handle)
    assert (result, error_ids(result)) == ([], ["ComputerNameParameterNotSupported"])
    assert handle.receive() == ["first", "last"]


def test_trap_15_location_chooses_among_the_children(shell: Session) -> None:
    class Where(Job):
        def run(self) -> str:
            return self.location

    handle = shell.start(JobGroup([Where(location=name) for name in ("web1", "web2", "web1")]))
    assert handle.wait(SECONDS)
    assert call(shell, "Receive-Job -Job $jobs -Location WEB1", handle) == ["web1", "web1"]
    assert call(shell, "Receive-Job -Job $jobs", handle) == ["web2"]
