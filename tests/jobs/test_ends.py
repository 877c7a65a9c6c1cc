"""The ends of jobs: results, futures, callbacks, and waiting for several."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conditions import until
from six_kinds import KINDS

import psbridge
from psbridge import (
    DeclarationError,
    FunctionJob,
    Job,
    JobError,
    JobFailed,
    JobGroup,
    JobHandle,
    JobStopped,
    PowerShellError,
    Session,
    SessionClosedError,
    WorkerError,
)

if TYPE_CHECKING:
    from ..conftest import RunPython
    from .conftest import Starter

KINDS_WITH_AN_END = [kind for kind in KINDS if kind != "event"]
with_an_end = pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)


Gates = Callable[[int], list[tuple[threading.Event, JobHandle]]]


def ended(job: JobHandle) -> JobError | None:
    return job.exception(60)


# ---- Results ----


@with_an_end
def test_a_result_can_be_asked_for_again(start: Starter, shell: Session) -> None:
    job = start("records")
    result = job.result(60)
    assert result == ["a", "b", "c"]
    assert [str(each) for each in result.warnings] == ["w"]
    assert [str(each) for each in result.errors] == ["e"]
    assert job.result() == result
    assert shell.jobs[job.name].result() == result
    assert job.receive() == []


@with_an_end
def test_a_failure_can_be_asked_for_again(start: Starter) -> None:
    job = start("fail")
    for error in (ended(job), ended(job)):
        assert isinstance(error, JobFailed)
        assert "no more" in str(error)
        assert error.job is job
        assert error.result == ["a"]
    with pytest.raises(JobFailed, match="no more"):
        job.result()


@with_an_end
def test_what_was_received_before_is_not_in_the_result(start: Starter, go: Path) -> None:
    job = start("wait")
    until(lambda: job.receive(keep=True))
    assert job.receive() == ["a"]
    go.touch()
    assert job.result(60) == ["b"]


def test_an_event_job_that_was_unsubscribed_is_stopped(shell: Session) -> None:
    shell.run("$null = Register-EngineEvent -SourceIdentifier go -Action { 1 }; New-Event go")
    job = shell.jobs["go"]
    shell.run("Unregister-Event go")
    assert isinstance(error := ended(job), JobStopped)
    assert error.result == [1]


def test_a_result_that_was_given_stays_with_its_handle(shell: Session) -> None:
    job = shell.start(len, "abc")
    assert job.result(30) == [3]
    job.remove()
    assert job.result() == [3]


@pytest.mark.parametrize("how", ["result", "wait", "await", "future", "as_completed"])
def test_a_job_that_asks_is_answered_by_whoever_waits_for_it(shell: Session, how: str) -> None:
    async def awaited() -> None:
        await job

    with shell.answering(["Ann", "Ben"]):
        job = shell.start_job("1; Read-Host name; 2; Read-Host name")
        if how == "wait":
            assert job.wait(60)
        elif how == "await":
            asyncio.run(awaited())
        elif how == "future":
            job.as_future().result(60)
        elif how == "as_completed":
            assert list(psbridge.as_completed([job], timeout=60)) == [job]
        assert job.result(60) == [1, "Ann", 2, "Ben"]


def test_a_job_that_asks_and_has_nobody_to_answer_goes_on_with_an_error(shell: Session) -> None:
    result = shell.start_job("1; Read-Host name; 2").result(60)
    assert result == [1, 2]
    assert "PowerShell asks for" in str(result.errors[0])


def test_a_script_that_calls_exit_completes_its_job(shell: Session) -> None:
    job = shell.start_job("1; exit 3; 2")
    assert job.result(60) == [1]
    assert job.state == "Completed"
    assert list(shell.start_job("1; exit 3")) == [1]


def test_a_job_one_of_whose_children_was_stopped_is_stopped(shell: Session) -> None:
    job = shell.start_job("1; while ($true) { Start-Sleep 1 }")
    until(lambda: job.receive(keep=True))
    job.children[0].stop()
    error = job.exception(60)
    assert isinstance(error, JobStopped)
    assert error.result == [1]


def test_children_of_a_parallel_job_that_was_stopped_have_all_ended(shell: Session) -> None:
    job = shell.start_parallel("while ($true) { Start-Sleep 1 }", range(6), throttle_limit=2)
    until(lambda: any(child.state == "Running" for child in job.children))
    assert job.stop(timeout=60)
    assert len(list(psbridge.as_completed(job.children, timeout=30))) == 6


@with_an_end
def test_a_result_of_a_job_that_runs_is_a_timeout_and_loses_nothing(
    start: Starter, go: Path
) -> None:
    job = start("wait")
    with pytest.raises(TimeoutError):
        job.result(0.05)
    go.touch()
    assert job.result(60) == ["a", "b"]


def test_threads_that_ask_for_a_result_have_the_same_one(shell: Session) -> None:
    job = shell.start(lambda: time.sleep(0.2) or 42)  # type: ignore[func-returns-value]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: job.result(30), range(8)))
    assert all(each is results[0] for each in results)
    assert results[0] == [42]


def test_a_result_is_let_go_of_with_its_job(shell: Session) -> None:
    from psbridge.jobs import results

    for _ in range(200):
        job = shell.start(len, "abc")
        assert job.result(30) == [3]
        job.remove()
    assert len(results._by_session[shell].by_id) == 0
    for _ in range(200):
        shell.start(len, "abc").result(30)
        shell.run("Get-Job | Remove-Job")
    assert len(results._by_session[shell].by_id) < 100


def test_the_failures_of_a_group_are_all_there(shell: Session) -> None:
    def work(number: int) -> int:
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number

    with pytest.raises(JobFailed) as raised:
        shell.start(JobGroup.map(work, range(20))).result(30)
    error = raised.value
    assert "10 of 20 children" in str(error)
    assert [str(each) for each in error.failures] == [
        f"ValueError: {n} is odd" for n in range(1, 20, 2)
    ]
    assert [each.job for each in error.failures] == [
        child for child in error.job.children if child.state == "Failed"
    ]
    causes = [each.__cause__ for each in error.failures]
    assert [str(cause) for cause in causes] == [f"{n} is odd" for n in range(1, 20, 2)]
    assert {type(cause) for cause in causes} == {ValueError}
    assert error.__cause__ is causes[0]


@with_an_end
def test_a_failure_has_what_lies_behind_it(start: Starter, shell: Session, kind: str) -> None:
    job = start("fail")
    error = ended(job)
    assert isinstance(error, JobFailed)
    (single,) = error.failures
    assert single is not error
    for each in (error, single):
        cause = each.__cause__
        if kind == "python":
            assert isinstance(cause, ValueError)
            assert str(cause) == "no more"
        else:
            assert isinstance(cause, PowerShellError)
            assert str(cause) == "no more"
            assert cause.error_id == "no more"
            assert cause.record is not None
    assert single.job == (job.children or [job])[0]
    assert str(single) == job.reason
    # A handle of somebody else's has the words, and where they were said.
    other = ended(shell.jobs[job.name])
    assert isinstance(other, JobFailed)
    assert str(other) == str(error)
    if kind == "python":
        assert isinstance(other.__cause__, WorkerError)
        assert (other.__cause__.type_name, other.__cause__.text) == ("ValueError", "no more")
        assert 'raise ValueError("no more")' in str(other.__cause__)


def test_a_group_whose_next_job_cannot_be_made_has_that_failure(shell: Session) -> None:
    def jobs() -> Iterator[Job]:
        yield FunctionJob(len, "abc")
        raise LookupError("no second")

    error = shell.start(JobGroup(jobs())).exception(30)
    assert isinstance(error, JobFailed)
    (single,) = error.failures
    assert single.job is not None
    assert isinstance(single.__cause__, LookupError)
    assert error.__cause__ is single.__cause__
    assert error.result == [3]


# ---- Futures and callbacks ----


def test_a_future_of_a_job_that_has_ended_is_done(shell: Session) -> None:
    job = shell.start(len, "abc")
    assert job.wait(60)
    assert job.as_future().result(0) == [3]
    assert job.as_future().done()
    failed = shell.start(int, "x")
    assert failed.wait(60)
    assert isinstance(failed.as_future().exception(0), JobFailed)


def test_a_callback_of_a_job_that_has_ended_is_called_at_once(
    shell: Session, caplog: pytest.LogCaptureFixture
) -> None:
    job = shell.start(len, "abc")
    assert job.wait(60)
    called: list[tuple[JobHandle, int]] = []
    job.add_done_callback(lambda done: called.append((done, threading.get_ident())))
    assert called == [(job, threading.get_ident())]
    job.add_done_callback(lambda done: 1 / 0)
    assert "ZeroDivisionError" in caplog.text


def test_it_is_awaited(start: Starter, kind: str) -> None:
    async def main() -> None:
        job = start("records")
        if kind == "event":
            with pytest.raises(JobStopped) as stopped:
                await job
            assert stopped.value.result == ["a", "b", "c"]
        else:
            assert await job == ["a", "b", "c"]
            assert await job == ["a", "b", "c"]

    asyncio.run(main())


@with_an_end
def test_a_failure_is_raised_where_it_is_awaited(start: Starter) -> None:
    async def main() -> None:
        with pytest.raises(JobFailed, match="no more"):
            await start("fail")

    asyncio.run(main())


def test_it_has_a_future(start: Starter, kind: str) -> None:
    future = start("records").as_future()
    if kind == "event":
        assert isinstance(future.exception(60), JobStopped)
    else:
        assert future.result(60) == ["a", "b", "c"]
    assert future.done()
    assert not future.cancel()


def test_a_callback_is_called_once_with_the_handle(start: Starter) -> None:
    job = start("records")
    called: list[JobHandle] = []
    job.add_done_callback(called.append)
    until(lambda: called)
    job.add_done_callback(called.append)
    until(lambda: len(called) == 2)
    assert called == [job, job]
    assert job.finished


@pytest.mark.parametrize("error", [ValueError("a mistake in it"), SystemExit("a mistake in it")])
def test_a_callback_that_raises_is_logged_and_harms_no_other(
    shell: Session, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def bad(job: JobHandle) -> None:
        raise error

    called: list[JobHandle] = []
    go = threading.Event()
    job = shell.start(go.wait)
    job.add_done_callback(bad)
    job.add_done_callback(called.append)
    with caplog.at_level(logging.ERROR, "psbridge"):
        go.set()
        until(lambda: called)
    assert "a mistake in it" in caplog.text
    with pytest.raises(DeclarationError, match="cannot be called"):
        job.add_done_callback("x")  # type: ignore[arg-type]


def test_a_cancelled_wait_leaves_the_job_alone(shell: Session) -> None:
    go = threading.Event()

    async def main() -> JobHandle:
        job = shell.start(go.wait)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job, 0.1)
        assert job.state == "Running"
        return job

    job = asyncio.run(main())
    go.set()
    assert job.result(30) == [True]


def test_a_session_that_is_closed_ends_what_waits_for_its_jobs(shell: Session) -> None:
    from System.Management.Automation import Job as NetJob

    class Endless(NetJob):  # type: ignore[misc] # of somebody else's, and it never ends
        __namespace__ = "tests.ends"

        def StopJob(self) -> None: ...
        def get_StatusMessage(self) -> str:
            return ""

        def get_HasMoreData(self) -> bool:
            return False

        def get_Location(self) -> str:
            return ""

    future = shell.jobs.add(Endless()).as_future()
    shell.close()
    assert isinstance(future.exception(30), SessionClosedError)


def test_two_thousand_jobs_are_awaited_in_one_loop(shell: Session) -> None:
    async def main() -> None:
        jobs = [shell.start(lambda n=n: n) for n in range(2000)]
        threads = threading.active_count()
        results = await asyncio.gather(*jobs)
        assert [result.one() for result in results] == list(range(2000))
        assert threading.active_count() <= threads

    asyncio.run(main())


# ---- Several at once ----


@pytest.fixture
def gates(shell: Session) -> Gates:
    def make(count: int) -> list[tuple[threading.Event, JobHandle]]:
        events = [threading.Event() for _ in range(count)]
        return [(event, shell.start(event.wait)) for event in events]

    return make


def test_jobs_come_as_they_end(
    gates: Gates,
) -> None:
    several = gates(5)
    order = [3, 0, 4, 1, 2]
    several[order[0]][0].set()
    seen = []
    for number, job in enumerate(psbridge.as_completed([job for _, job in several], timeout=60)):
        seen.append(job)
        if number + 1 < len(order):
            several[order[number + 1]][0].set()
    assert seen == [several[number][1] for number in order]


def test_it_waits_for_all_the_first_or_the_first_failure(shell: Session, gates: Gates) -> None:
    (first, one), (second, two) = gates(2)
    assert psbridge.wait([one, two], timeout=0.05) == (set(), {one, two})
    first.set()
    assert psbridge.wait([one, two], return_when="FIRST_COMPLETED") == ({one}, {two})
    ended = [shell.start(len, "abc") for _ in range(3)]
    psbridge.wait(ended)
    assert psbridge.wait([two, *ended], return_when="FIRST_COMPLETED") == ({*ended}, {two})
    failing = shell.start(lambda: 1 / 0)
    done, left = psbridge.wait([two, failing, *ended], return_when="FIRST_EXCEPTION")
    assert (done, left) == ({failing, *ended}, {two})
    found = psbridge.wait([two, failing], 60, concurrent.futures.FIRST_EXCEPTION)
    assert found.done == {failing}
    assert found.not_done == {two}
    second.set()
    done, not_done = psbridge.wait({one, two, failing}, timeout=60)
    assert (done, not_done) == ({one, two, failing}, set())
    assert psbridge.wait([]) == (set(), set())


def test_what_has_ended_comes_before_time_is_up(shell: Session, gates: Gates) -> None:
    ((event, running),) = gates(1)
    over = shell.start(len, "a")
    assert over.wait(30)
    coming = psbridge.as_completed([running, over, over], timeout=0)
    assert next(coming) == over
    with pytest.raises(TimeoutError, match="1 of 2 jobs"):
        next(coming)
    assert psbridge.wait([running, over], timeout=0) == ({over}, {running})
    event.set()


def test_any_kinds_of_several_sessions_mix(shell: Session) -> None:
    with Session() as other:
        jobs = [
            shell.start(len, "a"),
            other.start(len, "ab"),
            shell.start_job("3"),
            shell.jobs[shell.run("Start-ThreadJob { 4 }").one().Name],
        ]
        assert sorted(job.result().one() for job in psbridge.as_completed(jobs)) == [1, 2, 3, 4]


@pytest.mark.parametrize("bad", [[1], ["x"], [None]])
def test_what_is_no_job_is_refused(bad: list[object]) -> None:
    for call in (psbridge.wait, psbridge.as_completed):
        with pytest.raises(DeclarationError, match="no handle on a job"):
            call(bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="return_when"):
        psbridge.wait([], return_when="ALL")


def test_one_handle_is_one_job_and_not_its_values(shell: Session) -> None:
    job = shell.start(lambda: "value")
    assert psbridge.wait(job, timeout=30).done == {job}
    assert list(psbridge.as_completed(job, timeout=30)) == [job]
    assert job.receive() == ["value"]


def test_waits_that_are_over_leave_nothing_behind(shell: Session) -> None:
    from psbridge.jobs import ends

    go = threading.Event()
    job = shell.start(go.wait)
    for _ in range(100):
        psbridge.wait([job], timeout=0.001)
    assert len(ends._ends._calls) == 0
    go.set()


# ---- Stopping ----


def test_a_stop_says_whether_it_has_stopped(start: Starter, kind: str) -> None:
    job = start("records" if kind == "event" else "hang")
    until(lambda: job.receive(keep=True))
    assert job.stop(timeout=60)
    assert job.state == "Stopped"
    assert job.stop(timeout=0)


def test_a_stop_in_the_first_moments_of_a_thread_stops_it(shell: Session) -> None:
    """Its runspace runs other code before the script, and a stop may meet that."""
    for number in range(60):
        job = shell.start_thread_job("while ($true) { Start-Sleep -Milliseconds 20 }")
        time.sleep(number % 20 / 4000)  # any moment will do
        assert job.stop(timeout=30)
        assert job.finished
        job.remove()


def test_a_second_stop_waits_as_the_first_one_does(shell: Session) -> None:
    job = shell.start_job("1; [System.Threading.Thread]::Sleep(100000)")
    until(lambda: job.receive(keep=True))
    assert not job.stop(timeout=0.1)
    assert not job.stop(timeout=0.1)
    assert job.stop(timeout=60)
    assert job.finished
    job.remove()


def test_a_program_ends_at_once_while_a_future_is_pending(run_python: RunPython) -> None:
    code = """
import time
from psbridge import Session
shell = Session()
job = shell.start_thread_job("while ($true) { Start-Sleep -Milliseconds 50 }")
future = job.as_future()
job.add_done_callback(lambda job: None)
shell.close()
print(type(future.exception(20)).__name__)
shell = Session()
other = shell.start_thread_job("while ($true) { Start-Sleep -Milliseconds 50 }").as_future()
print(time.time(), flush=True)
"""
    ran = run_python(code)
    ended = time.time()
    assert (ran.returncode, ran.stderr) == (0, "")
    kind, at = ran.stdout.split()
    assert kind in ("JobStopped", "SessionClosedError", "JobFailed")
    assert ended - float(at) < 4.5  # it waited for five seconds


def test_a_stop_that_takes_longer_comes_back_in_time(shell: Session) -> None:
    go = threading.Event()
    began = threading.Event()

    def work() -> None:
        began.set()
        while not go.is_set():
            with contextlib.suppress(BaseException):
                time.sleep(0.01)

    job = shell.start(work)
    assert began.wait(30)
    before = time.monotonic()
    assert not job.stop(timeout=0.2)
    assert time.monotonic() - before < 2
    go.set()
    assert job.wait(30)


def test_killing_ends_the_process_and_says_so(shell: Session) -> None:
    job = shell.start_job("1; while ($true) { Start-Sleep 1 }")
    until(lambda: job.receive(keep=True))
    job.kill()
    assert job.state == "Failed"
    with pytest.raises(JobFailed, match="process"):
        job.result()
    child = shell.start_job("while ($true) { Start-Sleep 1 }")
    until(lambda: child.state == "Running")
    child.children[0].kill()
    assert child.wait(30)


@pytest.mark.parametrize("kind", ["python", "thread", "parallel", "event", "remote"], indirect=True)
def test_there_is_nothing_to_kill_where_there_is_no_process(start: Starter, kind: str) -> None:
    job = start("records" if kind == "event" else "hang")
    with pytest.raises(JobError, match=r"no process of its own; stop\(\) stops it"):
        job.kill()
    job.stop()
