"""The connections of one session: a few, each used by one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .connection import Connection

__all__ = ["MOST", "Connections"]

# One sends, one listens to the shell, one to the command that runs. The engine asks for something
# beside the user's command at times, and one that was stopped may end while the next begins.
MOST = 6


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
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """Have a connection for a while; waits where there are as many as there may be."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or len(self._used) < MOST)
            connection = self._idle.pop() if self._idle else self._make()
            self._used.add(connection)
        try:
            yield connection
        finally:
            with self._changed:
                self._used.discard(connection)
                keep = connection not in self._aborted and not self._closed
                self._aborted.discard(connection)
                if keep:
                    self._idle.append(connection)
                self._changed.notify()
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
