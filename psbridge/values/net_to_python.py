"""`.NET` values as Python values.

Guarantee: a value is never lost to another one's conversion. What cannot be converted, for
whatever reason, is a `PowerShellObject` around the .NET object that it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from System.Management.Automation import PSCustomObject, PSObject

__all__ = [
    "KEPT",
    "READY",
    "Ancestors",
    "Converter",
    "convert",
    "convert_items",
    "from_net",
    "list_from_net",
]

# The objects that a value is inside of, the outermost first.
Ancestors = tuple[Any, ...]


def from_net(value: Any) -> Any:
    """Convert a .NET value to the Python value that takes its place.

    Numbers, text, dates, durations, Guid, byte arrays, arrays and lists, dictionaries and
    PSCustomObjects become int, float, Decimal, str, datetime, timedelta, UUID, bytes, list, dict
    and `CustomObject`; an enum's value becomes an `EnumValue`. Every other object is seen as a
    `PowerShellObject`; so is a list, dictionary or record that is inside itself, more than 100
    levels deep, or that has no counterpart, such as a dictionary with keys that Python takes for
    the same.
    """
    return convert(value, ())


def list_from_net(array: Any) -> tuple[list[Any], list[str | None]]:
    """Convert the items of a .NET array of objects; see `from_net`.

    Returns:
        The values, and the machine that each came from; None for this one.
    """
    if len(array) < _MANY:
        items = list(array)
        if sum(type(item) not in READY for item in items) < _MANY_OTHERS:
            from PSBridge import ValueBatch

            origins = ValueBatch.OriginsOf(array)
            return convert_items(items, (array,)), list(origins or [None] * len(items))
    from .batch import read_batch

    return read_batch(array, convert_items, _many_kept)


# From how many on one call of C#'s is faster than a look at each; that takes longer for what is no
# number and no text.
_MANY = 8
_MANY_OTHERS = 2


def convert(value: Any, inside: Ancestors) -> Any:
    """Convert a value that is inside of others."""
    kind = type(value)
    # pythonnet has made these of null, String, Boolean, Single, Double and most integers.
    if kind in READY:
        return value
    whole = value
    if kind is PSObject:
        base = value.BaseObject
        kind = type(base)
        if kind in READY:
            # An enum's value that comes from another process is a number with a name on it.
            return base if kind is not int else _number(value, base)
        # A record is its PSObject; the object below it is the same for all records.
        if kind is not PSCustomObject:
            value = base
    converter = _by_type.get(kind) or _find_converter(kind)
    try:
        found = converter(value, inside)
    except Exception:
        found = KEPT
    return _kept(whole) if found is KEPT else found


# What a converter gives for a value that is to be seen as a PowerShellObject.
KEPT = object()
READY = frozenset({bool, int, float, str, type(None)})


def convert_items(array: Any, inside: Ancestors) -> list[Any]:
    """Convert the items of an array that is inside of others, itself among them."""
    return [item if type(item) in READY else convert(item, inside) for item in array]


Converter = Callable[[Any, Ancestors], Any]
_by_type: dict[Any, Converter] = {}


def _kept(value: Any) -> Any:
    from .net_types import kept

    return kept(value)


def _many_kept(views: Any, handles: Any) -> Any:
    from .net_types import many_kept

    return many_kept(views, handles)


def _number(value: Any, number: int) -> Any:
    from .net_types import number_or_enum

    return number_or_enum(value, number)


def _find_converter(kind: Any) -> Converter:
    """Choose, and remember, how the objects of a .NET type are converted."""
    # What most results do not need is imported when the first one does.
    from .net_types import converter_of

    found: Converter = converter_of(kind)
    _by_type[kind] = found
    return found
