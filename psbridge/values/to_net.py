"""Python values as .NET values.

pythonnet turns str, float, bool and None into .NET values by itself; everything else would arrive
as an opaque Python object, so each value is converted here, explicitly.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import PurePath
from typing import Any

import System
from System.Collections import Hashtable
from System.Collections.Specialized import OrderedDictionary
from System.Management.Automation import PSNoteProperty, PSObject
from System.Numerics import BigInteger

from ..errors import ConversionError

__all__ = ["to_net", "to_record"]

_TICKS_AT_YEAR_1 = dt.datetime(1, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_DEEPEST = 100


def to_net(value: object) -> Any:
    """Convert a Python value to the .NET value that PowerShell would have in its place.

    Integers become Int32, Int64 or BigInteger, whichever is the first that holds them, as
    PowerShell's own literals do; a mapping becomes a Hashtable, a sequence an Object[].

    Args:
        value: the value; what is a .NET object already passes unchanged.

    Raises:
        ConversionError: there is no .NET counterpart, or the value contains itself.
    """
    return _convert(value, _mapping_to_hashtable, 0)


def to_record(value: object) -> Any:
    """Convert a Python value to what PowerShell code would write to its output.

    As `to_net`, except that a mapping whose keys are all text becomes a PSCustomObject, so that
    a record written in Python has properties, and is formatted as a table, as any other.

    Raises:
        ConversionError: there is no .NET counterpart, or the value contains itself.
    """
    return _convert(value, _mapping_to_object, 0)


_MappingConverter = Callable[["Mapping[Any, Any]", int], Any]


def _convert(value: object, mapping: _MappingConverter, depth: int) -> Any:
    # The order is by how often a kind is met; a subclass of a plain type is met rarely.
    kind = type(value)
    if value is None or kind is float or kind is bool:
        return value
    if kind is str:
        return _text(value)  # type: ignore[arg-type]
    if kind is int:
        return _integer(value)  # type: ignore[arg-type]
    if depth > _DEEPEST:
        raise ConversionError(
            f"a value is nested more than {_DEEPEST} levels deep, or contains itself"
        )
    if isinstance(value, Mapping):
        return mapping(value, depth)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return _array(value, mapping, depth)
    convert = _BY_TYPE.get(kind)
    if convert is not None:
        return convert(value)
    if isinstance(value, (System.Object, PSObject)):
        return value
    return _convert_rare(value, mapping, depth)


def _convert_rare(value: object, mapping: _MappingConverter, depth: int) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _named(_mapping_to_object(fields, depth), type(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        names: Sequence[str] = value._fields
        return _named(_mapping_to_object(dict(zip(names, value, strict=True)), depth), type(value))
    if isinstance(value, enum.Enum):
        return _convert(value.value, mapping, depth + 1)
    if isinstance(value, (Set, Sequence)) and not isinstance(value, (str, bytes, bytearray)):
        return _array(list(value), mapping, depth)
    for base, convert in _BY_TYPE.items():
        if isinstance(value, base):
            return convert(value)
    raise ConversionError(
        f"a {type(value).__module__}.{type(value).__qualname__} has no counterpart in PowerShell; "
        "write text, numbers, dates, lists, dicts or dataclasses of them, or .NET objects"
    )


def _text(value: str) -> str:
    try:
        value.encode("utf-16-le")
    except UnicodeEncodeError as error:
        raise ConversionError(
            f"text with a lone surrogate at index {error.start} cannot cross to PowerShell"
        ) from error
    return str(value)


def _integer(value: int) -> Any:
    if -0x8000_0000 <= value <= 0x7FFF_FFFF:
        return System.Int32(value)
    if -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        return System.Int64(value)
    length = value.bit_length() // 8 + 1
    return BigInteger(_bytes(value.to_bytes(length, "little", signed=True)))


def _array(values: Sequence[object], mapping: _MappingConverter, depth: int) -> Any:
    array = System.Array[System.Object](len(values))
    for index, item in enumerate(values):
        array[index] = _convert(item, mapping, depth + 1)
    return array


def _mapping_to_hashtable(value: Mapping[Any, Any], depth: int) -> Any:
    table = Hashtable(System.StringComparer.CurrentCultureIgnoreCase)
    return _fill(table, value, _mapping_to_hashtable, depth)


def _mapping_to_object(value: Mapping[Any, Any], depth: int) -> Any:
    if not all(isinstance(key, str) for key in value):
        return _fill(OrderedDictionary(), value, _mapping_to_object, depth)
    record = PSObject()
    properties = record.Properties
    for key, item in value.items():
        converted = _convert(item, _mapping_to_object, depth + 1)
        try:
            properties.Add(PSNoteProperty(_text(key), converted))
        except System.Exception as error:
            raise ConversionError(
                f"{key!r} cannot be the name of a property: {error.Message}"
            ) from error
    return record


def _fill(table: Any, value: Mapping[Any, Any], mapping: _MappingConverter, depth: int) -> Any:
    for key, item in value.items():
        if key is None:
            raise ConversionError("None cannot be a key in a PowerShell hashtable")
        try:
            table.Add(_convert(key, mapping, depth + 1), _convert(item, mapping, depth + 1))
        except System.ArgumentException as error:
            raise ConversionError(
                f"the key {key!r} is there twice: keys differ in more than case in PowerShell"
            ) from error
    return table


def _named(record: Any, kind: type) -> Any:
    record.TypeNames.Insert(0, f"{kind.__module__}.{kind.__qualname__}")
    return record


def _bytes(value: bytes | bytearray | memoryview) -> Any:
    return System.Array[System.Byte](bytes(value))


def _datetime(value: dt.datetime) -> Any:
    ticks = (value.replace(tzinfo=None) - _TICKS_AT_YEAR_1) // _MICROSECOND * 10
    offset = value.utcoffset()
    if offset is None:
        return System.DateTime(ticks, System.DateTimeKind.Unspecified)
    if value.tzinfo is dt.UTC:
        return System.DateTime(ticks, System.DateTimeKind.Utc)
    if offset % dt.timedelta(minutes=1):
        raise ConversionError(f"{value.isoformat()}: .NET has no time zones with seconds")
    return System.DateTimeOffset(ticks, _timedelta(offset))


def _timedelta(value: dt.timedelta) -> Any:
    ticks = value // _MICROSECOND * 10
    if not -0x8000_0000_0000_0000 <= ticks <= 0x7FFF_FFFF_FFFF_FFFF:
        raise ConversionError(f"{value} is longer than a .NET TimeSpan can be")
    return System.TimeSpan(ticks)


def _decimal(value: decimal.Decimal) -> Any:
    culture = System.Globalization.CultureInfo.InvariantCulture
    styles = System.Globalization.NumberStyles.Float
    try:
        converted = System.Decimal.Parse(format(value, "f"), styles, culture)
    except System.Exception as error:
        raise ConversionError(f"{value} is no number that a .NET Decimal can hold") from error
    if decimal.Decimal(converted.ToString(culture)) != value:
        raise ConversionError(f"{value} has more digits than a .NET Decimal can hold")
    return converted


_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    bool: bool,
    int: _integer,
    float: float,
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    dt.datetime: _datetime,
    dt.date: lambda value: _datetime(dt.datetime(value.year, value.month, value.day)),
    dt.timedelta: _timedelta,
    decimal.Decimal: _decimal,
    uuid.UUID: lambda value: System.Guid(str(value)),
    PurePath: lambda value: _text(str(value)),
}
