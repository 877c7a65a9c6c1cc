"""Single values of Python as .NET's: those that hold no others.

What is of a class that derives from one of Python's is read by the methods of Python's class. Its
own may give something else, or fail: the dates of pandas and pendulum have operators of their own.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import System
from System.Globalization import CultureInfo, NumberStyles
from System.Numerics import BigInteger

from ..engine.paths import net_path
from .places import Refused

__all__ = ["BY_TYPE", "converter_of_derived", "integer"]

_YEAR_1 = dt.datetime(1, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)


def integer(value: int) -> Any:
    """The first of Int32, Int64 and BigInteger that holds it."""
    if -0x8000_0000 <= value <= 0x7FFF_FFFF:
        return _INT32(value)
    if -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        return _INT64(value)
    length = value.bit_length() // 8 + 1
    return BigInteger(_bytes(value.to_bytes(length, "little", signed=True)))


_INT32, _INT64 = System.Int32, System.Int64


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
        raise Refused(
            f"{value.isoformat()}: .NET has no such moment: its offsets are whole minutes, "
            "14 hours at most, and its time in UTC is in the years 1 to 9999; "
            "give value.isoformat()"
        ) from error


_UTC = 1 << 62  # where FromBinary looks for the kind


def _date(value: dt.date) -> Any:
    return _datetime(dt.datetime(value.year, value.month, value.day))


def _timedelta(value: dt.timedelta) -> Any:
    ticks = value // _MICROSECOND * 10
    if not -0x8000_0000_0000_0000 <= ticks <= 0x7FFF_FFFF_FFFF_FFFF:
        raise Refused(f"{value} is longer than a .NET TimeSpan can be; give value.total_seconds()")
    return System.TimeSpan(ticks)


def _time(value: dt.time) -> Any:
    if value.tzinfo is not None:
        raise Refused(
            f"{value.isoformat()} has a zone, and a .NET TimeOnly has none; give a datetime, or "
            "value.replace(tzinfo=None)"
        )
    since_midnight = dt.datetime.combine(dt.date.min, value) - dt.datetime.min
    return System.TimeOnly(System.Int64(since_midnight // _MICROSECOND * 10))


def _regex(value: re.Pattern[Any]) -> Any:
    from .patterns import pattern_to_net

    return pattern_to_net(value)


def _complex(value: complex) -> Any:
    from System.Numerics import Complex

    return Complex(value.real, value.imag)


def _decimal(value: decimal.Decimal) -> Any:
    culture = CultureInfo.InvariantCulture
    # What is far out of range would be written out in as many digits as its exponent says.
    if not value.is_finite() or abs(value.adjusted()) > _DECIMAL_DIGITS:
        if value.is_zero():
            return System.Decimal(0)
        raise Refused(f"{value} is no number that a .NET Decimal can hold; give str(value)")
    try:
        converted = System.Decimal.Parse(format(value, "f"), NumberStyles.Float, culture)
    except System.Exception as error:
        raise Refused(
            f"{value} is no number that a .NET Decimal can hold; give str(value)"
        ) from error
    if decimal.Decimal(converted.ToString(culture)) != value:
        raise Refused(f"{value} has more digits than a .NET Decimal can hold; give str(value)")
    return converted


_DECIMAL_DIGITS = 28


def _fraction(value: Any) -> Any:
    """The Decimal that it is, if it is one; 1/3 is none, and would be another number."""
    from fractions import Fraction

    numerator, denominator = Fraction.as_integer_ratio(value)
    with decimal.localcontext(prec=3 * _DECIMAL_DIGITS) as context:
        quotient = decimal.Decimal(numerator) / denominator
        exact = not context.flags[decimal.Inexact]
    if exact:
        return _decimal(quotient)
    raise Refused(
        f"about {quotient:.6g} as a fraction is no decimal number; give float(value), which is the "
        "nearest Double, or str(value)"
    )


def _address4(value: Any) -> Any:
    from ipaddress import IPv4Address

    return _parsed(IPv4Address(IPv4Address.__int__(value)))


def _address6(value: Any) -> Any:
    from ipaddress import IPv6Address

    address = IPv6Address(IPv6Address.__int__(value))
    if (zone := vars(IPv6Address)["scope_id"].__get__(value)) is None:
        return _parsed(address)
    found = _parsed(f"{address}%{zone}")
    if found.ScopeId == 0 and zone.strip("0"):
        raise Refused(f"{address}%{zone}: this machine has no network interface {zone!r}")
    return found


def _parsed(address: object) -> Any:
    from System.Net import IPAddress

    try:
        return IPAddress.Parse(str(address))
    except System.FormatException as error:
        raise Refused(f"{address} is no address of .NET's") from error


def _network(value: Any) -> Any:
    from ipaddress import IPv4Network, IPv6Network

    from System.Net import IPNetwork

    base: Any = IPv4Network if isinstance(value, IPv4Network) else IPv6Network
    address = vars(value)["network_address"]
    return IPNetwork.Parse(f"{address}/{base.prefixlen.__get__(value)}")


def _interface(value: Any) -> Any:
    raise Refused(
        f"{value} is an address and a network, which .NET has not in one; give its .ip or its "
        ".network"
    )


BY_TYPE: dict[type, Callable[[Any], Any]] = {
    int: integer,
    float: float,
    str: str,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    dt.datetime: _datetime,
    dt.date: _date,
    dt.time: _time,
    dt.timedelta: _timedelta,
    complex: _complex,
    decimal.Decimal: _decimal,
    re.Pattern: _regex,
    uuid.UUID: lambda value: System.Guid(str(value)),
}

# By name: a program that has such a value has imported what it is of, and few do.
_BY_NAME: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("collections", "UserString"): lambda value: str.__str__(value.data),
    ("fractions", "Fraction"): _fraction,
    ("ipaddress", "IPv4Address"): _address4,
    ("ipaddress", "IPv6Address"): _address6,
    ("ipaddress", "IPv4Network"): _network,
    ("ipaddress", "IPv6Network"): _network,
    ("ipaddress", "IPv4Interface"): _interface,
    ("ipaddress", "IPv6Interface"): _interface,
}


def _plain_datetime(value: dt.datetime) -> dt.datetime | None:
    # pandas says NaT where there is no date, and such a date as .NET and Python lack has another
    # one's fields.
    year = _own(value, "year", 1)
    if year != year:
        return None
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise Refused(
            f"the year {year} is not among those that .NET has, 1 to 9999; give str(value)"
        )
    return dt.datetime.combine(dt.datetime.date(value), dt.datetime.timetz(value))


def _plain_timedelta(value: dt.timedelta) -> dt.timedelta:
    days = _own(value, "days", 0)
    if not dt.timedelta.min.days <= days <= dt.timedelta.max.days:
        raise Refused(
            f"{days} days are longer than a .NET TimeSpan can be; give value.total_seconds()"
        )
    return dt.timedelta.__pos__(value)


def _own(value: object, name: str, default: int) -> Any:
    """A number by the object's own account, where it gives one."""
    try:
        found = getattr(value, name)
    except Exception:
        return default
    return found if isinstance(found, (int, float)) else default


def _plain_time(value: dt.time) -> dt.time:
    hour, minute, second, microsecond, zone, fold = (read(value) for read in _TIME_FIELDS)
    return dt.time(hour, minute, second, microsecond, zone, fold=fold)


_TIME_FIELDS: tuple[Callable[[dt.time], Any], ...] = tuple(
    vars(dt.time)[name].__get__
    for name in ("hour", "minute", "second", "microsecond", "tzinfo", "fold")
)
_UUID_NUMBER: Callable[[uuid.UUID], int] = vars(uuid.UUID)["int"].__get__
_ALL = slice(None)

# How what derives from a class becomes one of the class itself.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    int: int.__pos__,
    float: float.__pos__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, _ALL),
    bytearray: lambda value: bytearray.__getitem__(value, _ALL),
    dt.datetime: _plain_datetime,
    dt.date: lambda value: dt.date.fromordinal(dt.date.toordinal(value)),
    dt.time: _plain_time,
    dt.timedelta: _plain_timedelta,
    complex: complex.__pos__,
    decimal.Decimal: decimal.Decimal,
    uuid.UUID: lambda value: uuid.UUID(int=_UUID_NUMBER(value)),
    PurePath: PurePath.__str__,
}
_AFTER: dict[type, Callable[[Any], Any]] = {**BY_TYPE, PurePath: net_path}


def converter_of_derived(kind: type) -> Callable[[Any], Any] | None:
    """How the values of a class that derives from one of these are converted.

    Args:
        kind: the class.
    """
    for base in kind.__mro__:
        if (by_name := _BY_NAME.get((base.__module__, base.__qualname__))) is not None:
            return by_name
        if (plain := _PLAIN.get(base)) is not None:
            return _through(plain, _AFTER[base])
    return None


def _through(plain: Callable[[Any], Any], convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def converted(value: Any) -> Any:
        found = plain(value)
        return None if found is None else convert(found)

    return converted
