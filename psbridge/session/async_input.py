"""The input of a call for asyncio, where that is asynchronous itself."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterable, Callable
from typing import NamedTuple, NoReturn, Self

from .feeding import FEED_MILLISECONDS, NOTHING_YET, PatientInput
from .options import CallCancelled
from .turns import Turns

__all__ = ["AsyncInput"]

# How many values may wait for the pipeline's thread.
_AHEAD = 64


class _End(NamedTuple):
    """There are no more values, or what is to be raised in the place of the next one."""

    error: BaseException | None


class AsyncInput(PatientInput):
    """The values of an asynchronous iterable, for the thread that hands them to a pipeline.

    The event loop goes through them in a task, some values ahead. That begins when the first one
    is asked for, so of a call that never runs the values are still there. It is left with
    ``async with``, or by `close`.

    Guarantees:

    - A thread that asks for the next one is told soon, be it that there is none yet, since it has a
      stop and a time limit to look at, too.
    - The loop is never held up: not by a thread that takes nothing, and not by values that come
      without a wait.
    - Only the end of the values is their end for the pipeline. Where the loop is closed or the task
      is cancelled, the call is cancelled.

    Attributes:
        task: the task; None before it has begun.
    """

    def __init__(self, values: AsyncIterable[object], turns: Turns) -> None:
        self._turns = turns
        self._values: AsyncIterable[object] | None = values
        self._loop: asyncio.AbstractEventLoop | None = None
        self.task: asyncio.Task[None] | None = None
        self._is_left = False
        # No lock, which a signal handler in the loop's thread could leave taken.
        self._there: queue.SimpleQueue[tuple[object] | _End] = queue.SimpleQueue()
        self._room = asyncio.Event()

    def attach(self) -> None:
        """Let the running event loop go through them."""
        self._loop = asyncio.get_running_loop()
        self._turns.in_tasks.append(self)

    def refuse_nested_call(self) -> NoReturn:
        """Say that nobody could go through them, for a call that the loop's own thread runs.

        Raises:
            RuntimeError: it says so.
        """
        raise RuntimeError(
            "the input is asynchronous, and this call is nested in a pipeline that runs on the "
            "loop's own thread, so nothing would go through it meanwhile: give it as a list, such "
            "as [value async for value in values]"
        )

    def soon(self) -> object:
        """The next value, or ``NOTHING_YET``.

        Raises:
            StopIteration: there are no more.
            CallCancelled: nobody will go through them any more.
            Exception: what going through them raises.
        """
        if self.task is None:
            self._tell(self._begin)
        try:
            item = self._there.get(timeout=FEED_MILLISECONDS / 1000)
        except queue.Empty:
            if self._loop is None or self._loop.is_closed():
                raise CallCancelled from None
            return NOTHING_YET
        if self._there.qsize() == _AHEAD // 2:
            self._tell(self._room.set)
        if not isinstance(item, _End):
            return item[0]
        try:
            raise StopIteration if item.error is None else item.error
        finally:
            del item  # its error's traceback has this frame

    def close(self) -> None:
        """Go through them no further; from any thread."""
        try:
            self._tell(self._leave)
        except CallCancelled:
            return  # the loop is closed, and its tasks with it

    async def aclose(self) -> None:
        """The same in the event loop, and wait until what is being asked for has ended."""
        self._leave()
        if self.task is not None:
            await asyncio.wait([self.task])

    async def __aenter__(self) -> Self:
        self.attach()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is GeneratorExit:  # in which nothing may be waited for
            self._leave()
        else:
            await self.aclose()

    def _tell(self, call: Callable[[], object]) -> None:
        try:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop is closed: nobody waits for the call any more
            raise CallCancelled from None

    def _begin(self) -> None:
        if self.task is None and not self._is_left:
            self.task = asyncio.get_running_loop().create_task(self._go_through())

    def _leave(self) -> None:
        self._is_left = True
        self._turns.leave_task(self)
        self._room.set()
        if self.task is not None and not self.task.get_loop().is_closed():
            self.task.cancel()

    async def _go_through(self) -> None:
        end: BaseException | None = None
        try:
            await self._put_each()
        except asyncio.CancelledError:
            end = CallCancelled()
        except StopAsyncIteration as error:
            end = RuntimeError("the input raised StopAsyncIteration")
            end.__cause__ = error
        except Exception as error:
            end = error
        except BaseException as error:
            self._there.put(_End(error))
            raise
        finally:
            self._values = None
        if not self._is_left:
            self._there.put(_End(end))
        del end  # whose traceback has this frame

    async def _put_each(self) -> None:
        assert self._values is not None
        count = 0
        async for value in self._values:
            # A cancellation may be lost in what the values come from.
            if self._is_left:
                return
            self._there.put((value,))
            count += 1
            if count % _AHEAD == 0:
                await asyncio.sleep(0)
            while self._there.qsize() >= _AHEAD and not self._is_left:
                self._room.clear()
                # Looked at again, for what was told before is lost with `clear`.
                if self._there.qsize() >= _AHEAD:
                    await self._room.wait()
