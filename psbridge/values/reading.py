"""Reading members of .NET objects by a built-in function that C# has made; see ``MemberReader.cs``.

To make it takes 20 ms, and a read by it is 2 us faster. So it comes with the thousandth read, and
the first objects of a program do not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.forking import check_process, in_forked_child
from .names import is_special
from .text import net_text

__all__ = ["NAMES", "read"]

_WORTH_IT = 1_000
_MOST = 2_000


class _Names(dict[str, int]):
    """The numbers of the names that C# knows; less than 0 for what is to be read without."""

    def __missing__(self, name: str) -> int:
        # Each stays for ever, and a program may ask for any number of them.
        if read is _count or not name or is_special(name) or len(self) == _MOST:
            return -1
        from PSBridge import MemberReader

        text = net_text(name)
        self[text] = number = int(MemberReader.AddName(text))
        return number


NAMES = _Names()
_reads = 0


def _count(handle: int, number: int) -> Any:
    """Stand in its place until there have been enough reads for it."""
    global _reads, read
    _reads += 1
    if _reads >= _WORTH_IT and read is _count:
        read = _function()
    return NotImplemented


# Of the handle of an ObjectView and the number of a name; NotImplemented for what it cannot read.
read: Callable[[int, int], Any] = _count


def _unread(handle: int, number: int) -> Any:
    return NotImplemented


def _function() -> Callable[[int, int], Any]:
    import ctypes
    import pickle

    import System
    from PSBridge import MemberReader

    class Definition(ctypes.Structure):
        """CPython's PyMethodDef."""

        _fields_ = (
            ("name", ctypes.c_char_p),
            ("function", ctypes.c_void_p),
            ("flags", ctypes.c_int),
            ("doc", ctypes.c_char_p),
        )

    addresses = [
        ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        for name in _FUNCTIONS
    ]
    addresses += [id(None), id(True), id(False), id(NotImplemented), id(pickle.loads)]
    address = MemberReader.Begin(System.Array[System.Int64](addresses), __package__)
    if not address:  # another pythonnet
        return _unread
    definition = Definition(b"read", address, _FASTCALL, None)
    _kept.extend([definition, pickle.loads])
    kind = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.POINTER(Definition), ctypes.c_void_p, ctypes.c_void_p
    )
    made: Callable[[int, int], Any] = kind(("PyCFunction_NewEx", ctypes.pythonapi))(
        ctypes.byref(definition), None, None
    )
    return made


_FUNCTIONS = (
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "Py_IncRef",
    "PyLong_FromLongLong",
    "PyFloat_FromDouble",
    "PyUnicode_FromKindAndData",
    "PyLong_AsSsize_t",
    "PyBytes_FromStringAndSize",
    "PyObject_CallOneArg",
    "Py_DecRef",
)
_FASTCALL = 0x80
# What must stay as long as the function does.
_kept: list[Any] = []


def _refuse(handle: int, number: int) -> Any:
    check_process()


def _close() -> None:
    global read
    read = _refuse


in_forked_child(_close)
