"""Running async work on the thread of its job, so that a stop from any thread cancels it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..errors import StopRequested
from .stopping import Stop

__all__ = ["run_async", "run_in_task"]


def run_async(
    work: AsyncIterator[Any] | Awaitable[Any], write: Callable[[Any], None], stop: Stop
) -> None:
    """Run async work to its end on an event loop of its own; see `run_in_task`."""

    async def main() -> bool:
        # Where it is interrupted asyncio cancels what is left, and would log an exception of that.
        try:
            await run_in_task(work, write, stop)
        except StopRequested:
            return True
        return False

    if asyncio.run(main()):
        raise StopRequested


async def run_in_task(
    work: AsyncIterator[Any] | Awaitable[Any], write: Callable[[Any], None], stop: Stop
) -> None:
    """Run async work to its end in the current task.

    Args:
        work: a coroutine, whose value is written, or an async generator, each of whose is.
        write: writes a value.
        stop: cancels the work where it awaits.

    Raises:
        StopRequested: it was cancelled by the stop.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def cancel() -> None:
        # A loop that has closed says RuntimeError: the work has ended by itself.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(task.cancel)

    stop.pass_on(cancel)
    try:
        if isinstance(work, AsyncIterator):
            async for value in work:
                write(value)
        elif (value := await work) is not None:
            write(value)
    except asyncio.CancelledError:
        if stop.requested:
            raise StopRequested from None
        raise
    finally:
        stop.pass_on(None)
