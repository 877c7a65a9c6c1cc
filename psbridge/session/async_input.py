"""The input of a call for asyncio, where that is asynchronous itself."""

from __future__ import annotations

import asyncio
import math
import queue
from collections.abc import AsyncIterable, Callable, Iterator
from typing import NamedTuple

from .feeding import FEED_MILLISECONDS, NOTHING_YET
from .options import CallCancelled

__all__ = ["AsyncInput"]

# How many values may wait for the pipeline's thread.
_AHEAD = 64


class _End(NamedTuple):
    """There are no more values, or what asking for the next one has raised."""

    error: BaseException | None


class AsyncInput(Iterator[object]):
    """The values of an asynchronous iterable, for the thread that hands them to a pipeline.

    The event loop goes through them in a task, some values ahead. It begins when the first one is
    asked for, so of a call that never runs the values are still there.

    Guarantees: a thread that asks for the next one comes back at once or soon, be it with
    ``NOTHING_YET``, since it has a stop and a time limit to look at, too. The loop is never held
    up: not by a thread that takes nothing, and not by values that come without a wait.
    """

    def __init__(self, values: AsyncIterable[object]) -> None:
        self._values = values
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._ahead: float = _AHEAD
        # No lock, which a signal handler in the loop's thread could leave taken.
        self._there: queue.SimpleQueue[tuple[object] | _End] = queue.SimpleQueue()
        self._room = asyncio.Event()

    async def attach(self, *, all_at_once: bool) -> None:
        """Go through them in the running event loop.

        Args:
            all_at_once: now, to the end; for a call that the loop's own thread runs.
        """
        self._loop = asyncio.get_running_loop()
        if all_at_once:
            self._ahead = math.inf
            self._task = self._loop.create_task(self._go_through())
            try:
                await asyncio.wait([self._task])
            except asyncio.CancelledError:
                await self.aclose()
                raise

    def __next__(self) -> object:
        if self._task is None:
            self._tell(self._begin)
        try:
            item = self._there.get(timeout=FEED_MILLISECONDS / 1000)
        except queue.Empty:
            return NOTHING_YET
        if self._there.qsize() == _AHEAD // 2:
            self._tell(self._room.set)
        if not isinstance(item, _End):
            return item[0]
        try:
            raise item.error or StopIteration
        finally:
            del item  # its error's traceback has this frame

    def close(self) -> None:
        """Go through them no further; from any thread."""
        try:
            self._tell(self._cancel)
        except CallCancelled:
            return  # the loop is closed, and its tasks with it

    async def aclose(self) -> None:
        """The same in the event loop, and wait until what is being asked for has ended."""
        self._cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _tell(self, call: Callable[[], object]) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop is closed: nobody waits for the call any more
            raise CallCancelled from None

    def _begin(self) -> None:
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._go_through())

    def _cancel(self) -> None:
        self._closed = True
        if self._task is not None:
            self._task.cancel()

    async def _go_through(self) -> None:
        count = 0
        try:
            async for value in self._values:
                self._there.put((value,))
                count += 1
                if count % _AHEAD == 0:
                    await asyncio.sleep(0)
                while self._there.qsize() >= self._ahead:
                    self._room.clear()
                    # Looked at again: a thread that came to the half before this has told of it.
                    if self._there.qsize() >= self._ahead:
                        await self._room.wait()
        except BaseException as error:
            self._there.put(_End(error))
            if not isinstance(error, Exception):
                raise
        else:
            self._there.put(_End(None))
