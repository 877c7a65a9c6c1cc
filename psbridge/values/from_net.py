"""`.NET` values as Python values."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from typing import Any

import System
from System.Collections import IDictionary, IList
from System.Management.Automation import PSCustomObject, PSObject
from System.Numerics import BigInteger

__all__ = ["from_net"]

_YEAR_1 = dt.datetime(1, 1, 1)


def from_net(value: Any) -> Any:
    """Convert a .NET value to the Python value that takes its place.

    Numbers, text, dates, durations, Guid, byte arrays, arrays and lists, dictionaries and
    PSCustomObjects become int, float, Decimal, str, datetime, timedelta, UUID, bytes, list and
    dict. Every other object stays the .NET object, without its PSObject wrapper where it has no
    properties of its own.
    """
    if isinstance(value, PSObject):
        base = value.BaseObject
        if isinstance(base, PSCustomObject):
            return {prop.Name: from_net(prop.Value) for prop in value.Properties}
        value = base
    # pythonnet has made these of String, Boolean, Double and the integers up to 64 bits.
    kind = type(value)
    if value is None or kind in _READY:
        return value
    convert = _BY_TYPE.get(kind)
    if convert is not None:
        return convert(value)
    if isinstance(value, System.Array) and isinstance(value, System.Array[System.Byte]):
        return bytes(value)
    if isinstance(value, IDictionary):
        return {_key(entry.Key): from_net(entry.Value) for entry in value}
    if isinstance(value, IList):
        return [from_net(item) for item in value]
    return value


_READY = frozenset({bool, int, float, str})


def _key(key: Any) -> Any:
    converted = from_net(key)
    return tuple(converted) if isinstance(converted, list) else converted


def _datetime(value: Any) -> dt.datetime:
    moment = _YEAR_1 + dt.timedelta(microseconds=value.Ticks // 10)
    if value.Kind == System.DateTimeKind.Utc:
        return moment.replace(tzinfo=dt.UTC)
    if value.Kind == System.DateTimeKind.Local:
        offset = System.TimeZoneInfo.Local.GetUtcOffset(value)
        return moment.replace(tzinfo=dt.timezone(_timedelta(offset)))
    return moment


def _datetime_offset(value: Any) -> dt.datetime:
    moment = _YEAR_1 + dt.timedelta(microseconds=value.Ticks // 10)
    return moment.replace(tzinfo=dt.timezone(_timedelta(value.Offset)))


def _timedelta(value: Any) -> dt.timedelta:
    return dt.timedelta(microseconds=value.Ticks // 10)


def _decimal(value: Any) -> decimal.Decimal:
    return decimal.Decimal(value.ToString(System.Globalization.CultureInfo.InvariantCulture))


_BY_TYPE: dict[Any, Callable[[Any], Any]] = {
    System.DateTime: _datetime,
    System.DateTimeOffset: _datetime_offset,
    System.TimeSpan: _timedelta,
    System.Decimal: _decimal,
    System.Guid: lambda value: uuid.UUID(value.ToString()),
    System.Single: float,
    BigInteger: lambda value: int(value.ToString()),
}
