"""Which fields a class has, and what reads them. Without .NET.

Dataclasses, NamedTuples and TypedDicts; classes of attrs' and models of pydantic's by what they say
of themselves, as neither is imported here, nor has to be there.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from ..errors import DeclarationError
from .places import Refused
from .typed_single import Read

__all__ = ["Field", "fields_of", "is_class_with_fields", "is_model", "is_typed_dict"]


class Field(NamedTuple):
    """A field of a class.

    Attributes:
        argument: what the class calls it when one is made.
        names: the properties that it can come from, the first that is there.
        read: makes its value.
        required: whether there has to be such a property.
    """

    argument: str
    names: tuple[str, ...]
    read: Read
    required: bool


def is_class_with_fields(origin: Any) -> bool:
    """Whether it is one of the classes that this module makes."""
    return isinstance(origin, type) and (
        dataclasses.is_dataclass(origin)
        or hasattr(origin, "__attrs_attrs__")
        or (issubclass(origin, tuple) and hasattr(origin, "_fields"))
        or is_typed_dict(origin)
        or is_model(origin)
    )


def is_typed_dict(origin: Any) -> bool:
    """Whether it is a TypedDict."""
    return issubclass(origin, dict) and hasattr(origin, "__required_keys__")


def is_model(origin: Any) -> bool:
    """Whether it is a model of pydantic's."""
    return hasattr(origin, "model_validate") and hasattr(origin, "model_fields")


def _hints_of(origin: Any) -> dict[str, Any]:
    """The types of a class's fields.

    Raises:
        DeclarationError: one of the names in them is unknown.
    """
    known = {origin.__name__: origin}  # also where it is made, in a function
    for base in reversed(origin.__mro__):
        known |= {name: item for name, item in vars(base).items() if isinstance(item, type)}
    try:
        return typing.get_type_hints(origin, localns=known, include_extras=True)
    except Exception as error:
        raise DeclarationError(
            f"{origin.__name__}: its annotations cannot be read ({error}); the names in them have "
            "to be known where the class is, at the top of its module"
        ) from error


def fields_of(kind: Any, origin: Any, reader: Callable[[Any], Read]) -> Iterator[Field]:
    """The fields of a class.

    Args:
        kind: the class, maybe with arguments for its type variables.
        origin: the class without those.
        reader: gives what reads a type.

    Raises:
        DeclarationError: the type of a field cannot be read.
    """
    return _finder(origin)(kind, origin, reader)


def _finder(origin: Any) -> Callable[[Any, Any, Callable[[Any], Read]], Iterator[Field]]:
    if is_model(origin):
        return _of_model
    if dataclasses.is_dataclass(origin):
        return _of_dataclass
    if hasattr(origin, "__attrs_attrs__"):
        return _of_attrs
    return _of_typed_dict if is_typed_dict(origin) else _of_named_tuple


def _hints(kind: Any, origin: Any) -> dict[str, Any]:
    """The types, with the arguments for its type variables in their places."""
    hints = _hints_of(origin)
    variables = getattr(origin, "__parameters__", ())
    arguments = dict(zip(variables, typing.get_args(kind), strict=False))
    return {name: _filled(hint, arguments) for name, hint in hints.items()} if arguments else hints


def _filled(hint: Any, arguments: Mapping[Any, Any]) -> Any:
    if isinstance(hint, TypeVar):
        return arguments.get(hint, hint)
    if parameters := getattr(hint, "__parameters__", ()):
        return hint[tuple(arguments.get(one, one) for one in parameters)]
    return hint


def _names(name: str, metadata: Mapping[Any, Any]) -> tuple[str, ...]:
    """A field can say what the property is called that no name in Python can have."""
    given = metadata.get("powershell")
    return (name,) if given is None else (str(given),)


def _of_dataclass(kind: Any, origin: Any, reader: Callable[[Any], Read]) -> Iterator[Field]:
    for name, hint in _hints(kind, origin).items():
        field = origin.__dataclass_fields__.get(name)
        is_of_class = typing.ClassVar in (hint, typing.get_origin(hint))
        if field is None or not field.init or is_of_class:
            continue
        if isinstance(hint, dataclasses.InitVar):
            hint = hint.type
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        yield Field(name, _names(name, field.metadata), reader(hint), not has_default)


def _of_attrs(kind: Any, origin: Any, reader: Callable[[Any], Read]) -> Iterator[Field]:
    hints = _hints(kind, origin)
    nothing = getattr(sys.modules.get("attr"), "NOTHING", None)
    for one in origin.__attrs_attrs__:
        if not one.init:
            continue
        argument = getattr(one, "alias", None) or one.name.lstrip("_")
        # With a converter the field has its own idea of what may be given.
        hint = Any if one.converter is not None else hints.get(one.name, Any)
        yield Field(argument, _names(argument, one.metadata), reader(hint), one.default is nothing)


def _of_named_tuple(kind: Any, origin: Any, reader: Callable[[Any], Read]) -> Iterator[Field]:
    hints = _hints(kind, origin)
    for name in origin._fields:
        yield Field(name, (name,), reader(hints.get(name, Any)), name not in origin._field_defaults)


def _of_typed_dict(kind: Any, origin: Any, reader: Callable[[Any], Read]) -> Iterator[Field]:
    for name, hint in _hints(kind, origin).items():
        required = name in origin.__required_keys__
        # Where annotations are texts, the class has not seen what they say.
        while (mark := getattr(typing.get_origin(hint), "_name", None)) in _MARKS:
            required = _MARKS[mark] if _MARKS[mark] is not None else required
            (hint,) = typing.get_args(hint)
        yield Field(name, (name,), reader(hint), required)


_MARKS: dict[str | None, Any] = {"Required": True, "NotRequired": False, "ReadOnly": None}


def _of_model(kind: Any, origin: Any, reader: Callable[[Any], Read]) -> Iterator[Field]:
    """Only what holds objects is read here; what the rest may be is the model's to say."""
    for name, field in origin.model_fields.items():
        aliases = [field.validation_alias, field.alias]
        names = [alias for alias in aliases if isinstance(alias, str)]
        for choice in getattr(field.validation_alias, "choices", ()):
            names += [choice] if isinstance(choice, str) else []
        argument = names[0] if names else name
        yield Field(
            argument,
            tuple(dict.fromkeys([*names, name])),
            _lenient(field.annotation, reader),
            False,
        )


def _lenient(hint: Any, reader: Callable[[Any], Read]) -> Read:
    try:
        if _holds_objects(hint):
            return reader(hint)
        of_enum = reader(hint) if isinstance(hint, enum.EnumMeta) else None
    except DeclarationError:
        of_enum = None

    def read(value: Any) -> Any:
        if of_enum is not None:
            try:
                return of_enum(value)
            except Refused:
                pass
        return value

    return read


def _holds_objects(hint: Any) -> bool:
    if is_class_with_fields(typing.get_origin(hint) or hint):
        return True
    return any(_holds_objects(one) for one in typing.get_args(hint))
