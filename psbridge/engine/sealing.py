"""Closing every way from Python to .NET, in a forked child.

All of them are pythonnet's types: their slots and their methods are functions of .NET's. Those that
have a name in Python (``__call__``, ``__get__``) are replaced as one replaces methods of a class,
and Python sets the slots; each raises `ForkedProcessError`. The few without a name, which free
objects and visit them for the garbage collector, are written into the types, from right before the
fork on: nothing of .NET's is freed in a child, it goes with the process.

What stays: to ask for the class of an object of .NET's, `isinstance` and `issubclass`, and `repr`,
so that a debugger or a log can show one. `import System` raises, and the namespaces are no
longer in `sys.modules`, where others look at each module there is.

Assumptions: pythonnet's classes of classes are in the module ``clr._internal``; the offset of a
slot in a type is found by looking for what CPython says is in it, and where it is not found
(another layout), the nameless slots stay as they are. A test looks for functions of .NET's in all
slots.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from types import BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, NoReturn

from ..errors import ForkedProcessError

__all__ = ["class_attribute_setter", "hold", "net_types", "release", "seal"]

# For two threads that fork at once, and a signal handler that does. Not used in a child.
_lock = threading.RLock()
_holding = 0
_held: dict[int, int] = {}

_NATIVE = (BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType)

# CPython's typeslots.h, which is a part of its stable ABI.
_TP_ALLOC, _TP_CLEAR, _TP_DEALLOC, _TP_FREE, _TP_TRAVERSE = 47, 51, 52, 74, 71
_TP_GETATTRO, _TP_SETATTRO = 58, 69

_OF_ATTRIBUTES = {
    _TP_GETATTRO: ("__getattribute__",),
    _TP_SETATTRO: ("__setattr__", "__delattr__"),
}


def hold() -> None:
    """Close those without a name, in the process that is about to fork.

    CPython lets go of what other threads have in hand (exceptions, thread locals) before it calls
    anybody in a child, and one that frees an object of .NET's then waits for ever where .NET was
    about to collect garbage. An object that another thread of this process lets go of in this
    moment is never freed.
    """
    global _holding
    with _lock:
        _holding += 1
        for kind in net_types():
            for address, instead in _nameless(kind):
                there = ctypes.c_void_p.from_address(address)
                if there.value is not None and there.value != instead:
                    _held.setdefault(address, there.value)
                    there.value = instead


def release() -> None:
    """Open again what `hold` has closed, in the process that has forked."""
    global _holding
    with _lock:
        _holding -= 1
        if _holding == 0:
            for address, before in _held.items():
                ctypes.c_void_p.from_address(address).value = before
            _held.clear()


def seal() -> None:
    """Close the others, in a child; .NET is never called again in this process."""
    set_attribute = class_attribute_setter()
    for kind in list(net_types()):
        for name in _native_names(kind):
            set_attribute(kind, name, _INSTEAD.get(name, _refuse))
    _seal_imports()


def net_types() -> Iterator[type]:
    """All types of pythonnet's, those that derive from them in Python too. Calls nothing of it."""
    seen: set[int] = set()
    pending: list[type] = [object]
    while pending:
        kind = pending.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        if _is_of_net(kind):
            yield kind
        pending += type.__subclasses__(kind)


def _is_of_net(kind: type) -> bool:
    return bool(type(kind).__module__ == "clr._internal")


def _native_names(kind: type) -> list[str]:
    """What of a type is a function of .NET's and has a name."""
    # Not vars(): an object of .NET's class of classes answers that itself.
    members = type.__dict__["__dict__"].__get__(kind).items()
    # Nor isinstance, which asks an object of .NET's for its class. Operators are such objects.
    names = [
        name
        for name, value in members
        if type(value) in _NATIVE or (name.startswith("__") and _is_of_net(type(value)))
    ]
    # Types whose objects have members of their own (PSObject) got these later than their names.
    if not issubclass(kind, type):
        for slot, of_slot in _OF_ATTRIBUTES.items():
            if _slot_of(kind, slot) != _slot_of(object, slot):
                names += of_slot
    return names


def _refuse(*arguments: Any, **named: Any) -> NoReturn:
    raise ForkedProcessError


def _get(self: Any, name: str) -> Any:
    if name == "__class__":  # which isinstance asks for
        return type(self)
    raise ForkedProcessError


def _show(self: Any) -> str:
    return f"<{type(self).__name__} of the process that forked>"


def _has_instance(kind: type, value: Any) -> bool:
    return type.__instancecheck__(kind, value)


def _has_subclass(kind: type, other: Any) -> bool:
    return type.__subclasscheck__(kind, other)


_INSTEAD: dict[str, Any] = {
    "__getattribute__": _get,
    # The abstract classes of `collections.abc` ask each class that derives from them, and .NET's
    # collections do: `os.environ.update` comes here.
    "__instancecheck__": _has_instance,
    "__subclasscheck__": _has_subclass,
    "__repr__": _show,
    "__new__": staticmethod(_refuse),
}


class _Refusing:
    """In place of pythonnet's finder: refuses what that would have found."""

    def __init__(self, namespaces: frozenset[str]) -> None:
        self._namespaces = namespaces

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in self._namespaces:
            raise ForkedProcessError


def _seal_imports() -> None:
    clr = sys.modules.get("clr")
    if clr is None:
        return
    namespaces = set(vars(clr).get("_available_namespaces", ()))
    for name, module in list(sys.modules.items()):
        if _is_of_net(type(module)):
            namespaces.add(name)
            del sys.modules[name]
    for index, finder in enumerate(sys.meta_path):
        if type(finder).__module__ == "clr.loader":
            sys.meta_path[index] = _Refusing(frozenset(namespaces))


def class_attribute_setter() -> Any:
    """What `type` does to set an attribute, which it refuses to do for classes of other classes.

    Returns:
        A function that takes one of pythonnet's classes, a name and a value.
    """
    prototype = ctypes.PYFUNCTYPE(ctypes.c_int, *[ctypes.py_object] * 3)
    return prototype(_slot_of(type, _TP_SETATTRO) or 0)


def _nameless(kind: type) -> Iterator[tuple[int, int | None]]:
    """Where a type's slots without a name are, and what belongs there instead."""
    for slot, instead in _NAMELESS.items():
        offset = _OFFSETS[slot]
        if offset is not None:
            yield id(kind) + offset, instead
    offset = _OFFSETS[_TP_SETATTRO]
    if offset is not None:
        # tp_as_buffer comes next: without it, there are no bytes to be had.
        yield id(kind) + offset + _WORD, None


def _slot_of(kind: type, slot: int) -> int | None:
    get: Any = ctypes.pythonapi.PyType_GetSlot
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]
    found: int | None = get(kind, slot)
    return found


def _offset_of(slot: int) -> int | None:
    """Where a slot is in a type; found in one of CPython's own that has something else in each."""
    address = _slot_of(dict, slot)
    for offset in range(0, _TYPE_SIZE, _WORD):
        if ctypes.c_void_p.from_address(id(dict) + offset).value == address:
            return offset
    return None


def _function(name: str) -> int | None:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value


_TYPE_SIZE: int = vars(type)["__basicsize__"].__get__(type)
_WORD = ctypes.sizeof(ctypes.c_void_p)

# Functions of CPython's that fit. An object that is to be freed gets a reference instead, and so
# stays; nothing is visited (a type without __anext__ gives 0), so the garbage collector takes what
# is referred to from there for used.
_NAMELESS = {
    _TP_DEALLOC: _function("Py_IncRef"),
    _TP_FREE: _function("Py_IncRef"),
    _TP_TRAVERSE: _function("PyAIter_Check"),
    _TP_CLEAR: None,
    _TP_ALLOC: _function("PyType_GenericAlloc"),
}
_OFFSETS = {slot: _offset_of(slot) for slot in (*_NAMELESS, _TP_SETATTRO)}
