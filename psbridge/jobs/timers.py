"""Calls at a later time, on one thread for the whole process: time limits and graces of jobs.

Rejected: `threading.Timer`, which is a thread for each; ten thousand jobs with a time limit would
be ten thousand threads that wait.
"""

from __future__ import annotations

import atexit
import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable

from ..engine.forking import in_forked_child

__all__ = ["Timer", "call_later", "start_clock"]


class Timer:
    """A call that is to come."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Let it not come; it may be on its way already."""
        if self.callback is not None:
            self.callback = None
            _clock.forget_cancelled()


def call_later(seconds: float, callback: Callable[[], None]) -> Timer:
    """Call something on the timers' thread after so many seconds; it must not wait."""
    try:
        when = time.monotonic() + seconds
    except OverflowError:  # an integer larger than any float
        when = math.inf
    timer = Timer(when, callback)
    _clock.add(timer)
    return timer


def start_clock() -> None:
    """Start the timers' thread; while Python exits it may be too late for that."""
    _clock.start()


# What it calls does not wait; but where there are no threads to be had, stop hooks are called here.
_END_SECONDS = 5.0


class _Clock:
    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Be new; again in a forked child, where work of an executor's may want timers."""
        # Entered itself, and not by its condition; see `start`.
        self._guard = threading.RLock()
        self._changed = threading.Condition(self._guard)
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._cancelled = 0
        self._thread: threading.Thread | None = None
        self._ended = False

    def start(self) -> None:
        with self._guard:
            if self._thread is None and not self._ended:
                thread = threading.Thread(target=self._run, name="psbridge timers", daemon=True)
                thread.start()
                self._thread = thread

    def add(self, timer: Timer) -> None:
        self.start()
        with self._guard:
            if self._ended:
                return
            heapq.heappush(self._heap, (timer.when, next(self._numbers), timer))
            if self._heap[0][2] is timer:
                self._changed.notify()

    def forget_cancelled(self) -> None:
        # Jobs end long before their time limit; a heap that kept them until then would grow.
        with self._guard:
            self._cancelled += 1
            if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].callback is not None]
                heapq.heapify(self._heap)
                self._cancelled = 0

    def end(self) -> None:
        """At exit: a thread that came back from .NET into a Python that is gone would abort it."""
        with self._guard:
            self._ended = True
            self._heap.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        while (callback := self._next()) is not None:
            try:
                callback()
            except Exception:
                import logging

                logging.getLogger("psbridge").exception("a timer's call failed")

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next call that is due; None at the end."""
        with self._guard:
            while not self._ended:
                if not self._heap:
                    self._changed.wait()
                    continue
                when, _, timer = self._heap[0]
                left = when - time.monotonic()
                if left > 0:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                    continue
                heapq.heappop(self._heap)
                callback, timer.callback = timer.callback, None
                if callback is not None:
                    return callback
                self._cancelled -= 1
        return None


_clock = _Clock()
# Before the jobs' own handler is registered, so that this comes after it: stopping needs timers.
atexit.register(_clock.end)
in_forked_child(_clock.begin)
