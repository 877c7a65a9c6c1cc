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
waits for a pipeline or a job. It may wait for a lock, a thread or a pool instead: .NET's handler
wakes it there by another signal, at which CPython does what is pending and waits on. Where it does
not come to it, as in a call of C's, .NET's handler gives it a few seconds, cleans up in its place,
and lets the signal end the process as it would have.

From the signal on, what other threads wait for in sessions is given up, and nothing begins there:
the main thread may be leaving a `with` that waits for them. It can still use sessions itself.

Not kept: in a PowerShell that hosts Python, signals are PowerShell's. CPython drops what a handler
raises, but for KeyboardInterrupt, while it compiles a module and computes a constant such as 2**31;
so modules that calls import when they are first made have none.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from ..engine.forking import in_forked_child
from ..session.ending import give_up_other_threads
from ..waiting import milliseconds, poll_until

__all__ = ["Patience", "end_in_order"]

# Windows has no SIGHUP.
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

# How long a process lives on after such a signal, for what is to be cleaned up.
_CLEAN_UP_SECONDS = 20.0
# How long the main thread has to come to it, when what it waits for in other threads is given up;
# from when a machine was last heard whose session they close, and at most.
_TAKE_SECONDS = 2.0
_LONGEST_TAKE_SECONDS = 8.0

_lock = threading.Lock()
_asked = False
_until_taken: Any = None  # .NET's handlers
_arrived: signal.Signals | None = None
_ended = False  # whether the main thread has been told of it


class Patience:
    """When what others clean up is waited for no longer."""

    def __init__(self, seconds: float, longest: float, silence: Callable[[], float]) -> None:
        """Begin now.

        Args:
            seconds: how many seconds there are, from when something was last heard on.
            longest: how many seconds there are at most.
            silence: for how many seconds nothing was heard.
        """
        self._begun = time.monotonic()
        self._seconds, self._longest, self._silence = seconds, longest, silence

    @property
    def is_over(self) -> bool:
        """Whether time is up."""
        waited = time.monotonic() - self._begun
        return waited >= self._longest or min(waited, self._silence()) >= self._seconds


def end_in_order(clean_up: Callable[[], None], silence: Callable[[], float]) -> None:
    """Let these signals end the program through its exit handlers; may be called on any thread.

    Args:
        clean_up: closes what there is on other machines; called where exit handlers cannot be.
        silence: for how many seconds nothing was heard from a machine that is cleaned up.
    """
    global _asked, _until_taken
    from ..engine.loading import is_loaded_here

    with _lock:
        if _asked or not is_loaded_here():
            return
        _asked = True
    if threading.current_thread() is threading.main_thread():
        _take(None)
        return
    if sys.platform != "win32":
        from PSBridge.Remote import EndBySignal
        from System import Action

        free = [int(one) for one in _SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
        arrived = partial(_arrives, clean_up, silence)
        _until_taken = EndBySignal(free, Action[int](arrived), milliseconds(_CLEAN_UP_SECONDS))
    ctypes.pythonapi.Py_AddPendingCall(_TAKE, None)


def _take(unused: object) -> int:
    global _until_taken
    until_taken, _until_taken = _until_taken, None
    if until_taken is not None:
        until_taken.Leave()
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    if _arrived is not None:
        # From C, when this has come back: what a handler raised in here would be lost.
        api = ctypes.pythonapi
        interrupt = ctypes.cast(api.PyErr_SetInterruptEx, ctypes.c_void_p)
        api.Py_AddPendingCall(interrupt, ctypes.c_void_p(int(_arrived)))
    return 0


def _arrives(clean_up: Callable[[], None], silence: Callable[[], float], number: int) -> None:
    """A signal came before the main thread had time for a handler. On a thread of .NET's."""
    global _arrived
    _arrived = signal.Signals(number)
    give_up_other_threads()
    patience = Patience(_TAKE_SECONDS, _LONGEST_TAKE_SECONDS, silence)
    wake = _main_thread_waker()

    def is_told() -> bool:
        if _until_taken is None and signal.getsignal(number) is not _end:
            return True  # somebody else's handler is
        wake()
        return _ended or patience.is_over

    poll_until(is_told, every=0.05)
    if _until_taken is not None:
        clean_up()


def _main_thread_waker() -> Callable[[], None]:
    """What lets the main thread's wait for a lock do what is pending, and go on.

    A wait is interrupted by a signal with a handler. This one the system ignores by default, and
    the handler is a function of C's that does nothing.
    """
    libc = ctypes.CDLL(None)
    libc.signal.restype = ctypes.c_void_p
    nothing = ctypes.cast(libc.abs, ctypes.c_void_p)
    before = libc.signal(signal.SIGURG, nothing)
    if before not in (None, signal.SIG_IGN.value, nothing.value):
        libc.signal(signal.SIGURG, ctypes.c_void_p(before))
        return lambda: None
    signal.siginterrupt(signal.SIGURG, True)
    main = threading.main_thread().ident
    return lambda: signal.pthread_kill(main, signal.SIGURG) if main else None


_TAKE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(_take)


def _end(number: int, frame: FrameType | None) -> None:
    global _ended
    _ended = True
    give_up_other_threads()
    raise SystemExit(128 + number)


def _end_at_once_in_forked_child() -> None:
    """A child has no remote sessions, and who ends it (a pool) means by the signal what it says."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_DFL)


in_forked_child(_end_at_once_in_forked_child)
