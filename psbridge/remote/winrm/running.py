"""One command of a session, from its first fragment to its last acknowledgement."""

from __future__ import annotations

import threading
import time
from typing import Any

from .packets import acknowledgement
from .receiving import Listener

__all__ = ["Command"]

# How long a command is left to begin before it is asked to stop, where it has said nothing yet. One
# that is stopped while PowerShell there still looks for a runspace takes that runspace along: of
# 100 stops at once, one left a session in which nothing ran any more; of 200 some ms later, none.
_BEGINNING_SECONDS = 0.1

# What PowerShell calls the error of a command that was given up while its session goes on.
ERROR_ID = "PSRemotingCommandFailed"


class Command:
    """A command that the machine runs.

    The engine uses the id of a command again, for each part of a file that Copy-Item brings: one of
    these stands for one run, and is forgotten when that is closed.

    Guarantee: the engine hears of a stop only when nothing comes any more from the command, and
    after how it ended. It takes what comes later for a failure.
    """

    def __init__(self, transport: Any, identity: str) -> None:
        """Make one; its listener is to be given to `listen`.

        Args:
            transport: the session's ``RemoteTransport``.
            identity: the command's id, as the engine writes it.
        """
        self.identity = identity
        self.listener: Listener | None = None
        self.failed = False
        self.is_stopped = False
        self._transport = transport
        self._lock = threading.Lock()
        self._taken = 0.0
        self._has_ended = False
        self._stopped = False

    def listen(self, listener: Listener) -> None:
        """Listen to it; the machine has taken it."""
        self.listener = listener
        self._taken = time.monotonic()
        listener.start()

    def let_begin(self, over: threading.Event) -> None:
        """Wait until it can be stopped safely, or the session is over."""
        if self.listener is not None and not self.listener.has_heard:
            over.wait(max(0.0, self._taken + _BEGINNING_SECONDS - time.monotonic()))

    def stopped(self) -> None:
        """The machine has been asked to stop it: acknowledge that now, or when it has ended."""
        with self._lock:
            self._stopped = True
            now = self._has_ended
        if now:
            self._acknowledge()

    def ended(self, reason: str) -> None:
        """Nothing comes any more from it.

        Args:
            reason: what to say where it has not told how it ended.
        """
        self._transport.CommandEnded(self.identity, reason, ERROR_ID)
        with self._lock:
            self._has_ended = True
            now = self._stopped
        if now:
            self._acknowledge()

    def fail(self, reason: str) -> None:
        """Let it fail; the session goes on."""
        self.failed = True
        self._transport.FeedFailed(self.identity, reason, ERROR_ID)

    def _acknowledge(self) -> None:
        self._transport.Feed(acknowledgement("Signal", self.identity))
