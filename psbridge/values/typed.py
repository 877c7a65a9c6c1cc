"""What PowerShell gives out as the types that a program has asked for: `reader_for`. Without .NET.

What reads a type is made once, of what reads the types in it. A union takes the type that the value
has already, and else the first, in their order, that can be made of it.
"""

from __future__ import annotations

import enum
import functools
import re
import types
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from ..errors import ConversionError, DeclarationError
from .custom_object import CustomObject
from .enum_value import EnumValue
from .places import Refused, mismatch
from .powershell_object import PowerShellObject
from .typed_choices import enum_reader, literal_reader, union_reader
from .typed_classes import ClassReader
from .typed_collections import collection_reader
from .typed_fields import is_class_with_fields
from .typed_single import Read, single_reader

if TYPE_CHECKING:
    from typing_extensions import TypeForm  # a checker's own; nobody needs the package

__all__ = ["Reader", "reader_for"]

_T = TypeVar("_T")


class Reader(Generic[_T]):
    """Makes values of one type; `reader_for` gives it."""

    __slots__ = ("_read",)

    def __init__(self, read: Read) -> None:
        """Made by `reader_for`.

        Args:
            read: makes a value, or raises `Refused`.
        """
        self._read = read

    def __call__(self, value: object, where: str = "value") -> _T:
        """Make a value of the type.

        Args:
            value: what psbridge has given out.
            where: what an error calls it.

        Raises:
            ConversionError: it cannot be made of this; says which property of it is wrong.
        """
        error: ConversionError
        cause: BaseException | None
        try:
            found: _T = self._read(value)
        except Refused as refused:
            error, cause = refused.as_error(where), refused.__cause__
        except RecursionError as deep:
            error, cause = ConversionError(f"{where} is nested too deep, or contains itself"), deep
        else:
            return found
        raise error from cause


@overload
def reader_for(
    kind: TypeForm[_T], *, unknown: Literal["ignore", "refuse"] = "ignore"
) -> Reader[_T]: ...
@overload
def reader_for(kind: Any, *, unknown: Literal["ignore", "refuse"] = "ignore") -> Reader[Any]: ...
def reader_for(kind: Any, *, unknown: Literal["ignore", "refuse"] = "ignore") -> Reader[Any]:
    """What makes values of a type of what psbridge gives out.

    Of a `CustomObject`, a dict or a `PowerShellObject` it makes a dataclass, a NamedTuple, a
    TypedDict, a class of attrs' or a model of pydantic's, with whatever is in them: lists, tuples,
    sets and dicts, unions, literals, enums, dates, numbers, texts. The names of properties are
    compared as PowerShell does, in any letter case. Of a `PowerShellObject` only those are read
    that the class has.

    Text is read as what it has to be, for a table such as Import-Csv gives has nothing else. Every
    other value has to be of the type, or the same value in it: 2.0 is an int, 2.5 is none.

    Args:
        kind: the type.
        unknown: whether a property of a record that is no field is to be ignored or refused. A
            `PowerShellObject` always has more.

    Raises:
        DeclarationError: the type, or one inside of it, cannot be made.
        ValueError: `unknown` is neither of the two.
    """
    if unknown not in ("ignore", "refuse"):
        raise ValueError(f'unknown is {unknown!r}; it is "ignore" or "refuse"')
    try:
        # The text beside the type: `int | str` is equal to `str | int`, and reads otherwise.
        return _kept(kind, repr(kind), unknown == "refuse")
    except TypeError as error:
        if isinstance(error, DeclarationError):
            raise
        return Reader(_Builder(unknown == "refuse").reader(kind))  # with what cannot be hashed


@functools.lru_cache(maxsize=256)
def _kept(kind: Any, text: str, refuse_unknown: bool) -> Reader[Any]:
    return Reader(_Builder(refuse_unknown).reader(kind))


class _Builder:
    """Makes what reads a type, and what reads the types in it."""

    def __init__(self, refuse_unknown: bool) -> None:
        self._refuse_unknown = refuse_unknown
        self._made: dict[Any, Read] = {}

    def reader(self, hint: Any) -> Read:
        """What reads a type.

        Raises:
            DeclarationError: there is nothing that could.
        """
        hint = _bare(hint)
        if type(hint).__name__ == "TypeAliasType":
            return self._alias_reader(hint)
        if hint is Any or hint is object:
            return _as_it_is
        if (single := single_reader(hint)) is not None:
            return single
        origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
        if origin is typing.Union or origin is types.UnionType:
            return union_reader(arguments, self.reader)
        if origin is Literal:
            return literal_reader(arguments, self.reader)
        if isinstance(origin, type):
            if issubclass(origin, enum.Enum):
                return enum_reader(origin)
            if is_class_with_fields(origin):
                return self._class_reader(hint, origin)
            if origin in _AS_THEY_ARE:
                return functools.partial(_instance, origin)
        if (collection := collection_reader(origin, arguments, self.reader)) is not None:
            return collection
        raise DeclarationError(
            f"{getattr(hint, '__qualname__', hint)!s} is no type that can be made of what "
            "PowerShell gives: use dataclasses, NamedTuples, TypedDicts, attrs' or pydantic's "
            "classes, lists, tuples, sets and dicts, unions, Literals, enums, text, numbers, "
            "dates, Path, UUID, CustomObject, PowerShellObject or Any"
        )

    def _alias_reader(self, alias: Any) -> Read:
        """A type that has a name, which may be in the type itself."""
        if (made := self._made.get(alias)) is None:
            found: list[Read] = []
            made = self._made[alias] = lambda value: found[0](value)
            with self._forgotten_if_it_fails(alias):
                found.append(self.reader(alias.__value__))
        return made

    def _class_reader(self, hint: Any, origin: Any) -> Read:
        if (made := self._made.get(hint)) is None:
            made = self._made[hint] = ClassReader(hint, origin, self._refuse_unknown)
            with self._forgotten_if_it_fails(hint):
                made.prepare(hint, self.reader)
        return made

    @contextmanager
    def _forgotten_if_it_fails(self, hint: Any) -> Iterator[None]:
        """A pydantic model does without what cannot be read, and another field asks again."""
        try:
            yield
        except BaseException:
            del self._made[hint]
            raise


def _bare(hint: Any) -> Any:
    """A type without what says more about it, and what a new name of it stands for."""
    while True:
        if typing.get_origin(hint) in (typing.Annotated, typing.Final):
            hint = typing.get_args(hint)[0]
        elif (below := getattr(hint, "__supertype__", None)) is not None:
            hint = below
        elif isinstance(hint, TypeVar):
            hint = hint.__bound__ or Any
        else:
            return hint


def _as_it_is(value: Any) -> Any:
    return value


_AS_THEY_ARE = frozenset({CustomObject, EnumValue, PowerShellObject, re.Pattern})


def _instance(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    raise mismatch(value, f"is no {kind.__name__}")
