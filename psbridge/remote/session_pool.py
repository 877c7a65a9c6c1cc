"""Sessions for the many calls of a service: so many at once, each for one user.

Guarantees:

- No more than so many sessions are open; whoever waits for one is served in the order of asking.
- Who is given a session is its first user and its last: it is opened then and closed afterwards.
  What runs in it then is stopped, within the time that closing a session takes.
- A call that is cancelled, or whose time is up, gives its place back, wherever that happens.

The place of a session that is in use is in the `_Place` of its user alone, which is made before
anything is taken, and from which it is given back whatever a signal handler raises in between.

Rejected: to take back what a user has left, and to lend the session again, which saves 15 of the
20 ms that opening one takes. PowerShell resets variables and a few things more. Functions, modules
and drives can be taken away, but not what types and formats were given, actions that look commands
up, `using` and classes, transcripts, the culture, or code that still runs.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

from ..arguments import check_seconds, check_whole
from ..engine.forking import check_process
from ..errors import SessionClosedError
from ..session.asynchronous import asynchronous
from ..session.opening import SessionOptions
from ..session.options import check_cancelled
from ..waiting import wait_until
from .session import Session

__all__ = ["SessionPool"]


class _Place:
    """A user's place in the queue, and then the session that it is given."""

    __slots__ = ("granted", "session", "wanted")

    def __init__(self) -> None:
        # Free when it is its turn. No Event: see `session.turns`.
        self.wanted = threading.Lock()
        self.wanted.acquire()
        self.granted = False
        self.session: Session | None = None


class SessionPool:
    """Up to so many sessions, for threads and for asyncio.

    Use it as a context manager, or close it. Its methods may be called from any thread.
    """

    def __init__(self, size: int, **options: Any) -> None:
        """Make a pool. Nothing is opened yet.

        Args:
            size: how many sessions may be open at once.
            options: how each is opened, as for `Session`.

        Raises:
            DeclarationError: the size is no whole number.
            ValueError: it is less than 1.
            Exception: what `Session` raises where an option is wrong in itself.
        """
        if check_whole(size, "size") < 1:
            raise ValueError(f"size is {size}; it has to be 1 or more")
        SessionOptions(**options)  # says what is wrong with them before the first is opened
        self._size = size
        self._options = options
        self._lock = threading.RLock()
        self._open: set[Session] = set()
        self._queue: deque[_Place] = deque()
        self._taken = 0  # places that are in use
        self._closed = False

    @property
    def size(self) -> int:
        """How many sessions may be open at once."""
        return self._size

    @property
    def closed(self) -> bool:
        """Whether the pool is closed."""
        return self._closed

    @contextlib.contextmanager
    def session(self, timeout: float | None = None) -> Iterator[Session]:
        """Have a session for the length of a ``with``.

        Args:
            timeout: how many seconds to wait for one at most; None is for ever.

        Raises:
            TimeoutError: all were in use for so long.
            SessionClosedError: the pool is closed, or was closed meanwhile.
            ForkedProcessError: this is a forked child of the process that made the pool.
            Exception: what opening a session raises.
        """
        place = _Place()
        try:
            yield self._take(place, timeout)
        finally:
            self._give_back(place)

    @contextlib.asynccontextmanager
    async def asession(self, timeout: float | None = None) -> AsyncIterator[Session]:
        """Have a session for the length of an ``async with``; see `session`.

        The event loop goes on while this waits, and while the session is closed afterwards.
        """
        place = _Place()
        try:
            yield await self._atake(place, timeout)
        finally:
            # On a thread: closing a session takes its time, and is to be done all the same where
            # this is cancelled.
            back = functools.partial(self._give_back, place)
            try:
                threading.Thread(target=back, name="psbridge pool", daemon=True).start()
            except RuntimeError:  # Python 3.12 starts none while it exits
                back()

    def close(self) -> None:
        """Close all sessions, those in use too, and let nobody have one any more."""
        with self._lock:
            self._closed = True
            waiting, self._queue = list(self._queue), deque()
            sessions, self._open = list(self._open), set()
        for place in waiting:
            place.wanted.release()
        with contextlib.ExitStack() as closing:
            for session in sessions:
                closing.callback(session.close)

    def _take(self, place: _Place, timeout: float | None) -> Session:
        check_process()
        seconds = None if timeout is None else check_seconds(timeout, "timeout")
        with self._lock:
            self._check_open()
            self._queue.append(place)
            self._serve()

        def is_wanted(left: float) -> bool:
            return place.wanted.acquire(timeout=left)

        if not wait_until(is_wanted, seconds, meanwhile=self._look_around):
            raise TimeoutError(f"all {self._size} sessions of the pool were in use for {timeout} s")
        self._check_open()
        place.session = session = Session(**self._options)
        with self._lock:
            if not self._closed:
                self._open.add(session)
        self._check_open()
        return session

    _atake = asynchronous(_take)

    def _serve(self) -> None:
        """Give free places to those who wait; called under the lock."""
        while self._queue and self._taken < self._size:
            place = self._queue.popleft()
            place.granted = True
            self._taken += 1
            place.wanted.release()

    def _give_back(self, place: _Place) -> None:
        try:
            if place.session is not None:
                place.session.close()
        finally:
            with self._lock:
                if place in self._queue:
                    self._queue.remove(place)
                if place.session is not None:
                    self._open.discard(place.session)
                if place.granted:
                    place.granted = False
                    self._taken -= 1
                self._serve()

    def _look_around(self) -> None:
        check_cancelled()
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosedError("the pool of sessions is closed")

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self._taken} of {self._size} in use"
        return f"<SessionPool {state}>"
