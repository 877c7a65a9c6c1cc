"""How the objects of .NET's types become Python values, one type at a time.

Apart from `net_to_python`, which needs this once the first of them comes: most of the time of a
short program is spent on names that it does not need, and .NET's cost the most.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from collections.abc import Sequence
from typing import Any

import clr
import System
from PSBridge import FailedMember, NoMember, ReadRecord, RemotedValue
from System.Collections import ICollection, IDictionary, IList
from System.Collections.Specialized import OrderedDictionary
from System.Globalization import CultureInfo
from System.Management.Automation import PSCustomObject, SwitchParameter
from System.Numerics import BigInteger

from .custom_object import made_of
from .enum_value import EnumValue
from .member_calls import asked_for_records
from .net_to_python import KEPT, READY, Ancestors, Converter, convert, convert_items
from .powershell_object import PowerShellObject, objects_of
from .viewpoint import place_of_scripts, runspace_seen_from

__all__ = ["converter_of", "kept", "many_kept", "number_or_enum"]

_YEAR_1 = dt.datetime(1, 1, 1)
_DEEPEST = 100


def converter_of(kind: Any) -> Converter:
    """How the objects of a type are converted."""
    found = _choose(kind)
    if found is _stay:
        from PSBridge import ObjectView

        ObjectView.AddKind(clr.GetClrType(kind))
    return found


def _choose(kind: Any) -> Converter:
    if known := _BY_TYPE.get(kind):
        return known
    if not isinstance(kind, _NetType):
        return _itself  # a Python object that has been in .NET's hands
    net_type = clr.GetClrType(kind)
    if known := _BY_NAME.get(net_type.FullName):
        return known
    if net_type.IsInterface:
        return _behind_interface
    if issubclass(kind, System.Array):
        return _array
    if issubclass(kind, System.Enum):
        return _enum
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


def kept(value: Any) -> PowerShellObject:
    """See an object that has no counterpart.

    Here because `powershell_object` needs `net_to_python`, as this does: one circle is enough.

    Args:
        value: it, or its PSObject with what hangs on that.
    """
    return PowerShellObject(value)


def many_kept(views: Sequence[Any], handles: Sequence[int]) -> list[PowerShellObject]:
    """The same of what C# has seen already; see `objects_of`."""
    return objects_of(views, handles)


def _stay(value: Any, inside: Ancestors) -> Any:
    return KEPT


def _itself(value: Any, inside: Ancestors) -> Any:
    return value


def _enum(value: Any, inside: Ancestors) -> EnumValue:
    return EnumValue(value.ToString(), int(value), value.GetType().FullName)


def number_or_enum(value: Any, number: int) -> Any:
    """A number in a PSObject: an enum's value, where it comes from another process as one."""
    names = RemotedValue.EnumOf(value)
    return number if names is None else EnumValue(names[0], number, names[1])


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
    found = asked_for_records("ReadOne", value, runspace_seen_from(), place_of_scripts())
    if found is None:
        return None
    if len(found) == 1:
        (revived,) = found
        return KEPT if type(revived) is NoMember else convert(revived, inside)
    return _made_of(found, inside)


def _read_record(value: Any, inside: Ancestors) -> Any:
    record = value.GetRecord()
    try:
        return _made_of(value.GetValues(), _enter(record, inside))
    except Exception:
        return kept(record)


def _made_of(found: Any, inside: Ancestors) -> Any:
    origin, type_names, *rest = found
    items = iter(rest)
    properties = {
        name: item if type(item) in READY else convert(item, inside)
        for name, item in zip(items, items, strict=True)
    }
    return made_of(properties, origin, type_names or "")


def _dictionary(value: Any, inside: Ancestors) -> Any:
    inside = _enter(value, inside)
    # The one that forgets its order where it is copied.
    entries = list(value) if type(value) is OrderedDictionary else _snapshot(value)
    converted = {_key(entry.Key, inside): convert(entry.Value, inside) for entry in entries}
    # 1 and 1.0 are two keys in .NET and one in Python.
    return converted if len(converted) == len(entries) else KEPT


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


def _regex(value: Any, inside: Ancestors) -> Any:
    from .patterns import pattern_from_net

    found = pattern_from_net(value)
    return KEPT if found is None else found


def _date(value: Any, inside: Ancestors) -> dt.date:
    return dt.date(value.Year, value.Month, value.Day)


def _time(value: Any, inside: Ancestors) -> dt.time:
    return (dt.datetime.min + dt.timedelta(microseconds=value.Ticks // 10)).time()


def _decimal(value: Any, inside: Ancestors) -> decimal.Decimal:
    return decimal.Decimal(value.ToString(CultureInfo.InvariantCulture))


_BY_TYPE: dict[Any, Converter] = {
    PSCustomObject: _record,
    ReadRecord: _read_record,
    FailedMember: _itself,  # PowerShellObject's affair
    System.Array[System.Byte]: lambda value, inside: bytes(value),
    System.DateTime: _datetime,
    System.DateTimeOffset: _datetime_offset,
    System.TimeSpan: _timedelta,
    System.Decimal: _decimal,
    System.Guid: lambda value, inside: uuid.UUID(value.ToString()),
    System.DBNull: lambda value, inside: None,
    SwitchParameter: lambda value, inside: value.IsPresent,
    # Not by its text, of which Python reads some thousand digits only.
    BigInteger: lambda value, inside: int.from_bytes(value.ToByteArray(), "little", signed=True),
}


def _address(value: Any, inside: Ancestors) -> Any:
    import ipaddress

    return ipaddress.ip_address(value.ToString())


def _network(value: Any, inside: Ancestors) -> Any:
    import ipaddress

    return ipaddress.ip_network(value.ToString())


# By name, for few programs have one: to meet a type takes a millisecond or more.
_BY_NAME: dict[str, Converter] = {
    "System.Int128": lambda value, inside: int(value.ToString()),
    "System.UInt128": lambda value, inside: int(value.ToString()),
    "System.Half": lambda value, inside: float(value.ToString("R", CultureInfo.InvariantCulture)),
    "System.Numerics.Complex": lambda value, inside: complex(value.Real, value.Imaginary),
    "System.Reflection.Missing": lambda value, inside: None,  # no method takes one as a value
    "System.DateOnly": _date,
    "System.TimeOnly": _time,
    "System.Net.IPAddress": _address,
    "System.Net.IPAddress+ReadOnlyIPAddress": _address,
    "System.Net.IPNetwork": _network,
    "System.Text.RegularExpressions.Regex": _regex,
}
