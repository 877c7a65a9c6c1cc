"""How a pipeline is run, beside the commands in it."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ..arguments import check_seconds
from ..errors import DeclarationError
from ..waiting import Deadline

if TYPE_CHECKING:
    from ..values.typed import Reader
    from .console import Console

T = TypeVar("T")

__all__ = [
    "CallCancelled",
    "RunOptions",
    "cancellable",
    "check_cancelled",
    "current_cancellation",
    "merged",
    "reader_of",
    "run_options",
    "start_call",
]


class CallCancelled(BaseException):
    """Unwinds a call that somebody has cancelled from outside; inside psbridge only."""


_calls = threading.local()


@contextmanager
def cancellable(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Let the calling thread's calls end with `CallCancelled` as soon as this is so."""
    before = getattr(_calls, "is_cancelled", None)
    _calls.is_cancelled = is_cancelled
    try:
        yield
    finally:
        _calls.is_cancelled = before


def current_cancellation() -> Callable[[], bool] | None:
    """Whether the calling thread's call is cancelled; None where it cannot be."""
    found: Callable[[], bool] | None = getattr(_calls, "is_cancelled", None)
    return found


def check_cancelled() -> None:
    """Raise `CallCancelled` where the calling thread's call is cancelled."""
    is_cancelled = current_cancellation()
    if is_cancelled is not None and is_cancelled():
        raise CallCancelled


def start_call(work: Callable[[], object], *, name: str) -> None:
    """Make a call on a thread of its own, in the caller's context, as `asyncio.to_thread`.

    So the thread is known to do the work of the job that calls.

    Args:
        work: the call; must not raise.
        name: the thread's name.
    """
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(work,), name=name, daemon=True).start()


class RunOptions:
    """How a pipeline is run; it does not change.

    Attributes:
        console: where its host shows things, if not where the session's does.
        text: as which text its output is what its host shows: the columns, and whether in colours.
        deadline: when it is stopped.
        input: what it gets, taken as it reads.
        lines: what it gets, a PSDataCollection that somebody else fills.
        settings: its PSInvocationSettings.
        is_cancelled: whether it is to end with `CallCancelled`; asked ten times a second.
    """

    # No dataclass: making one takes a millisecond of each program's start.
    __slots__ = ("console", "deadline", "input", "is_cancelled", "lines", "settings", "text")

    def __init__(
        self,
        *,
        timeout: float | None = None,
        input: Iterable[object] | None = None,
        lines: Any = None,
        settings: Any = None,
        is_cancelled: Callable[[], bool] | None = None,
        console: Console | None = None,
        text: tuple[int, bool] | None = None,
    ) -> None:
        self.deadline = Deadline(timeout)
        self.input = input
        self.lines = lines
        self.settings = settings
        self.is_cancelled = is_cancelled
        self.console = console
        self.text = text

    def check(self) -> None:
        """Raise `CallCancelled` where the call is cancelled."""
        if self.is_cancelled is not None and self.is_cancelled():
            raise CallCancelled


def run_options(
    input: Iterable[object] | AsyncIterable[object] | None,
    timeout: float | None,
    text: tuple[int, bool] | None = None,
) -> RunOptions:
    """The options of a call.

    Raises:
        DeclarationError: one is of the wrong type.
        ValueError: the time is none.
    """
    if timeout is not None:
        timeout = check_seconds(timeout, "timeout")
    if isinstance(input, (str, bytes)) or not (input is None or isinstance(input, Iterable)):
        what = "it is a list or something else to go through, of values"
        if isinstance(input, AsyncIterable):
            what = "only arun, acall and astream go through what is asynchronous"
        raise DeclarationError(f"input is {input!r}; {what}")
    is_cancelled = current_cancellation()
    return RunOptions(timeout=timeout, input=input, is_cancelled=is_cancelled, text=text)


def reader_of(kind: type[T] | Reader[T] | None) -> Reader[T] | None:
    """What makes the values of a call's output into a type; None where they stay as they are.

    Raises:
        DeclarationError: it is no type that can be made.
    """
    if kind is None:
        return None
    from ..values.typed import Reader, reader_for

    return kind if isinstance(kind, Reader) else reader_for(kind)


def merged(
    parameters: Mapping[str, object] | None, named: Mapping[str, object]
) -> dict[str, object]:
    """The arguments by name of a call, from both places.

    Raises:
        DeclarationError: the parameters are no mapping of texts.
        TypeError: one is in both.
    """
    if parameters is None:
        return dict(named)
    if not isinstance(parameters, Mapping) or not all(
        isinstance(key, str) and key for key in parameters
    ):
        raise DeclarationError(f"parameters is {parameters!r}; it is a dict with names as keys")
    folded = {name.casefold() for name in named}
    for name in parameters:
        if name.casefold() in folded:
            raise TypeError(f"the argument {name!r} was given twice, in parameters too")
    return {**parameters, **named}
