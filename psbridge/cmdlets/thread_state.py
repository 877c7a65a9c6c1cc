"""Keeping what Python knows of a .NET thread while a cmdlet runs on it.

Each call from .NET makes a thread state for Python and takes it away again, which costs 8 µs, more
than all the rest of a call: a record took 16 µs with it and takes 8 without. It also lost what the
author keeps in a `threading.local`. A count that is held keeps the state, not the GIL.

Assumption: PowerShell disposes of a cmdlet on the thread on which it ran. Where it does not, the
state stays as long as its thread, some kilobytes.
"""

from __future__ import annotations

import ctypes
import threading

__all__ = ["KeptThreadState"]

_LOCKED = 0  # PyGILState_LOCKED: the caller had the GIL, and goes on having it


class KeptThreadState:
    """The state of the thread on which a cmdlet's hooks run."""

    def __init__(self) -> None:
        self._thread: int | None = None

    def keep(self) -> None:
        """Keep the state of this thread, in a call from .NET."""
        if self._thread is None:
            self._thread = threading.get_ident()
            ctypes.pythonapi.PyGILState_Ensure()

    def release(self) -> None:
        """Keep it no longer; it goes with the call from .NET that this is in."""
        if self._thread == threading.get_ident():
            self._thread = None
            ctypes.pythonapi.PyGILState_Release(_LOCKED)
