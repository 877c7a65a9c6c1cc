"""Ending in order at SIGTERM and SIGHUP, once there are sessions on other machines.

By default SIGTERM, and SIGHUP where the terminal is closed, end a Python program on the spot: no
exit handler runs, and what runs on other machines runs on. So from the first remote session on they
raise SystemExit(143), or 129, in the main thread, as Ctrl-C raises KeyboardInterrupt: exit handlers
stop what runs far away. These codes are also what a shell shows for a program that such a signal
has ended, and what pwsh gives.

Guarantees: a handler of somebody else's stays, whether it is there before or comes later, and so
does a signal that is ignored (nohup); a program without remote sessions keeps the default.

A handler can only be set by the main thread, and a session may begin on any. So another thread lets
the main one do it when it next runs Python code, which is at most a tenth of a second away while it
waits for a pipeline or a job.

Not kept: in a PowerShell that hosts Python, signals are PowerShell's.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from types import FrameType

from ..engine.forking import in_forked_child

__all__ = ["end_in_order"]

# Windows has no SIGHUP.
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

_lock = threading.Lock()
_asked = False


def end_in_order() -> None:
    """Let these signals end the program through its exit handlers; may be called on any thread."""
    global _asked
    from ..engine.loading import is_loaded_here

    with _lock:
        if _asked or not is_loaded_here():
            return
        _asked = True
    if threading.current_thread() is threading.main_thread():
        _take(None)
    else:
        ctypes.pythonapi.Py_AddPendingCall(_TAKE, None)


def _take(unused: object) -> int:
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    return 0


_TAKE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(_take)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _end_at_once_in_forked_child() -> None:
    """A child has no remote sessions, and who ends it (a pool) means by the signal what it says."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_DFL)


in_forked_child(_end_at_once_in_forked_child)
