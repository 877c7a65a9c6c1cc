"""Stopping the work of one child job: asking, then interrupting, then giving up.

What is asked for is passed on at once: `Job.stopping` is true, the next write raises, an async
job is cancelled, `Job.stop` is called. When the grace is over the thread is interrupted by an
exception raised in it, which ends Python code (a process is killed). What does not end then is
stuck in a call that is not Python's; after another grace it is given up.

Rejected: to interrupt again and again. The work may be cleaning up by then, and would be torn out
of that, too.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from ..errors import StopRequested
from .job import Job
from .timers import Timer, call_later

__all__ = ["InterruptibleThread", "JobThread", "Stop", "raise_in_thread"]


class Stop:
    """A request to stop one child's work, and what comes of it.

    Attributes:
        requested: whether it has been asked for.
        pass_on: called once, from any thread, when it is; for what waits in the work.
        interrupt: called once when the grace is over.
        given_up: whether nobody waits for the work any more.
    """

    def __init__(self, job: Job, give_up: Callable[[], None]) -> None:
        """Prepare for a stop.

        Args:
            job: whose grace and hook count.
            give_up: called once when the second grace is over, on a thread of its own.
        """
        self.requested = False
        self.pass_on: Callable[[], None] | None = None
        self.interrupt: Callable[[], None] | None = None
        self.given_up = False
        self._job = job
        self._give_up = give_up
        self._timer: Timer | None = None
        self._ended = False

    def request(self) -> None:
        """Ask the work to stop; called by .NET, from any thread, and never raises or waits.

        Guarantee: work that runs when this is called has its hook called, also where it sees that
        it is to stop, and ends, before the hook is reached.
        """
        if self._ended:
            return
        self.requested = True
        self._timer = call_later(self._job.grace, self._interrupt)
        if self._ended:  # between the two lines above
            self._timer.cancel()
        elif self.pass_on is not None:
            with contextlib.suppress(Exception):  # the work has ended by itself meanwhile
                self.pass_on()
        if getattr(self._job.stop, "__func__", None) is not Job.stop:
            self._in_a_thread(self._call_hook, "stop hook")

    def end(self) -> None:
        """The work has ended: there is nothing to stop any more."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()

    def _interrupt(self) -> None:
        self._timer = call_later(
            self._job.grace, lambda: self._in_a_thread(self._abandon, "give up")
        )
        if self._ended:
            self._timer.cancel()
        elif self.interrupt is not None:
            with contextlib.suppress(Exception):  # likewise
                self.interrupt()

    def _abandon(self) -> None:
        # On a thread of its own: a Receive-Job that is busy keeps whoever ends a job waiting.
        self.given_up = True
        self._give_up()

    def _call_hook(self) -> None:
        try:
            self._job.stop()
        except StopRequested:
            pass  # it wrote, and the streams take nothing any more
        except BaseException:
            import logging

            logging.getLogger("psbridge").exception("the stop of %r failed", self._job)

    def _in_a_thread(self, target: Callable[[], None], what: str) -> None:
        name = f"psbridge {what} {self._job.command}"
        try:
            threading.Thread(target=target, name=name, daemon=True).start()
        except RuntimeError:  # there are no more to be had: Python 3.12 starts none while it exits
            call_later(0, target)


class JobThread(threading.Thread):
    """A thread on which psbridge does the work of jobs."""


class InterruptibleThread:
    """The stretch of a thread's life in which an exception may be raised in it from outside.

    Guarantee: once `leave` has returned no exception comes any more. Assumption: nobody else
    raises exceptions in this thread from outside, twice within a moment.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._interrupted = False

    def enter(self) -> None:
        """Begin the stretch, on the thread itself."""
        self._thread = threading.get_ident()

    def leave(self) -> None:
        """End the stretch, on the thread itself."""
        try:
            self._leave()
        except StopRequested:  # raised in the midst of leaving
            self._leave()

    def interrupt(self) -> None:
        """Raise StopRequested in the thread, as soon as it runs Python code."""
        with self._lock:
            if self._thread is not None:
                self._interrupted = True
                raise_in_thread(self._thread, StopRequested)

    def _leave(self) -> None:
        with self._lock:
            self._thread = None
            if self._interrupted:  # take it back where it has not come yet
                raise_in_thread(threading.get_ident(), None)


def raise_in_thread(thread: int, kind: type[BaseException] | None) -> None:
    """Raise an exception in a thread as soon as it runs Python code; None takes it back."""
    import ctypes

    raised = ctypes.py_object(kind) if kind is not None else ctypes.py_object()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
