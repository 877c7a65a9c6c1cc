"""Python values as .NET values.

pythonnet turns str, float, bool and None into .NET values by itself; everything else would arrive
as an opaque Python object, so each value is converted here, explicitly.

What is refused is raised without its place; the lists, dicts and records around it add that on the
error's way out (`Refused`).
"""

from __future__ import annotations

import dataclasses
import enum
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, ValuesView
from typing import Any
from weakref import WeakKeyDictionary

import System
from PSBridge import OrderedHashtable
from System.Management.Automation import PSNoteProperty, PSObject

from ..engine.instances import is_net
from ..errors import WorkerError
from .custom_object import CustomObject
from .many_to_net import MANY, array_of, array_of_records
from .names import fold
from .places import Refused, key_step, named_step, shown_key
from .single_to_net import BY_TYPE, converter_of_derived, integer
from .text import net_text

__all__ = ["to_net", "to_record"]

_DEEPEST = 100


def to_net(value: object, name: str = "value") -> Any:
    """Convert a Python value to the .NET value that PowerShell would have in its place.

    Integers become Int32, Int64 or BigInteger, whichever is the first that holds them; a mapping
    becomes a Hashtable, a sequence or a set an Object[], a dataclass, a named tuple or a
    `CustomObject` a PSCustomObject, a member of an enum its value, a `PowerShellObject` the object
    that it is.

    Args:
        value: the value; what is a .NET object already passes unchanged.
        name: what an error calls the value.

    Raises:
        ConversionError: there is no .NET counterpart, or the value contains itself.
    """
    return _convert_any(value, _mapping_to_hashtable, name)


def to_record(value: object, name: str = "value") -> Any:
    """Convert a Python value to what PowerShell code would write to its output.

    As `to_net`, except that a mapping whose keys are all text becomes a PSCustomObject, so that
    a record written in Python has properties, and is formatted as a table, as any other. A
    mapping with other keys is a Hashtable here too.

    Raises:
        ConversionError: there is no .NET counterpart, or the value contains itself.
    """
    return _convert_any(value, _mapping_to_object, name)


_MappingConverter = Callable[["Mapping[Any, Any]", int], Any]
# Converts what is inside in the same way.
_Converter = Callable[[Any, _MappingConverter, int], Any]


def _convert_any(value: object, mapping: _MappingConverter, name: str) -> Any:
    try:
        return _convert(value, mapping, 0)
    except Refused as refused:
        error, cause = refused.as_error(name), refused.__cause__
    except Exception as failure:  # such as a list that another thread changes meanwhile
        error, cause = _unreadable(type(value), failure).as_error(name), failure
    raise error from cause


def _unreadable(kind: type, error: Exception) -> Refused:
    # Not the text of an exception of .NET's, which has its stack.
    said = getattr(error, "Message", None) if is_net(error) else WorkerError.describe(error).line
    return Refused(f"a {_name(kind)} could not be read: {said}")


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _convert(value: object, mapping: _MappingConverter, depth: int) -> Any:
    # The order is by how often a kind is met; a subclass of a plain type is met rarely.
    kind = type(value)
    if kind is str:
        return value
    if kind is int:
        return integer(value)  # type: ignore[arg-type]
    if value is None or kind is float or kind is bool:
        return value
    if depth > _DEEPEST:
        raise Refused(f"a value is nested more than {_DEEPEST} levels deep, or contains itself")
    if kind is dict:
        return mapping(value, depth)  # type: ignore[arg-type]
    if kind is list or kind is tuple:
        return _array(value, mapping, depth)  # type: ignore[arg-type]
    convert = BY_TYPE.get(kind)
    if convert is not None:
        return convert(value)
    # Before the abstract classes: pythonnet makes .NET's own collections members of those.
    if is_net(value):
        return value
    return _convert_rare(value, mapping, depth)


def _convert_rare(value: object, mapping: _MappingConverter, depth: int) -> Any:
    """A value of somebody's class, whose code may raise anything."""
    kind = type(value)
    try:
        found = _by_class.get(kind)
        if found is None:
            found = _by_class[kind] = _find_converter(kind)
        return found(value, mapping, depth)
    except Refused:
        raise
    except Exception as error:
        raise _unreadable(kind, error) from error


# A class that is not used any more is forgotten.
_by_class: WeakKeyDictionary[type, _Converter] = WeakKeyDictionary()


def _find_converter(kind: type) -> _Converter:
    """Choose how the values of a class are converted."""
    if issubclass(kind, CustomObject):
        return _custom_object
    # Those of ours that know their counterpart.
    if (counterpart := getattr(kind, "_to_net", None)) is not None:
        return lambda value, mapping, depth: counterpart(value)
    if issubclass(kind, enum.Enum):
        return lambda value, mapping, depth: _convert(value.value, mapping, depth + 1)
    if (names := _names_of_fields(kind)) is not None:
        return lambda value, mapping, depth: _with_fields(value, names, depth)
    if hasattr(kind, "model_validate") and hasattr(kind, "model_fields"):
        return _pydantic_model
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _named_tuple
    if (single := converter_of_derived(kind)) is not None:
        return lambda value, mapping, depth: single(value)
    for base, items in _COLLECTIONS:
        if issubclass(kind, base):
            return lambda value, mapping, depth: _array(list(items(value)), mapping, depth)
    for base, entries in _MAPPINGS:
        if issubclass(kind, base):
            return lambda value, mapping, depth: mapping(dict(entries(value)), depth)
    if issubclass(kind, Mapping):
        return lambda value, mapping, depth: mapping(value, depth)
    if issubclass(kind, (Set, Sequence, ValuesView)):
        return lambda value, mapping, depth: _array(list(value), mapping, depth)
    from .rare_to_net import converter_of_rare

    return converter_of_rare(kind, _convert, _namespace)


# Read by the methods of Python's classes; what derives from them may have others.
_COLLECTIONS: tuple[tuple[type, Callable[[Any], Iterable[Any]]], ...] = (
    (list, list.__iter__),
    (tuple, tuple.__iter__),
    (set, set.__iter__),
    (frozenset, frozenset.__iter__),
)
_MAPPINGS: tuple[tuple[type, Callable[[Any], Iterable[Any]]], ...] = (
    (OrderedDict, OrderedDict.items),  # whose order is not that of the dict below it
    (dict, dict.items),
)


def _array(values: Sequence[object], mapping: _MappingConverter, depth: int) -> Any:
    if len(values) >= MANY and (found := _many(values, mapping)) is not None:
        return found
    array = _OBJECTS(len(values))
    index = 0
    try:
        for index, item in enumerate(values):
            array[index] = _convert(item, mapping, depth + 1)
    except Refused as refused:
        refused.within(f"[{index}]")
        raise
    return array


def _many(values: Sequence[object], mapping: _MappingConverter) -> Any:
    """All of them at once, where they are plain or records of one class; else None."""
    kind = type(values[0])
    names = _fields.get(kind, _UNKNOWN)
    if names is _UNKNOWN:
        names = _fields[kind] = _names_of_fields(kind) if _is_record(kind) else None
    if names is None:
        return array_of(values, records=mapping is _mapping_to_object)
    if names and all(type(value) is kind for value in values):
        return array_of_records(values, names, _name(kind))
    return None


# The fields of the classes of records, and None of all others.
_fields: WeakKeyDictionary[type, Any] = WeakKeyDictionary()
_UNKNOWN = object()


def _is_record(kind: type) -> bool:
    return not issubclass(kind, (CustomObject, enum.Enum)) and not hasattr(kind, "_to_net")


_OBJECTS = System.Array[System.Object]


def _mapping_to_hashtable(value: Mapping[Any, Any], depth: int) -> Any:
    return _hashtable(value, _mapping_to_hashtable, depth)


def _mapping_to_object(value: Mapping[Any, Any], depth: int) -> Any:
    for key in value:
        if not isinstance(key, str):
            return _hashtable(value, _mapping_to_object, depth)
    return _object(value, _mapping_to_object, depth, key_step)


def _custom_object(value: CustomObject, mapping: _MappingConverter, depth: int) -> Any:
    """The object that it was: what is in it is converted as what is beside it."""
    record = _object(dict(dict.items(value)), mapping, depth, named_step)
    names = value.type_names
    if names != tuple(record.TypeNames):
        record.TypeNames.Clear()
        for name in names:
            record.TypeNames.Add(net_text(name))
    return record


def _with_fields(value: object, names: Iterable[str], depth: int) -> Any:
    fields = {}
    for name in names:
        try:
            fields[name] = getattr(value, name)
        except Exception as error:
            raise _unreadable(type(value), error).within(named_step(name)) from error
    return _named(_object(fields, _mapping_to_object, depth, named_step), type(value))


def _pydantic_model(value: Any, mapping: _MappingConverter, depth: int) -> Any:
    names = (*type(value).model_fields, *(getattr(value, "model_extra", None) or ()))
    return _with_fields(value, names, depth)


def _named_tuple(value: Any, mapping: _MappingConverter, depth: int) -> Any:
    fields = dict(zip(value._fields, tuple.__iter__(value), strict=True))
    return _named(_object(fields, _mapping_to_object, depth, named_step), type(value))


def _namespace(value: Mapping[str, Any], depth: int) -> Any:
    return _object(dict(value), _mapping_to_object, depth, named_step)


def _object(
    value: Mapping[str, Any], mapping: _MappingConverter, depth: int, step: Callable[[str], str]
) -> Any:
    record = PSObject()
    properties = record.Properties
    key = ""
    try:
        for key, item in value.items():
            properties.Add(PSNoteProperty(_TEXT(key), _convert(item, mapping, depth + 1)))
    except Refused as refused:
        refused.within(step(key))
        raise
    except System.Exception as error:
        raise Refused(
            f"{shown_key(key)} cannot be the name of a property: {error.Message}"
        ) from error
    # A property replaces another whose name differs in case only, without a word.
    if all(map(str.isascii, value)):
        different = len(set(map(str.lower, value)))
    else:
        different = len(list(properties))
    if different < len(value):
        raise Refused(
            f"{_twice(value)} is there twice: names of properties differ in more than case in "
            "PowerShell"
        )
    return record


def _twice(names: Iterable[str]) -> str:
    seen = set()
    for name in names:
        if (folded := fold(name)) in seen:
            return shown_key(name)
        seen.add(folded)
    return "a name"


_TEXT = str.__str__  # a subclass may say something else of itself by str()


def _hashtable(value: Mapping[Any, Any], mapping: _MappingConverter, depth: int) -> Any:
    table = OrderedHashtable()
    key: Any = None
    step = key_step
    try:
        for key, item in value.items():
            step = _step_to_key
            converted = _convert(key, mapping, depth + 1)
            if converted is None:
                raise Refused("None cannot be a key in a PowerShell hashtable")
            step = key_step
            table.Add(converted, _convert(item, mapping, depth + 1))
    except Refused as refused:
        refused.within(step(key))
        raise
    except System.ArgumentException as error:
        raise Refused(
            f"the key {shown_key(key)} is there twice: keys differ in more than case in PowerShell"
        ) from error
    return table


def _step_to_key(key: object) -> str:
    return f"'s key {shown_key(key)}"


def _named(record: Any, kind: type) -> Any:
    record.TypeNames.Insert(0, _name(kind))
    return record


def _names_of_fields(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass or of a class of attrs'."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    fields = getattr(kind, "__attrs_attrs__", None)
    return None if fields is None else tuple(field.name for field in fields)
