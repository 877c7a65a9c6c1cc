"""Handles: waiting for jobs and taking what they gave, from Python."""

import io
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conditions import until

from psbridge import (
    SSH,
    Console,
    FunctionJob,
    JobError,
    JobFailed,
    JobGroup,
    JobHandle,
    PowerShellError,
    Session,
    SessionClosedError,
)
from psbridge.session.owned_runspace import open_runspaces

from .conftest import Starter


def test_wait_returns_false_when_time_is_up_and_true_when_it_has_ended(shell: Session) -> None:
    go = threading.Event()
    handle = shell.start(go.wait, 10)
    assert handle.wait(0.05) is False  # it would be True after the ten seconds
    go.set()
    assert handle.wait(10) is True
    assert handle.wait(0) is True


def test_result_raises_timeout_error_and_loses_nothing(shell: Session) -> None:
    go = threading.Event()
    handle = shell.start(go.wait, 10)
    with pytest.raises(TimeoutError):
        handle.result(0.05)
    go.set()
    assert handle.result(10) == [True]


def test_receive_with_keep_leaves_it_there(shell: Session) -> None:
    handle = shell.start(lambda: 1)
    handle.wait(10)
    assert handle.receive(keep=True) == handle.receive(keep=True) == handle.receive() == [1]
    assert handle.receive() == []


def test_the_repository_finds_jobs_by_name_and_number(shell: Session) -> None:
    handle = shell.start(lambda: 1)
    handle.wait(10)
    assert len(shell.jobs) == 1
    assert shell.jobs[handle.name] == shell.jobs[handle.id] == next(iter(shell.jobs)) == handle
    assert handle in shell.jobs
    assert handle.name in shell.jobs
    assert "nobody" not in shell.jobs
    with pytest.raises(KeyError, match="nobody"):
        shell.jobs["nobody"]


def test_a_handle_works_on_powershell_s_own_jobs(shell: Session) -> None:
    native = shell.run("1..3 | ForEach-Object -Parallel { $_ * $_ } -AsJob -ThrottleLimit 1")[0]
    handle = JobHandle(native, shell)
    assert sorted(handle.result(30)) == [1, 4, 9]
    assert len(handle.children) == 3
    assert (handle.state, handle.reason) == ("Completed", None)


def test_start_job_runs_in_a_process_of_its_own(shell: Session) -> None:
    handle = shell.start_job("[Environment]::ProcessId; $args[0] * 2", 21, name="other")
    result = handle.result(60)
    assert result[1] == 42
    assert result[0] != shell.run("[Environment]::ProcessId")[0]
    assert handle.name == "other"


def test_the_result_of_a_job_that_somebody_has_removed_is_no_empty_one(shell: Session) -> None:
    job, asked = shell.start_job("1"), shell.start_thread_job("2")
    assert job.wait(60)
    assert asked.result(60) == [2]
    other = shell.jobs[asked.id]
    job.remove()
    other.remove()
    for removed in (job, asked):
        with pytest.raises(JobError, match="was removed, and its result with it"):
            removed.result()
        assert removed.exception() is None
    assert other.result() == [2]


def test_the_last_progress_record_is_no_more_data(shell: Session) -> None:
    script = "1; Write-Progress a b -PercentComplete 3"
    for job in (
        shell.start_thread_job(script),
        shell.start_parallel(script, [1]),
        shell.start_job(script),
    ):
        assert job.wait(60)
        assert job.has_more_data
        assert job.receive() == [1]
        assert not job.has_more_data


def test_remove_refuses_what_runs_unless_it_is_forced(shell: Session) -> None:
    go = threading.Event()
    handle = shell.start(go.wait, 10)
    with pytest.raises(PowerShellError):
        handle.remove()
    go.set()
    handle.remove(force=True)
    assert handle not in shell.jobs


def test_repr_says_which_job_and_its_state(shell: Session) -> None:
    handle = shell.start(lambda: 1)
    handle.wait(10)
    assert repr(handle) == f"<JobHandle {handle.id} 'Job{handle.id}' Completed>"


def test_stop_reaches_a_job_that_a_pipeline_of_the_session_waits_for(shell: Session) -> None:
    def work() -> Iterator[int]:
        while True:
            yield 1
            time.sleep(0.001)

    handle = shell.start(work)
    from System.Threading import ManualResetEvent

    begun = ManualResetEvent(False)
    script = "param($j, $begun) $null = $begun.Set(); Wait-Job $j"
    waiting = threading.Thread(
        target=shell.run, args=(script,), kwargs={"j": handle.net, "begun": begun}
    )
    waiting.start()
    until(lambda: begun.WaitOne(0))
    handle.stop()
    waiting.join(10)
    assert not waiting.is_alive()
    assert handle.state == "Stopped"


@pytest.mark.skipif(sys.platform == "win32", reason="needs /bin/sh")
def test_a_remote_job_has_ended_when_its_children_have(shell: Session, tmp_path: Path) -> None:
    """The engine counts a child twice that tells of its end twice, and may end a parent before."""
    import clr
    from System import Array, Object
    from System.Management.Automation import Job as NetJob
    from System.Management.Automation import JobState
    from System.Reflection import BindingFlags

    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    ssh.chmod(0o755)
    silent = SSH("m", executable=ssh)
    handle = shell.start_remote("1", [silent, silent])
    first, second = handle.children
    hidden = clr.GetClrType(NetJob).GetMethods(BindingFlags.Instance | BindingFlags.NonPublic)
    set_state = next(
        method
        for method in hidden
        if method.Name == "SetJobState" and method.GetParameters().Length == 1
    )
    for _ in range(2):
        set_state.Invoke(first.net, Array[Object]([JobState.Failed]))
    assert handle.state == "Failed"
    assert not handle.finished
    assert not handle.wait(0.05)
    second.stop()
    assert handle.wait(10)
    assert handle.finished


def test_the_repository_takes_a_job_derived_from_the_net_type(shell: Session) -> None:
    from System.Management.Automation import Job as NetJob

    class Bare(NetJob):  # type: ignore[misc]
        __namespace__ = "PSBridge.Tests"

        def StopJob(self) -> None:
            pass

        def get_StatusMessage(self) -> str:
            return ""

        def get_HasMoreData(self) -> bool:
            return True

        def get_Location(self) -> str:
            return "somewhere"

    handle = shell.jobs.add(Bare())
    assert handle in shell.jobs
    assert handle.state == "NotStarted"
    assert shell.run("(Get-Job).Location") == ["somewhere"]


def test_a_handle_leaves_the_variables_of_the_session_alone(shell: Session) -> None:
    mine = {"Job": 1, "Keep": 2, "Force": 3, "Script": 4, "Arguments": 5, "Name": 6, "named": 7}
    for name, value in mine.items():
        shell.run(f"${name} = {value}")
    handle = shell.start(lambda: 1)
    assert handle.result(10) == [1]
    handle.remove(force=True)
    process = shell.start_job("$args[0]", 5, name="process")
    assert (process.name, process.result(60)) == ("process", [5])
    assert {name: shell.run(f"${name}")[0] for name in mine} == mine


def test_the_messages_of_a_job_in_another_process_arrive_once(shell: Session) -> None:
    """Receive-Job shows those of Start-Job on the host, past all streams."""
    handle = shell.start_job(
        "Write-Warning w; Write-Verbose v -Verbose; Write-Debug d -Debug; Write-Error e; 1"
    )
    assert handle.wait(60)
    for result in (handle.receive(keep=True), handle.receive()):
        assert (result, result.origins, result.origin) == ([1], ["localhost"], "localhost")
        assert [record.message for record in result.warnings] == ["w"]
        assert [record.message for record in result.verbose] == ["v"]
        assert [record.message for record in result.debug] == ["d"]
        assert [record.message for record in result.errors] == ["e"]
        assert result.warnings[0].origin == result.errors[0].origin == "localhost"
    nothing = handle.receive()
    assert (nothing, nothing.warnings, nothing.verbose, nothing.debug) == ([], [], [], [])


def test_what_write_host_says_in_a_job_arrives_once(shell: Session) -> None:
    said = shell.run(
        "Start-Job { Write-Host h; Write-Host h; Write-Information i } | Receive-Job -Wait"
    )
    assert [str(each) for each in said.information] == ["h", "h", "i"]


@pytest.mark.parametrize("merged", ["", " 3>&1 4>&1"])
def test_messages_arrive_once_where_powershell_receives_the_job(
    shell: Session, merged: str
) -> None:
    job = "Start-Job { 1; Write-Warning w; Write-Verbose v -Verbose; 2 }"
    result = shell.run(f"{job} | Receive-Job -Wait -AutoRemoveJob{merged}")
    messages = [str(each) for each in result if not isinstance(each, int)]
    messages += [str(each) for each in (*result.warnings, *result.verbose)]
    assert [each for each in result if isinstance(each, int)] == [1, 2]
    assert sorted(messages) == ["v", "w"]


def test_messages_that_a_host_shows_arrive_once_too() -> None:
    script = "1, 2 | % { Write-Warning w }; Write-Verbose v -Verbose"
    shown = io.StringIO()
    with Session(console=Console(io.StringIO(), shown, interactive=False)) as shell:
        result = shell.start_job(script).result(60)
        assert shown.getvalue() == ""
        shell.run(f"Start-Job {{ {script} }} | Receive-Job -Wait")
    assert [(record.message, record.origin) for record in result.warnings] == [
        ("w", "localhost"),
        ("w", "localhost"),
    ]
    assert [record.message for record in result.verbose] == ["v"]
    assert shown.getvalue().count("WARNING: w") == 2


def test_what_tells_where_an_object_is_from_is_no_entry_of_it(shell: Session) -> None:
    result = shell.start_job("[pscustomobject]@{ A = 1; PSComputerName = 'mine' }").result(60)
    assert result == [{"A": 1}]
    mine = shell.run("[pscustomobject]@{ A = 1; PSComputerName = 'mine' }; 2")
    assert (mine, mine.origins, mine.origin) == (
        [{"A": 1, "PSComputerName": "mine"}, 2],
        ["mine", None],
        None,
    )
    assert mine.by_origin() == {"mine": [mine[0]], None: [2]}


def test_a_failure_says_how_many_children_failed_and_which(shell: Session) -> None:
    def work(number: int) -> int:
        if number % 2:
            raise ValueError(f"odd {number}")
        return number

    group = JobGroup(
        [FunctionJob(work, number) for number in range(20)], name="numbers", throttle_limit=4
    )
    with pytest.raises(JobFailed) as caught:
        shell.start(group).result(30)
    first, *lines = str(caught.value).splitlines()
    assert first == "job numbers failed in 10 of 20 children"
    assert len(lines) == 6
    assert all("odd" in line for line in lines[:5])
    assert lines[5].strip() == "and 5 more"
    assert sorted(caught.value.result) == list(range(0, 20, 2))


def test_a_session_may_be_closed_as_soon_as_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the program closes those that another thread opens meanwhile."""
    before = open_runspaces()

    def close() -> None:
        for session in open_runspaces():
            if session not in before:
                session.close()

    monkeypatch.setattr("psbridge.session.owned_runspace._register_at_exit", close)
    with pytest.raises(SessionClosedError), Session() as session:
        session.run("1")


def test_a_handle_is_its_job_in_powershell(start: Starter, shell: Session, kind: str) -> None:
    job = start("records")
    wait = (
        "param($job) $null = Wait-Job $job; $job.Id; (Receive-Job $job -Keep *>$null); $job.State"
    )
    assert shell.run(wait, job) == [job.id, job.state]
    assert shell.call("Get-Job", Id=job.id).one().net == job.net
    shell.call("Remove-Job", Job=[job], check=True)
    assert job not in shell.jobs
