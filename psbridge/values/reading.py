"""Reading members of .NET objects by a built-in function that C# has made.

To import this takes .NET; see ``MemberReader.cs``, which says why and what holds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import System
from PSBridge import MemberReader

from ..engine.forking import check_process, in_forked_child
from .names import is_special
from .text import net_text

__all__ = ["NAMES", "read"]


class _Names(dict[str, int]):
    """The numbers of the names that C# knows; less than 0 for what is to be read without."""

    def __missing__(self, name: str) -> int:
        # Each stays for ever, and a program may ask for any number of them.
        if not name or is_special(name) or len(self) == _MOST:
            return -1
        text = net_text(name)
        self[text] = number = int(MemberReader.AddName(text))
        return number


_MOST = 2_000
NAMES = _Names()


class _Definition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_FASTCALL = 0x80


def _unread(handle: int, number: int) -> Any:
    return NotImplemented


def _function() -> Callable[[int, int], Any]:
    addresses = [
        ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        for name in (
            "PyEval_SaveThread",
            "PyEval_RestoreThread",
            "Py_IncRef",
            "PyLong_FromLongLong",
            "PyFloat_FromDouble",
            "PyUnicode_FromKindAndData",
            "PyLong_AsSsize_t",
        )
    ]
    addresses += [id(None), id(True), id(False), id(NotImplemented)]
    address = MemberReader.Begin(System.Array[System.Int64](addresses))
    if not address:  # another pythonnet
        return _unread
    _definition.function = address
    kind = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.POINTER(_Definition), ctypes.c_void_p, ctypes.c_void_p
    )
    made: Callable[[int, int], Any] = kind(("PyCFunction_NewEx", ctypes.pythonapi))(
        ctypes.byref(_definition), None, None
    )
    return made


# It must stay as long as the function does.
_definition = _Definition(b"read", None, _FASTCALL, None)

# Of the handle of an ObjectView and the number of a name; NotImplemented for what it cannot read.
read = _function()


def _refuse(handle: int, number: int) -> Any:
    check_process()


def _close() -> None:
    global read
    read = _refuse


in_forked_child(_close)
