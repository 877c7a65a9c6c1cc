"""Starting groups of jobs, and stopping what runs when its owner closes and at exit."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from ..errors import SessionClosedError
from ..session.session import GRACE_SECONDS
from .group import JobGroup
from .group_run import GroupRun

__all__ = ["make_parent", "start_group", "stop_running"]

# Guards what follows; held for moments only, never while .NET is called.
_lock = threading.Lock()
_running: dict[int, tuple[object, Any]] = {}
_closed_owners: weakref.WeakSet[Any] = weakref.WeakSet()
_at_exit_registered = False


def make_parent(group: JobGroup) -> Any:
    """Make the .NET parent of a group."""
    from PSBridge import PythonParentJob, PythonPausableJob

    from ..values import clean_text

    command = clean_text(group.command)
    name = clean_text(group.name) if group.name else None
    if group.pausable:
        parent = PythonPausableJob(command, name, None)
        parent.IsPausable = True
        return parent
    return PythonParentJob(command, name)


def start_group(
    group: JobGroup,
    parent: Any,
    *,
    owner: object,
    publish: Callable[[Any], None],
) -> GroupRun:
    """Start a group.

    Args:
        group: what to start.
        parent: its .NET parent.
        owner: whose jobs these are; see `stop_running`.
        publish: called with the parent when its children are there and before they start: puts
            it where Get-Job finds it.

    Raises:
        DeclarationError: one of the jobs has been started before.
        SessionClosedError: the owner has been stopped for good.
    """
    key = id(parent)

    def forget() -> None:
        with _lock:
            _running.pop(key, None)

    with _lock:
        if owner is not None and owner in _closed_owners:
            raise SessionClosedError("the session is closed")
        _running[key] = (owner, parent)
    _register_at_exit()
    run = None
    try:
        run = GroupRun(group, parent, forget)
        parent.Children.Run()
        publish(parent)
        run.start()
    except BaseException as error:
        from ..values import python_exception

        parent.Children.Fail(python_exception(error))  # the children are Stopped at once
        forget()
        if run is not None:
            run.unclaim()
        raise
    return run


def stop_running(owner: object = None) -> None:
    """Stop what an owner has started and wait for it; it can start nothing afterwards.

    A job that has not stopped after five seconds is given up: it becomes Stopped, and what it
    still writes is dropped.

    Args:
        owner: whose jobs; None is everybody's.
    """
    with _lock:
        if owner is not None:
            _closed_owners.add(owner)
        mine = [parent for whose, parent in _running.values() if owner is None or whose is owner]
    for parent in mine:
        with contextlib.suppress(Exception):  # one that does not take it must not save the others
            parent.RequestStop()
    deadline = time.monotonic() + GRACE_SECONDS
    for parent in mine:
        while not parent.WaitForFinish(100):
            if time.monotonic() >= deadline:
                parent.Children.Abandon()


def _register_at_exit() -> None:
    # After the engine's and the sessions' handlers, so that this runs before them.
    global _at_exit_registered
    if not _at_exit_registered:
        _at_exit_registered = True
        atexit.register(stop_running)
