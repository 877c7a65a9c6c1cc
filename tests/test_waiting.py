"""Waits: what they see meanwhile, when they end, and where they must not be."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from psbridge import waiting
from psbridge.waiting import Deadline, guard, join, milliseconds, poll_until, wait_until


class Mine(Exception):
    """What ends a wait here."""


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.RLock]:
    monkeypatch.setattr(waiting, "_guards", [])
    return guard()  # type: ignore[no-any-return]


def test_what_is_there_is_not_waited_for() -> None:
    seen: list[float] = []

    def there(seconds: float) -> bool:
        seen.append(seconds)
        return True

    assert wait_until(there, 0)
    assert wait_until(there)
    assert seen == [0, waiting.SLICE_SECONDS]


def test_a_wait_ends_when_time_is_up_and_not_before() -> None:
    event = threading.Event()
    for seconds in (0, 0.05, 0.25):
        began = time.monotonic()
        assert not wait_until(event.wait, seconds)
        assert time.monotonic() - began >= seconds
    assert not poll_until(event.is_set, 0.05, every=0.01)


def test_what_comes_meanwhile_ends_a_wait() -> None:
    event = threading.Event()
    timer = threading.Timer(0.05, event.set)
    timer.start()
    assert wait_until(event.wait, 60)
    assert poll_until(event.is_set, 60, every=0.01)
    timer.join()


def test_the_last_look_is_after_the_last_moment() -> None:
    looks = iter([False, True])
    assert poll_until(lambda: next(looks), 0, every=0.01)


def test_meanwhile_is_asked_and_what_it_raises_ends_the_wait() -> None:
    asked = []

    def meanwhile() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise Mine

    with pytest.raises(Mine):
        wait_until(threading.Event().wait, meanwhile=meanwhile)
    asked.clear()
    with pytest.raises(Mine):
        poll_until(lambda: False, meanwhile=meanwhile, every=0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_ctrl_c_ends_a_wait_in_which_nothing_can_be_interrupted() -> None:
    """One that goes on after a signal, as .NET's do."""

    def there(seconds: float) -> bool:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            time.sleep(seconds)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return False

    timer = threading.Timer(0.15, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        wait_until(there, 60)
    timer.join()


def test_a_thread_is_joined() -> None:
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    assert not join(thread, 0.01)
    event.set()
    assert join(thread)


def test_nobody_waits_under_a_modules_lock(lock: threading.RLock) -> None:
    with lock, pytest.raises(AssertionError, match="under a lock"):
        wait_until(lambda seconds: True)
    assert wait_until(lambda seconds: True)
    # One that another thread holds is none of ours.
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert wait_until(lambda seconds: True)
    over.set()
    thread.join()


def test_a_deadline_counts_down_to_zero() -> None:
    assert (Deadline(None).left(), Deadline(None).is_over) == (waiting.SLICE_SECONDS, False)
    assert (Deadline(-1).left(), Deadline(0).is_over) == (0, True)
    assert 0 < Deadline(5).left(60) <= 5


def test_a_moment_is_no_poll_for_net() -> None:
    assert [milliseconds(seconds) for seconds in (0, 0.0001, 0.1)] == [0, 1, 100]
