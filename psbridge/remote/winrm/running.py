"""One command of a session, from its first fragment to its last acknowledgement."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .packets import acknowledgement, data_packet

if TYPE_CHECKING:
    from .receiving import Listener

__all__ = ["Command"]

# What PowerShell calls the error of a command that was given up while its session goes on.
ERROR_ID = "PSRemotingCommandFailed"


class Command:
    """A command that the machine runs.

    The engine uses the id of a command again, for each part of a file that Copy-Item brings: one of
    these stands for one run.

    Guarantees:

    - The engine hears of a stop only when nothing comes any more from the command, and after how it
      ended. It takes what comes later for a failure.
    - Once it is closed the engine hears nothing of it, be it that the id already is another's.

    Attributes:
        identity: its id, as the engine writes it.
        listener: what listens to it, once the machine has taken it.
        failed: whether it was given up here.
        is_stopped: whether a stop was asked for.
        has_ended: whether nothing comes any more.
    """

    def __init__(self, transport: Any, identity: str) -> None:
        """Make one, which the machine does not know yet.

        Args:
            transport: the session's ``RemoteTransport``.
            identity: its id, as the engine writes it.
        """
        self.identity = identity
        self.listener: Listener | None = None
        self.failed = False
        self.is_stopped = False
        self.has_ended = False
        self._transport = transport
        self._lock = threading.Lock()
        self._owes_stop = False
        self._closed = False

    def listen(self, listener: Listener) -> None:
        """Listen to it; the machine has taken it."""
        self.listener = listener
        listener.start()

    def hear(self, fragments: str) -> None:
        """Hand on what it says."""
        with self._lock:
            if not self._closed:
                self._transport.Feed(data_packet(self.identity, fragments))

    def stopped(self) -> None:
        """The machine has been asked to stop it: acknowledge that now, or when it has ended."""
        with self._lock:
            self._owes_stop = True
            self._acknowledge_stop()

    def ended(self, reason: str) -> None:
        """Nothing comes any more from it.

        Args:
            reason: what to say where it has not told how it ended.
        """
        with self._lock:
            self.has_ended = True
            if not self._closed:
                self._transport.CommandEnded(self.identity, reason, ERROR_ID)
                self._acknowledge_stop()

    def fail(self, reason: str) -> None:
        """Let it fail; the session goes on."""
        with self._lock:
            self.failed = True
            self._transport.FeedFailed(self.identity, reason, ERROR_ID)

    def close(self) -> None:
        """Let the engine hear nothing of it any more."""
        with self._lock:
            self._closed = True
        if self.listener is not None:
            self.listener.expect_end()

    def _acknowledge_stop(self) -> None:
        if self._owes_stop and self.has_ended and not self._closed:
            self._owes_stop = False
            self._transport.Feed(acknowledgement("Signal", self.identity))
