"""What an author says about a parameter beyond its type and default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Parameter"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """Put it into an annotation: ``Annotated[list[str], Parameter(position=0)]``.

    It says what ``[Parameter()]``, ``[Alias()]`` and the validating attributes say in PowerShell.
    A parameter that is in several parameter sets in different ways has one for each of them; what
    holds for all sets, such as the validation, is said in the first.

    Attributes:
        position: the place of the argument where it is given without its name, from 0.
        mandatory: whether it has to be given; then the class gives it no default.
        from_pipeline: whether it takes the objects that come down the pipeline.
        from_pipeline_by_property_name: whether it takes their property of its name.
        from_remaining_arguments: whether it takes the arguments that are left over.
        parameter_set: the set that this is about, or several; none is all sets.
        hidden: whether completion and Get-Command's syntax leave it out.
        alias: other names for it.
        help: what a user who is asked for the value is told.
        range: the least and the greatest value of a number, or of each in a list.
        length: the least and the greatest length of a text, or of each in a list.
        count: the least and the greatest number of values in a list.
        pattern: a .NET regular expression that a text, or each in a list, has to match.
        choices: the texts it may be, in any letter case.
        not_empty: whether ``$null``, an empty text and an empty list are refused.
        validate: called with the value, or with each in a list. It is refused where this returns
            False, or raises, and the exception says why.
        transform: called with the value before PowerShell converts it to the parameter's type;
            gives the value to take instead.
        complete: called with the word that is to be completed and, where it has a second
            parameter, a dict of the arguments so far; gives the values to offer, as texts or as
            pairs of a text and a tooltip.
        net_type: the full name of a .NET type, such as ``"System.Version"``, for a parameter that
            is annotated with ``object``.
    """

    position: int | None = None
    mandatory: bool = False
    from_pipeline: bool = False
    from_pipeline_by_property_name: bool = False
    from_remaining_arguments: bool = False
    parameter_set: str | Sequence[str] = ()
    hidden: bool = False
    alias: Sequence[str] = ()
    help: str | None = None
    range: tuple[float, float] | None = None
    length: tuple[int, int] | None = None
    count: tuple[int, int] | None = None
    pattern: str | None = None
    choices: Sequence[str] = ()
    not_empty: bool = False
    validate: Callable[[Any], Any] | None = None
    transform: Callable[[Any], Any] | None = None
    complete: Callable[..., Iterable[Any]] | None = None
    net_type: str | None = None

    @property
    def parameter_sets(self) -> tuple[str, ...]:
        """The names of the sets that this is about; empty for all."""
        if isinstance(self.parameter_set, str):
            return (self.parameter_set,)
        return tuple(self.parameter_set)
