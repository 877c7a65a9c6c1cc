"""Lists, tuples, sets and dicts of what PowerShell gives out. Without .NET.

A single value stands for a list of it: PowerShell takes a list of one apart, and so does it make a
list of a value where a parameter wants one.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..errors import PowerShellError
from .custom_object import CustomObject
from .places import Refused, key_step, mismatch, named_step
from .powershell_object import PowerShellObject
from .typed_single import Read

__all__ = ["collection_reader"]

_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Set: frozenset,
    collections.abc.MutableSet: set,
}
_DICTS = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})


def collection_reader(
    origin: Any, arguments: Sequence[Any], reader: Callable[[Any], Read]
) -> Read | None:
    """What reads a type that holds others; None where it is none of these.

    Args:
        origin: the type without what is in it.
        arguments: what is in it.
        reader: gives what reads a type.
    """
    if origin in _LISTS:
        return _list_reader(origin, reader(arguments[0] if arguments else Any))
    if origin is tuple:
        if not arguments or arguments[-1] is ...:
            items = _list_reader(list, reader(arguments[0] if arguments else Any))
            return lambda value: tuple(items(value))
        return _tuple_reader([reader(one) for one in arguments if one != ()])
    if origin in _DICTS:
        key, item = arguments or (Any, Any)
        return _dict_reader(reader(key), reader(item))
    return None


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple, set, frozenset, bytes)):
        return value
    if value is None:
        raise mismatch(value, "is no list")
    if isinstance(value, PowerShellObject):
        try:
            return list(value)
        except TypeError:
            pass  # it has no items
        except PowerShellError as error:
            raise Refused(f"its items cannot be read: {error}") from error
    return (value,)


def _list_reader(origin: Any, read: Read) -> Read:
    make = _LISTS[origin]

    def read_items(value: Any) -> Any:
        found: list[Any] = []
        try:
            for item in _items(value):
                found.append(read(item))
        except Refused as refused:
            if isinstance(value, (list, tuple)):
                refused.within(f"[{len(found)}]")
            raise
        try:
            return make(found)
        except TypeError as error:  # what a set cannot hold
            raise mismatch(value, f"is no {make.__name__}: {error}") from error

    return read_items


def _tuple_reader(readers: Sequence[Read]) -> Read:
    def read(value: Any) -> tuple[Any, ...]:
        items = list(_items(value))
        if len(items) != len(readers):
            raise mismatch(value, f"has {len(items)} items, and the tuple {len(readers)}")
        found = []
        for index, (of_item, item) in enumerate(zip(readers, items, strict=True)):
            try:
                found.append(of_item(item))
            except Refused as refused:
                refused.within(f"[{index}]")
                raise
        return tuple(found)

    return read


def _dict_reader(of_key: Read, of_item: Read) -> Read:
    def read(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise mismatch(value, "is no dict")
        step = named_step if isinstance(value, CustomObject) else key_step
        found = {}
        for key, item in dict.items(value):
            try:
                read_key = of_key(key)
            except Refused as refused:
                refused.within(f"'s key {key_step(key)}")
                raise
            if read_key in found:
                raise Refused(f"two of its keys are {read_key!r}")
            try:
                found[read_key] = of_item(item)
            except Refused as refused:
                refused.within(step(key))
                raise
        return found

    return read
