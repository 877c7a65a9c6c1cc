"""Listening to a shell, or to one command of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .connection import Connection
from .errors import Fault, NoAnswer, NotSent, NotWinRM, RequestError, TimedOut
from .messages import Answer, Envelope, Messages

if TYPE_CHECKING:
    from .connections import Connections

__all__ = ["GONE", "Listener"]

# What a request says whose shell or command has gone, or was closed under it.
GONE = frozenset({995, 1223, 2150858843, 2150859204, 2150859230})
# The endpoint's limits of operations: a Receive that meets one was not taken.
_OPERATIONS = frozenset({2150859174, 2150859239, 2150859240})
# How long to wait before each repetition of a Receive that got no answer.
_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
# How often a Receive is repeated where the machine takes it and stays silent.
_SILENCES = 2
# How much longer than it was asked to a machine may take for an answer.
_GRACE_SECONDS = 30.0


class Lost(Exception):
    """A Receive got no answer, however often it was repeated; the cause is the last refusal."""

    def __init__(self, tries: int, seconds: float) -> None:
        super().__init__(tries, seconds)
        self.tries, self.seconds = tries, seconds


class Listener:
    """Receives what a shell or a command says, on a thread and a connection of its own.

    A Receive that got no answer is repeated with the same MessageID, by which the machine gives
    the same data again: a new id would lose what was in the lost answer. It looks for its end
    between two Receives, and `leave` cuts the one that waits.
    """

    def __init__(
        self,
        connections: Connections,
        messages: Messages,
        command: str | None,
        *,
        poll: float,
        hear: Callable[[str], None],
        ended: Callable[[Listener, Exception | None], None],
    ) -> None:
        """Make a listener, which does not listen yet.

        Args:
            connections: where it gets its connection.
            messages: of its shell.
            command: the command's id; None listens to the shell.
            poll: how many seconds the machine is to wait for something to say.
            hear: gets the fragments, one after the other.
            ended: is told that nothing comes any more, and what went wrong.
        """
        self.command = command
        self._connections, self._messages = connections, messages
        self._patience = poll + _GRACE_SECONDS
        self._hear, self._ended = hear, ended
        self._leaving = threading.Event()
        self._connection: Connection | None = None
        name = f"psbridge receives {command or messages.shell}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def expect_end(self) -> None:
        """From now on the shell or the command may be gone: that is its end, and no fault."""
        self._leaving.set()

    def leave(self, seconds: float) -> bool:
        """Listen no longer, cutting the connection where an answer is waited for.

        Args:
            seconds: how long this may take.

        Returns:
            Whether the thread has ended.
        """
        self._leaving.set()
        until = time.monotonic() + seconds
        # Again and again: the connection may have been between two sockets.
        while self._thread.is_alive() and time.monotonic() < until:
            if (connection := self._connection) is not None:
                connection.abort()
            self._thread.join(0.02)
        return not self._thread.is_alive()

    def is_listening(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tells whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failure: Exception | None = None
        try:
            with self._connections.one() as connection:
                self._connection = connection
                try:
                    self._listen(connection)
                finally:
                    self._connection = None
        except Exception as error:
            if not self._leaving.is_set():
                failure = error
        self._ended(self, failure)

    def _listen(self, connection: Connection) -> None:
        done = False
        while not done and not self._leaving.is_set():
            try:
                answer = self._receive(connection, self._messages.receive(self.command))
            except TimedOut:
                continue
            for fragments in answer.streams:
                self._hear(fragments)
            done = answer.done

    def _receive(self, connection: Connection, envelope: Envelope) -> Answer:
        begun = time.monotonic()
        tries = silences = 0
        while True:
            sent = time.monotonic()
            try:
                return self._messages.read(connection.send(envelope, answer_within=self._patience))
            except RequestError as error:
                if not _may_be_repeated(error):
                    raise
                silences += time.monotonic() - sent >= self._patience
                if tries == len(_PAUSES) or silences > _SILENCES:
                    raise Lost(tries + 1, time.monotonic() - begun) from error
            if self._leaving.wait(_PAUSES[tries]):
                return Answer(done=True)
            tries += 1


def _may_be_repeated(error: RequestError) -> bool:
    if isinstance(error, Fault):
        return error.code in _OPERATIONS
    if isinstance(error, NotWinRM):
        return error.status == 503
    return isinstance(error, NoAnswer | NotSent)
