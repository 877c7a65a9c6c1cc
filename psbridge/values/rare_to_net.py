"""What few programs give to PowerShell: arrays of NumPy's kind, namespaces, and what is refused.

NumPy is not imported here, nor has it to be there: an array or a scalar of its kind is what has a
``dtype`` and a ``tolist()``. That is also true of the columns of pandas and of a tensor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from .places import Refused

__all__ = ["converter_of_rare"]

_Convert = Callable[[Any, Any, int], Any]


def converter_of_rare(
    kind: type, convert: _Convert, to_object: Callable[[Mapping[Any, Any], int], Any]
) -> _Convert:
    """How the values of a class are converted that is none of Python's usual ones.

    Args:
        kind: the class.
        convert: converts what is inside.
        to_object: makes a PSCustomObject.

    Raises:
        Refused: there is no counterpart.
    """
    if issubclass(kind, SimpleNamespace):
        return lambda value, mapping, depth: to_object(vars(value), depth)
    if hasattr(kind, "tolist"):
        return lambda value, mapping, depth: convert(_plain(value), mapping, depth + 1)
    raise _refusal(kind)


def _refusal(kind: type) -> Refused:
    return Refused(
        f"a {kind.__module__}.{kind.__qualname__} has no counterpart in PowerShell; "
        f"{_what_to_do(kind)}"
    )


def _what_to_do(kind: type) -> str:
    if hasattr(kind, "__next__"):
        return "to convert it would be to use it up: give list(value)"
    if hasattr(kind, "__await__"):
        return "await it first"
    if hasattr(kind, "to_dict") and hasattr(kind, "columns"):
        return 'give its rows: value.to_dict("records")'
    if hasattr(kind, "__iter__"):
        return "give list(value) or dict(value)"
    return "write text, numbers, dates, lists, dicts or dataclasses of them, or .NET objects"


def _plain(value: Any) -> Any:
    """An array or a scalar as lists and numbers of Python's own."""
    if (dtype := getattr(value, "dtype", None)) is None:
        raise _refusal(type(value))
    kind = getattr(dtype, "kind", None)
    if names := getattr(dtype, "names", None):  # records
        if getattr(value, "ndim", 0):
            return list(value)
        return SimpleNamespace(**{name: value[name] for name in names})
    if kind in ("M", "m") and hasattr(value, "__array_interface__"):
        return _moments(value, kind)
    if kind in _FLOATS and dtype.itemsize > _FLOATS[kind][1]:
        rounded = value.astype(_FLOATS[kind][0])
        if not ((rounded == value) | (value != value)).all():
            raise Refused(
                f"a {dtype} may have more digits than a Double, and this one has; give "
                f'value.astype("{_FLOATS[kind][0]}")'
            )
        value = rounded
    found = value.tolist()
    if type(found) is type(value):
        raise Refused(f"a {dtype} has no counterpart in PowerShell; give numbers, dates or text")
    return found


# The widest of each kind that Python and .NET have.
_FLOATS = {"f": ("float64", 8), "c": ("complex128", 16)}


def _moments(value: Any, kind: str) -> Any:
    """Dates or durations to the microsecond: finer ones are numbers to Python."""
    found = value.astype("datetime64[us]" if kind == "M" else "timedelta64[us]").tolist()
    if any(not isinstance(item, (dt.date, dt.timedelta, type(None))) for item in _leaves(found)):
        raise Refused(f"a {value.dtype} is outside of the years 1 to 9999, or too long a time")
    return found


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
