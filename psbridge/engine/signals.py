"""The signal handlers that .NET has put before Python's, and how a forked child gets rid of them.

.NET sets some when it starts, and more when it first needs them: for a console, for a process.
Which they are now is seen by where their code is. Each is replaced by what Python's `signal` says,
and where that says nothing, by what was there before .NET: `faulthandler` sets handlers of which
`signal` does not know.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator
from typing import Any

__all__ = ["is_in_net", "net_signals", "note_handlers", "restore_handlers"]

# Larger than a struct sigaction anywhere. Its first member is the handler's address.
_SIZE = 512
# The libraries of .NET in which handlers are.
_LIBRARIES = (b"libcoreclr.", b"libSystem.Native.", b"libclrjit.")

_before: dict[int, Any] = {}


class _Place(ctypes.Structure):
    """Dl_info."""

    _fields_ = (
        ("library", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def note_handlers() -> None:
    """Note the handlers that there are; before .NET starts."""
    _before.update(_actions(ctypes.CDLL(None)))


def net_signals() -> list[int]:
    """The signals that .NET handles now."""
    libc = ctypes.CDLL(None)
    return [number for number, action in _actions(libc) if _is_of_net(libc, action)]


def restore_handlers() -> None:
    """Take .NET's handlers away, in a forked child. None of its signals may come meanwhile."""
    libc = ctypes.CDLL(None)
    # Not from a thread that Python does not take for the main one: the forking one is it by now.
    for number in net_signals():
        handler = signal.getsignal(number)
        if handler not in (None, signal.SIG_DFL):
            signal.signal(number, handler)
            continue
        before = _before.get(number)
        if before is None or _is_of_net(libc, before):
            before = ctypes.create_string_buffer(_SIZE)  # SIG_DFL is 0
        libc.sigaction(number, before, None)


def _actions(libc: ctypes.CDLL) -> Iterator[tuple[int, Any]]:
    for number in sorted(signal.valid_signals()):
        action = ctypes.create_string_buffer(_SIZE)
        if libc.sigaction(int(number), None, action) == 0:
            yield int(number), action


def _is_of_net(libc: ctypes.CDLL, action: Any) -> bool:
    handler = ctypes.c_void_p.from_buffer(action).value
    return bool(handler) and is_in_net(libc, handler)


def is_in_net(libc: ctypes.CDLL, address: int | None) -> bool:
    """Whether an address is in a library of .NET's."""
    place = _Place()
    if not libc.dladdr(ctypes.c_void_p(address), ctypes.byref(place)):
        return False
    name = bytes(place.library or b"").rpartition(b"/")[2]
    return name.startswith(_LIBRARIES)
