"""Listening to a shell, or to one command of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .connection import Connection
from .endings import is_busy, is_gone
from .errors import Fault, RequestError, TimedOut
from .messages import Answer, Messages

if TYPE_CHECKING:
    from .connections import Connections

__all__ = ["GRACE_SECONDS", "LONGEST_SILENCES", "Listener", "Lost"]

# How much longer than it was asked to a machine may take for an answer. Some answer an idle
# Receive only after half a minute, whatever they were asked.
GRACE_SECONDS = 30.0
# How long to wait before each repetition of a Receive that got no answer: five, at most.
_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
# How often a Receive is repeated that the machine took and left without any answer.
_SILENCES = 2
# How many of them there are at most before a session is given up.
LONGEST_SILENCES = _SILENCES + 1
# How soon after another an idle machine is asked at most.
_HASTE_SECONDS = 0.1
# How long a rest is.
_REST_SECONDS = 1.0


class Lost(Exception):
    """A Receive got no answer, however often it was repeated; the cause is the last refusal.

    Attributes:
        tries: how often it was sent.
        seconds: for how long.
    """

    def __init__(self, tries: int, seconds: float) -> None:
        super().__init__(tries, seconds)
        self.tries, self.seconds = tries, seconds


class Listener:
    """Receives what a shell or a command says, on a thread of its own.

    It has a connection while it waits for an answer, and none while that is handed on: what comes
    of it, such as the first command of a shell that has opened, has the same one.

    Guarantees:

    - A Receive that got no answer is repeated with the same MessageID, by which the machine gives
      the same data again; a new id would lose what was in the lost answer.
    - Each timed-out fault, and each empty answer, is a place where it looks whether it is wanted.
    - After `leave` has returned true, nothing is heard any more.
    - It rests once at most, and a rest can be ended.
    """

    def __init__(
        self,
        connections: Connections,
        messages: Messages,
        command: str | None,
        *,
        poll: float,
        retries: int,
        hear: Callable[[str], None],
        ended: Callable[[Exception | None], None],
        rests_when: Callable[[], bool] | None = None,
    ) -> None:
        """Make a listener, which does not listen yet.

        Args:
            connections: where it gets its connection.
            messages: of its shell.
            command: the command's id; None listens to the shell.
            poll: how many seconds the machine is to wait for something to say.
            retries: how often an answer that was lost is asked for again, five times at most.
            hear: gets the fragments, one after the other.
            ended: is told that nothing comes any more, and what went wrong.
            rests_when: tells, before each request, whether there may be nothing to hear for a
                while.
        """
        self._connections, self._messages, self._command = connections, messages, command
        self._patience = poll + GRACE_SECONDS
        self._retries = min(retries, len(_PAUSES))
        self._hear, self._ended = hear, ended
        self._rests_when = rests_when
        self._expected = self._has_rested = False
        self._leaving = threading.Event()
        self._rested = threading.Event()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        name = f"psbridge receives {command or messages.shell}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def rest_no_longer(self) -> None:
        """There is something to be heard."""
        self._rested.set()

    def expect_end(self) -> None:
        """From now on what it listens to may go away: that is its end, and no fault."""
        self._expected = True

    def retire(self) -> None:
        """Listen no longer than to the next answer, so that the connection stays as it is."""
        self._leave()

    def leave(self, seconds: float = 2.0) -> bool:
        """Listen no longer; what waits for an answer is cut.

        Args:
            seconds: how long to wait for the thread.

        Returns:
            Whether it has ended.
        """
        self._leave()
        until = time.monotonic() + seconds
        # Not once: it may have been between two connections.
        while self._thread.is_alive() and time.monotonic() < until:
            with self._lock:
                if self._connection is not None:
                    self._connections.abort(self._connection)
            self._thread.join(0.05)
        return not self._thread.is_alive()

    def is_listening(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tells whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failure: Exception | None = None
        try:
            self._listen()
        except Exception as error:
            failure = error
        if self._leaving.is_set() or (self._expected and failure is not None):
            failure = None
        self._ended(failure)

    def _leave(self) -> None:
        self._expected = True
        self._leaving.set()
        self._rested.set()

    def _rest(self) -> None:
        if not self._has_rested and self._rests_when is not None and self._rests_when():
            self._rested.wait(_REST_SECONDS)
            self._has_rested = True

    def _listen(self) -> None:
        done = False
        while not done:
            self._rest()
            if self._leaving.is_set():
                return
            asked = time.monotonic()
            try:
                with self._connections.one(for_long=self._has_rested) as connection:
                    answer = self._receive_by(connection)
            except TimedOut:
                answer = Answer()
            if not answer.streams and not answer.done:
                # A machine that does not wait for something to say is not asked in a loop.
                if time.monotonic() - asked < _HASTE_SECONDS:
                    self._leaving.wait(_HASTE_SECONDS)
                continue
            for fragments in answer.streams:
                if self._leaving.is_set():
                    return
                self._hear(fragments)
            done = answer.done

    def _receive_by(self, connection: Connection) -> Answer:
        with self._lock:
            self._connection = connection
        try:
            return self._receive(connection)
        finally:
            with self._lock:
                self._connection = None

    def _receive(self, connection: Connection) -> Answer:
        envelope = self._messages.receive(self._command)
        begun = time.monotonic()
        tries = silences = 0
        while True:
            sent = time.monotonic()
            try:
                answer = connection.send(envelope, answer_within=self._patience)
                return self._messages.read(answer)
            except RequestError as error:
                if not is_busy(error) or (self._expected and is_gone(error)):
                    raise
                silences += time.monotonic() - sent >= self._patience
                if tries == self._retries or silences > _SILENCES:
                    raise Lost(tries + 1, time.monotonic() - begun) from error
                if isinstance(error, Fault):  # a limit: it was not taken
                    envelope = self._messages.receive(self._command)
            if self._leaving.wait(_PAUSES[tries]):
                return Answer(done=True)
            tries += 1
