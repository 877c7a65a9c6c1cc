"""The ends of jobs: calls when they end, futures, and waits for several at once.

One thread for the whole process makes the calls, see ``JobNews.cs``: two thousand jobs that are
awaited are not two thousand threads. It begins with the first call that is to come.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..arguments import check_left
from ..engine.forking import in_forked_child
from ..errors import SessionClosedError
from ..session.ending import check_ending
from ..waiting import Deadline, guard, wait_until
from .deadlocks import awaiting
from .given import the_jobs
from .stopping import JobThread

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..session.result import Result
    from ..session.session import RunspaceSession
    from .handle import JobHandle

__all__ = [
    "DoneAndNotDone",
    "as_completed",
    "call_now",
    "call_when_ended",
    "call_with_news",
    "forget_session",
    "future_of",
    "wait",
]

# As those of concurrent.futures, which a session would take 5 ms to import.
ALL_COMPLETED = "ALL_COMPLETED"
FIRST_COMPLETED = "FIRST_COMPLETED"
FIRST_EXCEPTION = "FIRST_EXCEPTION"

# At exit: how long a call that is being made is waited for.
_END_SECONDS = 5.0


class _Call(NamedTuple):
    session: RunspaceSession
    callback: Callable[[], object]
    is_last: bool  # the end of a job comes once


class _Ends:
    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Be new; again in a forked child."""
        self._lock = guard()
        self._numbers = itertools.count()
        self._calls: dict[int, _Call] = {}
        self._thread: threading.Thread | None = None
        self._net: Any = None

    def listen(
        self, session: RunspaceSession, callback: Callable[[], object], *, is_last: bool
    ) -> tuple[Any, int]:
        """Have a call made when a number is told: whom to tell it, and which."""
        with self._lock:
            if self._net is None:
                from PSBridge import JobNews

                self._net = JobNews()
            if self._thread is None:
                # Of a kind that goes on at exit: futures whose jobs are stopped then are done.
                self._thread = JobThread(
                    target=self._run, args=(self._net,), name="psbridge job ends", daemon=True
                )
                self._thread.start()
            number = next(self._numbers)
            self._calls[number] = _Call(session, callback, is_last)
        return self._net, number

    def leave(self, net: Any, number: int) -> None:
        with self._lock:
            self._calls.pop(number, None)
        net.Forget(number)

    def forget(self, session: RunspaceSession) -> None:
        with self._lock:
            numbers = [number for number, call in self._calls.items() if call.session is session]
        for number in numbers:
            self._net.Forget(number)
            self._net.Tell(number)

    def end(self) -> None:
        """At exit: a thread that came back from .NET into a Python that is gone would abort it."""
        if self._thread is not None:
            self._net.Close()
            self._thread.join(_END_SECONDS)

    def _run(self, net: Any) -> None:
        while (numbers := net.Take()) is not None:
            for number in numbers:
                with self._lock:
                    call = self._calls.get(number)
                    if call is not None and call.is_last:
                        del self._calls[number]
                if call is not None:
                    _make(call.callback)


def call_now(callback: Callable[[], object]) -> None:
    """Make such a call by the thread that wants it; what it raises is logged."""
    try:
        callback()
    except Exception:  # what a signal handler raises is for whoever is here
        _log_failure()


def _make(callback: Callable[[], object]) -> None:
    try:
        callback()
    except BaseException:  # one that ended this thread would end all further calls
        _log_failure()


def _log_failure() -> None:
    import logging

    logging.getLogger("psbridge").exception("a call of a job's failed")


_ends = _Ends()
# Before the jobs' own handler is registered, so that this comes after it: jobs are stopped there.
atexit.register(_ends.end)
in_forked_child(_ends.begin)


def call_when_ended(
    net: Any, session: RunspaceSession, callback: Callable[[], object]
) -> Callable[[], None]:
    """Call something once a job has ended, with all of its children, or its session is closed.

    Where it has ended, the call is made by that thread, too, and soon.

    Args:
        net: the .NET job.
        session: its session.
        callback: is called on a thread that makes all such calls; it must not wait.

    Returns:
        What lets the call not come, unless it is on its way.
    """
    news, number = _ends.listen(session, callback, is_last=True)
    news.Watch(net, number)
    return functools.partial(_ends.leave, news, number)


def call_with_news(
    followed: Any, session: RunspaceSession, callback: Callable[[], object]
) -> Callable[[], None]:
    """Call something whenever there may be more of a job that is followed.

    Args:
        followed: a ``FollowedJob`` or a ``FollowedStates``.
        session: the job's session; the call is made at its end, too.
        callback: as above.

    Returns:
        What ends these calls.
    """
    news, number = _ends.listen(session, callback, is_last=False)
    followed.News.TellTo(news, number)
    return functools.partial(_ends.leave, news, number)


def forget_session(session: RunspaceSession) -> None:
    """Make the calls for jobs of a session that is closed, which have not ended."""
    _ends.forget(session)


def future_of(handle: JobHandle, *, at_once: bool = True) -> Future[Result]:
    """A future with a job's result; see `JobHandle.as_future`.

    Args:
        handle: the job.
        at_once: whether it is done when this returns, where the job has ended.
    """
    from concurrent.futures import Future

    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def settle() -> None:
        try:
            _check_ended(handle)
            result = handle._result()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    if at_once and handle.finished:
        settle()
    else:
        call_when_ended(handle.net, handle._session, settle)
    return future


def _check_ended(handle: JobHandle) -> None:
    if not handle.finished:
        raise SessionClosedError(f"the session was closed before job {handle.name} had ended")


class DoneAndNotDone(NamedTuple):
    """What `wait` gives.

    Attributes:
        done: the jobs that have ended.
        not_done: the others.
    """

    done: set[JobHandle]
    not_done: set[JobHandle]


def wait(
    jobs: Iterable[JobHandle], timeout: float | None = None, return_when: str = ALL_COMPLETED
) -> DoneAndNotDone:
    """Wait for several jobs, of one session or of several; Ctrl-C works meanwhile.

    See `concurrent.futures.wait`.

    Args:
        jobs: handles on any jobs, one handle, or a session's jobs.
        timeout: how many seconds to wait at most; None is for ever.
        return_when: ``"ALL_COMPLETED"``, ``"FIRST_COMPLETED"`` or ``"FIRST_EXCEPTION"``, which is
            the first job that failed or was stopped.

    Raises:
        DeclarationError: one of them is no handle, or the timeout is no number.
        ValueError: there is no such `return_when`.
    """
    if return_when not in (ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION):
        raise ValueError(
            f"return_when is {return_when!r}; it is ALL_COMPLETED, FIRST_COMPLETED or "
            "FIRST_EXCEPTION"
        )
    handles = the_jobs(jobs, "wait")
    deadline = Deadline(check_left(timeout))
    for handle in _as_they_end(handles, deadline, needs_all=return_when == ALL_COMPLETED):
        if handle is None or return_when == FIRST_COMPLETED:
            break
        if return_when == FIRST_EXCEPTION and handle.state != "Completed":
            break
    done = {handle for handle in handles if handle.finished}
    return DoneAndNotDone(done, set(handles) - done)


def as_completed(jobs: Iterable[JobHandle], timeout: float | None = None) -> Iterator[JobHandle]:
    """Give jobs as they end, those that have ended first; Ctrl-C works meanwhile.

    See `concurrent.futures.as_completed`.

    Args:
        jobs: as for `wait`; a job that is there twice is given once.
        timeout: how many seconds all of them have, from this call on; None is for ever.

    Raises:
        TimeoutError: time is up, and some have not ended.
        DeclarationError: one of them is no handle, or the timeout is no number.
    """
    handles = the_jobs(jobs, "as_completed")
    deadline = Deadline(check_left(timeout))

    def give() -> Iterator[JobHandle]:
        for given, handle in enumerate(_as_they_end(handles, deadline)):
            if handle is None:
                left = len(handles) - given
                raise TimeoutError(f"{left} of {len(handles)} jobs have not ended")
            yield handle

    return give()


def _as_they_end(
    handles: list[JobHandle], deadline: Deadline, *, needs_all: bool = False
) -> Iterator[JobHandle | None]:
    """Jobs as they end, those that have ended first; None, once, where time is up before.

    Args:
        handles: the jobs.
        deadline: when time is up.
        needs_all: whether the caller is served only by the end of each of them.
    """
    running: dict[JobHandle, None] = {}
    for handle in handles:
        if handle.finished:
            yield handle
        else:
            running[handle] = None
    ended: queue.SimpleQueue[JobHandle] = queue.SimpleQueue()
    found: list[JobHandle] = []

    def there(seconds: float) -> bool:
        try:
            found.append(ended.get(timeout=seconds) if seconds > 0 else ended.get_nowait())
        except queue.Empty:
            return False
        return True

    leave: list[Callable[[], None]] = []
    is_forever = deadline.seconds_left is None
    noted = contextlib.ExitStack()
    try:
        for handle in running:
            put = functools.partial(ended.put, handle)
            leave.append(call_when_ended(handle.net, handle._session, put))
            if needs_all and is_forever:
                noted.enter_context(awaiting(handle.net))
        while running:
            # Of several whose ends come one by one, each but the last may be waited for in vain.
            is_last = is_forever and not needs_all and len(running) == 1
            with awaiting(next(iter(running)).net) if is_last else contextlib.nullcontext():
                if not wait_until(there, deadline.seconds_left, meanwhile=check_ending):
                    yield None
                    return
            handle = found.pop()
            del running[handle]
            _check_ended(handle)
            yield handle
    finally:
        noted.close()
        # What has ended is not watched any more.
        for each in leave:
            each()
