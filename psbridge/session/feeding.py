"""What a call's `input` becomes: values that a running pipeline gets, a few ahead of what it reads.

To be used once the engine runs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..waiting import SLICE_SECONDS, Deadline, serve
from .options import RunOptions, check_cancelled

__all__ = ["FEED_MILLISECONDS", "NOTHING_YET", "PatientInput", "feed", "filled", "offers"]

# How long to wait for room for a value before a look whether anybody reads.
FEED_MILLISECONDS = 10

# What a `PatientInput` gives that has no value at the moment; it is asked again.
NOTHING_YET = object()


class PatientInput(Iterator[object]):
    """An input that keeps nobody waiting for its next value who has something else to look at."""

    @abstractmethod
    def soon(self) -> object:
        """The next value, or ``NOTHING_YET``; raises as ``__next__`` does."""

    def __next__(self) -> object:
        while (value := self.soon()) is NOTHING_YET:
            check_cancelled()
        return value


def feed(run: Any, room: Any, options: RunOptions, check: Callable[[], None]) -> None:
    """Hand the input over, until there is no more, nobody reads it any more, or time is up.

    Only where there is no more, the code is told so: of input that was broken off it would do at
    its end what is right for all of it. It is stopped then, and that ends a wait for more.

    Args:
        run: the ``PipelineRun`` that reads it.
        room: its ``PipelineInput``.
        options: the call's, with the input.
        check: what is to be asked while it runs.

    Raises:
        Exception: what going through the input raises.
    """

    def is_wanted() -> bool:
        serve(SLICE_SECONDS)
        check()
        return not run.Wait(0) and not options.deadline.is_over

    assert options.input is not None
    look = Deadline(SLICE_SECONDS)
    for item in _converted(options.input):
        if look.is_over:
            if not is_wanted():
                return
            look = Deadline(SLICE_SECONDS)
        while item is not NOTHING_YET and not room.Offer(item, FEED_MILLISECONDS):
            if not is_wanted():
                return
    if is_wanted():  # else the code would take this for the end of the input
        room.Complete()


def offers(room: Any, values: Iterable[object], deadline: Deadline) -> Iterator[bool]:
    """Hand the input over as far as there is room, from each call to the next; see `feed`.

    Args:
        room: as there.
        values: the input.
        deadline: when time is up.
    """
    look = Deadline(FEED_MILLISECONDS / 1000)
    for item in _converted(values):
        while item is not NOTHING_YET and not room.Offer(item, 0):
            yield True
        if look.is_over:  # what comes slowly must not hold up what is written
            yield True
            look = Deadline(FEED_MILLISECONDS / 1000)
    if not deadline.is_over:  # else the code would take this for the end of the input
        room.Complete()


def filled(values: Iterable[object]) -> Any:
    """A complete PSDataCollection of values, for a pipeline's input."""
    import System
    from System.Management.Automation import PSDataCollection

    lines = PSDataCollection[System.Object]()
    for item in _converted(values):
        if item is not NOTHING_YET:
            lines.Add(item)
    lines.Complete()
    return lines


def _converted(values: Iterable[object]) -> Iterator[Any]:
    return _convert_each(iter(values))


def _convert_each(values: Iterator[object]) -> Iterator[Any]:
    from ..values import to_net

    number = 0
    for value in _looked_at(values) if isinstance(values, PatientInput) else values:
        if value is NOTHING_YET:
            yield value
        else:
            yield to_net(value, f"input[{number}]")
            number += 1


def _looked_at(values: PatientInput) -> Iterator[object]:
    while True:
        try:
            value = values.soon()
        except StopIteration:
            return
        yield value
