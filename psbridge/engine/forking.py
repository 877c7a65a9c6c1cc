"""A forked child of a process in which .NET runs: it has .NET's memory and none of its threads.

A call of .NET in it waits for a thread that is not there, or writes code into memory that the
parent runs (CoreCLR maps it shared), which ends the *parent* with SIGSEGV. A signal to it goes,
through .NET's handler and a pipe that both have, to the parent. So in a child:

- .NET's signal handlers are replaced by those that Python would have without .NET (`signals`).
- The thread that forked ends without .NET, which would wait for locks then (`detaching`).
- No way of Python's leads to .NET any more: each raises `ForkedProcessError` (`sealing`). This is
  at the border itself, so nothing above it has to ask, and it costs a parent nothing but some
  milliseconds at each fork. Only entries that would wait for something else first, or find it
  closed, ask (`check_process`): opening a session, and what a closed one refuses.
- What the rooms above keep becomes what a process has that has opened nothing; each sees to it with
  `in_forked_child`. Sessions are closed, no job runs, locks are new. So exit handlers, ``with`` and
  ``__del__`` find nothing to do, and a child ends with an exit code of its own.

Guarantees: from the fork to the new handlers the child takes no signal; it is there afterwards. A
fork before .NET starts is not touched, and may start .NET itself. One during the start is as one
after it.

Assumption: who forks tells Python, as all of the standard library does (`os.fork`, multiprocessing,
`subprocess` with ``preexec_fn``); without ``preexec_fn`` no Python runs in the child of a
`subprocess`, and CPython holds its signals until its program is there (but with ``user=`` or
``group=``).

Not kept: in a child whose stack begins in .NET (a fork in the foreground of a cmdlet) the code that
forked must not return to there; multiprocessing's and `os._exit` do not.

Rejected:

- A look at the process id in each entry: it would be strewn about, and would miss what users call
  of .NET themselves, and what Python frees.
- ``DOTNET_EnableWriteXorExecute=0``, with which a child's calls do not end the parent. They hang
  all the same, and none is made any more. A start to a first result would take 0.71 s of processor
  time instead of 0.75, and as much memory (115 MB); but that no memory is writable and executable
  at once is a protection that is not ours to take from a process, and its children inherit it.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from ..errors import ForkedProcessError

__all__ = ["at_exit", "check_process", "guard_forks", "in_forked_child", "is_forked_child"]

_guarded = False
_forked = False
_masks = threading.local()


def in_forked_child(callback: Callable[[], None]) -> None:
    """Let something be called in each forked child, before the code that forked goes on.

    It must not wait for anything: locks may be held by threads that are not there.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=callback)


def guard_forks() -> None:
    """Let children that are forked from now on do without .NET; to be called before it starts."""
    global _guarded
    if _guarded or sys.platform == "win32":
        return
    # What forks need, too: an import in a child might wait for one that a thread was at.
    from . import detaching, sealing, signals  # noqa: F401

    signals.note_handlers()
    _guarded = True


def at_exit(function: Callable[..., Any], *arguments: Any) -> None:
    """Let something be called at the end of this process, and of no forked child of it."""
    atexit.register(_unless_forked, function, arguments)


def is_forked_child() -> bool:
    """Whether this process was forked from one in which .NET runs, or is about to."""
    return _forked


def check_process() -> None:
    """Refuse to go on in a forked child of a process in which .NET runs.

    For entries that would wait, or find something closed, before they come to .NET.

    Raises:
        ForkedProcessError: this is one.
    """
    if _forked:
        raise ForkedProcessError


def _unless_forked(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if not _forked:
        function(*arguments)


if sys.platform != "win32":
    # Not those that a fault raises in the thread itself, nor .NET's own.
    _HELD = {number for number in signal.valid_signals() if number < signal.SIGRTMIN} - {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGABRT,
    }

    def _before() -> None:
        _masks.before = None
        if _guarded and not _forked:
            from .sealing import hold

            _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
            hold()

    def _after_in_parent() -> None:
        if _masks.before is not None:
            from .sealing import release

            release()
            signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)

    def _after_in_child() -> None:
        global _forked
        if _masks.before is not None:  # a child's child has it all from its parent
            from .detaching import leave_attached
            from .sealing import seal
            from .signals import restore_handlers

            _forked = True
            try:
                restore_handlers()
                seal()
                leave_attached()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)

    # Here, where no other room has registered anything yet: in a child calls come in the order of
    # their registration, and what others forget there may be the last reference to one of .NET's.
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
