"""How a pipeline is run, beside the commands in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..arguments import check_seconds
from ..errors import DeclarationError
from ..waiting import Deadline

__all__ = ["RunOptions", "merged", "run_options"]


@dataclass(frozen=True)
class RunOptions:
    """How a pipeline is run.

    Attributes:
        deadline: when it is stopped.
        input: what it gets, taken as it reads.
        lines: what it gets, a PSDataCollection that somebody else fills.
        settings: its PSInvocationSettings.
    """

    deadline: Deadline = field(default_factory=lambda: Deadline(None))
    input: Iterable[object] | None = None
    lines: Any = None
    settings: Any = None


def run_options(input: Iterable[object] | None, timeout: float | None) -> RunOptions | None:
    """The options of a call; None where all are as usual.

    Raises:
        DeclarationError: one is of the wrong type.
        ValueError: the time is none.
    """
    if timeout is not None:
        timeout = check_seconds(timeout, "timeout")
    if input is not None:
        if isinstance(input, (str, bytes)) or not isinstance(input, Iterable):
            raise DeclarationError(
                f"input is {input!r}; it is a list or something else to go through, of values"
            )
    elif timeout is None:
        return None
    return RunOptions(Deadline(timeout), input)


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
    if not isinstance(parameters, Mapping) or not all(isinstance(key, str) for key in parameters):
        raise DeclarationError(f"parameters is {parameters!r}; it is a dict with names as keys")
    folded = {name.casefold() for name in named}
    for name in parameters:
        if name.casefold() in folded:
            raise TypeError(f"the argument {name!r} was given twice, in parameters too")
    return {**parameters, **named}
