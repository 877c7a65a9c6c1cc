"""Opening the shell of a session on a machine, and deleting it on every way out."""

from __future__ import annotations

import enum
import random
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import TYPE_CHECKING

from .endings import is_gone, is_quota, is_unreachable
from .errors import LogonRefused, NoAnswer, NotSent, NotWinRM, RequestError, TimedOut

if TYPE_CHECKING:
    from .connection import Connection
    from .connections import Connections
    from .messages import Messages

__all__ = ["Shell"]

# Before a Create is sent again: to a machine that is not up yet, and to one that has as many shells
# as it may have. With some chance, so that many do not come at the same time.
_PAUSES = (0.5, 1.0, 2.0)
_QUOTA_PAUSE, _QUOTA_GROWTH, _QUOTA_LONGEST = 0.5, 1.6, 10.0
# How long a shell is tried to be deleted.
_DELETE_SECONDS = 10.0
# How long the answer to a Create that nobody wants any more is waited for: it tells that there is a
# shell now, and brings the balancer's cookie.
_UNWANTED_SECONDS = 30.0
# What is left for a Delete after its Create was given up, tried to be deleted, and never answered.
_LAST_DELETE_SECONDS = 2.0
_DELETE_ANSWER_SECONDS = 5.0
_DELETE_PAUSES = (0.1, 0.25, 0.5, 1.0)


class _State(enum.Enum):
    NONE = "there is none on the machine"
    MAYBE = "there may be one, or may be soon"
    OPEN = "there is one"


class Shell:
    """The shell of one session.

    A Create is sent again only where the machine cannot have taken it: not connected, answered by
    503, refused for a quota. After one without an answer there may be a shell, or may be one soon:
    its id is ours, so it is deleted without having heard of it.
    """

    def __init__(
        self, connections: Connections, messages: Messages, *, name: str, open_timeout: float
    ) -> None:
        """Describe a shell that does not exist yet.

        Args:
            connections: where it gets its connections.
            messages: of the shell.
            name: the machine's, for threads.
            open_timeout: how many seconds a session may take to be open.
        """
        self._connections, self._messages, self._name = connections, messages, name
        self._until = time.monotonic() + open_timeout
        self._given_up = threading.Event()
        self._state = _State.NONE
        self._lock = threading.Lock()
        self._waiting: Connection | None = None  # for the answer to a Create
        self._answered = threading.Event()
        self._deleting: threading.Thread | None = None

    @property
    def may_exist(self) -> bool:
        """Whether there is something to delete, as far as is known."""
        return self._state is not _State.NONE

    def create(self, fragments: str, tell: Callable[[RequestError], None]) -> str:
        """Open it.

        Args:
            fragments: what the engine begins with.
            tell: hears why it is not open yet, before each new try.

        Returns:
            How the connection has authenticated.

        Raises:
            RequestError: it cannot be opened, or is not wanted any more.
        """
        with self._connections.one() as connection:
            with self._lock:
                self._waiting = connection
            try:
                self._create(connection, fragments, tell)
            finally:
                self._answered.set()
                with self._lock:
                    self._waiting = None
                    deleting = self._deleting
                if deleting is not None:
                    deleting.join()
            return connection.authenticated_with

    def give_up(self) -> None:
        """Nobody waits for it to open any more. From any thread.

        Its Create is left waiting, for the answer tells that there is a shell now, and brings a
        balancer's cookie; meanwhile another connection tries to delete it without.
        """
        with self._lock:
            self._given_up.set()
            if self._waiting is None or self._deleting is not None:
                return
            self._deleting = threading.Thread(
                target=self._delete_unheard,
                args=(self._waiting,),
                name=f"psbridge deletes at {self._name}",
                daemon=True,
            )
            self._deleting.start()

    def delete(self, retire: Callable[[], object], wait: float) -> bool:
        """Delete it, for some seconds again and again where there is no answer.

        A Delete may be sent as often as one likes: there is nothing it could do twice. Where the
        machine refuses a new connection, one that it has let in before is waited for.

        Args:
            retire: lets those who listen give back their connections when they have an answer.
            wait: how many seconds that may take them.

        Returns:
            Whether it is gone.
        """
        # It has a time of its own once there is an answer, however late that has come.
        unheard = self._deleting is not None and self._state is not _State.OPEN
        until = time.monotonic() + (_LAST_DELETE_SECONDS if unheard else _DELETE_SECONDS)
        try:
            with self._connections.one(at_once=True) as connection:
                gone = self._delete(connection, until, time.sleep)
        except LogonRefused:
            retire()
            gone = self._delete_by_others(wait)
        if gone:
            self._state = _State.NONE
        return gone

    def _delete_by_others(self, wait: float) -> bool:
        """Delete it by the connections that were let in, one after the other."""
        until = time.monotonic() + wait + _DELETE_SECONDS
        while (left := until - time.monotonic()) > 0:
            try:
                with self._connections.one_let_in(left) as connection:
                    return self._delete(connection, time.monotonic() + _DELETE_SECONDS, time.sleep)
            except LogonRefused:
                continue  # that one is let in no more
            except NotSent:
                break
        return False

    def _delete(
        self, connection: Connection, until: float, pause_for: Callable[[float], object]
    ) -> bool:
        """Delete it by one connection; whether it is gone. Ends where the pause gives true."""
        for pause in _delete_pauses():
            left = max(0.1, until - time.monotonic())
            # By the time of the answer there may be one, which "there is none" says nothing of.
            was_open = self._state is _State.OPEN
            try:
                connection.send(
                    self._messages.delete(), answer_within=min(left, _DELETE_ANSWER_SECONDS)
                )
            except LogonRefused:
                raise
            except RequestError as error:
                if was_open and is_gone(error):
                    break
                if time.monotonic() + pause > until or pause_for(pause):
                    return False
            else:
                break
        return True

    def _create(
        self, connection: Connection, fragments: str, tell: Callable[[RequestError], None]
    ) -> None:
        begun = time.monotonic()
        pauses = iter(_PAUSES)
        quota_pause = _QUOTA_PAUSE
        tries = 0
        while not self._given_up.is_set():
            tries += 1
            left = self._until - time.monotonic()
            envelope = self._messages.create(fragments, max(left, 1.0))
            self._state = _State.MAYBE
            try:
                connection.send(envelope, answer_within=max(left, 0.1) + _UNWANTED_SECONDS)
            except RequestError as error:
                if isinstance(error, NoAnswer) and self._given_up.is_set():
                    raise
                if not _may_be_taken(error, connection):
                    self._state = _State.NONE
                if is_quota(error):
                    pause: float | None = quota_pause * random.uniform(0.8, 1.2)
                    quota_pause = min(quota_pause * _QUOTA_GROWTH, _QUOTA_LONGEST)
                elif is_unreachable(error):
                    pause = next(pauses, None)
                else:
                    raise
                now = time.monotonic()
                tried = _tried(error, tries, now - begun)
                if pause is None or now + pause > self._until:
                    raise tried from None
                tell(tried)
                self._given_up.wait(pause)
            else:
                self._state = _State.OPEN
                return
        raise NotSent(f"{self._name}: the session was given up before it was open")

    def _delete_unheard(self, waiting: Connection) -> None:
        """Delete it while the answer to its Create is waited for, and then wait no longer."""
        begun = time.monotonic()
        if not waiting.has_asked:
            self._connections.abort(waiting)  # there is nothing to be answered
            return
        try:
            with self._connections.one(at_once=True) as connection:
                gone = self._delete(connection, begun + _DELETE_SECONDS, self._answered.wait)
        except LogonRefused:
            gone = False
        if gone:
            self._state = _State.NONE
        elif self._answered.wait(max(0.0, begun + _UNWANTED_SECONDS - time.monotonic())):
            return
        # Whether or not it is gone: the machine has had its time.
        if not self._answered.is_set():
            self._connections.abort(waiting)


def _may_be_taken(error: RequestError, connection: Connection) -> bool:
    """Whether there may be a shell after a Create that has failed so."""
    if isinstance(error, NotWinRM):
        # Who stands between has answered, and may have handed it on, such as a gateway whose time
        # was up. What it refuses, or has no place for (3xx, 4xx), it has not.
        passed_on = not 300 <= error.status < 500 and not is_unreachable(error)
        return connection.has_asked and passed_on
    return isinstance(error, NoAnswer | TimedOut)


def _delete_pauses() -> Iterator[float]:
    return chain(_DELETE_PAUSES, repeat(_DELETE_PAUSES[-1]))


def _tried(error: RequestError, tries: int, seconds: float) -> RequestError:
    """The same reason, which says how often it was tried."""
    if tries == 1:
        return error
    return RequestError(f"{error} (tried {tries} times in {seconds:.0f} s)", error.code)
