"""Jobs of somebody else's in the repository of a session, and handles on them."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from psbridge import (
    DeclarationError,
    Job,
    JobError,
    JobFailed,
    JobStopped,
    PowerShellError,
    Session,
    SessionClosedError,
)


@pytest.fixture(scope="module")
def bare() -> Any:
    """Classes that derive from the .NET type; a process can make them once."""
    with Session():
        from System.Management.Automation import Job as NetJob
        from System.Management.Automation import JobState

    class Bare(NetJob):  # type: ignore[misc]
        """What everybody writes first."""

        __namespace__ = "PSBridge.Tests.Repository"

        def StopJob(self) -> None:
            self.SetJobState(JobState.Stopped)

        def get_StatusMessage(self) -> str:
            return "so far so good"

        def get_HasMoreData(self) -> bool:
            return bool(self.Output.IsOpen or self.Output.Count > 0)

        def get_Location(self) -> str:
            return "here"

    class Named(Bare):
        def __init__(self, command: str, name: str) -> None:
            NetJob.__init__(self, command, name)
            self.note = f"the note of {name}"

    class Forgetful(Bare):
        def __init__(self) -> None:
            self.note = "no constructor"

    class Stubborn(Bare):
        def StopJob(self) -> None:
            raise ValueError("not now")

    return SimpleNamespace(Bare=Bare, Named=Named, Forgetful=Forgetful, Stubborn=Stubborn)


def test_a_job_without_command_and_name_gets_both(shell: Session, bare: Any) -> None:
    handle = shell.jobs.add(bare.Bare())
    assert handle.net.Command == "Bare"
    assert handle.name == f"Job{handle.id}"
    assert shell.run("(Get-Job -Command B*).Id") == [handle.id]
    assert not shell.run("Get-Job -Command other").errors


def test_a_command_and_a_name_are_kept(shell: Session, bare: Any) -> None:
    handle = shell.jobs.add(bare.Named("a command", "a name"))
    assert shell.run("(Get-Job -Command 'a command').Name") == ["a name"] == [handle.name]


def collect_all() -> None:
    """Let both garbage collectors take what they can, and pythonnet what it has put off."""
    import System
    from Python.Runtime import Finalizer

    for _ in range(3):
        gc.collect()
        System.GC.Collect()
        System.GC.WaitForPendingFinalizers()
        Finalizer.Instance.Collect()


def test_a_job_that_no_python_refers_to_stays_whole(shell: Session, bare: Any) -> None:
    for number in range(20):
        shell.jobs.add(bare.Named("command", f"kept {number}"))
    collect_all()
    result = shell.run("Get-Job | % { $_.Location, [string]$_.HasMoreData }; Get-Job | Stop-Job")
    assert (result, result.errors) == (["here", "True"] * 20, [])
    for number, handle in enumerate(shell.jobs):
        assert (handle.state, handle.net.note) == ("Stopped", f"the note of kept {number}")


def test_jobs_that_were_removed_are_let_go(shell: Session, bare: Any) -> None:
    for _ in range(200):
        shell.jobs.add(bare.Bare()).remove(force=True)
    assert len(shell.jobs._added) < 100


@pytest.mark.parametrize("thing", [42, "Job1", None, Job()], ids=["int", "str", "None", "Job"])
def test_what_is_no_net_job_is_refused(shell: Session, thing: object) -> None:
    with pytest.raises(DeclarationError, match=r"is no System\.Management\.Automation\.Job"):
        shell.jobs.add(thing)
    assert len(shell.jobs) == 0


def test_a_job_whose_net_constructor_has_not_run_is_refused(shell: Session, bare: Any) -> None:
    with pytest.raises(DeclarationError, match=r"Forgetful has not run: .* Job\.__init__\(self"):
        shell.jobs.add(bare.Forgetful())
    assert len(shell.jobs) == 0


def test_a_job_that_is_there_already_is_refused_by_its_name(shell: Session, bare: Any) -> None:
    job = bare.Named("command", "twin")
    handle = shell.jobs.add(job)
    with pytest.raises(DeclarationError, match="job twin is in this session already"):
        shell.jobs.add(job)
    assert list(shell.jobs) == [handle]


def test_a_job_may_be_in_two_sessions(shell: Session, bare: Any) -> None:
    handle = shell.jobs.add(bare.Bare())
    with Session() as other:
        assert other.jobs.add(handle.net) == handle
    assert handle in shell.jobs


def test_a_closed_session_takes_no_job(bare: Any) -> None:
    with Session() as shell:
        jobs = shell.jobs
    with pytest.raises(SessionClosedError):
        jobs.add(bare.Bare())


@pytest.fixture
def running(shell: Session, bare: Any) -> Iterator[Any]:
    """A handle on a job that runs and has written three records."""
    from System.Management.Automation import JobState, PSObject, WarningRecord

    job = bare.Named("command", "bare")
    handle = shell.jobs.add(job)
    job.SetJobState(JobState.Running)
    job.Output.Add(PSObject.AsPSObject("one"))
    job.Warning.Add(WarningRecord("careful"))
    job.Output.Add(PSObject.AsPSObject("two"))
    yield handle
    if handle.state == "Running":
        job.SetJobState(JobState.Stopped)


def complete(handle: Any) -> None:
    from System.Management.Automation import JobState

    handle.net.SetJobState(JobState.Completed)


def test_a_handle_shows_what_the_job_says(running: Any) -> None:
    assert repr(running) == f"<JobHandle {running.id} 'bare' Running>"
    assert (running.children, running.reason, running.has_more_data) == ([], None, True)
    assert not running.finished


def test_a_handle_receives(running: Any) -> None:
    kept = running.receive(keep=True)
    received = running.receive()
    assert kept == received == ["one", "two"]
    assert list(map(str, received.warnings)) == ["careful"]
    assert running.receive() == []


def test_a_handle_waits_and_gives_the_result(running: Any) -> None:
    assert not running.wait(0.01)
    with ThreadPoolExecutor() as threads:
        result = threads.submit(running.result, 30)
        complete(running)
        assert result.result(30) == ["one", "two"]
    assert running.wait(0)
    assert not running.has_more_data


def test_a_handle_stops(running: Any) -> None:
    running.stop()
    assert running.state == "Stopped"
    with pytest.raises(JobStopped) as raised:
        running.result(10)
    assert raised.value.result == ["one", "two"]


def test_a_handle_says_that_a_stop_has_failed(shell: Session, bare: Any) -> None:
    handle = shell.jobs.add(bare.Stubborn())
    with pytest.raises(JobError, match=f"job Job{handle.id} could not be stopped: not now") as said:
        handle.stop()
    assert isinstance(said.value.__cause__, ValueError)


def test_so_it_does_for_a_job_in_net(shell: Session, naive_jobs: Any) -> None:
    job = naive_jobs.NaiveJob("command", "stubborn")
    job.RefusesToStop = True
    with pytest.raises(JobError, match=r"stubborn could not be stopped: It cannot be stopped\.$"):
        shell.jobs.add(job).stop()


def test_a_handle_removes(shell: Session, running: Any) -> None:
    with pytest.raises(PowerShellError):
        running.remove()
    complete(running)
    running.remove()
    assert running not in shell.jobs


def test_a_handle_removes_by_force(shell: Session, running: Any) -> None:
    running.remove(force=True)
    assert (running.state, len(shell.jobs)) == ("Stopped", 0)


def test_a_wait_ends_where_the_job_is_disposed_of_before_it_ended(
    shell: Session, naive_jobs: Any
) -> None:
    job = naive_jobs.NaiveJob("command", "unfinished")  # its StopJob does not end it
    handle = shell.jobs.add(job)
    waiting = threading.Thread(target=handle.wait, daemon=True)
    waiting.start()
    handle.remove(force=True)
    waiting.join(10)
    assert not waiting.is_alive()
    assert handle.state == "NotStarted"


def test_a_handle_shows_the_children_and_the_reason(shell: Session, naive_jobs: Any) -> None:
    from System import TimeoutException

    parent = naive_jobs.NaiveJob("command", "parent")
    parent.ChildJobs.Add(naive_jobs.NaiveJob())  # without a name
    parent.ChildJobs.Add(naive_jobs.NaiveJob("command", "second"))
    handle = shell.jobs.add(parent)
    assert [child.name for child in handle.children] == ["", "second"]
    parent.ChildJobs[1].Fail(TimeoutException("too late"))
    assert (handle.children[1].state, handle.reason) == ("Failed", "too late")
    parent.Fail(TimeoutException("all too late"))
    with pytest.raises(JobFailed) as caught:
        handle.result(10)
    assert str(caught.value) == (
        "job parent failed: all too late; so did 1 of 2 children\n  there: too late"
    )
