"""Calls at a later time: their order, and that they can be taken back."""

import logging
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from psbridge.jobs import timers
from psbridge.jobs.timers import Timer, call_later


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[timers._Clock]:
    """A clock of the test's own: the process's one may have timers of other tests."""
    made = timers._Clock()
    monkeypatch.setattr(timers, "_clock", made)
    yield made
    made.end()


def test_a_call_comes_when_its_time_is_there(clock: timers._Clock) -> None:
    came = threading.Event()
    began = time.monotonic()
    call_later(0.05, came.set)
    assert came.wait(10)
    assert time.monotonic() - began >= 0.05


def test_calls_come_in_the_order_of_their_times_not_of_their_making(clock: timers._Clock) -> None:
    came: list[str] = []
    over = threading.Event()
    for name, seconds in (("third", 0.09), ("first", 0.03), ("second", 0.06)):
        call_later(seconds, partial(came.append, name))
    call_later(0.1, over.set)
    assert over.wait(10)
    assert came == ["first", "second", "third"]


def test_calls_for_the_same_moment_come_in_the_order_of_their_making(clock: timers._Clock) -> None:
    came: list[int] = []
    over = threading.Event()
    moment = time.monotonic() + 0.02
    for number in range(20):
        clock.add(Timer(moment, partial(came.append, number)))
    clock.add(Timer(moment, over.set))
    assert over.wait(10)
    assert came == list(range(20))


def test_a_later_timer_does_not_hold_up_one_that_is_made_after_it(clock: timers._Clock) -> None:
    came = threading.Event()
    call_later(60, lambda: None)
    call_later(0.01, came.set)
    assert came.wait(5)


def test_a_cancelled_call_does_not_come(clock: timers._Clock) -> None:
    came: list[str] = []
    over = threading.Event()
    taken_back = call_later(0.03, lambda: came.append("taken back"))
    call_later(0.06, over.set)
    taken_back.cancel()
    taken_back.cancel()  # once more is nothing
    assert over.wait(10)
    assert came == []


def test_cancelling_after_the_call_came_is_nothing(clock: timers._Clock) -> None:
    came = threading.Event()
    timer = call_later(0, came.set)
    assert came.wait(10)
    timer.cancel()
    again = threading.Event()
    call_later(0, again.set)
    assert again.wait(10)


def test_cancelled_timers_do_not_pile_up(clock: timers._Clock) -> None:
    kept = [call_later(3600, lambda: None) for _ in range(10)]
    for _ in range(10_000):
        call_later(3600, lambda: None).cancel()
    assert len(clock._heap) < 200
    assert {timer for *_, timer in clock._heap} >= set(kept)


def test_those_that_are_left_still_come_after_many_were_cancelled(clock: timers._Clock) -> None:
    came: list[int] = []
    over = threading.Event()
    for number in range(1000):
        timer = call_later(0.1, partial(came.append, number))
        if number % 100:
            timer.cancel()
    call_later(0.1, over.set)
    assert over.wait(10)
    assert came == list(range(0, 1000, 100))


def test_many_timers_need_one_thread(clock: timers._Clock) -> None:
    before = threading.active_count()
    made = [call_later(3600, lambda: None) for _ in range(1000)]
    assert threading.active_count() == before + 1
    for timer in made:
        timer.cancel()


def test_a_call_that_raises_harms_no_other(
    clock: timers._Clock, caplog: pytest.LogCaptureFixture
) -> None:
    came = threading.Event()

    def fail() -> None:
        raise ValueError("not today")

    with caplog.at_level(logging.ERROR, "psbridge"):
        call_later(0, fail)
        call_later(0.01, came.set)
        assert came.wait(10)
    assert "not today" in caplog.text


def test_a_call_may_make_another_one(clock: timers._Clock) -> None:
    came = threading.Event()

    def call_again() -> None:
        call_later(0, came.set)

    call_later(0, call_again)
    assert came.wait(10)


def test_timers_from_many_threads_all_come(clock: timers._Clock) -> None:
    came = threading.Semaphore(0)

    def make() -> None:
        for number in range(200):
            timer = call_later(0.01 * (number % 3), came.release)
            call_later(0.02, came.release).cancel()
            assert timer is not None

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(800):
        assert came.acquire(timeout=10)
    assert not came.acquire(blocking=False)


def test_after_the_end_nothing_comes_and_nobody_waits(clock: timers._Clock) -> None:
    came = threading.Event()
    call_later(60, came.set)
    clock.end()
    call_later(0, came.set)
    assert not came.is_set()
    assert clock._thread is not None
    assert not clock._thread.is_alive()
