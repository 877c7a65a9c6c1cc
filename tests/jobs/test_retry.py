"""Trying again what failed, as an option of a group."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import Job, JobFailed, JobGroup, JobHandle, Session
from psbridge.jobs import FunctionJob, Retry


class Flaky(Job):
    """Fails with these exceptions, one a try, and then gives the number of its tries."""

    grace = 0.3

    def __init__(self, *failures: BaseException, name: str | None = None) -> None:
        super().__init__(name)
        self.failures = list(failures)
        self.tries: list[float] = []

    def run(self) -> Iterator[object]:
        self.tries.append(time.monotonic())
        yield f"try {len(self.tries)}"
        if self.failures:
            raise self.failures.pop(0)


def start(shell: Session, *jobs: Job, retry: Retry, **options: Any) -> JobHandle:
    return shell.start(JobGroup(jobs, retry=retry, **options))


def said(handle: JobHandle) -> str:
    """What Get-Job shows as the StatusMessage of the first child."""
    return str(handle.children[0].net.StatusMessage)


def test_what_fails_is_tried_again_and_may_succeed(shell: Session) -> None:
    job = Flaky(ValueError("one"), KeyError("two"))
    handle = start(shell, job, retry=Retry(3))
    assert handle.result(10) == ["try 1", "try 2", "try 3"]
    assert (handle.state, handle.reason) == ("Completed", None)
    assert len(job.tries) == 3


def test_the_last_failure_is_the_reason_when_there_is_no_further_try(shell: Session) -> None:
    job = Flaky(*(ValueError(f"number {number}") for number in range(9)))
    handle = start(shell, job, retry=Retry(2))
    with pytest.raises(JobFailed, match="ValueError: number 2") as raised:
        handle.result(10)
    assert len(job.tries) == 3
    assert raised.value.result == ["try 1", "try 2", "try 3"]
    assert str(raised.value.__cause__) == "number 2"
    (error,) = raised.value.result.errors
    assert error.message == "ValueError: number 2"


def test_without_retry_there_is_one_try(shell: Session) -> None:
    job = Flaky(ValueError("once"))
    handle = shell.start(JobGroup([job]))
    assert handle.wait(10)
    assert (handle.state, len(job.tries), said(handle)) == ("Failed", 1, "")


def test_no_times_are_no_further_try(shell: Session) -> None:
    job = Flaky(ValueError("once"))
    assert start(shell, job, retry=Retry(0)).wait(10)
    assert len(job.tries) == 1


@pytest.mark.parametrize(
    ("failure", "tries"),
    [(ConnectionResetError(), 2), (TimeoutError(), 2), (ValueError(), 1), (SystemExit(3), 1)],
)
def test_only_the_exceptions_that_were_asked_for_are_tried_again(
    shell: Session, failure: BaseException, tries: int
) -> None:
    job = Flaky(failure)
    handle = start(shell, job, retry=Retry(5, on=(ConnectionError, TimeoutError)))
    assert handle.wait(10)
    assert len(job.tries) == tries
    assert handle.state == ("Completed" if tries == 2 else "Failed")


def test_by_default_what_ends_programs_is_not_tried_again(shell: Session) -> None:
    job = Flaky(KeyboardInterrupt())
    assert start(shell, job, retry=Retry(5)).wait(10)
    assert len(job.tries) == 1


def test_the_status_message_says_which_retry_it_is_and_why(shell: Session) -> None:
    job = Flaky(ConnectionError("no route"), RuntimeError())
    handle = start(shell, job, retry=Retry(2, delay=0.2))
    until(lambda: said(handle) == "retry 1 of 2 after ConnectionError: no route")
    assert handle.children[0].state == "Running"
    assert handle.wait(10)
    assert said(handle) == "retry 2 of 2 after RuntimeError"
    shown = shell.run("(Get-Job -IncludeChildJob | ? { $_.StatusMessage }).StatusMessage")
    assert shown == ["retry 2 of 2 after RuntimeError"]


def test_the_delay_grows_by_the_backoff(shell: Session) -> None:
    job = Flaky(*(ValueError() for _ in range(3)))
    assert start(shell, job, retry=Retry(3, delay=0.04, backoff=2)).wait(10)
    waited = [later - sooner for sooner, later in zip(job.tries, job.tries[1:], strict=False)]
    assert [seconds >= least for seconds, least in zip(waited, (0.04, 0.08, 0.16), strict=True)]
    assert all(
        least <= seconds < least + 1
        for seconds, least in zip(waited, (0.04, 0.08, 0.16), strict=True)
    )
    assert [Retry(3, delay=0.04, backoff=2).delay_before(n) for n in (1, 2, 3)] == [
        0.04,
        0.08,
        0.16,
    ]


def test_a_stop_ends_the_wait_for_the_next_try(shell: Session) -> None:
    job = Flaky(ValueError("once"))
    handle = start(shell, job, retry=Retry(5, delay=60))
    until(lambda: said(handle))
    began = time.monotonic()
    handle.stop()
    assert time.monotonic() - began < 5
    assert (handle.state, handle.reason, len(job.tries)) == ("Stopped", None, 1)
    assert handle.receive() == ["try 1"]


def test_stopped_work_is_not_tried_again(shell: Session) -> None:
    began = threading.Event()
    tries: list[int] = []

    class Waiting(Job):
        def run(self) -> None:
            tries.append(1)
            began.set()
            while not self.stopping:
                time.sleep(0.001)
            raise ValueError("while it stops")

    handle = start(shell, Waiting(), retry=Retry(5, on=BaseException))
    assert began.wait(10)
    handle.stop()
    assert (handle.state, tries) == ("Stopped", [1])


def test_the_time_limit_is_for_all_tries_and_their_delays(shell: Session) -> None:
    job = Flaky(*(ValueError() for _ in range(100)))
    handle = start(shell, job, retry=Retry(99, delay=0.05), timeout=0.2)
    assert handle.wait(10)
    assert handle.reason == "TimeoutError: the work did not end within 0.2 seconds"
    assert len(job.tries) < 10


def test_a_try_that_hits_the_time_limit_is_the_last(shell: Session) -> None:
    tries: list[int] = []

    class Slow(Job):
        grace = 0.3

        def run(self) -> None:
            tries.append(1)
            while True:
                self.check_stop()
                time.sleep(0.001)

    handle = start(shell, Slow(), retry=Retry(5), timeout=0.05)
    assert handle.wait(10)
    assert (handle.state, tries) == ("Failed", [1])


def test_a_child_that_is_tried_again_keeps_its_place(shell: Session) -> None:
    first = Flaky(*(ValueError() for _ in range(3)), name="first")
    second = Flaky(name="second")
    handle = start(shell, first, second, retry=Retry(3, delay=0.02), throttle_limit=1)
    assert handle.wait(10)
    assert second.tries[0] > first.tries[-1]
    assert handle.state == "Completed"


def test_each_child_has_its_own_tries(shell: Session) -> None:
    jobs = [Flaky(*(ValueError(f"{n}") for _ in range(n))) for n in range(4)]
    handle = start(shell, *jobs, retry=Retry(2))
    assert handle.wait(10)
    assert [len(job.tries) for job in jobs] == [1, 2, 3, 3]
    assert [child.state for child in handle.children] == ["Completed"] * 3 + ["Failed"]


def test_async_work_is_tried_again(shell: Session) -> None:
    tries: list[int] = []

    async def work() -> int:
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) < 3:
            raise ValueError("not yet")
        return len(tries)

    assert start(shell, FunctionJob(work), retry=Retry(5)).result(10) == [3]


def test_an_exception_that_cannot_be_shown_stops_neither_the_retries_nor_the_next_child(
    shell: Session,
) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    jobs = [Flaky(Unspeakable(), Unspeakable()), Flaky()]
    handle = start(shell, *jobs, retry=Retry(1), throttle_limit=1)
    assert handle.wait(10)
    assert [child.state for child in handle.children] == ["Failed", "Completed"]
    assert said(handle).startswith("retry 1 of 1 after Unspeakable: (its text cannot be had")


def test_a_delay_without_end_waits_for_a_stop(shell: Session) -> None:
    jobs = [Flaky(*(ValueError() for _ in range(9))), Flaky()]
    handle = start(shell, *jobs, retry=Retry(9, delay=1e-305, backoff=1e300), throttle_limit=2)
    until(lambda: handle.children[1].finished)
    until(lambda: "retry 3" in handle.children[0].net.StatusMessage)
    handle.stop()
    assert [child.state for child in handle.children] == ["Stopped", "Completed"]


@pytest.mark.parametrize(
    "options",
    [{"times": -1}, {"times": 1, "delay": -1}, {"times": 1, "delay": float("nan")},
     {"times": 1, "backoff": 0}],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has to be"):
        Retry(**options)


@pytest.mark.parametrize("on", ["ValueError", [ValueError], ValueError("one"), (ValueError, int)])
def test_what_is_no_exception_is_refused(on: Any) -> None:
    with pytest.raises(TypeError, match="it is an exception"):
        Retry(1, on=on)
