"""Which .NET type a parameter of a Python type has, and how its values become Python's."""

from __future__ import annotations

import collections.abc
import datetime as dt
import decimal
import enum
import re
import typing
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Literal

from ..engine.paths import path_from_net
from ..errors import DeclarationError
from .credentials import Credential, Secret

__all__ = ["Kind", "check_net_type", "kind_of"]

# Makes the Python value of a value that `from_net` has converted; the second argument is the .NET
# cmdlet, which knows where its caller is.
Convert = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Kind:
    """How a Python type is a parameter's type.

    Attributes:
        net_type: the type in C#.
        choices: the values it may have; empty means any.
        convert: makes the Python value.
        attributes: further attributes of the property, in C#.
        is_number: whether a range makes sense.
        is_text: whether a length and a pattern do.
        is_list: whether a count does.
        globs: whether wildcards in it are resolved.
    """

    net_type: str
    convert: Convert
    choices: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    is_number: bool = False
    is_text: bool = False
    is_list: bool = False
    globs: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it is a switch, which is never null."""
        return self.net_type == _SWITCH


def kind_of(hint: Any, where: str, net_type: str | None = None) -> Kind:
    """Find the kind of an annotated type.

    Args:
        hint: the annotation, without Annotated and None.
        where: the class and the parameter, for the error.
        net_type: the .NET type that the author has named.

    Raises:
        DeclarationError: a parameter cannot have this type.
    """
    if net_type is not None:
        if hint not in (object, Any):
            raise DeclarationError(f"{where}: net_type goes with the annotation object")
        check_net_type(net_type, f"{where}: net_type")
        return Kind(f"global::{net_type.replace('+', '.')}", _same)
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        return replace(_read_kind(hint, where), net_type=_SIMPLE[dict].net_type)
    if origin is collections.abc.Callable:
        return _SIMPLE[collections.abc.Callable]
    if arguments and (make := _LISTS.get(origin)) and arguments[0] is not bool and _is_list(hint):
        return _list_of(arguments[0], where, make)
    if origin is Literal and all(isinstance(choice, str) for choice in arguments):
        # PowerShell takes any letter case, so the author's spelling is put back.
        by_name = {choice.lower(): choice for choice in arguments}
        return Kind("string", lambda value, _: by_name[value.lower()], choices=arguments)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        members = {name.lower(): member for name, member in hint.__members__.items()}
        choices = tuple(hint.__members__)
        return Kind("string", lambda value, _: members[value.lower()], choices=choices)
    if isinstance(hint, type) and type(hint).__name__ == "CLRMetatype":
        import clr

        return kind_of(object, where, str(clr.GetClrType(hint).FullName))
    return _read_kind(hint, where)


def _read_kind(hint: Any, where: str) -> Kind:
    """A type without a counterpart: PowerShell binds anything, and `reader_for` reads it."""
    from ..values import reader_for

    try:
        read = reader_for(hint)
    except DeclarationError as error:
        raise DeclarationError(
            f"{where}: {hint!r} is no type that a parameter can have; use str, int, float, bool, "
            "Path, datetime, timedelta, Decimal, UUID, bytes, an Enum, a Literal of texts, "
            "Credential, Secret, Callable, a list of one of these, dict, what reader_for reads, or "
            "object for anything; a .NET type is named by Parameter(net_type=...)"
        ) from error
    return Kind("object", lambda value, _: read(value, where))


def check_net_type(name: object, where: str) -> None:
    """Refuse what cannot be the name of a .NET type: it goes into C#.

    Raises:
        DeclarationError: it cannot.
    """
    if not (isinstance(name, str) and _NET_TYPE.fullmatch(name)):
        shown = ascii(name) if len(repr(name)) < _LONGEST else f"{ascii(name)[:_LONGEST]}…"
        raise DeclarationError(
            f"{where} is {shown}; it is the full name of a .NET type, such as 'System.Version' or "
            "'System.Collections.Generic.List<int>'"
        )


_LONGEST = 100
_NET_TYPE = re.compile(
    r"[A-Za-z_]\w*(?:[.+][A-Za-z_]\w*)*"  # with a + before a nested type
    r"(?:<[\w.+<>,\[\] ]+>)?(?:\[,*\])*",
    re.ASCII,
)


def _is_list(hint: Any) -> bool:
    """Whether it has any number of items, of one type."""
    return typing.get_origin(hint) is not tuple or typing.get_args(hint)[-1] is ...


# What a list becomes.
_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Set: frozenset,
}


def _list_of(hint: Any, where: str, make: Callable[[list[Any]], Any]) -> Kind:
    element = kind_of(hint, where)
    globs = element is _SIMPLE[Path] or element is _SIMPLE[PurePath]

    def convert(values: Any, net: Any) -> Any:
        if globs:
            return make(_paths(values, net))
        return make([element.convert(value, net) for value in values])

    return Kind(
        f"{element.net_type}[]",
        convert,
        choices=element.choices,
        attributes=element.attributes,
        is_number=element.is_number,
        is_text=element.is_text,
        is_list=True,
        globs=globs,
    )


def _same(value: Any, _: Any) -> Any:
    return value


def _path(text: str, net: Any) -> Path:
    """The path in the file system, from where PowerShell is."""
    return path_from_net(net.ResolvePath(text))


def _paths(texts: list[str], net: Any) -> list[Path]:
    """The same for each; wildcards become the files that there are."""
    return [path_from_net(found) for text in texts for found in net.ResolvePaths(text)]


def _function(block: Any, _: Any) -> Callable[..., Any]:
    from .script_block import ScriptFunction

    return ScriptFunction(block.net)


def _credential(value: Any, _: Any) -> Credential:
    return Credential(value.UserName, Secret.from_secure_string(value.net.Password))


def _secret(value: Any, _: Any) -> Secret:
    return Secret.from_secure_string(value.net)


_SWITCH = "System.Management.Automation.SwitchParameter"
_SIMPLE: dict[Any, Kind] = {
    str: Kind("string", _same, is_text=True),
    int: Kind("long", _same, is_number=True),
    float: Kind("double", _same, is_number=True),
    bool: Kind(_SWITCH, lambda value, _: bool(value)),
    bytes: Kind("byte[]", _same),
    Path: Kind("string", _path, is_text=True),
    PurePath: Kind("string", _path, is_text=True),
    dt.datetime: Kind("System.DateTime", _same),
    dt.timedelta: Kind("System.TimeSpan", _same),
    decimal.Decimal: Kind("decimal", _same, is_number=True),
    uuid.UUID: Kind("System.Guid", _same),
    dict: Kind("System.Collections.Hashtable", _same),
    list: Kind("object[]", _same, is_list=True),
    collections.abc.Callable: Kind("ScriptBlock", _function),
    Credential: Kind("PSCredential", _credential, attributes=("[Credential]",)),
    Secret: Kind("System.Security.SecureString", _secret),
    object: Kind("object", _same),
    Any: Kind("object", _same),
}
