"""A session's calls for asyncio: each in a thread of its own, while the event loop goes on.

Guarantees:

- A call that is cancelled has stopped when the cancellation leaves it, as with Ctrl-C: code in a
  .NET call is waited for for half a second. One that waits for its turn never begins.
- The loop's default thread pool is left alone: its few threads, all of which wait for a session,
  would hold up whatever else the program does in it.
- Where the loop runs inside of a pipeline, on its thread, that session's calls are nested ones, and
  the loop waits for them: that thread alone can run them.

Rejected: to let .NET tell the loop when a pipeline has ended. What a call does before and
afterwards (its turn, its input, its values) takes time, too, and would be the loop's.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from .options import CallCancelled, cancellable, start_call
from .result import T

if TYPE_CHECKING:
    import asyncio

    from .async_input import AsyncInput
    from .async_stream import AsyncPipelineStream
    from .stream import PipelineStream

__all__ = ["asynchronous", "asynchronous_stream"]

P = ParamSpec("P")
S = TypeVar("S")
R = TypeVar("R")


def asynchronous(
    call: Callable[Concatenate[S, P], R], runs_here: Callable[[S], bool] = lambda _: False
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """A coroutine function that does what a method does.

    Args:
        call: the method.
        runs_here: whether only the calling thread can do it.
    """

    async def acall(self: S, /, *arguments: P.args, **named: P.kwargs) -> R:
        import asyncio

        method = getattr(self, call.__name__)  # a subclass may have one of its own
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        is_nested = runs_here(self)
        given = _asynchronous_input(self, named)
        if given is not None and is_nested:
            given.refuse_nested_call()
        cancelled = threading.Event()

        def work() -> None:
            try:
                with cancellable(cancelled.is_set):
                    result = method(*arguments, **named)
            except CallCancelled:
                _tell(done, lambda: done.cancelled() or done.cancel())
            except StopIteration as error:  # which no future takes
                stray = RuntimeError("the input raised StopIteration")
                stray.__cause__ = error
                _tell(done, functools.partial(_set, done.set_exception, stray, done))
            except BaseException as error:
                _tell(done, functools.partial(_set, done.set_exception, error, done))
            else:
                _tell(done, functools.partial(_set, done.set_result, result, done))

        async with given or contextlib.nullcontext():
            if is_nested:
                work()
            else:
                start_call(work, name=f"psbridge {call.__name__}")
            try:
                return await asyncio.shield(done)
            except asyncio.CancelledError:
                cancelled.set()
                # A second cancellation ends this wait.
                await asyncio.wait([done])
                if not done.cancelled():
                    done.exception()  # nobody asks for it any more
                raise

    functools.update_wrapper(acall, call)
    _rename(acall, call)
    acall.__doc__ = (
        f"Do what `{call.__name__}` does, for asyncio: the event loop goes on meanwhile.\n\n"
        "Cancelled means stopped, be it by a time limit of asyncio's."
    )
    return acall


def asynchronous_stream(
    stream: Callable[Concatenate[S, P], PipelineStream[T]], runs_here: Callable[[S], bool]
) -> Callable[Concatenate[S, P], AsyncPipelineStream[T]]:
    """A method that gives an asynchronous iterator where another one gives an iterator.

    Args:
        stream: the other one.
        runs_here: as for `asynchronous`.
    """

    def astream(self: S, /, *arguments: P.args, **named: P.kwargs) -> AsyncPipelineStream[T]:
        from .async_stream import AsyncPipelineStream

        session: Any = self
        method = getattr(self, stream.__name__)
        given = _asynchronous_input(self, named)
        make = functools.partial(method, *arguments, **named)
        return AsyncPipelineStream(make, session, given, lambda: runs_here(self))

    functools.update_wrapper(astream, stream)
    _rename(astream, stream)
    astream.__doc__ = (
        f"Do what `{stream.__name__}` does, for asyncio: ``async for``.\n\n"
        "The code stops where the loop is cancelled, and where it is left: soon by itself, at once "
        "with ``async with`` or `aclose`."
    )
    return astream


def _asynchronous_input(session: Any, named: dict[str, Any]) -> AsyncInput | None:
    """Put what a thread can go through in the place of an input that only a loop can."""
    values = named.get("input")
    if isinstance(values, Iterable) or not isinstance(values, AsyncIterable):
        return None
    from .async_input import AsyncInput

    named["input"] = given = AsyncInput(values, session._turns)
    return given


def _rename(function: Any, twin: Any) -> None:
    place, _, name = twin.__qualname__.rpartition(".")
    function.__name__, function.__qualname__ = f"a{name}", f"{place}.a{name}"


def _tell(done: asyncio.Future[Any], tell: Callable[[], object]) -> None:
    try:
        done.get_loop().call_soon_threadsafe(tell)
    except RuntimeError:  # the loop is closed: nobody waits
        return


def _set(set_it: Callable[[Any], None], value: Any, done: asyncio.Future[Any]) -> None:
    if not done.done():
        set_it(value)
