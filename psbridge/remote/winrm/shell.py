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
from .errors import LogonRefused, NoAnswer, RequestError, TimedOut
from .messages import Messages

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Shell"]

# Before a Create is sent again: to a machine that is not up yet, and to one that has as many shells
# as it may have. With some chance, so that many do not come at the same time.
_PAUSES = (0.5, 1.0, 2.0)
_QUOTA_PAUSE, _QUOTA_GROWTH, _QUOTA_LONGEST = 0.5, 1.6, 10.0
# How long a shell is tried to be deleted. The answer to a Create that nobody wants any more is
# waited for as long: it tells that there is a shell now, and brings the balancer's cookie.
_DELETE_SECONDS = 10.0
_DELETE_ANSWER_SECONDS = 5.0
_DELETE_PAUSES = (0.1, 0.25, 0.5, 1.0)


class _State(enum.Enum):
    NONE = "there is none on the machine"
    MAYBE = "there may be one, or may be soon"
    OPEN = "there is one"


class Shell:
    """The shell of one session; used by one thread, but for `delete_unheard`.

    A Create is sent again only where the machine cannot have taken it: not connected, answered by
    503, refused for a quota. After one without an answer there may be a shell, or may be one soon:
    its id is ours, so it is deleted without having heard of it.
    """

    def __init__(self, messages: Messages, *, open_timeout: float, given_up: threading.Event):
        """Describe a shell that does not exist yet.

        Args:
            messages: of the shell.
            open_timeout: how many seconds a session may take to be open.
            given_up: is set when nobody wants it any more.
        """
        self._messages = messages
        self._until = time.monotonic() + open_timeout
        self._given_up = given_up
        self._state = _State.NONE
        self._delete_until = 0.0

    @property
    def may_exist(self) -> bool:
        """Whether there is something to delete, as far as is known."""
        return self._state is not _State.NONE

    def create(
        self,
        connection: Connection,
        fragments: str,
        tell: Callable[[RequestError], None],
    ) -> None:
        """Open it.

        Args:
            connection: where to send.
            fragments: what the engine begins with.
            tell: hears why it is not open yet, before each new try.

        Raises:
            RequestError: it cannot be opened.
        """
        begun = time.monotonic()
        pauses = iter(_PAUSES)
        quota_pause = _QUOTA_PAUSE
        tries = 0
        while True:
            tries += 1
            left = self._until - time.monotonic()
            envelope = self._messages.create(fragments, max(left, 1.0))
            self._state = _State.MAYBE
            try:
                connection.send(envelope, answer_within=max(left, 0.1) + _DELETE_SECONDS)
            except RequestError as error:
                if isinstance(error, NoAnswer) and self._given_up.is_set():
                    raise
                if not isinstance(error, NoAnswer | TimedOut):
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
                if self._given_up.wait(pause):
                    raise tried from None
            else:
                self._state = _State.OPEN
                return

    def delete(self, connection: Connection) -> bool:
        """Delete it, for some seconds again and again where there is no answer.

        A Delete may be sent as often as one likes: there is nothing it could do twice.

        Returns:
            Whether it is gone.
        """
        certain = self._state is _State.OPEN
        until = self._until_deleted()
        for pause in _delete_pauses():
            try:
                self._delete_once(connection, until)
            except LogonRefused:
                return False
            except RequestError as error:
                if certain and is_gone(error):
                    break
                if time.monotonic() + pause > until:
                    return False
                time.sleep(pause)
            else:
                break
        self._state = _State.NONE
        return True

    def delete_unheard(self, connection: Connection, answered: threading.Event) -> bool:
        """Delete it while the answer to its Create is waited for.

        Args:
            connection: another one than the Create's.
            answered: is set when there is an answer, or will be none.

        Returns:
            Whether there was one, and it is gone.
        """
        until = self._until_deleted()
        for pause in _delete_pauses():
            try:
                self._delete_once(connection, until)
            except LogonRefused:
                return False
            except RequestError:
                if time.monotonic() + pause > until or answered.wait(pause):
                    return False
            else:
                self._state = _State.NONE
                return True
        return False

    def _until_deleted(self) -> float:
        """When to give up: so long after the first try."""
        if not self._delete_until:
            self._delete_until = time.monotonic() + _DELETE_SECONDS
        return self._delete_until

    def _delete_once(self, connection: Connection, until: float) -> None:
        left = max(0.1, until - time.monotonic())
        connection.send(self._messages.delete(), answer_within=min(left, _DELETE_ANSWER_SECONDS))


def _delete_pauses() -> Iterator[float]:
    return chain(_DELETE_PAUSES, repeat(_DELETE_PAUSES[-1]))


def _tried(error: RequestError, tries: int, seconds: float) -> RequestError:
    """The same reason, which says how often it was tried."""
    if tries == 1:
        return error
    return RequestError(f"{error} (tried {tries} times in {seconds:.0f} s)", error.code)
