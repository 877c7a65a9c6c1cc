"""Stopping jobs and their time limits: asking, interrupting, giving up."""

import asyncio
import logging
import random
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from conditions import until

from psbridge import (
    DeclarationError,
    Job,
    JobFailed,
    JobGroup,
    JobHandle,
    JobStopped,
    Retry,
    Session,
    StopRequested,
)
from psbridge.jobs import FunctionJob, stopping
from psbridge.jobs.timers import call_later

if TYPE_CHECKING:
    from ..conftest import RunPython

GRACE = 0.3
GIVEN_UP = "was asked to stop and did not"


class Work(Job):
    """Calls a function with itself, and says when it has begun."""

    grace = GRACE

    def __init__(
        self, function: Callable[["Work"], Any], name: str | None = None, **options: Any
    ) -> None:
        super().__init__(name, **options)
        self.function = function
        self.began = threading.Event()

    def run(self) -> Any:
        self.began.set()
        return self.function(self)


def begin(
    shell: Session, function: Callable[[Work], Any], grace: float = GRACE, **options: Any
) -> JobHandle:
    """Start work and wait until it has begun."""
    job = Work(function, **options)
    job.grace = grace
    handle = shell.start(job)
    assert job.began.wait(10)
    return handle


def warnings_of(handle: JobHandle) -> list[str]:
    return [str(record) for child in handle.children for record in child.net.Warning]


def seconds_to_stop(handle: JobHandle) -> float:
    began = time.monotonic()
    handle.stop()
    return time.monotonic() - began


def until_stopped(job: Work) -> None:
    while True:
        job.check_stop()
        time.sleep(0.001)


def busy(job: Work) -> None:
    while True:
        pass


# --- the grace ------------------------------------------------------------------------------------


def test_work_that_stops_in_its_grace_is_not_interrupted(shell: Session) -> None:
    ended = threading.Event()

    def work(job: Work) -> None:
        while not job.stopping:
            time.sleep(0.001)
        time.sleep(GRACE / 2)
        ended.set()

    handle = begin(shell, work)
    handle.stop()
    assert ended.is_set()
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])


def test_python_code_that_never_looks_is_interrupted_after_the_grace(shell: Session) -> None:
    handle = begin(shell, busy)
    seconds = seconds_to_stop(handle)
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])
    assert seconds >= GRACE


def test_the_interruption_is_a_stop_requested_and_finally_runs(shell: Session) -> None:
    seen: list[str] = []

    def work(job: Work) -> None:
        try:
            busy(job)
        except Exception:
            seen.append("Exception")
        except StopRequested:
            seen.append("StopRequested")
            raise
        finally:
            seen.append("finally")

    begin(shell, work).stop()
    assert seen == ["StopRequested", "finally"]


def test_work_that_swallows_the_request_is_interrupted(shell: Session) -> None:
    swallowed = threading.Event()

    def work(job: Work) -> None:
        try:
            until_stopped(job)
        except StopRequested:
            swallowed.set()
        busy(job)

    handle = begin(shell, work)
    handle.stop()
    assert swallowed.is_set()
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])


def test_work_that_swallows_the_interruption_too_is_given_up(shell: Session) -> None:
    interruptions, over = [], threading.Event()

    def work(job: Work) -> None:
        while not over.is_set():
            try:
                while not over.is_set():
                    pass
            except StopRequested:
                interruptions.append(1)

    handle = begin(shell, work)
    seconds = seconds_to_stop(handle)
    over.set()
    assert handle.state == "Stopped"
    assert seconds >= 2 * GRACE
    assert interruptions == [1]
    (warning,) = warnings_of(handle)
    assert GIVEN_UP in warning


def test_a_stop_in_long_python_cleaning_up_interrupts_it_once(shell: Session) -> None:
    seen: list[str] = []

    def work(job: Work) -> None:
        try:
            until_stopped(job)
        finally:
            try:
                busy(job)
            finally:
                seen.append("the rest of it")

    handle = begin(shell, work)
    seconds = seconds_to_stop(handle)
    assert seen == ["the rest of it"]
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])
    assert seconds >= GRACE


def test_cleaning_up_after_the_interruption_has_the_second_grace(shell: Session) -> None:
    cleaned = threading.Event()

    def work(job: Work) -> None:
        try:
            busy(job)
        finally:
            time.sleep(GRACE / 2)
            cleaned.set()

    handle = begin(shell, work)
    handle.stop()
    assert cleaned.is_set()
    assert warnings_of(handle) == []


def test_what_fails_while_it_stops_is_stopped_and_not_failed(shell: Session) -> None:
    def work(job: Work) -> None:
        try:
            until_stopped(job)
        finally:
            raise ValueError("in the cleanup")

    handle = begin(shell, work)
    handle.stop()
    assert (handle.state, handle.reason) == ("Stopped", None)


def test_a_stop_is_not_a_reason_to_fail_when_the_work_raises_it_itself(shell: Session) -> None:
    def work(job: Work) -> None:
        raise StopRequested

    handle = begin(shell, work)
    assert handle.wait(10)
    assert (handle.state, handle.reason) == ("Failed", "StopRequested")


# --- giving up ------------------------------------------------------------------------------------


def test_work_that_is_stuck_in_c_is_given_up_and_says_so(shell: Session) -> None:
    release = threading.Event()
    handle = begin(shell, lambda job: release.wait())
    seconds = seconds_to_stop(handle)
    release.set()
    assert handle.state == "Stopped"
    assert 2 * GRACE <= seconds < 2 * GRACE + 5
    with pytest.raises(JobStopped) as raised:
        handle.result(10)
    (warning,) = raised.value.result.warnings
    assert str(warning).startswith(f"Work {GIVEN_UP}. It was given up: its code may still run")


def test_what_given_up_work_still_writes_is_dropped_without_an_error(shell: Session) -> None:
    waiting, release, ended = threading.Event(), threading.Event(), threading.Event()
    seen: list[type[BaseException]] = []

    def work(job: Work) -> Iterator[int]:
        yield 1
        try:
            waiting.set()
            release.wait()
        except StopRequested:  # the interruption, which comes when the wait is over
            seen.append(StopRequested)
        for write in (job.write, job.write_warning, job.write_error, job.write_verbose):
            try:
                write("late")
            except StopRequested:
                seen.append(StopRequested)
        ended.set()
        raise ValueError("late")

    handle = begin(shell, work)
    assert waiting.wait(10)
    handle.stop()
    release.set()
    assert ended.wait(10)
    assert seen == [StopRequested] * 5
    result = handle.receive()
    assert (result, result.errors, len(result.warnings)) == ([1], [], 1)
    assert (handle.state, handle.reason, handle.has_more_data) == ("Stopped", None, False)


def test_given_up_work_may_end_after_its_job_was_removed(shell: Session) -> None:
    release, ended = threading.Event(), threading.Event()

    def work(job: Work) -> None:
        try:
            release.wait()
        finally:
            try:
                job.write("late")
            finally:
                ended.set()

    handle = begin(shell, work)
    handle.remove(force=True)
    assert len(shell.jobs) == 0
    release.set()
    assert ended.wait(10)


def test_the_thread_of_given_up_work_ends_with_it(shell: Session) -> None:
    release = threading.Event()
    handle = begin(shell, lambda job: release.wait(), name="stuck thread")
    handle.stop()

    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if "stuck thread" in thread.name]

    assert "psbridge stuck thread 0" in threads()
    release.set()
    until(lambda: not threads())


def test_stop_job_gives_up_as_stop_does(shell: Session) -> None:
    release = threading.Event()
    handle = begin(shell, lambda job: release.wait())
    stopped = shell.run("param($j) Stop-Job $j -PassThru | % { [string]$_.State }", j=handle.net)
    release.set()
    assert stopped == ["Stopped"]
    assert not stopped.errors


def test_closing_the_session_gives_up_what_does_not_stop() -> None:
    release = threading.Event()
    with Session() as shell:
        handle = begin(shell, lambda job: release.wait())
    release.set()
    assert handle.state == "Stopped"


def test_several_threads_may_stop_one_job_at_once(shell: Session) -> None:
    handle = begin(shell, busy)
    threads = [threading.Thread(target=handle.stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert handle.state == "Stopped"


# --- work that waits for PowerShell ---------------------------------------------------------------


def endless(shell: Session) -> None:
    shell.run("$global:began = $true; while ($true) { [Threading.Thread]::Sleep(1) }")


def test_work_that_waits_for_a_pipeline_is_interrupted_and_the_pipeline_stops(
    shell: Session,
) -> None:
    handle = begin(shell, lambda job: endless(shell), grace=0.6)
    handle.stop()
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])
    began = time.monotonic()
    assert shell.run("1") == [1]
    assert time.monotonic() - began < 2


def test_work_with_a_session_of_its_own_closes_it_when_it_is_interrupted(shell: Session) -> None:
    sessions: list[Session] = []

    def work(job: Work) -> None:
        with Session() as inner:
            sessions.append(inner)
            endless(inner)

    handle = begin(shell, work, grace=0.6)
    handle.stop()
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])
    assert [inner.closed for inner in sessions] == [True]


# --- the hook -------------------------------------------------------------------------------------


def test_the_hook_is_called_once_on_a_thread_of_its_own(shell: Session) -> None:
    calls: list[threading.Thread] = []
    release = threading.Event()

    class Waiting(Work):
        grace = 60

        def stop(self) -> None:
            calls.append(threading.current_thread())
            release.set()

    workers: list[threading.Thread] = []

    def work(job: Work) -> None:
        workers.append(threading.current_thread())
        release.wait()

    job = Waiting(work)
    handle = shell.start(job)
    assert job.began.wait(10)
    threads = [threading.Thread(target=handle.stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert handle.state == "Stopped"
    assert len(calls) == 1
    assert calls[0] not in [*threads, *workers, threading.current_thread()]


def test_the_hook_of_an_instance_is_called_too(shell: Session) -> None:
    release = threading.Event()
    job = Work(lambda job: release.wait())
    job.grace = 60
    job.stop = release.set  # type: ignore[method-assign]
    handle = shell.start(job)
    assert job.began.wait(10)
    handle.stop()
    assert handle.state == "Stopped"


@pytest.mark.parametrize("error", [ValueError("a bad hook"), SystemExit(3), KeyboardInterrupt()])
def test_a_hook_that_raises_harms_no_job(
    shell: Session, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    asked = threading.Event()

    class Harmful(Work):
        def stop(self) -> None:
            asked.set()
            raise error

    # Work that notices the stop by itself, and ends, may be over before its hook would be called.
    jobs = [
        Harmful(lambda job: asked.wait(60), name="harmful"),
        *(Work(until_stopped) for _ in range(2)),
    ]
    handles = [shell.start(job) for job in jobs]
    for job in jobs:
        assert job.began.wait(10)
    with caplog.at_level(logging.ERROR, "psbridge"):
        stopped = shell.run("Get-Job | Stop-Job; Get-Job | % { [string]$_.State }")
        deadline = time.monotonic() + 10
        while "the stop of" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.001)
    assert stopped == ["Stopped"] * 3
    assert not stopped.errors
    assert [handle.reason for handle in handles] == [None] * 3
    assert type(error).__name__ in caplog.text


def test_the_hook_is_called_also_where_the_work_ends_before_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[str] = []

    class Quick(Work):
        def stop(self) -> None:
            called.append("stop")

    job = Quick(until_stopped)
    stop = stopping.Stop(job, lambda: None)
    stop.begin(None, job)
    original = call_later

    def end_meanwhile(*arguments: Any) -> Any:
        stop.end()  # the work has seen that it is to stop
        return original(*arguments)

    monkeypatch.setattr(stopping, "call_later", end_meanwhile)
    stop.request()
    until(lambda: called)
    stop.request()  # there is nothing to stop any more
    assert called == ["stop"]


def test_the_hook_is_called_where_the_work_sees_the_stop_before_it_is_told(
    shell: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, end = stopping.Stop.request, stopping.Stop.end
    called, ended = threading.Event(), threading.Event()
    workers: list[threading.Thread] = []

    class Quick(Work):
        def stop(self) -> None:
            called.set()

    def work(job: Work) -> None:
        workers.append(threading.current_thread())
        until_stopped(job)

    def request_late(stop: stopping.Stop) -> None:
        if threading.current_thread() not in workers:
            ended.wait(10)
        request(stop)

    def end_and_tell(stop: stopping.Stop) -> None:
        end(stop)
        ended.set()

    monkeypatch.setattr(stopping.Stop, "request", request_late)
    monkeypatch.setattr(stopping.Stop, "end", end_and_tell)
    job = Quick(work)
    handle = shell.start(job)
    until(lambda: workers)
    handle.stop()
    assert handle.state == "Stopped"
    assert called.wait(5)


def test_a_hook_that_writes_makes_no_noise(
    shell: Session, caplog: pytest.LogCaptureFixture
) -> None:
    raised: list[BaseException] = []

    class Writing(Work):
        def stop(self) -> None:
            try:
                self.write_warning("too late")
            except BaseException as error:
                raised.append(error)
                raise

    job = Writing(until_stopped)
    handle = shell.start(job)
    assert job.began.wait(10)
    handle.stop()
    until(lambda: raised)
    assert [type(error) for error in raised] == [StopRequested]
    assert (warnings_of(handle), caplog.text) == ([], "")


def test_a_hook_that_does_not_return_holds_nobody_up(shell: Session) -> None:
    release = threading.Event()

    class Slow(Work):
        def stop(self) -> None:
            release.wait()

    job = Slow(until_stopped)
    handle = shell.start(job)
    assert job.began.wait(10)
    assert seconds_to_stop(handle) < 5
    release.set()
    assert handle.state == "Stopped"


def test_the_hook_is_not_called_where_nothing_runs(shell: Session) -> None:
    calls: list[str] = []

    class Counted(Work):
        def stop(self) -> None:
            calls.append(self.name or "")

    go = threading.Event()
    first = Counted(lambda job: go.wait(10), name="first")
    handle = shell.start(JobGroup([first, Counted(busy, name="queued")], throttle_limit=1))
    assert first.began.wait(10)
    handle.children[1].stop()
    go.set()
    assert handle.wait(10)
    handle.stop()
    assert calls == []


def test_the_hook_is_not_called_between_two_tries(shell: Session) -> None:
    calls: list[str] = []

    class Flaky(Work):
        def stop(self) -> None:
            calls.append("stop")

    def work(job: Work) -> None:
        raise ValueError("not yet")

    handle = shell.start(JobGroup([Flaky(work)], retry=Retry(1, delay=60)))
    child = handle.children[0]
    until(lambda: child.net.StatusMessage)
    handle.stop()
    assert (handle.state, calls) == ("Stopped", [])


# --- one stop and one work, at the same time ------------------------------------------------------


def test_work_is_given_up_before_anybody_sees_that_it_is() -> None:
    job, seen = Work(until_stopped), list[bool]()
    job.grace = 0.01
    stop = stopping.Stop(job, lambda: seen.append(stop.given_up))
    stop.request()
    until(lambda: stop.given_up)
    assert seen == [False]


def test_work_does_not_begin_after_a_stop() -> None:
    stop, told = stopping.Stop(), []
    stop.request()
    with pytest.raises(StopRequested):
        stop.begin(None, Work(until_stopped))
    stop.pass_on(lambda: told.append(1))
    stop.request()
    assert told == [1]


def test_what_ended_is_neither_told_nor_interrupted() -> None:
    seen: list[str] = []
    job = Work(until_stopped)
    job.grace = 0
    stop = stopping.Stop(job, lambda: seen.append("given up"))
    stop.begin(lambda: seen.append("interrupted"), job)
    stop.pass_on(lambda: seen.append("told"))
    stop.leave()  # a try has ended, and the next one is due
    stop.request()
    until(lambda: seen)
    assert seen == ["given up"]


def test_an_end_waits_for_an_interruption_that_is_under_way() -> None:
    """So that what is killed is not at the next work by then."""
    began, go, seen = threading.Event(), threading.Event(), []

    def interrupt() -> None:
        began.set()
        go.wait(10)
        seen.append("interrupted")

    job = Work(until_stopped)
    job.grace = 0
    stop = stopping.Stop(job)
    stop.begin(interrupt, job)
    stop.request()
    assert began.wait(10)

    def end() -> None:
        stop.leave()
        seen.append("left")

    ending = threading.Thread(target=end)
    ending.start()
    go.set()
    ending.join(10)
    assert seen == ["interrupted", "left"]


# --- async ----------------------------------------------------------------------------------------


def start_async(shell: Session, function: Callable[[], Any]) -> JobHandle:
    job = FunctionJob(function)
    job.grace = GRACE
    return shell.start(job)


def test_an_async_job_may_await_while_it_cleans_up(shell: Session) -> None:
    began, cleaned = threading.Event(), threading.Event()

    async def work() -> None:
        try:
            began.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    handle = start_async(shell, work)
    assert began.wait(10)
    handle.stop()
    assert cleaned.is_set()
    assert handle.state == "Stopped"


def test_an_async_generator_is_cancelled_and_its_finally_runs(shell: Session) -> None:
    cleaned = threading.Event()

    async def work() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            cleaned.set()

    handle = start_async(shell, work)
    while handle.receive(keep=True) != [1]:
        time.sleep(0.001)
    handle.stop()
    assert cleaned.is_set()
    assert (handle.state, handle.receive()) == ("Stopped", [1])


def test_an_async_job_that_swallows_the_cancellation_is_cancelled_again(
    shell: Session, caplog: pytest.LogCaptureFixture
) -> None:
    began = threading.Event()
    swallowed: list[int] = []

    async def work() -> None:
        try:
            began.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.append(1)
        await asyncio.sleep(60)

    handle = start_async(shell, work)
    assert began.wait(10)
    seconds = seconds_to_stop(handle)
    assert swallowed == [1]
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])
    assert seconds >= GRACE
    assert caplog.text == ""


def test_async_work_that_blocks_its_loop_is_interrupted(
    shell: Session, caplog: pytest.LogCaptureFixture
) -> None:
    began = threading.Event()

    async def work() -> None:
        began.set()
        while True:
            pass

    handle = start_async(shell, work)
    assert began.wait(10)
    handle.stop()
    assert (handle.state, warnings_of(handle)) == ("Stopped", [])
    assert caplog.text == ""


def test_async_work_that_never_gives_in_is_given_up(shell: Session) -> None:
    began, over, ended = threading.Event(), threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        while not over.is_set():
            try:
                await asyncio.sleep(0.01)
            except BaseException:  # also of what interrupts it
                continue
        ended.set()

    handle = start_async(shell, work)
    assert began.wait(10)
    handle.stop()
    over.set()
    assert ended.wait(10)
    assert handle.state == "Stopped"
    (warning,) = warnings_of(handle)
    assert GIVEN_UP in warning


# --- time limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["class", "job", "group"])
def test_a_job_that_takes_too_long_is_cancelled_and_fails_with_a_reason(
    shell: Session, where: str
) -> None:
    seen: list[str] = []

    def work(job: Work) -> Iterator[int]:
        try:
            yield 1
            until_stopped(job)
        except StopRequested:
            seen.append("cancelled")
            raise

    class Limited(Work):
        timeout = 0.05

    group_limit = 0.05 if where == "group" else None
    job = (
        Limited(work) if where == "class" else Work(work, timeout=0.05 if where == "job" else None)
    )
    handle = shell.start(JobGroup([job], timeout=group_limit))
    with pytest.raises(JobFailed, match=r"did not end within 0\.05 seconds") as raised:
        handle.result(10)
    assert seen == ["cancelled"]
    assert raised.value.result == [1]
    assert isinstance(raised.value.__cause__, TimeoutError)
    assert isinstance(job.exception, TimeoutError)
    assert handle.reason == "TimeoutError: the work did not end within 0.05 seconds"


def test_powershell_reads_that_time_was_up(shell: Session) -> None:
    handle = shell.start(Work(until_stopped, timeout=0.05))
    assert handle.wait(10)
    reason = shell.run(
        "param($j) $i = $j.ChildJobs[0].JobStateInfo; [string]$i.State; $i.Reason.PythonType",
        j=handle.net,
    )
    assert reason == ["Failed", "TimeoutError"]
    (error,) = handle.receive().errors
    assert error.message == "TimeoutError: the work did not end within 0.05 seconds"


def test_a_time_limit_interrupts_python_code(shell: Session) -> None:
    handle = shell.start(Work(busy, timeout=0.05))
    assert handle.wait(10)
    assert (handle.state, warnings_of(handle)) == ("Failed", [])
    assert handle.reason is not None
    assert handle.reason.startswith("TimeoutError")


def test_a_time_limit_gives_up_what_is_stuck_in_c(shell: Session) -> None:
    release = threading.Event()
    handle = shell.start(Work(lambda job: release.wait(), timeout=0.05))
    assert handle.wait(10)
    release.set()
    assert handle.state == "Failed"
    assert handle.reason is not None
    assert handle.reason.startswith("TimeoutError")
    (warning,) = warnings_of(handle)
    assert GIVEN_UP in warning


def test_a_time_limit_cancels_async_work(shell: Session) -> None:
    cancelled = threading.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    job = FunctionJob(work)
    job.timeout = 0.05
    handle = shell.start(job)
    assert handle.wait(10)
    assert cancelled.is_set()
    assert handle.state == "Failed"


def test_the_time_limit_of_a_job_counts_before_that_of_its_group(shell: Session) -> None:
    def work(job: Work) -> str:
        time.sleep(0.15)
        return "done"

    group = JobGroup([Work(work, timeout=60), Work(work)], timeout=0.05)
    handle = shell.start(group)
    assert handle.wait(10)
    assert [child.state for child in handle.children] == ["Completed", "Failed"]


def test_a_time_limit_begins_when_the_child_does(shell: Session) -> None:
    jobs = [Work(lambda job: time.sleep(0.5)) for _ in range(5)]
    handle = shell.start(JobGroup(jobs, throttle_limit=1, timeout=2))
    assert handle.wait(10)
    assert handle.state == "Completed"


def test_work_that_ends_in_time_is_left_alone(shell: Session) -> None:
    group = JobGroup([Work(lambda job: 1, timeout=2) for _ in range(20)])
    handle = shell.start(group)
    assert handle.result(10) == [1] * 20
    over = threading.Event()
    assert not over.wait(2.5)  # the limits pass
    assert {child.state for child in handle.children} == {"Completed"}
    assert [job.exception for job in group.jobs] == [None] * 20


def test_who_stops_it_first_says_how_it_ended(shell: Session) -> None:
    release = threading.Event()
    job = Work(lambda job: release.wait(), timeout=0.3)
    handle = shell.start(job)
    assert job.began.wait(10)
    handle.stop()  # given up after twice the grace, when the limit is long over
    release.set()
    assert (handle.state, handle.reason) == ("Stopped", None)
    assert not isinstance(job.exception, TimeoutError)


def test_a_time_limit_that_is_no_number_is_refused_and_the_job_stays_new(shell: Session) -> None:
    job = Work(lambda job: 1)
    job.timeout = "soon"  # type: ignore[assignment]
    with pytest.raises(DeclarationError, match="soon"):
        shell.start(JobGroup([Work(lambda job: 2), job]))
    job.timeout = 10
    assert shell.start(job).result(10) == [1]


def test_a_job_that_fails_by_itself_keeps_what_it_wrote_before(shell: Session) -> None:
    def work(job: Work) -> Iterator[int]:
        for number in range(1000):
            if number % 100 == 0:
                job.write_warning(str(number))
            yield number
        raise ValueError("at the end")

    with pytest.raises(JobFailed, match="ValueError: at the end") as raised:
        shell.start(Work(work)).result(10)
    assert raised.value.result == list(range(1000))
    assert [str(warning) for warning in raised.value.result.warnings] == [
        str(number) for number in range(0, 1000, 100)
    ]


# --- the moment in which the work ends ------------------------------------------------------------


def test_an_interruption_that_comes_as_the_work_ends_spares_the_thread(shell: Session) -> None:
    grace, rounds, places = 0.05, 25, 12
    chance = random.Random(1)
    threads: set[str] = set()

    class Edge(Job):
        def __init__(self, after: float) -> None:
            super().__init__()
            self.grace = grace
            self.after = after
            self.began = threading.Event()

        def run(self) -> None:
            threads.add(threading.current_thread().name)
            self.began.set()
            while not self.stopping:
                time.sleep(0.001)
            # Asleep and busy by turns: it is to end in any of the states that it can be in.
            end = time.monotonic() + self.after
            while time.monotonic() < end:
                time.sleep(0.0005)

    class Next(Job):
        def run(self) -> str:
            return threading.current_thread().name

    for _ in range(rounds):
        jobs = [Edge(grace + chance.uniform(-0.006, 0.008)) for _ in range(places)]
        group = JobGroup([*jobs, *(Next() for _ in range(places))], throttle_limit=places)
        handle = shell.start(group)
        for job in jobs:
            assert job.began.wait(10)
        children = handle.children
        for job, child in zip(jobs, children, strict=False):
            child.net.RequestStop()
            job.grace = 10  # from the interruption on: a busy machine is no reason to give it up
        names = handle.result(10)
        assert [child.state for child in children] == ["Stopped"] * places + ["Completed"] * places
        assert warnings_of(handle) == []
        assert set(names) <= threads  # no thread had to be made in place of a lost one
    assert rounds * places == 300


PROLOGUE = """
import faulthandler, sys, threading, time
from psbridge import StopRequested
from psbridge.jobs.stopping import InterruptibleThread

faulthandler.dump_traceback_later(30, exit=True)
stretch = InterruptibleThread()

def check_that_code_is_traced():
    traced = []
    sys.settrace(lambda frame, event, arg: traced.append(event))
    (lambda: None)()
    sys.settrace(None)
    assert traced[0] == "call"
"""


@pytest.mark.parametrize(
    "code",
    [
        """
        stretch.enter()
        interrupts = threading.Thread(target=stretch.interrupt)
        try:
            interrupts.start()
            while True:
                pass
        except StopRequested:
            pass
        stretch.leave()
        check_that_code_is_traced()
        """,
        """
        stretch.enter()
        stretch._interrupted = True  # what was asked for has not come yet
        stretch.leave()
        check_that_code_is_traced()
        """,
        """
        ready = threading.Event()
        def sleep():
            stretch.enter()
            ready.set()
            time.sleep(3600)
        threading.Thread(target=sleep, daemon=True).start()
        ready.wait()
        stretch.interrupt()
        check_that_code_is_traced()
        """,
        """
        woken = []
        ready, go_on = threading.Event(), threading.Lock()
        go_on.acquire()
        def wait():
            stretch.enter()
            try:
                ready.set()
                go_on.acquire()
                while True:
                    pass
            except StopRequested:
                woken.append(True)
        waits = threading.Thread(target=wait)
        waits.start()
        ready.wait()
        threading.settrace(lambda *_: None)
        interrupts = threading.Thread(target=stretch.interrupt)  # is traced itself
        interrupts.start()
        interrupts.join()
        threading.settrace(None)
        check_that_code_is_traced()
        go_on.release()
        waits.join()
        assert woken
        """,
    ],
    ids=["came", "taken back", "sleeps on", "woke up later"],
)
def test_code_is_traced_as_ever_after_an_interruption(run_python: "RunPython", code: str) -> None:
    """CPython 3.11 begins no traced function while it looks for exceptions of threads."""
    done = run_python(PROLOGUE + textwrap.dedent(code))
    assert (done.returncode, done.stderr) == (0, "")
