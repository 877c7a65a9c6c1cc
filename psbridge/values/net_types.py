"""How the objects of .NET's types become Python values, one type at a time.

Apart from `net_to_python`, which needs this once the first of them comes: most of the time of a
short program is spent on names that it does not need, and .NET's cost the most.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from typing import Any

import clr
import System
from System.Collections import ICollection, IDictionary, IList
from System.Collections.Specialized import OrderedDictionary
from System.Globalization import CultureInfo
from System.Management.Automation import (
    PSCustomObject,
    PSNoteProperty,
    PSPropertyInfo,
    SwitchParameter,
)
from System.Management.Automation.Internal import AutomationNull
from System.Numerics import BigInteger

from .net_to_python import READY, Ancestors, Converter, convert, convert_items

__all__ = ["converter_of"]

_YEAR_1 = dt.datetime(1, 1, 1)
_DEEPEST = 100


def converter_of(kind: Any) -> Converter:
    """How the objects of a type are converted."""
    if known := _BY_TYPE.get(kind):
        return known
    if not isinstance(kind, _NetType):
        return _stay  # a Python object that has been in .NET's hands
    net_type = clr.GetClrType(kind)
    if net_type.IsInterface:
        return _behind_interface
    if issubclass(kind, System.Array):
        return _array
    if _is_live(net_type):
        return _stay
    if issubclass(kind, IDictionary):
        return _dictionary
    if issubclass(kind, IList):
        return _list
    return _stay


_NetType = type(System.Object)


def _is_live(net_type: Any) -> bool:
    """Whether it is a stream of a job or a pipeline: to walk through it is to wait for its end."""
    while net_type is not None:
        if net_type.FullName.startswith("System.Management.Automation.PSDataCollection`1"):
            return True
        net_type = net_type.BaseType
    return False


def _stay(value: Any, inside: Ancestors) -> Any:
    return value


def _behind_interface(value: Any, inside: Ancestors) -> Any:
    """Where a .NET member is declared as an interface, pythonnet hides the object behind it."""
    return convert(value.__implementation__, inside)


def _enter(value: Any, inside: Ancestors) -> Ancestors:
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


def _record(value: Any, inside: Ancestors) -> Any:
    inside = _enter(value, inside)
    record = {}
    for prop in value.Properties:
        item = prop.Value if type(prop) is PSNoteProperty else _computed(prop)
        record[prop.Name] = item if type(item) in READY else convert(item, inside)
    if not record and value == AutomationNull.Value:
        return None
    if _REMOTING_MARK in record:
        for name in _REMOTING_NOTES:
            record.pop(name, None)
    return record


# What PowerShell hangs on what comes from another machine or process: where it is from, and not a
# part of it. A `Result` has it as its origins.
_REMOTING_MARK = "PSShowComputerName"
_REMOTING_NOTES = ("PSComputerName", "RunspaceId", _REMOTING_MARK, "PSSourceJobInstanceId")


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


def _dictionary(value: Any, inside: Ancestors) -> Any:
    inside = _enter(value, inside)
    # The one that forgets its order where it is copied.
    entries = list(value) if type(value) is OrderedDictionary else _snapshot(value)
    converted = {_key(entry.Key, inside): convert(entry.Value, inside) for entry in entries}
    # 1 and 1.0 are two keys in .NET and one in Python.
    return converted if len(converted) == len(entries) else value


def _key(key: Any, inside: Ancestors) -> Any:
    converted = convert(key, inside)
    return tuple(converted) if isinstance(converted, list) else converted


def _list(value: Any, inside: Ancestors) -> list[Any]:
    return convert_items(_snapshot(value), _enter(value, inside))


def _array(value: Any, inside: Ancestors) -> Any:
    items = convert_items(value, _enter(value, inside))
    rank = value.Rank
    if rank > 1:
        lengths = [value.GetLength(dimension) for dimension in range(rank)]
        for dimension in range(rank - 1, 0, -1):
            length, rows = lengths[dimension], math.prod(lengths[:dimension])
            items = [items[row * length : (row + 1) * length] for row in range(rows)]
    return items


def _datetime(value: Any, inside: Ancestors) -> dt.datetime:
    moment = _YEAR_1 + dt.timedelta(microseconds=value.Ticks // 10)
    kind = value.Kind
    if kind == _UTC:
        return moment.replace(tzinfo=dt.UTC)
    if kind == _LOCAL:
        return moment.replace(tzinfo=_zone(System.TimeZoneInfo.Local.GetUtcOffset(value)))
    return moment


_UTC, _LOCAL = System.DateTimeKind.Utc, System.DateTimeKind.Local


def _datetime_offset(value: Any, inside: Ancestors) -> dt.datetime:
    moment = _YEAR_1 + dt.timedelta(microseconds=value.Ticks // 10)
    return moment.replace(tzinfo=_zone(value.Offset))


def _zone(offset: Any) -> dt.timezone:
    return dt.timezone(dt.timedelta(microseconds=offset.Ticks // 10))


def _timedelta(value: Any, inside: Ancestors) -> dt.timedelta:
    ticks = value.Ticks
    # Towards zero, so that what comes back is never longer than a TimeSpan can be.
    return dt.timedelta(microseconds=ticks // 10 if ticks >= 0 else -(-ticks // 10))


def _decimal(value: Any, inside: Ancestors) -> decimal.Decimal:
    return decimal.Decimal(value.ToString(CultureInfo.InvariantCulture))


_BY_TYPE: dict[Any, Converter] = {
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
