"""The event loop on which ``executor="async"`` runs jobs: one, in one thread, for all of them.

A job that blocks the loop holds up all others; when it is to stop, its grace is over and it still
is what the loop runs, the loop's thread is interrupted, which ends Python code.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ...errors import DeclarationError, StopRequested
from ...waiting import guard
from ..async_work import run_in_task
from ..stopping import JobThread, raise_in_thread
from ..work import at_work, is_async

if TYPE_CHECKING:
    from ..child_run import ChildRun
    from ..group_run import GroupRun

__all__ = ["start_on_loop"]

_lock = guard()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_tasks: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly


def start_on_loop(group: GroupRun, limit: int) -> None:
    """Run the children of a group on the loop, so many at a time."""
    loop = _running_loop()
    loop.call_soon_threadsafe(_spawn, loop, _run_group(group, limit))


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _thread
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            _thread = JobThread(
                target=_run_for_ever, args=(loop,), name="psbridge async", daemon=True
            )
            try:
                _thread.start()
            except BaseException:
                loop.close()
                raise
            _loop = loop
        return _loop


def _run_for_ever(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    while True:
        try:
            loop.run_forever()
        except StopRequested:  # an interruption that came when its job had just ended
            continue


def _spawn(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = loop.create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


async def _run_group(group: GroupRun, limit: int) -> None:
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(limit)
    children: set[asyncio.Task[None]] = set()

    try:
        while True:
            await places.acquire()
            child = group.take()
            if child is None:
                break
            task = _spawn(loop, _run_child(child, places))
            children.add(task)
            task.add_done_callback(children.discard)
        if children:
            await asyncio.wait(children)
    finally:
        group.leave()


async def _run_child(child: ChildRun, places: asyncio.Semaphore) -> None:
    loop = asyncio.get_running_loop()
    freed = False

    def free() -> None:
        nonlocal freed
        if not freed:
            freed = True
            places.release()

    def free_from_outside() -> None:
        loop.call_soon_threadsafe(free)

    try:
        if not child.begin(free_from_outside):
            return
        error: BaseException | None = None
        try:
            while True:
                error = await _attempt(child)
                delay = child.delay_after(error)
                if delay is None:
                    break
                await _wait(child, delay)
        finally:
            child.finish(error)
    finally:
        free()


async def _attempt(child: ChildRun) -> BaseException | None:
    job, task = child.job, asyncio.current_task()
    loop = asyncio.get_running_loop()
    thread = threading.get_ident()

    def interrupt() -> None:
        if asyncio.current_task(loop) is task:
            raise_in_thread(thread, StopRequested)

    job._sink = child.sink
    try:
        child.stop.begin(interrupt, job)
        with at_work(job):
            outcome = job.run()
            if not is_async(outcome):
                raise DeclarationError(
                    f'{type(job).__qualname__}.run is not async, and executor="async" needs that'
                )
            await run_in_task(outcome, job._write_outcome, child.stop)
    except BaseException as error:
        return error
    finally:
        child.stop.leave()
    return None


async def _wait(child: ChildRun, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(stopped.set)

    child.stop.pass_on(wake)
    try:
        await asyncio.wait_for(stopped.wait(), seconds)
    except TimeoutError:
        pass
    finally:
        child.stop.pass_on(None)
