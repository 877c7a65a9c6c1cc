"""An executor of the standard library's kind whose work items are PowerShell jobs.

Each call is a job of its own, so that it is listed, stopped and removed by itself. Those that wait
for a place are listed, too, as NotStarted, as far as they are among the next ones: a job takes some
kilobytes, and what waits may be a million.

Guarantees:

- A future is done when its job has ended, and not before. Where the job is to be removed it is out
  of the repository by then.
- Each future ends, whatever ends its job: the session's close, Stop-Job, a stop without effect.
- No lock is held while .NET or somebody else's code is called. Whoever takes a call out of the
  queues, under the lock, does with it what is to be done, and nobody else does.

(`places.executor` is the other way round: it does the work of jobs in somebody else's executor.)
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from ..arguments import check_flag, check_text, check_whole
from ..engine.forking import check_process
from ..waiting import wait_until
from .executor_call import CallJob, ExecutorCall
from .job import name_of

if TYPE_CHECKING:
    from .session import JobSession

__all__ = ["JobExecutor"]

P = ParamSpec("P")
T = TypeVar("T")

# How many of those that wait are listed.
_LISTED = 100


class JobExecutor(Executor):
    """Calls functions as PowerShell jobs of a session; made by `Session.executor`.

    It does what the standard library's executors do, so whatever takes one of them takes this.
    """

    def __init__(
        self,
        session: JobSession,
        max_workers: int | None = None,
        *,
        name: str | None = None,
        keep: bool = False,
    ) -> None:
        """Begin to take work; see `Session.executor`."""
        if max_workers is None:
            max_workers = min(32, (os.cpu_count() or 1) + 4)  # ThreadPoolExecutor's
        elif check_whole(max_workers, "max_workers") < 1:
            raise ValueError(f"max_workers is {max_workers}; it has to be 1 or more")
        check_text(name, "name", optional=True)
        check_flag(keep, "keep")
        self._session = session
        self._max_workers = max_workers
        self._name = name
        self._keep = keep
        self._numbers = itertools.count(1)
        # Guards what follows. A signal handler may submit, too.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._listed: OrderedDict[ExecutorCall[Any], None] = OrderedDict()  # wait, and have a job
        self._unlisted: OrderedDict[ExecutorCall[Any], None] = OrderedDict()  # wait behind those
        self._listing = False  # whether somebody makes a job of the first of these
        self._working: set[ExecutorCall[Any]] = set()  # have a place
        self._open = 0  # how many futures are not done
        self._shut: str | None = None  # why it takes no more

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function in a job, when there is a place for it.

        Args:
            fn: the function.
            args: its arguments.
            kwargs: its arguments by name.

        Returns:
            A future of what the function returns. Where the job is stopped (Stop-Job, the session's
            close) it raises `JobStopped`, and is cancelled where the call had not begun.

        Raises:
            RuntimeError: it has been shut down, or its session is closed.
            DeclarationError: there is no function to call, or it is a class of jobs.
            ForkedProcessError: this is a forked child of the process that has made it.
        """
        check_process()
        number = next(self._numbers)
        call: ExecutorCall[T] = ExecutorCall(self, CallJob(fn, *args, **kwargs))
        call.job.name = f"{self._name or call.job.command} {number}"
        with self._lock:
            if self._shut is None and self._session.closed:
                self._shut = "its session is closed"
            if self._shut is not None:
                raise RuntimeError(f"cannot schedule new futures after shutdown: {self._shut}")
            self._open += 1
            self._unlisted[call] = None
        # First of all callbacks: a future is cancelled by whoever has it.
        call.drop_when_cancelled()
        self._go_on()
        return call.future

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **options: Any,
    ) -> Iterator[T]:
        """Call a function with each item, or with one of each of several iterables.

        Args:
            fn: the function.
            iterables: the items; all are taken now.
            timeout: how many seconds from now all results may take.
            chunksize: how many items one job takes, 1 or more.
            options: what else the standard library's has, such as ``buffersize``.

        Returns:
            The results in the order of the items.

        Raises:
            TimeoutError: time is up; raised where a result is asked for.
            ValueError: the chunks would have less than one item.
            Exception: what the function has raised, where its result is asked for; what `submit`
                raises.
        """
        if check_whole(chunksize, "chunksize") < 1:
            raise ValueError("chunksize must be >= 1.")
        if chunksize == 1:
            return super().map(fn, *iterables, timeout=timeout, **options)
        chunks = _chunks(zip(*iterables), chunksize)  # noqa: B905  (as the standard library's)
        results = super().map(_ChunkCall(fn), chunks, timeout=timeout, **options)
        return _in_one(results)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work.

        Args:
            wait: whether to wait until all that was submitted is done; Ctrl-C works meanwhile.
            cancel_futures: whether to cancel what has not begun.

        Raises:
            RuntimeError: work of this executor waits, which would be for itself.
        """
        check_process()
        with self._lock:
            here = threading.current_thread()
            inside = any(call.thread is here for call in self._working)
        if wait and inside:
            raise RuntimeError("work of an executor cannot wait for the end of all its work")
        self._shut_down("shutdown was called", cancel=cancel_futures)

        def done(seconds: float) -> bool:
            with self._lock:
                return self._changed.wait_for(lambda: self._open == 0, seconds)

        if wait:
            self._go_on()  # where an exception of a signal handler's has left a submit
            wait_until(done)

    def _shut_down(self, why: str, *, cancel: bool) -> None:
        """Take no more work, and cancel what has not begun."""
        with self._lock:
            self._shut = self._shut or why
            waiting = [*self._listed, *self._unlisted] if cancel else []
        for call in reversed(waiting):  # so that none of them comes to be listed, or begins
            call.future.cancel()

    def _go_on(self) -> None:
        """Let begin what there is a place for, and list those that are next."""
        while True:
            if (call := self._take()) is not None:
                call.begin()
            elif (call := self._next_to_list()) is not None:
                try:
                    call.list_it()
                finally:
                    self._is_listed(call)
            else:
                return

    def _take(self) -> ExecutorCall[Any] | None:
        """Take the next call, which gets a place."""
        with self._lock:
            if len(self._working) >= self._max_workers or (self._listing and not self._listed):
                return None  # who lists looks here again
            queue = self._listed or self._unlisted
            if not queue:
                return None
            call, _ = queue.popitem(last=False)
            self._working.add(call)
            return call

    def _next_to_list(self) -> ExecutorCall[Any] | None:
        """Take the next call that is to be listed, which nobody else touches meanwhile."""
        with self._lock:
            if self._listing or not self._unlisted or len(self._listed) >= _LISTED:
                return None
            self._listing = True
            call, _ = self._unlisted.popitem(last=False)
            return call

    def _is_listed(self, call: ExecutorCall[Any]) -> None:
        with self._lock:
            self._listing = False
            self._listed[call] = None
        call.drop_where_cancelled()

    def _withdraw(self, call: ExecutorCall[Any]) -> bool:
        """Take a call out of the queues; False where it is in none any more."""
        with self._lock:
            for queue in (self._listed, self._unlisted):
                if call in queue:
                    del queue[call]
                    return True
            return False

    def _leave(self, call: ExecutorCall[Any]) -> None:
        """A call is over, and its future is done; `_go_on` is to follow."""
        with self._lock:
            self._working.discard(call)
            self._open -= 1
            self._changed.notify_all()

    def __repr__(self) -> str:
        name = "" if self._name is None else f" {self._name!r}"
        return f"<JobExecutor{name} {'open' if self._shut is None else 'shut down'}>"


class _ChunkCall(Generic[T]):
    """Calls a function with each of several items."""

    def __init__(self, function: Callable[..., T]) -> None:
        self._function = function
        self.__qualname__ = name_of(function)  # the job's command

    def __call__(self, rows: Iterable[tuple[Any, ...]]) -> list[T]:
        return [self._function(*row) for row in rows]


def _chunks(rows: Iterator[tuple[Any, ...]], size: int) -> Iterator[tuple[tuple[Any, ...], ...]]:
    while chunk := tuple(itertools.islice(rows, size)):
        yield chunk


def _in_one(results: Iterator[list[T]]) -> Iterator[T]:
    for values in results:
        yield from values
