"""The output of PowerShell code as it comes, for asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Self

from ..waiting import SLICE_SECONDS
from .async_input import AsyncInput
from .options import CallCancelled, cancellable, start_call
from .result import Result, T
from .stream import PipelineStream

if TYPE_CHECKING:
    from .owned_runspace import OwnedRunspace

__all__ = ["AsyncPipelineStream"]

# How many values may wait for the loop.
_AHEAD = 256


class AsyncPipelineStream(AsyncIterator[T]):
    """The values that code gives, each as soon as it is written; made by `Session.astream`.

    Attributes:
        result: the other streams and the exit code, once the code has ended; it has no values.
    """

    def __init__(
        self,
        make: Callable[[], PipelineStream[T]],
        session: OwnedRunspace,
        input: AsyncInput | None,
        runs_here: Callable[[], bool],
    ) -> None:
        # The thread knows of this one only: what nobody goes through any more is to end.
        self._handing = _Handing(session, input)
        self._runs_here, self._is_nested = runs_here, False
        with cancellable(self._handing.is_closed):
            self._values = make()

    @property
    def result(self) -> Result[Any]:
        """The other streams and the exit code, once the code has ended."""
        return self._values.result

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._handing.is_closed():
            raise StopAsyncIteration
        try:
            if self._handing.news is None and not self._is_nested:
                self._begin()
            if self._is_nested:
                return _next_of(self._values)
            value: T = await self._handing.take()
            return value
        except GeneratorExit:  # in which nothing may be waited for
            self._handing.close()
            raise
        except BaseException:
            await self.aclose()
            raise

    def _begin(self) -> None:
        self._is_nested = self._runs_here()
        if not self._is_nested:
            self._handing.begin(self._values)
        elif self._handing.input is not None:
            self._handing.input.refuse_nested_call()

    async def aclose(self) -> None:
        """Stop the code, where it still runs, and wait for that."""
        self._handing.close()
        if self._is_nested:
            self._values.close()
        await self._handing.wait_for_end()
        if self._handing.input is not None:
            await self._handing.input.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._handing.close()


def _next_of(values: PipelineStream[T]) -> T:
    for value in values:
        return value
    raise StopAsyncIteration


class _Handing:
    """Values on their way from a thread that goes through a stream to an event loop."""

    def __init__(self, session: OwnedRunspace, input: AsyncInput | None) -> None:
        self._session = session
        self.input = input
        self.task: asyncio.Task[Any] | None = None  # the one that goes through it
        self.news: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[Any] = deque()
        self._change = threading.Condition()  # for the thread
        self._error: BaseException | None = None
        self._ended = self._closed = False

    def is_closed(self) -> bool:
        return self._closed

    def begin(self, values: PipelineStream[Any]) -> None:
        self._loop, self.news = asyncio.get_running_loop(), asyncio.Event()
        self._session._turns.in_tasks.append(self)
        if self.input is not None:
            self.input.attach()
        start_call(lambda: self._go_through(values), name="psbridge astream")

    async def take(self) -> Any:
        """The next value.

        Raises:
            StopAsyncIteration: there are no more.
            Exception: what the stream raises.
        """
        assert self.news is not None
        self.task = asyncio.current_task()
        while True:
            self.news.clear()
            over = self._ended or self._closed  # asked before: it ends after its last value
            with self._change:
                if self._waiting:
                    self._change.notify()
                    return self._waiting.popleft()
            if over:
                error, self._error = self._error, None
                try:
                    raise StopAsyncIteration if error is None else error
                finally:
                    del error  # whose traceback has this frame
            await self.news.wait()

    def close(self) -> None:
        self._session._turns.leave_task(self)
        with self._change:
            self._closed = True
            self._change.notify()

    async def wait_for_end(self) -> None:
        while self.news is not None and not self._ended:
            self.news.clear()
            if not self._ended:
                await self.news.wait()

    def _go_through(self, values: PipelineStream[Any]) -> None:
        try:
            for value in values:
                with self._change:
                    self._waiting.append(value)
                    self._tell()
                    while not self._closed and len(self._waiting) >= _AHEAD:
                        self._change.wait(SLICE_SECONDS)
                        if self._session.closed:
                            break
                if self._closed or self._session.closed:
                    break
        except CallCancelled:
            if not self._closed:  # but the task that goes through its input
                self._error = asyncio.CancelledError()
        except BaseException as error:
            self._error = error
        finally:
            values.close()
            if self.input is not None:
                self.input.close()
            self._ended = True
            self._tell()

    def _tell(self) -> None:
        assert self._loop is not None
        assert self.news is not None
        try:
            self._loop.call_soon_threadsafe(self.news.set)
        except RuntimeError:  # the loop is closed: nobody waits
            self._closed = True
