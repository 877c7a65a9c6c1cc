"""Following a job: its values, its records and its states, as they come.

Guarantees: each record is given once, to one loop or to whoever else receives the job; what was
given is let go of, so that memory stays flat; a loop that is left loses nothing, what it has not
given is in the job as before. Several threads and tasks may go through one stream, and each gets a
part. The session's turn is not asked for: a job can be followed while that runs something else.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ..errors import SessionClosedError
from ..session.ending import check_ending
from ..session.options import check_cancelled
from ..session.owned_runspace import GRACE_SECONDS
from ..session.result import Result
from ..session.stream_records import InformationRecord
from ..waiting import SLICE_SECONDS, Deadline, milliseconds, serve
from .deadlocks import awaiting
from .ends import call_with_news
from .start import check_exit

if TYPE_CHECKING:
    import asyncio

    from .handle import JobHandle
    from .records import Written

__all__ = ["JobEvent", "JobRecord", "JobStream", "events_of", "records_of", "values_of"]

T = TypeVar("T")
# How many records are taken at a time.
_MOST = 256
# What a record is to a stream that does not give it.
_SKIPPED = object()


class _Todo(enum.Enum):
    """What is to be done where there is nothing to give."""

    LOOK = enum.auto()
    UNBLOCK = enum.auto()
    WAIT = enum.auto()


@dataclass(frozen=True)
class JobRecord:
    """Something that a job has written.

    Attributes:
        stream: ``"output"``, ``"error"``, ``"warning"``, ``"verbose"``, ``"debug"``,
            ``"information"`` or ``"progress"``.
        value: the value; of the other streams an `ErrorRecord`, a `MessageRecord`, an
            `InformationRecord` or a `ProgressRecord`.
        time: when it was seen here; of information, when it was written.
        origin: the machine that it came from; None for this one.
        job: the job that wrote it, mostly a child.
    """

    stream: str
    value: Any
    time: dt.datetime
    origin: str | None = field(repr=False)
    job: JobHandle = field(repr=False)

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class JobEvent:
    """A state in which a job was seen.

    Attributes:
        state: the state, as PowerShell names it.
        time: when it was seen.
        job: the job itself or one of its children.
    """

    state: str
    time: dt.datetime
    job: JobHandle


class JobStream(Iterator[T], Generic[T]):
    """What comes of a job: an iterator, for ``for`` and for ``async for``.

    It ends with the job. Where the loop is left, or this is closed, the job runs on.

    Attributes:
        result: what the other streams have had meanwhile, where this gives the values.
    """

    def __init__(
        self,
        source: _Source,
        pick: Callable[[Any], Any],
        *,
        result: Result[Any] | None = None,
        finish: Callable[[], object] = lambda: None,
    ) -> None:
        self.result: Result[Any] = Result() if result is None else result
        self._source = source
        self._pick = pick
        self._finish = finish
        self._is_over = False
        # Held while a piece is taken and gone through, never while something is waited for.
        self._taking = threading.RLock()
        self._unblocks = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while not self._is_over:
            if not isinstance(found := self._take(), _Todo):
                return found
            if found is _Todo.UNBLOCK:
                self._unblock()
            elif found is _Todo.WAIT:
                self._source.check()
                self._source.wait()
        raise StopIteration

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        import asyncio

        while not self._is_over:
            if not isinstance(found := self._take(), _Todo):
                return found
            if found is _Todo.UNBLOCK:
                await asyncio.to_thread(self._unblock)
            elif found is _Todo.WAIT:
                self._source.check()
                await self._source.wait_in(asyncio.get_running_loop())
        raise StopAsyncIteration

    def close(self) -> None:
        """Follow the job no more; what was not given stays in it."""
        with self._taking:
            self._is_over = True
            self._source.close()

    async def aclose(self) -> None:
        """Follow the job no more; what was not given stays in it."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Where it could not be made, or the process ends, there is nothing to give back.
        with contextlib.suppress(Exception):
            self.close()

    def _take(self) -> T | _Todo:
        with self._taking:
            for item in self._source:
                if (picked := self._pick(item)) is not _SKIPPED:
                    return picked  # type: ignore[no-any-return]
            if self._source.is_blocked and not self._is_over:
                return _Todo.WAIT if self._unblocks else _Todo.UNBLOCK
            return _Todo.LOOK if self._is_over or self._fill() else _Todo.WAIT

    def _unblock(self) -> None:
        mine = False
        try:
            with self._taking:
                if self._source.is_blocked and not self._unblocks:
                    mine = self._unblocks = True
            if mine:
                self._source.unblock()
        finally:
            if mine:
                self._unblocks = False

    def _fill(self) -> bool:
        """Take what there is; False where that is nothing, for now."""
        taken = self._source.take()
        if taken is None:
            self.close()
            self._finish()
            return True
        return taken


class _Source(ABC):
    """What a stream takes from, a piece at a time; iterating gives what is left of the piece."""

    is_blocked = False

    def __init__(self, handle: JobHandle, followed: Any) -> None:
        self._handle = handle
        self._followed = followed
        self._leave: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None
        self._closed: Deadline | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    @abstractmethod
    def __next__(self) -> Any: ...

    @abstractmethod
    def take(self) -> bool | None:
        """Take the next piece: whether there is one, for now; None at the end."""

    def unblock(self) -> None:
        """Let the job go on that waits for somebody who receives it."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise where nothing may come any more, or nobody waits for it."""
        check_ending()
        check_cancelled()
        check_exit()
        if not self._handle._session.closed or self._handle.finished:
            return
        # It is being stopped, and ends soon where it ends at all.
        self._closed = self._closed or Deadline(GRACE_SECONDS)
        if self._closed.is_over:
            raise SessionClosedError(
                f"the session was closed before job {self._handle.name} had ended"
            )

    def wait(self) -> None:
        """Wait for news, for a moment."""
        with awaiting(self._handle.net):  # one moment behind the other, without an end
            self._followed.Wait(milliseconds(serve(SLICE_SECONDS)))

    async def wait_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for news, while the loop goes on."""
        import asyncio

        if self._loop is not loop:
            if self._leave is not None:
                self._leave()
            self._loop = loop
            event = self._event = asyncio.Event()

            def tell() -> None:
                # The loop may be closed: nobody waits then.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(event.set)

            self._leave = call_with_news(self._followed, self._handle._session, tell)
            return  # there may have been something before
        assert self._event is not None
        with contextlib.suppress(TimeoutError):
            # Where the session is closed, nothing tells when a job is given up.
            await asyncio.wait_for(self._event.wait(), GRACE_SECONDS if self._closed else None)
        self._event.clear()

    def close(self) -> None:
        """Give back what is left, and let go of the job."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        self._followed.Dispose()


class _Records(_Source):
    def __init__(self, handle: JobHandle) -> None:
        from PSBridge import FollowedJob

        super().__init__(handle, FollowedJob(handle.net))
        self._read: Any = None
        self._used = 0
        self._items: Iterator[Written] = iter(())
        self._time = dt.datetime.now().astimezone()
        self._writer = handle

    def __next__(self) -> Written:
        written = next(self._items)
        self._used += 1
        return written

    def record_of(self, written: Written) -> JobRecord:
        stream, value, origin, net = written
        if net is not self._writer.net:  # it is another one's turn: a handle takes its time
            self._writer = self._handle._other(net)
        time = value.time if isinstance(value, InformationRecord) else self._time
        return JobRecord(stream, value, time, origin, self._writer)

    def take(self) -> bool | None:
        from .records import written

        self._read = read = self._followed.Take(_MOST)
        self._used = 0
        if read is None:
            return None
        self._time = dt.datetime.now().astimezone()
        self._items = iter(written(read, self._handle._session._runspace))
        self.is_blocked = read.Waiting is not None
        return bool(read.Count) or self.is_blocked

    def unblock(self) -> None:
        job = self._handle._other(self._read.Waiting)
        taken = _taken(job._let_go_on(), job.net)
        self._read, self._items = None, taken
        self.is_blocked = False  # not before: another thread may take the next piece then

    def close(self) -> None:
        super().close()
        if self._read is not None:
            self._read.GiveBack(self._used)
            self._read = None


def _taken(result: Result[Any], net: Any) -> Iterator[Written]:
    """What Receive-Job has taken of a job."""
    from .records import Written

    for value, origin in zip(result, result.origins, strict=True):
        yield Written("output", value, origin, net)
    for stream, records in result._by_stream().items():
        for record in records:
            yield Written(stream, record, record.origin, net)


class _States(_Source):
    def __init__(self, handle: JobHandle) -> None:
        from PSBridge import FollowedStates

        super().__init__(handle, FollowedStates(handle.net))
        self._seen: Iterator[Any] = iter(())

    def __next__(self) -> JobEvent:
        from ..values import from_net

        seen = next(self._seen)
        job = self._handle._other(seen.Job)
        return JobEvent(str(seen.State), from_net(seen.Time).astimezone(), job)

    def take(self) -> bool | None:
        seen = self._followed.Take()
        if seen is None:
            return None
        self._seen = iter(seen)
        return len(seen) > 0

    # Nobody else may be there to answer what the job asks.

    def wait(self) -> None:
        from PSBridge import JobQuestions

        JobQuestions.Answer(self._handle.net)
        super().wait()

    async def wait_in(self, loop: asyncio.AbstractEventLoop) -> None:
        import asyncio

        from PSBridge import JobQuestions

        if JobQuestions.IsBlocked(self._handle.net):
            await asyncio.to_thread(JobQuestions.Answer, self._handle.net)
        await super().wait_in(loop)


def records_of(handle: JobHandle) -> JobStream[JobRecord]:
    """All that a job writes; see `JobHandle.records`."""
    source = _Records(handle)
    return JobStream(source, source.record_of)


def events_of(handle: JobHandle) -> JobStream[JobEvent]:
    """The states of a job and of its children; see `JobHandle.events`."""
    return JobStream(_States(handle), lambda event: event)


def values_of(handle: JobHandle) -> JobStream[Any]:
    """A job's values; see `JobHandle.__iter__`."""
    result: Result[Any] = Result()
    others = result._by_stream()

    def pick(record: Written) -> Any:
        if record.stream == "output":
            return record.value
        if record.stream in others:
            others[record.stream].append(record.value)
        return _SKIPPED

    def finish() -> None:
        handle._raise_unless_completed(result)

    return JobStream(_Records(handle), pick, result=result, finish=finish)
