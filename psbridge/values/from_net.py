"""`.NET` values as Python values.

Guarantee: a value is never lost to another one's conversion. What cannot be converted, for
whatever reason, stays the .NET object that it is.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from collections.abc import Callable
from typing import Any

import clr
import System
from System.Collections import ICollection, IDictionary, IList
from System.Collections.Specialized import OrderedDictionary
from System.Globalization import CultureInfo
from System.Management.Automation import (
    LanguagePrimitives,
    PSCustomObject,
    PSNoteProperty,
    PSObject,
    PSPropertyInfo,
    SwitchParameter,
)
from System.Management.Automation.Internal import AutomationNull
from System.Numerics import BigInteger

__all__ = ["from_net", "text_of"]

_YEAR_1 = dt.datetime(1, 1, 1)
_DEEPEST = 100
# The objects that a value is inside of, the outermost first.
_Ancestors = tuple[Any, ...]


def from_net(value: Any) -> Any:
    """Convert a .NET value to the Python value that takes its place.

    Numbers, text, dates, durations, Guid, byte arrays, arrays and lists, dictionaries and
    PSCustomObjects become int, float, Decimal, str, datetime, timedelta, UUID, bytes, list and
    dict. Every other object stays the .NET object, without its PSObject wrapper; so does a list,
    dictionary or record that is inside itself, more than 100 levels deep, or that has no
    counterpart, such as a dictionary with keys that Python takes for the same.
    """
    return _convert(value, ())


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


def _convert(value: Any, inside: _Ancestors) -> Any:
    kind = type(value)
    # pythonnet has made these of null, String, Boolean, Single, Double and most integers.
    if kind in _READY:
        return value
    if kind is PSObject:
        try:
            base = value.BaseObject
        except UnicodeDecodeError:
            return text_of(value)
        kind = type(base)
        if kind in _READY:
            return base
        # A record is its PSObject; the object below it is the same for all records.
        if kind is not PSCustomObject:
            value = base
    convert = _BY_TYPE.get(kind) or _find_converter(kind)
    try:
        return convert(value, inside)
    except Exception:
        return value


_READY = frozenset({bool, int, float, str, type(None)})


def _find_converter(kind: Any) -> _Converter:
    """Choose, and remember, how the objects of a .NET type are converted."""
    if not isinstance(kind, _NetType):
        return _stay  # a Python object that has been in .NET's hands
    net_type = clr.GetClrType(kind)
    convert: _Converter = _stay
    if net_type.IsInterface:
        convert = _behind_interface
    elif issubclass(kind, System.Array):
        convert = _array
    elif _is_live(net_type):
        convert = _stay
    elif issubclass(kind, IDictionary):
        convert = _dictionary
    elif issubclass(kind, IList):
        convert = _list
    _BY_TYPE[kind] = convert
    return convert


_NetType = type(System.Object)


def _is_live(net_type: Any) -> bool:
    """Whether it is a stream of a job or a pipeline: to walk through it is to wait for its end."""
    while net_type is not None:
        if net_type.FullName.startswith("System.Management.Automation.PSDataCollection`1"):
            return True
        net_type = net_type.BaseType
    return False


def _stay(value: Any, inside: _Ancestors) -> Any:
    return value


def _behind_interface(value: Any, inside: _Ancestors) -> Any:
    """Where a .NET member is declared as an interface, pythonnet hides the object behind it."""
    return _convert(value.__implementation__, inside)


def _enter(value: Any, inside: _Ancestors) -> _Ancestors:
    if len(inside) >= _DEEPEST or any(_same(value, outer) for outer in inside):
        raise RecursionError
    return (*inside, value)


_same = System.Object.ReferenceEquals


def _snapshot(collection: Any) -> Any:
    """The items of a collection as an array.

    pythonnet lets an exception in GetEnumerator abort the process, and that is anybody's code;
    and another thread may change the collection. One in a method it turns into a Python one.
    """
    collection = ICollection(collection)
    array = System.Array[System.Object](collection.Count)
    collection.CopyTo(array, 0)
    return array


def _record(value: Any, inside: _Ancestors) -> Any:
    inside = _enter(value, inside)
    record = {}
    for prop in value.Properties:
        item = prop.Value if type(prop) is PSNoteProperty else _computed(prop)
        record[prop.Name] = item if type(item) in _READY else _convert(item, inside)
    if not record and value == AutomationNull.Value:
        return None
    return record


def _computed(prop: Any) -> Any:
    """The value of a property that runs code; what it throws is None, as in PowerShell.

    A property read through pythonnet holds the GIL, and such code may need it on a pipeline's
    thread: a deadlock. A method does not hold it.
    """
    try:
        return _VALUE.GetValue(prop)
    except System.Exception:
        return None


_VALUE = clr.GetClrType(PSPropertyInfo).GetProperty("Value")


def _dictionary(value: Any, inside: _Ancestors) -> Any:
    inside = _enter(value, inside)
    # The one that forgets its order where it is copied.
    entries = list(value) if type(value) is OrderedDictionary else _snapshot(value)
    converted = {_key(entry.Key, inside): _convert(entry.Value, inside) for entry in entries}
    # 1 and 1.0 are two keys in .NET and one in Python.
    return converted if len(converted) == len(entries) else value


def _key(key: Any, inside: _Ancestors) -> Any:
    converted = _convert(key, inside)
    return tuple(converted) if isinstance(converted, list) else converted


def _list(value: Any, inside: _Ancestors) -> list[Any]:
    return _items(_snapshot(value), _enter(value, inside))


def _items(array: Any, inside: _Ancestors) -> list[Any]:
    try:
        return [item if type(item) in _READY else _convert(item, inside) for item in array]
    except UnicodeDecodeError:
        # Within a PSObject each can be looked at by itself; see `text_of`.
        wrapped = LanguagePrimitives.ConvertTo(array, _PSOBJECTS)
        return [_convert(item, inside) for item in wrapped]


_PSOBJECTS = clr.GetClrType(System.Array[PSObject])


def _array(value: Any, inside: _Ancestors) -> Any:
    items = _items(value, _enter(value, inside))
    rank = value.Rank
    if rank > 1:
        lengths = [value.GetLength(dimension) for dimension in range(rank)]
        for dimension in range(rank - 1, 0, -1):
            length, rows = lengths[dimension], math.prod(lengths[:dimension])
            items = [items[row * length : (row + 1) * length] for row in range(rows)]
    return items


def _datetime(value: Any, inside: _Ancestors) -> dt.datetime:
    moment = _YEAR_1 + dt.timedelta(microseconds=value.Ticks // 10)
    kind = value.Kind
    if kind == _UTC:
        return moment.replace(tzinfo=dt.UTC)
    if kind == _LOCAL:
        return moment.replace(tzinfo=_zone(System.TimeZoneInfo.Local.GetUtcOffset(value)))
    return moment


_UTC, _LOCAL = System.DateTimeKind.Utc, System.DateTimeKind.Local


def _datetime_offset(value: Any, inside: _Ancestors) -> dt.datetime:
    moment = _YEAR_1 + dt.timedelta(microseconds=value.Ticks // 10)
    return moment.replace(tzinfo=_zone(value.Offset))


def _zone(offset: Any) -> dt.timezone:
    return dt.timezone(dt.timedelta(microseconds=offset.Ticks // 10))


def _timedelta(value: Any, inside: _Ancestors) -> dt.timedelta:
    ticks = value.Ticks
    # Towards zero, so that what comes back is never longer than a TimeSpan can be.
    return dt.timedelta(microseconds=ticks // 10 if ticks >= 0 else -(-ticks // 10))


def _decimal(value: Any, inside: _Ancestors) -> decimal.Decimal:
    return decimal.Decimal(value.ToString(CultureInfo.InvariantCulture))


_Converter = Callable[[Any, _Ancestors], Any]
_BY_TYPE: dict[Any, _Converter] = {
    PSCustomObject: _record,
    System.Array[System.Byte]: lambda value, inside: bytes(value),
    System.DateTime: _datetime,
    System.DateTimeOffset: _datetime_offset,
    System.TimeSpan: _timedelta,
    System.Decimal: _decimal,
    System.Guid: lambda value, inside: uuid.UUID(value.ToString()),
    System.DBNull: lambda value, inside: None,
    SwitchParameter: lambda value, inside: value.IsPresent,
    BigInteger: lambda value, inside: int(value.ToString()),
}
