"""PowerShell's own job cmdlets on a job written in Python."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from psbridge import Job, JobGroup, JobHandle, PowerShellError, Session


class Count(Job):
    """Writes numbers, with a warning and an error between them."""

    def __init__(self, upto: int = 3, name: str | None = None) -> None:
        super().__init__(name=name, command=f"Count {upto}", location="here")
        self.upto = upto

    def run(self) -> Iterator[int]:
        for number in range(self.upto):
            if number == 1:
                self.write_warning("one")
                self.write_error("not good", error_id="NotGood", category="InvalidData")
            yield number


class Blocked(Job):
    """Runs until it is released or stopped."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.release = threading.Event()
        self.began = threading.Event()

    def run(self) -> Iterator[str]:
        self.began.set()
        while not self.release.wait(0.01):
            self.check_stop()
        yield "released"


@pytest.fixture
def blocked(shell: Session) -> Iterator[tuple[Blocked, JobHandle]]:
    job = Blocked(name="blocked")
    handle = shell.start(job)
    assert job.began.wait(10)
    yield job, handle
    job.release.set()


def call(shell: Session, script: str, handle: JobHandle) -> Any:
    """Run a script with the job in $job; a warning or an error of it is a mistake in the test."""
    return shell.run(f"param($job) {script}", job=handle.net)


def test_get_job_lists_it_with_everything_it_shows(shell: Session) -> None:
    handle = shell.start(Count(name="counting"))
    handle.wait(10)
    shown = shell.run(
        "Get-Job | % { $_.Id, $_.Name, $_.PSJobTypeName, [string]$_.State, $_.HasMoreData,"
        " $_.Location, $_.Command, $_.StatusMessage }"
    )
    expected = [handle.id, "counting", "PythonJob", "Completed", True, "here", "Count 3", ""]
    assert shown == expected


@pytest.mark.parametrize(
    "selector",
    ["-Id $job.Id", "-Name $job.Name", "-InstanceId $job.InstanceId", "-State Completed",
     "-Command $job.Command", "-Newest 1", "-HasMoreData $true"],
)  # fmt: skip
def test_get_job_finds_it_by(shell: Session, selector: str) -> None:
    handle = shell.start(Count(name="counting"))
    handle.wait(10)
    assert call(shell, f"(Get-Job {selector}).Id", handle) == [handle.id]


def test_get_job_shows_the_child_with_include_child_job(shell: Session) -> None:
    handle = shell.start(Count())
    handle.wait(10)
    assert len(shell.run("Get-Job -IncludeChildJob")) == 2
    assert [child.state for child in handle.children] == ["Completed"]


def test_the_parent_is_numbered_before_its_children(shell: Session) -> None:
    handle = shell.start(JobGroup([Count(), Count()]))
    assert [child.id for child in handle.children] == [handle.id + 1, handle.id + 2]
    assert handle.name == f"Job{handle.id}"


def test_wait_job_returns_it_when_it_has_ended(
    shell: Session, blocked: tuple[Blocked, JobHandle]
) -> None:
    job, handle = blocked
    threading.Timer(0.2, job.release.set).start()
    assert call(shell, "($job | Wait-Job).Id", handle) == [handle.id]
    assert handle.state == "Completed"


def test_wait_job_gives_nothing_when_time_is_up(
    shell: Session, blocked: tuple[Blocked, JobHandle]
) -> None:
    _, handle = blocked
    assert call(shell, "$job | Wait-Job -Timeout 1", handle) == []
    assert handle.state == "Running"


def test_receive_job_gives_output_and_errors_once(shell: Session) -> None:
    handle = shell.start(Count())
    handle.wait(10)
    result = call(shell, "Receive-Job $job", handle)
    assert result == [0, 1, 2]
    assert [str(warning) for warning in result.warnings] == ["one"]
    (error,) = result.errors
    assert (error.message, error.error_id, error.category) == ("not good", "NotGood", "InvalidData")
    again = call(shell, "Receive-Job $job", handle)
    assert (again, again.errors, again.warnings) == ([], [], [])
    assert not handle.has_more_data


def test_receive_job_with_keep_leaves_it_there(shell: Session) -> None:
    handle = shell.start(Count())
    handle.wait(10)
    for _ in range(2):
        result = call(shell, "Receive-Job $job -Keep", handle)
        assert result == [0, 1, 2]
        assert len(result.errors) == len(result.warnings) == 1
        assert handle.has_more_data
    assert call(shell, "Receive-Job $job", handle) == [0, 1, 2]


@pytest.mark.parametrize("switches", ["", "-Keep", "-Wait"])
def test_receive_job_keeps_the_order_of_writing(shell: Session, switches: str) -> None:
    handle = shell.start(Count())
    handle.wait(10)
    merged = call(shell, f"Receive-Job $job {switches} *>&1 | % {{ $_.GetType().Name }}", handle)
    assert merged == ["Int32", "WarningRecord", "ErrorRecord", "Int32", "Int32"]


def test_receive_job_of_a_running_job_gives_what_is_there(shell: Session) -> None:
    go_on = threading.Event()
    first_read = threading.Event()

    def work() -> Iterator[int]:
        yield 1
        first_read.set()
        go_on.wait(10)
        yield 2

    handle = shell.start(work)
    assert first_read.wait(10)
    assert call(shell, "Receive-Job $job", handle) == [1]
    go_on.set()
    handle.wait(10)
    assert call(shell, "Receive-Job $job", handle) == [2]


def test_receive_job_with_wait_and_auto_remove_takes_it_away(shell: Session) -> None:
    handle = shell.start(Count())
    assert call(shell, "Receive-Job $job -Wait -AutoRemoveJob", handle) == [0, 1, 2]
    assert len(shell.jobs) == 0


def test_stop_job_returns_when_the_work_has_stopped(
    shell: Session, blocked: tuple[Blocked, JobHandle]
) -> None:
    _, handle = blocked
    assert call(shell, "Stop-Job $job -PassThru | % { [string]$_.State }", handle) == ["Stopped"]
    assert [child.state for child in handle.children] == ["Stopped"]
    assert call(shell, "Receive-Job $job", handle) == []


def test_stop_job_on_a_finished_job_changes_nothing(shell: Session) -> None:
    handle = shell.start(Count())
    handle.wait(10)
    call(shell, "Stop-Job $job", handle)
    assert handle.state == "Completed"


def test_remove_job_refuses_a_running_job_without_force(
    shell: Session, blocked: tuple[Blocked, JobHandle]
) -> None:
    _, handle = blocked
    with pytest.raises(PowerShellError) as raised:
        call(shell, "Remove-Job $job -ErrorAction Stop", handle)
    assert raised.value.error_id.startswith("JobObjectNotFinishedCannotBeRemoved")
    assert handle in shell.jobs


def test_remove_job_with_force_stops_it_first(
    shell: Session, blocked: tuple[Blocked, JobHandle]
) -> None:
    _, handle = blocked
    call(shell, "Remove-Job $job -Force", handle)
    assert handle.state == "Stopped"
    assert len(shell.jobs) == 0


def test_remove_job_takes_a_finished_job_away(shell: Session) -> None:
    handle = shell.start(Count())
    handle.wait(10)
    call(shell, "$job | Remove-Job", handle)
    assert len(shell.jobs) == 0


def test_a_failed_job_shows_its_reason_in_powershell(shell: Session) -> None:
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("out of range")

    handle = shell.start(work)
    handle.wait(10)
    result = call(shell, "Receive-Job $job", handle)
    assert result == [1]
    (error,) = result.errors
    assert error.message == "ValueError: out of range"
    assert error.error_id == "JobStateFailed"
    reason = call(shell, "$job.ChildJobs[0].JobStateInfo.Reason.PythonTraceback", handle)
    assert reason[0].startswith("Traceback (most recent call last):")
    assert "in work" in reason[0]
    assert "psbridge/jobs" not in reason[0].replace("\\", "/")


def test_jobs_of_two_sessions_are_apart(shell: Session) -> None:
    shell.start(Count()).wait(10)
    with Session() as other:
        assert len(other.jobs) == 0


def test_native_start_job_runs_beside_it(shell: Session) -> None:
    result = shell.run("Start-Job { 1 + 1 } | Receive-Job -Wait -AutoRemoveJob")
    assert result == [2]
    assert not result.errors


@pytest.mark.parametrize("round_number", range(5))
def test_receive_job_with_wait_takes_the_children_that_come_later(
    shell: Session, round_number: int
) -> None:
    def work(number: int) -> int:
        if number % 50 == 49:
            raise ValueError(number)
        return number

    handle = shell.start(JobGroup.map(work, iter(range(100)), throttle_limit=3))
    result = call(shell, "Receive-Job $job -Wait -AutoRemoveJob", handle)
    assert sorted(result) == [number for number in range(100) if number % 50 != 49]
    assert len(result.errors) == 2
    assert len(shell.jobs) == 0
