"""Sending the requests of a session that are answered at once: one after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .endings import is_unreachable
from .errors import NotSent

if TYPE_CHECKING:
    from .connection import Connection
    from .connections import Connections
    from .messages import Envelope

__all__ = ["Sender"]

# Before a request that has not reached the machine is sent again.
_PAUSES = (0.2, 1.0)


class Sender:
    """Sends requests, each on a connection that is free; used by one thread.

    Nothing is sent twice that the machine may have taken.
    """

    def __init__(self, connections: Connections) -> None:
        """Make one.

        Args:
            connections: where it gets its connections.
        """
        self._connections = connections
        self._lock = threading.Lock()
        self._line: Connection | None = None
        self._cut = threading.Event()

    def send(self, envelope: Envelope, seconds: float) -> None:
        """Send a request and wait for its answer; again only where it has not reached the machine.

        Args:
            envelope: the request.
            seconds: how long its answer may take.

        Raises:
            RequestError: there is none, or it is a refusal.
        """
        pauses = iter(_PAUSES)
        with self._connections.one() as line:
            self._use(line)
            try:
                while True:
                    try:
                        line.send(envelope, answer_within=seconds)
                        return
                    except NotSent as error:
                        pause = next(pauses, None)
                        if pause is None or not is_unreachable(error) or self._cut.wait(pause):
                            raise
            finally:
                self._use(None)

    def cut(self) -> None:
        """Send nothing any more; a request that waits for its answer has none. From any thread."""
        with self._lock:
            self._cut.set()
            line = self._line
        if line is not None:
            self._connections.abort(line)

    def _use(self, line: Connection | None) -> None:
        with self._lock:
            self._line = line
            cut = self._cut.is_set()
        if cut and line is not None:
            self._connections.abort(line)
