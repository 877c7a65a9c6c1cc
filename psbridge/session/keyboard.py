"""Single keys from a terminal, and where its cursor is; for terminals of POSIX.

A terminal hands over whole lines and shows what is typed. Both are turned off for as long as a key
is wanted, and only then, so that a process that ends in between leaves the terminal as it was.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..waiting import wait_until

__all__ = ["cursor_position", "drop_keys", "key_waits", "read_key", "without_echo"]

# How long the rest of a sequence that a key sends takes at most, and a terminal's answer.
_SEQUENCE_SECONDS = 0.05
_ANSWER_SECONDS = 1.0
_POSITION = re.compile(rb"\x1b\[(\d+);(\d+)R")


@contextlib.contextmanager
def without_echo(descriptor: int, *, lines: bool = True) -> Iterator[None]:
    """Let a terminal not show what is typed; with ``lines=False``, hand over each key at once."""
    import termios

    before: list[Any] = termios.tcgetattr(descriptor)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    if not lines:
        silent[3] &= ~termios.ICANON
        silent[6] = [*before[6]]
        silent[6][termios.VMIN], silent[6][termios.VTIME] = 1, 0
    # Secrets discard what was typed before they were asked for; keys do not.
    termios.tcsetattr(descriptor, termios.TCSAFLUSH if lines else termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def read_key(descriptor: int, refused: Callable[[], bool]) -> str:
    """Wait for a key: a character, or the sequence that begins with Escape that a key sends.

    Args:
        descriptor: the terminal.
        refused: whether no key is wanted any more; asked ten times a second.

    Raises:
        EOFError: there is no more input, or no key is wanted any more.
    """

    def check() -> None:
        if refused():
            raise EOFError("the question was taken back")

    with without_echo(descriptor, lines=False):
        wait_until(lambda seconds: _readable(descriptor, seconds), meanwhile=check)
        typed = os.read(descriptor, 1)
        if not typed or typed == b"\x04":
            raise EOFError("standard input has ended")
        wanted = _utf8_length(typed[0])
        while len(typed) < wanted:
            typed += os.read(descriptor, wanted - len(typed))
        if typed == b"\x1b":
            while _readable(descriptor, _SEQUENCE_SECONDS):
                typed += os.read(descriptor, 1)
                if len(typed) > 2 and 0x40 <= typed[-1] <= 0x7E:
                    break
    return typed.decode(errors="replace")


def key_waits(descriptor: int) -> bool:
    """Whether a key has been typed that nobody has read."""
    with without_echo(descriptor, lines=False):
        return _readable(descriptor, 0)


def drop_keys(descriptor: int) -> None:
    """Forget what has been typed and not been read."""
    import termios

    termios.tcflush(descriptor, termios.TCIFLUSH)


def cursor_position(descriptor: int, ask: Callable[[str], object]) -> tuple[int, int] | None:
    """Ask a terminal for its cursor's column and line, from 0; None where it does not answer."""
    with without_echo(descriptor, lines=False):
        ask("\x1b[6n")
        answer, deadline = b"", time.monotonic() + _ANSWER_SECONDS
        while (left := deadline - time.monotonic()) > 0 and _readable(descriptor, left):
            answer += os.read(descriptor, 1)
            if found := _POSITION.search(answer):
                return int(found[2]) - 1, int(found[1]) - 1
    return None


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def _utf8_length(first: int) -> int:
    return 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2 if first >= 0xC0 else 1
