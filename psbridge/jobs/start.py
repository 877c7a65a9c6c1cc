"""Starting groups of jobs, and stopping what runs when its owner closes and at exit."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.forking import in_forked_child
from ..errors import SessionClosedError
from ..session.ending import begin_exit, stay_here_at_exit
from ..session.owned_runspace import GRACE_SECONDS
from ..waiting import Deadline, guard, milliseconds, wait_until
from .group import JobGroup
from .stopping import JobThread
from .timers import start_clock

if TYPE_CHECKING:
    from .group_run import GroupRun
    from .places.place import Executor

__all__ = ["check_exit", "make_parent", "start_group", "stop_running"]

# Guards what follows; held for moments only, never while .NET is called. Entered itself, and not by
# its condition, which is written in Python: a signal handler that raises there leaves it locked.
_lock = guard()
_left = threading.Condition(_lock)  # somebody has left
_running: dict[int, tuple[object, Any, str]] = {}
_closed_owners: weakref.WeakSet[Any] = weakref.WeakSet()
_places_seen: set[str] = set()
_exiting = False


def make_parent(group: JobGroup) -> Any:
    """Make the .NET parent of a group."""
    from PSBridge import PythonParentJob, PythonPausableJob

    from ..values import net_text

    command = net_text(group.command)
    name = net_text(group.name) if group.name else None
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
    when_over: Callable[[], None] | None = None,
    hold: bool = False,
) -> GroupRun:
    """Start a group.

    Args:
        group: what to start.
        parent: its .NET parent.
        owner: whose jobs these are; see `stop_running`.
        publish: called with the parent when its children are there and before they start: puts
            it where Get-Job finds it.
        when_over: called when nothing of it runs any more, by the thread that has done the last of
            it; also where the group did not come about.
        hold: whether to leave the parent as it is, and the last step to who calls this: ``start()``
            of what this gives, or ``drop()``.

    Raises:
        DeclarationError: one of the jobs has been started before.
        SessionClosedError: the owner has been stopped for good, or Python exits.
        RuntimeError: there is no thread to be had.
    """
    from .group_run import GroupRun

    key = id(parent)

    def forget() -> None:
        with _lock:
            entry = _running.pop(key, None)
            _left.notify_all()
        del entry  # not under the lock: where nobody else has the owner, it closes now
        if when_over is not None:
            when_over()

    def note(executor: Executor) -> None:
        place = executor if isinstance(executor, str) else "executor"
        _prepare_for_exit(place)
        with _lock:
            if place == "executor" and key in _running:
                # Not by names from outside: the run holds this, and would hold the owner.
                _running[key] = (*_running[key][:2], place)

    _prepare_for_exit("thread")
    start_clock()
    with _lock:
        refused = _exiting or (owner is not None and owner in _closed_owners)
        if not refused:
            _running[key] = (owner, parent, "thread")
    if refused:
        # Who holds it back may be called by .NET, which waits for that.
        if not (hold or isinstance(threading.current_thread(), JobThread)):
            stay_here_at_exit(exiting=_exiting)
        raise SessionClosedError("Python exits" if _exiting else "the session is closed")
    run = None
    try:
        run = GroupRun(group, parent, forget, note)
        if not hold:
            parent.Children.Run()
        publish(parent)
        if not hold:
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
    still writes is dropped. Work that calls this is not waited for.

    Args:
        owner: whose jobs; None is everybody's.
    """
    with _lock:
        if owner is not None:
            _closed_owners.add(owner)
        mine = {
            key: parent
            for key, (whose, parent, _) in _running.items()
            if owner is None or whose is owner
        }
    if not mine:
        return
    from PSBridge import JobsToStop

    jobs = JobsToStop(list(mine.values()))
    jobs.Request()
    grace = Deadline(GRACE_SECONDS)

    def give_up() -> None:
        if grace.is_over:
            for parent in mine.values():
                if not (parent.WorksOnThisThread or parent.WaitForFinish(0)):
                    parent.Children.Abandon()

    wait_until(lambda seconds: jobs.Wait(milliseconds(seconds)), meanwhile=give_up)
    mine = {key: parent for key, parent in mine.items() if not parent.WorksOnThisThread}
    # A job has ended before its thread has: that still calls .NET, and may have a process to end.
    # One that is stuck in a generator, which was to give the next job, is not waited for.

    def all_left(seconds: float) -> bool:
        with _lock:
            return _left.wait_for(lambda: _running.keys().isdisjoint(mine), seconds)

    wait_until(all_left, grace.left(_LEAVE_SECONDS))
    with _lock:
        # One that was given up here does not say when it is over.
        entries = [_running.pop(key, None) for key in mine]
    del entries


_LEAVE_SECONDS = 1.0


def _forget_in_forked_child() -> None:
    """The jobs are the parent's, and so is whoever holds the lock."""
    global _left, _lock
    _lock = guard()
    _left = threading.Condition(_lock)
    _running.clear()


in_forked_child(_forget_in_forked_child)


def check_exit() -> None:
    """Let no daemon thread go on with what a job has written while the program ends.

    Much takes long to read, and .NET is taken down meanwhile. Work of a job is told so, that it
    ends; any other thread stays where it is.

    Raises:
        SessionClosedError: Python exits, and this is work of a job's.
    """
    thread = threading.current_thread()
    if not (_exiting and thread.daemon):
        return
    if not isinstance(thread, JobThread):
        stay_here_at_exit(exiting=True)
    raise SessionClosedError("Python exits")


def _stop_at_exit() -> None:
    global _exiting
    begin_exit()
    with _lock:
        _exiting = True  # nothing is started any more
    stop_running()


def _stop_in_executors() -> None:
    with _lock:
        parents = [parent for _, parent, place in _running.values() if place == "executor"]
    if parents:
        from PSBridge import JobsToStop

        JobsToStop(parents).Request()


def _prepare_for_exit(place: str) -> None:
    """Let jobs be stopped at exit before anybody else ends what they need.

    Handlers are called in the reverse order of their registration. So ours has to be registered
    after the engine's and the sessions', and after multiprocessing's, which ends the processes
    where jobs run. Pools of threads or processes are waited for even before that, for ever where
    a job does not end; what is called in time is not public.
    """
    if place in _places_seen:
        return
    _places_seen.add(place)
    if place in ("process", "executor"):
        importlib.import_module("multiprocessing.util")
    if place == "executor":
        importlib.import_module("concurrent.futures.thread")
        importlib.import_module("concurrent.futures.process")
        register = getattr(threading, "_register_atexit", None)
        if register is not None:
            with contextlib.suppress(RuntimeError):  # Python exits already
                register(_stop_in_executors)
    atexit.unregister(_stop_at_exit)
    atexit.register(_stop_at_exit)
