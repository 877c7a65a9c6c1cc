"""Stopping the work of one child job: asking, then interrupting, then giving up.

What is asked for is passed on at once: `Job.stopping` is true, the next write raises, an async
job is cancelled, `Job.stop` is called. When the grace is over the thread is interrupted by an
exception raised in it, which ends Python code (a process is killed). What does not end then is
stuck in a call that is not Python's; after another grace it is given up.

Where the work is done in another process there is a `Stop` there, too, which does the same. The
one here passes on to it, and kills or gives up; the one there calls the hook.

Rejected: to interrupt again and again. The work may be cleaning up by then, and would be torn out
of that, too.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from ..errors import StopRequested
from ..waiting import wait_until
from .job import Job
from .timers import Timer, call_later

__all__ = ["InterruptibleThread", "JobThread", "Stop", "raise_in_thread"]


class Stop:
    """A request to stop one child's work, and what comes of it.

    Guarantees, where a stop and the end of the work (or of one try) come at the same time:

    - Work either does not begin, or its hook is called, also where it sees that it is to stop, and
      ends, before the hook is reached. The hook is called once, and only where work runs.
    - What is called to pass the stop on, or to interrupt, is called while `begin` to `leave` last,
      and never afterwards: what is done there next is not hit.
    - After `end` it keeps nobody: .NET has it until its garbage is collected, which may be long,
      for .NET does not see how large what is Python's is.

    Attributes:
        requested: whether it has been asked for.
        given_up: whether nobody waits for the work any more.
    """

    def __init__(
        self,
        job: Job | None = None,
        give_up: Callable[[], None] | None = None,
        is_asked: Callable[[], bool] | None = None,
    ) -> None:
        """Prepare for a stop.

        Args:
            job: whose grace counts; None where it is not known before the work begins.
            give_up: called once when the second grace is over, on a thread of its own.
            is_asked: whether somebody has begun to ask for it. The work may see that and end before
                `request` is called, and the hook is owed then, too.
        """
        self.requested = False
        self.given_up = False
        self._job = job
        self._give_up = give_up
        self._is_asked = is_asked
        # Guards what follows, and is held while the work is told or interrupted. No call under it
        # waits, and none takes it the other way round.
        self._lock = threading.RLock()
        self._ended = False
        self._here: Job | None = None
        self._hook_is_over: threading.Event | None = None
        self._tell: Callable[[], None] | None = None
        self._interrupt: Callable[[], None] | None = None
        self._timer: Timer | None = None

    def begin(self, interrupt: Callable[[], None] | None, here: Job | None = None) -> None:
        """The work begins, or one try of it.

        Args:
            interrupt: called once when the grace is over; must not wait.
            here: the job whose hook is to be called, where the work is done in this process.

        Raises:
            StopRequested: a stop has been asked for, and no work is to begin.
        """
        with self._lock:
            if self.requested:
                raise StopRequested
            self._interrupt = interrupt
            self._here = here
            self._job = self._job or here

    def pass_on(self, tell: Callable[[], None] | None) -> None:
        """Say who in the work is to be told of a stop: something that waits, or a process.

        Args:
            tell: called once, from any thread, when a stop is asked for; now where it has been.
                It must not wait. None where nobody is to be told any more.
        """
        with self._lock:
            self._tell = tell
            if self.requested:
                self.tell()

    def tell(self) -> None:
        """Tell again, where somebody is to be told."""
        with self._lock:
            if self._tell is not None:
                with contextlib.suppress(Exception):  # the work has ended by itself meanwhile
                    self._tell()

    def request(self) -> None:
        """Ask the work to stop; called from any thread, by .NET too, and never raises or waits."""
        with self._lock:
            if self._ended or self.requested:
                return
            self.requested = True
            here, job = self._here, self._job
            if here is not None and getattr(here.stop, "__func__", None) is not Job.stop:
                self._hook_is_over = threading.Event()
            self.tell()
        if job is not None:
            self._start_timer(job.grace, self._time_is_up)
        if (over := self._hook_is_over) is not None:
            assert here is not None
            _in_a_thread(lambda: _call_hook(here, over), f"stop hook {here.command}")

    def wait_for_hook(self, seconds: float) -> None:
        """Wait until the hook has returned, where it is called; for a process that is to end then.

        Args:
            seconds: how many seconds to wait at most.
        """
        if self._hook_is_over is not None:
            wait_until(self._hook_is_over.wait, seconds)

    def leave(self) -> None:
        """The work, or the try, has ended: nothing is to be told or interrupted any more."""
        try:
            self._leave()
        except StopRequested:  # the interruption, of this very thread, came meanwhile
            self._leave()

    def end(self) -> None:
        """The work has ended for good: there is nothing to stop any more."""
        with self._lock:
            self._ended = True
        self.leave()
        if self._timer is not None:
            self._timer.cancel()
        self._job = self._give_up = self._is_asked = None

    def _leave(self) -> None:
        is_asked = self._is_asked
        if is_asked is not None and is_asked():
            self.request()
        with self._lock:
            self._here = self._tell = self._interrupt = None

    def _start_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timer = timer = call_later(seconds, callback)
        if self._ended:  # between the two
            timer.cancel()

    def _time_is_up(self) -> None:
        job = self._job
        if job is not None and self._give_up is not None:
            what = f"give up {job.command}"
            self._start_timer(job.grace, lambda: _in_a_thread(self._abandon, what))
        with self._lock:
            if self._interrupt is not None:
                with contextlib.suppress(Exception):  # the work has ended by itself meanwhile
                    self._interrupt()

    def _abandon(self) -> None:
        # On a thread of its own: a Receive-Job that is busy keeps whoever ends a job waiting.
        give_up = self._give_up
        if give_up is not None:
            give_up()
        # Not before: who waits in the work's place would end the job in the midst of this, as one
        # that has stopped, and without a word.
        self.given_up = True


def _in_a_thread(target: Callable[[], None], what: str) -> None:
    try:
        threading.Thread(target=target, name=f"psbridge {what}", daemon=True).start()
    except RuntimeError:  # there are no more to be had: Python 3.12 starts none while it exits
        call_later(0, target)


def _call_hook(job: Job, over: threading.Event) -> None:
    try:
        job.stop()
    except StopRequested:
        pass  # it wrote, and the streams take nothing any more
    except BaseException:
        import logging

        logging.getLogger("psbridge").exception("the stop of %r failed", job)
    finally:
        over.set()


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
            if self._interrupted:
                self._interrupted = False
                _take_what_comes()


class _Arrived(BaseException):
    """Comes to a thread where one is to come that does nothing."""


def raise_in_thread(thread: int, kind: type[BaseException]) -> None:
    """Raise an exception in another thread as soon as it runs Python code.

    CPython before 3.13 has one flag for the exceptions of all threads, and looks for them at each
    turn of each loop until one has come. While the other thread sleeps, or is in a call that is not
    Python's, all code is slower by a tenth; and under 3.11 no function begins that is called with a
    trace function set, by a debugger or by coverage. So another exception comes to this thread
    right away, which puts the flag down. CPython puts it up again when a thread that has an
    exception waiting takes the GIL, without which that one cannot go on.

    Assumption: nobody interrupts the thread that calls this.
    """
    import ctypes

    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    there, raised = ctypes.c_ulong(thread), ctypes.py_object(kind)
    here, own = ctypes.c_ulong(threading.get_ident()), ctypes.py_object(_Arrived)
    try:
        # No function of Python's is called between these two: it would not begin.
        raise_in(there, raised)
        raise_in(here, own)
        while True:
            pass
    except _Arrived:
        return


def _take_what_comes() -> None:
    """Let an exception that may be on its way to this thread come here, where it does nothing.

    Rejected: to take it back with NULL, as CPython's documentation says. Before 3.13 the flag stays
    up then, for ever.
    """
    import ctypes

    here, own = ctypes.c_ulong(threading.get_ident()), ctypes.py_object(_Arrived)
    try:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(here, own)  # in its place, where it is there yet
        while True:
            pass
    except (_Arrived, StopRequested):
        return
