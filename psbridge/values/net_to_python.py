"""`.NET` values as Python values.

Guarantee: a value is never lost to another one's conversion. What cannot be converted, for
whatever reason, stays the .NET object that it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import System
from System.Management.Automation import PSCustomObject, PSObject

__all__ = [
    "READY",
    "Ancestors",
    "Converter",
    "convert",
    "convert_items",
    "from_net",
    "list_from_net",
    "text_of",
]

# The objects that a value is inside of, the outermost first.
Ancestors = tuple[Any, ...]


def from_net(value: Any) -> Any:
    """Convert a .NET value to the Python value that takes its place.

    Numbers, text, dates, durations, Guid, byte arrays, arrays and lists, dictionaries and
    PSCustomObjects become int, float, Decimal, str, datetime, timedelta, UUID, bytes, list and
    dict. Every other object stays the .NET object, without its PSObject wrapper; so does a list,
    dictionary or record that is inside itself, more than 100 levels deep, or that has no
    counterpart, such as a dictionary with keys that Python takes for the same.
    """
    return convert(value, ())


def text_of(value: Any) -> str:
    """What a .NET object says of itself by ToString(), whatever characters are in it.

    .NET text may hold half of a surrogate pair, which pythonnet refuses. Python knows such text
    too, so it comes across as it is.
    """
    try:
        return str(value.ToString() or "")
    except UnicodeDecodeError:
        builder = System.Text.StringBuilder().Append.Overloads[System.Object](value)
    except System.Exception:
        return str(value.GetType().FullName)
    units = System.Array[System.Char](builder.Length)
    builder.CopyTo(0, units, 0, builder.Length)
    text = "".join(units).encode("utf-16-le", "surrogatepass")
    return text.decode("utf-16-le", "surrogatepass")


def list_from_net(array: Any) -> list[Any]:
    """Convert the items of a .NET array of objects; see `from_net`."""
    return convert_items(array, (array,))


def convert(value: Any, inside: Ancestors) -> Any:
    """Convert a value that is inside of others."""
    kind = type(value)
    # pythonnet has made these of null, String, Boolean, Single, Double and most integers.
    if kind in READY:
        return value
    if kind is PSObject:
        try:
            base = value.BaseObject
        except UnicodeDecodeError:
            return text_of(value)
        kind = type(base)
        if kind in READY:
            return base
        # A record is its PSObject; the object below it is the same for all records.
        if kind is not PSCustomObject:
            value = base
    converter = _by_type.get(kind) or _find_converter(kind)
    try:
        return converter(value, inside)
    except Exception:
        return value


READY = frozenset({bool, int, float, str, type(None)})


def convert_items(array: Any, inside: Ancestors) -> list[Any]:
    """Convert the items of an array that is inside of others, itself among them."""
    try:
        return [item if type(item) in READY else convert(item, inside) for item in array]
    except UnicodeDecodeError:
        import clr
        from System.Management.Automation import LanguagePrimitives

        # Within a PSObject each can be looked at by itself; see `text_of`.
        wrapped = LanguagePrimitives.ConvertTo(array, clr.GetClrType(System.Array[PSObject]))
        return [convert(item, inside) for item in wrapped]


Converter = Callable[[Any, Ancestors], Any]
_by_type: dict[Any, Converter] = {}


def _find_converter(kind: Any) -> Converter:
    """Choose, and remember, how the objects of a .NET type are converted."""
    # What most results do not need is imported when the first one does.
    from .net_types import converter_of

    found: Converter = converter_of(kind)
    _by_type[kind] = found
    return found
