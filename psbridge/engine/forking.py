"""A forked child of a process in which .NET runs: it has .NET's memory and none of its threads.

A call of .NET in it waits for a thread that is not there, or writes code into memory that the
parent runs (CoreCLR maps it shared), which ends the *parent* with SIGSEGV. A signal to it goes,
through .NET's handler and a pipe that both have, to the parent. So in a child:

- .NET's signal handlers are replaced by those that Python would have without .NET (`signals`).
- No way of Python's leads to .NET any more: each raises `ForkedProcessError` (`sealing`). This is
  at the border itself, so nothing above it has to ask, and it costs a parent nothing.
- What the rooms above keep is what a process has that has opened nothing: each says so with
  `in_forked_child`. Sessions are closed, no job runs, locks are new. So exit handlers, ``with`` and
  ``__del__`` find nothing to do, and a child ends with an exit code of its own.

Guarantees: from the fork to the new handlers the child takes no signal; it is there afterwards. A
fork before .NET starts is not touched, and may start .NET itself. One during the start is as one
after it.

Assumption: who forks tells Python, as all of the standard library does (`os.fork`, multiprocessing,
`subprocess` with ``preexec_fn``); without ``preexec_fn`` no Python runs in the child of a
`subprocess`.

Not kept: in a child whose stack begins in .NET (a fork in the foreground of a cmdlet) the code that
forked must not return to there; multiprocessing's and `os._exit` do not.

Rejected:

- A look at the process id in each entry: it would be strewn about, and would miss what users call
  of .NET themselves, and what Python frees.
- ``DOTNET_EnableWriteXorExecute=0``, with which a child's calls do not end the parent. They hang
  all the same; and no call is made any more. It would make starts quicker (see `benchmarks.forks`
  for nothing: 0.52 s with, 0.56 s without), but it is an administrator's choice that memory is
  never writable and executable at once.
"""

from __future__ import annotations

import atexit
import os
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
    """Let children that are forked from now on do without .NET; before it starts.

    To be called once, or again.
    """
    global _guarded
    if _guarded or not hasattr(os, "register_at_fork"):
        return
    _guarded = True
    # What the child needs: an import there might wait for one that another thread was at.
    from . import sealing, signals

    signals.note_handlers()

    def go_on_alone() -> None:
        global _forked
        _forked = True
        try:
            signals.restore_handlers()
            sealing.seal()
        finally:
            _release_signals()

    os.register_at_fork(
        before=_hold_signals, after_in_parent=_release_signals, after_in_child=go_on_alone
    )


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


def _hold_signals() -> None:
    import signal

    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _release_signals() -> None:
    import signal

    mask = getattr(_masks, "before", None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _unless_forked(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if not _forked:
        function(*arguments)
