"""The connections of one session: a few, each used by one thread at a time."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import NotSent

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["MOST", "Connections"]

# One sends, one listens to the shell, one to the command that runs. The engine asks for something
# beside the user's command at times, and one that was stopped may end while the next begins. A
# Delete does not wait for its turn: it may have one more. A job of one short command has one.
MOST = 6
_FREE_SECONDS = 30.0


class Connections:
    """Makes connections when they are wanted, and keeps those that nobody uses for the next.

    An NTLM or Kerberos context belongs to its connection, so two threads never share one.
    """

    def __init__(self, make: Callable[[], Connection]) -> None:
        """Make none yet.

        Args:
            make: makes one; nothing is connected by that.
        """
        self._make = make
        self._changed = threading.Condition()
        self._idle: list[Connection] = []
        self._used: set[Connection] = set()
        self._aborted: set[Connection] = set()
        self._closed = self._over = False

    @contextmanager
    def one(self, *, at_once: bool = False, for_long: bool = False) -> Iterator[Connection]:
        """Have a connection for a while, one that the machine has let in where one is free.

        Args:
            at_once: whether to have one more than there may be, instead of waiting.
            for_long: whether it is needed for long: then it is not the only one that there is,
                so that what is sent next need not log on first.

        Raises:
            NotSent: none has become free in time.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._idle or self._over or len(self._used) < MOST,
                0.0 if at_once else _FREE_SECONDS,
            )
            if not (self._idle or at_once or len(self._used) < MOST):
                raise NotSent(f"the session has {MOST} connections, and all of them wait")
            if for_long and len(self._idle) + len(self._used) == 1:
                connection = self._make()
            else:
                connection = self._let_in() or (self._idle.pop() if self._idle else self._make())
            self._used.add(connection)
        with self._given_back(connection):
            yield connection

    @contextmanager
    def one_let_in(self, seconds: float) -> Iterator[Connection]:
        """Have a connection that the machine has let in already.

        Args:
            seconds: how long to wait for one that is in use.

        Raises:
            NotSent: none has become free in time.
        """
        found: list[Connection] = []

        def look() -> bool:
            if not found and (connection := self._let_in()) is not None:
                found.append(connection)
            return bool(found) or not self._used

        with self._changed:
            self._changed.wait_for(look, seconds)
            if not found:
                raise NotSent("the session has no connection that was let in")
            self._used.add(found[0])
        with self._given_back(found[0]):
            yield found[0]

    def silence(self) -> float:
        """For how many seconds nothing was heard on any of them. From any thread."""
        with self._changed:
            return min((one.silence() for one in (*self._idle, *self._used)), default=math.inf)

    def end_waiting(self) -> None:
        """From now on nobody waits for a connection to become free. From any thread."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _let_in(self) -> Connection | None:
        for connection in reversed(self._idle):
            if connection.is_in:
                self._idle.remove(connection)
                return connection
        return None

    @contextmanager
    def _given_back(self, connection: Connection) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._used.discard(connection)
                keep = connection not in self._aborted and not self._closed
                self._aborted.discard(connection)
                if keep:
                    self._idle.append(connection)
                self._changed.notify_all()
            if not keep:
                connection.close()

    def abort(self, connection: Connection) -> None:
        """End a connection under the thread that uses it, for good."""
        with self._changed:
            if connection not in self._used:
                return
            self._aborted.add(connection)
        connection.abort()

    def close(self) -> None:
        """Close those that nobody uses, and the others when they are given back."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
