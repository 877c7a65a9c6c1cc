"""Opening the shell of a session on a machine, and deleting it on every way out."""

from __future__ import annotations

import enum
import random
import threading
import time
from collections.abc import Callable
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
# How long a shell is tried to be deleted, and one that may be there, or may come yet.
_DELETE_SECONDS = 10.0
_LATE_SECONDS = 20.0
_DELETE_ANSWER_SECONDS = 5.0
_DELETE_PAUSES = (0.1, 0.25, 0.5, 1.0)


class _State(enum.Enum):
    NONE = "there is none on the machine"
    MAYBE = "there may be one, or may be soon"
    OPEN = "there is one"


class Shell:
    """The shell of one session; used by one thread.

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
                connection.send(envelope, answer_within=max(left, 0.1))
            except RequestError as error:
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
                if pause is None or now + pause > self._until or self._given_up.is_set():
                    raise _tried(error, tries, now - begun) from None
                tell(_tried(error, tries, now - begun))
                self._given_up.wait(pause)
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
        until = time.monotonic() + (_DELETE_SECONDS if certain else _LATE_SECONDS)
        tries = 0
        while (left := until - time.monotonic()) > 0:
            try:
                connection.send(
                    self._messages.delete(), answer_within=min(left, _DELETE_ANSWER_SECONDS)
                )
            except LogonRefused:
                return False
            except RequestError as error:
                if certain and is_gone(error):
                    break
            else:
                break
            time.sleep(min(_DELETE_PAUSES[min(tries, len(_DELETE_PAUSES) - 1)], left))
            tries += 1
        else:
            return False
        self._state = _State.NONE
        return True


def _tried(error: RequestError, tries: int, seconds: float) -> RequestError:
    """The same reason, which says how often it was tried."""
    if tries == 1:
        return error
    return RequestError(f"{error} (tried {tries} times in {seconds:.0f} s)", error.code)
