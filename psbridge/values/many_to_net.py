"""Many plain Python values as .NET values, in one piece. To be imported once the engine runs.

`marshal` writes them, which knows plain values only and refuses all others, those that derive from
plain ones too; C# reads that (``MarshalledValues.cs``). Where either refuses, each value is
converted by itself, and it is said there what is wrong with one. Rejected: `pickle`, which calls
what classes say of themselves, and takes three times as long.
"""

from __future__ import annotations

import ctypes
import marshal
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import System
from PSBridge import MarshalledValues

from .text import net_text

__all__ = ["MANY", "array_of", "array_of_records"]

# From how many on one call of C#'s is faster than one for each.
MANY = 32
# The version without references to what was written before.
_VERSION = 2


def array_of(values: Sequence[object], *, records: bool) -> Any:
    """The .NET array of a list's or tuple's values; None where one is not plain.

    Args:
        values: the values.
        records: whether dicts with keys of text become records, or else Hashtables.
    """
    try:
        data = marshal.dumps(values, _VERSION)  # type: ignore[arg-type]
    except ValueError:
        return None
    return MarshalledValues.ReadList(_address(data), len(data), records)


def array_of_records(values: Sequence[object], names: Sequence[str], type_name: str) -> Any:
    """The .NET array of records of a class; None where one cannot be read so.

    Args:
        values: the instances of the class.
        names: its fields.
        type_name: what the records' type is called.
    """
    read = attrgetter(*names) if len(names) > 1 else None
    try:
        if read is None:
            data = marshal.dumps([(getattr(value, names[0]),) for value in values], _VERSION)
        else:
            data = marshal.dumps(list(map(read, values)), _VERSION)
    except Exception:  # what a property raises is said where each is read by itself
        return None
    net_names = System.Array[System.String]([net_text(name) for name in names])
    return MarshalledValues.ReadRecords(_address(data), len(data), net_names, net_text(type_name))


def _address(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
