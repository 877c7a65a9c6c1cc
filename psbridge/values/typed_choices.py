"""Enums, literals and unions of what PowerShell gives out. Without .NET."""

from __future__ import annotations

import enum
import functools
import operator
import typing
from collections.abc import Callable, Sequence
from typing import Any

from .enum_value import EnumValue
from .names import fold
from .places import Refused, mismatch
from .typed_single import Read

__all__ = ["enum_reader", "literal_reader", "name_of", "union_reader"]


def enum_reader(kind: type[enum.Enum]) -> Read:
    """What reads a member of an enum: by its value, its name, or its number as text.

    Args:
        kind: the enum.
    """
    by_name = {fold(name): member for name, member in kind.__members__.items()}

    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        found = _by_value(kind, str.__str__(value) if isinstance(value, str) else value)
        if found is None and isinstance(value, str):
            found = _by_text(kind, by_name, value)
        if found is None:
            names = list(kind.__members__)
            shown = f"{', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
            raise mismatch(value, f"is no {kind.__name__}: there are {shown}")
        return found

    return read


def _by_value(kind: type[enum.Enum], value: Any) -> Any:
    try:
        found = kind(value)
    except (ValueError, TypeError, KeyError):
        return None
    # True is 1 to Python.
    return None if (type(value) is bool) is not (type(found.value) is bool) else found


def _by_text(kind: type[enum.Enum], by_name: dict[str, Any], value: str) -> Any:
    text = str.__str__(value)
    if (found := by_name.get(fold(text.strip()))) is not None:
        return found
    if issubclass(kind, enum.Flag):  # several are one text to PowerShell
        names = [fold(name.strip()) for name in text.split(",")]
        if all(name in by_name for name in names):
            return functools.reduce(operator.or_, (by_name[name] for name in names))
    if type(value) is EnumValue:
        return _by_value(kind, int(value))
    number = text.strip()
    return _by_value(kind, int(number)) if number.isdecimal() and len(number) < 20 else None


def literal_reader(options: Sequence[Any], reader: Callable[[Any], Read]) -> Read:
    """What reads one of some values; text in any letter case, and spelled as the option.

    Args:
        options: the values.
        reader: gives what reads a type.
    """
    readers = [(option, reader(type(option))) for option in options]

    def read(value: Any) -> Any:
        for option, of_type in readers:
            try:
                found = of_type(value)
            except Refused:
                continue
            if type(found) is type(option) and found == option:
                return option
        if isinstance(value, str):
            for option in options:
                if type(option) is str and fold(option) == fold(str.__str__(value)):
                    return option
        raise mismatch(value, f"is none of {', '.join(map(repr, options))}")

    return read


def union_reader(hints: Sequence[Any], reader: Callable[[Any], Read]) -> Read:
    """What reads one of some types.

    Args:
        hints: the types.
        reader: gives what reads a type.
    """
    arms = [(hint, reader(hint)) for hint in hints if hint not in (None, type(None))]
    optional = len(arms) < len(hints)
    if len(arms) == 1:
        return _optional(arms[0][1])
    union = _any_of(hints, arms)
    return _optional(union) if optional else union


def _optional(single: Read) -> Read:
    """What reads a type, or nothing: $null, or the empty cell of a table."""

    def read(value: Any) -> Any:
        if value is None:
            return None
        try:
            return single(value)
        except Refused:
            if isinstance(value, str) and not str.strip(value):
                return None
            raise

    return read


def _any_of(hints: Sequence[Any], arms: Sequence[tuple[Any, Read]]) -> Read:
    by_type = {typing.get_origin(hint) or hint: read for hint, read in reversed(arms)}

    def read(value: Any) -> Any:
        failures = []
        same = by_type.get(type(value))
        for arm in [read for _, read in arms] if same is None else [same]:
            try:
                return arm(value)
            except Refused as refused:
                failures.append(refused)
        deepest = max(failures, key=lambda refused: refused.depth)
        if deepest.depth or len(failures) == 1:
            raise deepest
        raise mismatch(value, f"is none of {', '.join(name_of(hint) for hint in hints)}")

    return read


def name_of(hint: Any) -> str:
    """A type as an error names it."""
    if hint is None or hint is type(None):
        return "None"
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(hint).replace("typing.", "")
