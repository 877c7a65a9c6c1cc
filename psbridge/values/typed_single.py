"""Single values of PowerShell's as the types that a program has asked for. Without .NET.

One rule: text is read, for a table such as Import-Csv gives has nothing else; every other value has
to be of the type, or to be the same value in it: 2.0 is an int, 2.5 is none, and True is none. What
would lose anything is refused.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from ..engine.paths import path_from_net
from .enum_value import EnumValue
from .places import mismatch
from .powershell_object import PowerShellObject

__all__ = ["Read", "single_reader"]

# Makes a value of the type, or raises `Refused`.
Read = Callable[[Any], Any]


def single_reader(kind: Any) -> Read | None:
    """What reads values of a type that holds no others; None where it is none of these.

    Args:
        kind: the type.
    """
    if (known := _BY_TYPE.get(kind)) is not None:
        return known
    if not isinstance(kind, type):
        return None
    if issubclass(kind, PurePath):
        return lambda value: kind(_path(value, kind.__name__))
    if (ours := getattr(kind, "_from_powershell", None)) is not None:
        return lambda value: _secret(value, kind, ours)
    if kind.__module__ == "ipaddress":
        return lambda value: _parsed(value, kind, kind, "")
    return None


def _parsed(value: Any, kind: type, parse: Callable[[str], Any], form: str) -> Any:
    """A value of the type as it is, or read from text.

    Args:
        value: the value.
        kind: the type.
        parse: reads it; whatever it raises is that it cannot.
        form: how a text has to be written, for the error.
    """
    if isinstance(value, kind):
        return value
    if isinstance(value, str) and type(value) is not EnumValue:
        try:
            return parse(str.strip(value))
        except (ValueError, ArithmeticError):
            pass
    raise mismatch(value, f"is no {kind.__name__}{form if isinstance(value, str) else ''}")


def _bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    return bool(_parsed(value, bool, _truth, ': a text is "True" or "False"'))


def _truth(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise ValueError from None


def _int(value: Any) -> int:
    kind = type(value)
    if kind is int:
        return value  # type: ignore[no-any-return]
    if kind is EnumValue:
        return int(value)
    if kind is float or kind is decimal.Decimal:
        if _is_finite(value) and value == (whole := int(value)):
            return whole
        raise mismatch(value, "is no int: it is not a whole number")
    if kind is bool:
        raise mismatch(value, "is no int")
    return int(_parsed(value, int, _whole, ": a text is digits, with a sign at most"))


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?|NaN|[+-]?Infinity", re.IGNORECASE
)
_AS_NUMBER = ": a text is a number with a point, such as 1.5"


def _is_finite(value: float | decimal.Decimal) -> bool:
    return decimal.Decimal(value).is_finite()


def _float(value: Any) -> float:
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if kind is int or kind is decimal.Decimal:
        try:
            found = float(value)
        except (OverflowError, ValueError):
            found = float("inf")
        # A Decimal such as 0.1 is no Double; the nearest one is written just so, though.
        written = decimal.Decimal(repr(found)) if kind is decimal.Decimal else found
        if written == value:
            return found
        raise mismatch(value, "is no float: it has more digits than one can hold")
    if kind is bool:
        raise mismatch(value, "is no float")
    return float(_parsed(value, float, lambda text: float(_number(text)), _AS_NUMBER))


def _decimal(value: Any) -> decimal.Decimal:
    kind = type(value)
    if kind is int:
        return decimal.Decimal(value)
    if kind is float:
        return decimal.Decimal(repr(value))  # as it is written, not as it is stored
    found: decimal.Decimal = _parsed(
        value, decimal.Decimal, lambda text: decimal.Decimal(_number(text)), _AS_NUMBER
    )
    return found


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return text


def _complex(value: Any) -> complex:
    if type(value) is complex:
        return value
    if type(value) is int or type(value) is float:
        return complex(_float(value))
    raise mismatch(value, "is no complex")


def _str(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, uuid.UUID) or type(value).__module__ == "ipaddress":
        return str(value)
    if isinstance(value, PowerShellObject) and _plain_name(value) in _TEXTS:
        return str(value)
    raise mismatch(value, "is no str")


# Objects whose text is all that they are.
_TEXTS = frozenset({"System.Version", "System.Management.Automation.SemanticVersion", "System.Uri"})
_FILES = frozenset({"System.IO.FileInfo", "System.IO.DirectoryInfo"})


def _plain_name(value: PowerShellObject) -> str:
    return value.type_names[0].removeprefix("Deserialized.")


def _path(value: Any, name: str) -> PurePath:
    if isinstance(value, PurePath):
        return value
    if isinstance(value, PowerShellObject) and _plain_name(value) in _FILES:
        value = value["FullName"]
    if isinstance(value, str) and type(value) is not EnumValue:
        return path_from_net(str.__str__(value))
    raise mismatch(value, f"is no {name}")


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    raise mismatch(value, "is no bytes")


def _datetime(value: Any) -> dt.datetime:
    found: dt.datetime = _parsed(
        value, dt.datetime, dt.datetime.fromisoformat,
        ': a text is as ISO 8601 has it, which .ToString("o") writes',
    )  # fmt: skip
    return found


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.datetime):
        if value.time() != dt.time():
            raise mismatch(value, "is no date: it has a time of the day")
        return value.date()
    found: dt.date = _parsed(
        value, dt.date, dt.date.fromisoformat, ": a text is as ISO 8601 has it: 2024-02-29"
    )
    return found


def _time(value: Any) -> dt.time:
    found: dt.time = _parsed(
        value, dt.time, dt.time.fromisoformat, ": a text is as ISO 8601 has it: 23:59:59"
    )
    return found


def _timedelta(value: Any) -> dt.timedelta:
    found: dt.timedelta = _parsed(
        value, dt.timedelta, _duration, ": a text is as a TimeSpan is written: [-][days.]hh:mm:ss"
    )
    return found


_DURATION = re.compile(
    r"(-?)(?:([0-9]{1,8})[.:])?([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,7}))?"
)


def _duration(text: str) -> dt.timedelta:
    if (parts := _DURATION.fullmatch(text)) is None:
        raise ValueError
    sign, days, hours, minutes, seconds, fraction = parts.groups()
    found = dt.timedelta(
        int(days or 0),
        int(seconds),
        int((fraction or "").ljust(6, "0")[:6]),
        minutes=int(minutes),
        hours=int(hours),
    )
    return -found if sign else found


def _none(value: Any) -> None:
    if value is not None:
        raise mismatch(value, "is not None")


def _secret(value: Any, kind: type, make: Read) -> Any:
    """A Secret or a Credential: what cannot be one may still be what nobody is to see."""
    if isinstance(value, kind):
        return value
    if (found := make(value)) is None:
        raise mismatch(value, f"is no {kind.__name__}", hidden=True)
    return found


_BY_TYPE: dict[Any, Read] = {
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    decimal.Decimal: _decimal,
    str: _str,
    bytes: _bytes,
    dt.datetime: _datetime,
    dt.date: _date,
    dt.time: _time,
    dt.timedelta: _timedelta,
    uuid.UUID: lambda value: _parsed(value, uuid.UUID, uuid.UUID, ""),
    None: _none,
    type(None): _none,
}
