"""Starting jobs: the parent into the repository, the children onto threads; and stopping them.

Each group has threads of its own, as many as its throttle limit lets run at once, and they take
the children from one queue in order. So a job that starts another group never waits for a place
that it holds itself. Rejected: one pool for the process, which is where such deadlocks come from.

The threads are daemons: a job that does not stop must not keep the interpreter from ending. What
runs is stopped when its owner closes, and at exit, before Python goes away.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import DeclarationError, SessionClosedError
from ..session.session import GRACE_SECONDS

if TYPE_CHECKING:
    from .group import JobGroup
    from .job import Job

__all__ = ["start_group", "stop_running"]

# Guards everything below; held for moments only, never while .NET is called.
_lock = threading.Lock()
_running: dict[int, tuple[object, JobGroup, Any]] = {}
_closed_owners: weakref.WeakSet[Any] = weakref.WeakSet()
_at_exit_registered = False


def start_group(
    group: JobGroup,
    repository: Any,
    *,
    owner: object,
    publish: Callable[[Any], None] | None = None,
) -> Any:
    """Start a group in a repository.

    Args:
        group: what to start.
        repository: the .NET ``JobRepository`` to put the parent into.
        owner: whose jobs these are; see `stop_running`.
        publish: called with the parent when it is in the repository and before its children
            start: a cmdlet hands it to its caller then.

    Returns:
        The parent, a .NET ``PythonParentJob``.

    Raises:
        DeclarationError: one of the jobs has been started before.
        SessionClosedError: the owner has been stopped for good.
    """
    _claim(group.jobs)
    try:
        parent = _parent(group)
    except BaseException:
        for job in group.jobs:
            job._claimed = False
        raise
    key = id(group)
    with _lock:
        closed = owner in _closed_owners if owner is not None else False
        if not closed:
            _running[key] = (owner, group, parent)
    if closed:
        parent.RequestStop()
        raise SessionClosedError("the session is closed")
    _register_at_exit()

    def forget() -> None:
        with _lock:
            _running.pop(key, None)

    try:
        repository.Add(parent)
        if publish is not None:
            publish(parent)
        _start_children(group, forget)
    except BaseException:
        parent.RequestStop()  # children that have not begun are Stopped at once
        forget()
        raise
    return parent


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
        mine = [entry for entry in _running.values() if owner is None or entry[0] is owner]
    for _, _, parent in mine:
        with contextlib.suppress(Exception):  # one that does not take it must not save the others
            parent.RequestStop()
    deadline = time.monotonic() + GRACE_SECONDS
    for _, group, parent in mine:
        while not parent.WaitForFinish(100):
            if time.monotonic() >= deadline:
                for job in group.jobs:
                    job._child.Abandon()


def _register_at_exit() -> None:
    # After the engine's and the sessions' handlers, so that this runs before them.
    global _at_exit_registered
    if not _at_exit_registered:
        _at_exit_registered = True
        atexit.register(stop_running)


def _claim(jobs: tuple[Job, ...]) -> None:
    with _lock:
        for job in jobs:
            if job._claimed:
                raise DeclarationError(
                    f"{job!r} has been started before; a job runs once, so make a new one"
                )
        for job in jobs:
            job._claimed = True


def _parent(group: JobGroup) -> Any:
    from PSBridge import PythonChildJob, PythonParentJob
    from System.Collections.Generic import List

    from ..values import clean_text

    parent = PythonParentJob(
        clean_text(group.command), clean_text(group.name) if group.name else None
    )
    children = List[PythonChildJob]()
    for job in group.jobs:
        # A single child with its parent's name would be found beside it by that name.
        name = clean_text(job.name) if job.name and len(group.jobs) > 1 else None
        command = clean_text(job.command)
        job._child = PythonChildJob(command, name, clean_text(job.location))
        children.Add(job._child)
    parent.Attach(children)
    return parent


def _start_children(group: JobGroup, when_done: Callable[[], None]) -> None:
    queue = deque(group.jobs)
    count = min(group.throttle_limit, len(group.jobs))
    if count == 0:
        when_done()
        return
    working = _Countdown(count, when_done)
    for number in range(count):
        name = f"psbridge {group.name or group.command} {number}"
        threading.Thread(target=_work, args=(queue, working), name=name, daemon=True).start()


def _work(queue: deque[Job], working: _Countdown) -> None:
    try:
        while True:
            try:
                job = queue.popleft()
            except IndexError:
                return
            job._perform(job._child)
    finally:
        working.count_down()


class _Countdown:
    def __init__(self, count: int, when_zero: Callable[[], None]) -> None:
        self._count = count
        self._when_zero = when_zero
        self._lock = threading.Lock()

    def count_down(self) -> None:
        with self._lock:
            self._count -= 1
            last = self._count == 0
        if last:
            self._when_zero()
