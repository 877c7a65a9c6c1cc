"""Why a session over ssh has ended: what ssh says of it, and what to try.

ssh's messages are English everywhere: it does not translate them.
"""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .target import SSH

__all__ = ["cannot_start", "cut_off", "ended", "last_words"]

# ssh's own exit code; every other one is the far program's.
_OWN = 255
_LINES = 3
_CHARACTERS = 600

# The first that fits what ssh said says what to try.
_TO_TRY = [
    (
        "Permission denied",
        "nothing is asked for: name a key that the machine knows with key_file=, or let ssh-agent "
        "have it",
    ),
    (
        "Host key verification failed",
        "the machine's key is not the known one, or is not known yet: look at it with ssh once, "
        "or say options={'UserKnownHostsFile': ...}",
    ),
    (
        "subsystem request failed",
        "the machine's sshd has no such subsystem, or cannot start it: its sshd_config needs a "
        "line such as `Subsystem powershell /usr/bin/pwsh -sshs -NoLogo`",
    ),
    ("Connection refused", "nothing listens there: is sshd running, and is it this port?"),
    ("Could not resolve hostname", "no such name: is it an alias of an ssh_config not read here?"),
    ("timed out", "nothing answered there in time"),
    ("Bad configuration option", "this ssh does not know that option"),
    ("Too many authentication failures", "name the key with key_file=, so that no other is tried"),
    ("bad permissions", "a private key must be its owner's alone: chmod 600"),
    ("not responding", "the line is dead, or the machine is"),
]


def ended(
    target: SSH,
    code: int | None,
    said: Iterable[bytes],
    printed: Iterable[bytes],
    *,
    opened: bool,
) -> str:
    """Say why ssh has ended.

    Args:
        target: where it was to.
        code: its exit code; None where it was made to end, because it took or gave nothing more.
        said: the last lines of its standard error.
        printed: the last lines of its standard output that were no packets.
        opened: whether the session was open.
    """
    if code is None:
        what = "ssh has closed its input or its output"
    elif code < 0:
        what = f"ssh was ended by {_signal_name(-code)}"
    elif code == _OWN:
        what = "ssh ended with 255"
    else:
        what = f"ssh ended with {code}, the exit code of the subsystem {target.subsystem!r} there"
    words = _text(said)
    parts = [f"the connection was lost: {what}" if opened else what, words]
    if not opened:
        noise = _text(printed)
        parts.append(f"it printed: {noise}" if noise else "")
    parts.append(next((to_try for sign, to_try in _TO_TRY if sign in words), ""))
    if not (opened or parts[-1] or code is None or code < 0 or code == _OWN):
        parts[-1] = "that subsystem has to start PowerShell: `pwsh -sshs`"
    return f"{target.location}: {'; '.join(part for part in parts if part)}"


def cannot_start(target: SSH, error: Exception) -> str:
    """Say why there is no ssh."""
    why = f"{target.executable} cannot be started: {_words_of(error)}"
    if isinstance(error, FileNotFoundError):
        why += "; install an OpenSSH client, or name it with executable="
    elif isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        why += "; lower the throttle limit, or raise the limit of open files (ulimit -n)"
    return f"{target.location}: {why}"


def cut_off(target: SSH, error: Exception) -> str:
    """Say why ssh is made to end though it runs."""
    return f"{target.location}: the session cannot go on: {_words_of(error)}"


def _words_of(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "what came from there is damaged"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def last_words(said: Iterable[bytes]) -> str:
    """What ssh has said so far, for a reason that is not its own; empty where it has not."""
    text = _text(said)
    return f"ssh said: {text}" if text else ""


def _text(lines: Iterable[bytes]) -> str:
    texts = [_printable(line) for line in lines]
    return " / ".join([text for text in texts if text][-_LINES:])[-_CHARACTERS:]


def _printable(line: bytes) -> str:
    # A machine's banner may hold what a terminal would obey.
    text = line.decode("utf-8", "replace")
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
