"""Python values as .NET values.

pythonnet turns str, float, bool and None into .NET values by itself; everything else would arrive
as an opaque Python object, so each value is converted here, explicitly.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import re
import uuid
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import PurePath
from typing import Any

import System
from PSBridge import OrderedHashtable
from System.Globalization import CultureInfo, NumberStyles
from System.Management.Automation import PSNoteProperty, PSObject
from System.Numerics import BigInteger

from ..engine.paths import net_path
from ..errors import ConversionError, WorkerError
from .custom_object import CustomObject
from .text import net_text

__all__ = ["to_net", "to_record"]

_YEAR_1 = dt.datetime(1, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_DEEPEST = 100


def to_net(value: object) -> Any:
    """Convert a Python value to the .NET value that PowerShell would have in its place.

    Integers become Int32, Int64 or BigInteger, whichever is the first that holds them; a mapping
    becomes a Hashtable, a sequence or a set an Object[], a dataclass, a named tuple or a
    `CustomObject` a PSCustomObject, a member of an enum its value, a `PowerShellObject` the object
    that it is.

    Args:
        value: the value; what is a .NET object already passes unchanged.

    Raises:
        ConversionError: there is no .NET counterpart, or the value contains itself.
    """
    return _convert_any(value, _mapping_to_hashtable)


def to_record(value: object) -> Any:
    """Convert a Python value to what PowerShell code would write to its output.

    As `to_net`, except that a mapping whose keys are all text becomes a PSCustomObject, so that
    a record written in Python has properties, and is formatted as a table, as any other. A
    mapping with other keys is a Hashtable here too.

    Raises:
        ConversionError: there is no .NET counterpart, or the value contains itself.
    """
    return _convert_any(value, _mapping_to_object)


_MappingConverter = Callable[["Mapping[Any, Any]", int], Any]


def _convert_any(value: object, mapping: _MappingConverter) -> Any:
    try:
        return _convert(value, mapping, 0)
    except ConversionError:
        raise
    except Exception as error:  # raised by the value itself: a property, a mapping's items
        kind = type(value)
        raise ConversionError(
            f"a {kind.__module__}.{kind.__qualname__} could not be read: "
            f"{WorkerError.describe(error).line}"
        ) from error


def _convert(value: object, mapping: _MappingConverter, depth: int) -> Any:
    # The order is by how often a kind is met; a subclass of a plain type is met rarely.
    kind = type(value)
    if kind is str:
        return value
    if kind is int:
        return _integer(value)  # type: ignore[arg-type]
    if value is None or kind is float or kind is bool:
        return value
    if depth > _DEEPEST:
        raise ConversionError(
            f"a value is nested more than {_DEEPEST} levels deep, or contains itself"
        )
    if kind is dict:
        return mapping(value, depth)  # type: ignore[arg-type]
    if kind is list or kind is tuple:
        return _array(value, mapping, depth)  # type: ignore[arg-type]
    convert = _BY_TYPE.get(kind)
    if convert is not None:
        return convert(value)
    # Before the abstract classes: pythonnet makes .NET's own collections members of those.
    if isinstance(value, System.Object):
        return value
    return _convert_rare(value, mapping, depth)


def _convert_rare(value: object, mapping: _MappingConverter, depth: int) -> Any:
    kind = type(value)
    if isinstance(value, CustomObject):
        return _custom_object(value, mapping, depth)
    # Those of ours that know their counterpart.
    if (counterpart := getattr(kind, "_to_net", None)) is not None:
        return counterpart(value)
    if isinstance(value, enum.Enum):
        return _convert(value.value, mapping, depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _named(_mapping_to_object(fields, depth), kind)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        names: Sequence[str] = value._fields
        return _named(_mapping_to_object(dict(zip(names, value, strict=True)), depth), kind)
    if isinstance(value, Mapping):
        return mapping(value, depth)
    for base, convert in _BY_TYPE.items():
        if isinstance(value, base):
            return convert(value)
    if isinstance(value, (Set, Sequence)):
        return _array(list(value), mapping, depth)
    raise ConversionError(
        f"a {kind.__module__}.{kind.__qualname__} has no counterpart in PowerShell; "
        "write text, numbers, dates, lists, dicts or dataclasses of them, or .NET objects"
    )


def _integer(value: int) -> Any:
    if -0x8000_0000 <= value <= 0x7FFF_FFFF:
        return _INT32(value)
    if -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        return _INT64(value)
    length = value.bit_length() // 8 + 1
    return BigInteger(_bytes(value.to_bytes(length, "little", signed=True)))


_INT32, _INT64 = System.Int32, System.Int64


def _array(values: Sequence[object], mapping: _MappingConverter, depth: int) -> Any:
    array = _OBJECTS(len(values))
    for index, item in enumerate(values):
        array[index] = _convert(item, mapping, depth + 1)
    return array


_OBJECTS = System.Array[System.Object]


def _mapping_to_hashtable(value: Mapping[Any, Any], depth: int) -> Any:
    return _hashtable(value, _mapping_to_hashtable, depth)


def _mapping_to_object(value: Mapping[Any, Any], depth: int) -> Any:
    if not all(isinstance(key, str) for key in value):
        return _hashtable(value, _mapping_to_object, depth)
    return _object(value, _mapping_to_object, depth)


def _custom_object(value: CustomObject, mapping: _MappingConverter, depth: int) -> Any:
    """The object that it was: what is in it is converted as what is beside it."""
    record = _object(value, mapping, depth)
    names = value.type_names
    if names != tuple(record.TypeNames):
        record.TypeNames.Clear()
        for name in names:
            record.TypeNames.Add(net_text(name))
    return record


def _object(value: Mapping[str, Any], mapping: _MappingConverter, depth: int) -> Any:
    record = PSObject()
    properties = record.Properties
    for key, item in value.items():
        converted = _convert(item, mapping, depth + 1)
        try:
            properties.Add(PSNoteProperty(_TEXT(key), converted))
        except System.Exception as error:
            raise ConversionError(
                f"{key!r} cannot be the name of a property: {error.Message}"
            ) from error
    # A property replaces another whose name differs in case only, without a word.
    if all(map(str.isascii, value)):
        different = len({key.lower() for key in value})
    else:
        different = len(list(properties))
    if different < len(value):
        raise ConversionError(
            f"{list(value)}: names of properties differ in more than case in PowerShell"
        )
    return record


def _hashtable(value: Mapping[Any, Any], mapping: _MappingConverter, depth: int) -> Any:
    table = OrderedHashtable()
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
    ticks = (value.replace(tzinfo=None) - _YEAR_1) // _MICROSECOND * 10
    offset = value.utcoffset()
    # FromBinary is the fastest way in: it has no overloads.
    if offset is None:
        return System.DateTime.FromBinary(ticks)
    if value.tzinfo is dt.UTC:
        return System.DateTime.FromBinary(ticks | _UTC)
    try:
        return System.DateTimeOffset(ticks, _timedelta(offset))
    except System.ArgumentException as error:
        raise ConversionError(
            f"{value.isoformat()}: .NET has no such moment: its offsets are whole minutes, "
            "14 hours at most, and its time in UTC is in the years 1 to 9999"
        ) from error


_UTC = 1 << 62  # where FromBinary looks for the kind


def _timedelta(value: dt.timedelta) -> Any:
    ticks = value // _MICROSECOND * 10
    if not -0x8000_0000_0000_0000 <= ticks <= 0x7FFF_FFFF_FFFF_FFFF:
        raise ConversionError(f"{value} is longer than a .NET TimeSpan can be")
    return System.TimeSpan(ticks)


def _regex(value: re.Pattern[Any]) -> Any:
    from .patterns import pattern_to_net

    return pattern_to_net(value)


def _complex(value: complex) -> Any:
    from System.Numerics import Complex

    return Complex(value.real, value.imag)


def _time(value: dt.time) -> Any:
    if value.tzinfo is not None:
        raise ConversionError(f"{value.isoformat()} has a zone, and a .NET TimeOnly has none")
    since_midnight = dt.datetime.combine(dt.date.min, value) - dt.datetime.min
    return System.TimeOnly(System.Int64(since_midnight // _MICROSECOND * 10))


def _decimal(value: decimal.Decimal) -> Any:
    culture = CultureInfo.InvariantCulture
    # What is far out of range would be written out in as many digits as its exponent says.
    if not value.is_finite() or abs(value.adjusted()) > _DECIMAL_DIGITS:
        if value.is_zero():
            return System.Decimal(0)
        raise ConversionError(f"{value} is no number that a .NET Decimal can hold")
    try:
        converted = System.Decimal.Parse(format(value, "f"), NumberStyles.Float, culture)
    except System.Exception as error:
        raise ConversionError(f"{value} is no number that a .NET Decimal can hold") from error
    if decimal.Decimal(converted.ToString(culture)) != value:
        raise ConversionError(f"{value} has more digits than a .NET Decimal can hold")
    return converted


_DECIMAL_DIGITS = 28


_TEXT = str.__str__  # a subclass may say something else of itself by str()
_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    int: _integer,
    float: float,
    str: _TEXT,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    dt.datetime: _datetime,
    dt.date: lambda value: _datetime(dt.datetime(value.year, value.month, value.day)),
    dt.time: _time,
    dt.timedelta: _timedelta,
    complex: _complex,
    decimal.Decimal: _decimal,
    re.Pattern: _regex,
    uuid.UUID: lambda value: System.Guid(str(value)),
    PurePath: net_path,
}
