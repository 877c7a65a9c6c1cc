"""What an author says about a parameter beyond its type and default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Parameter"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """Put it into an annotation: ``Annotated[list[str], Parameter(position=0)]``.

    It says what ``[Parameter()]`` and ``[Alias()]`` say in PowerShell.

    Attributes:
        position: the place of the argument where it is given without its name, from 0.
        mandatory: whether it has to be given; then the class gives it no default.
        from_pipeline: whether it takes the objects that come down the pipeline.
        from_pipeline_by_property_name: whether it takes their property of its name.
        from_remaining_arguments: whether it takes the arguments that are left over.
        alias: other names for it.
        help: what a user who is asked for the value is told.
    """

    position: int | None = None
    mandatory: bool = False
    from_pipeline: bool = False
    from_pipeline_by_property_name: bool = False
    from_remaining_arguments: bool = False
    alias: Sequence[str] = ()
    help: str | None = None
