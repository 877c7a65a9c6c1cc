"""Reading a cmdlet's declaration from its Python class.

No .NET here: a mistake is found when the class is made, before any engine runs.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import inspect
import re
import types
import typing
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar, Literal, Union

from ..errors import DeclarationError
from .parameter import Parameter

__all__ = ["Declaration", "DeclaredParameter", "declare"]

# What every cmdlet has by itself, and what JobCmdlet adds.
_TAKEN = {
    "Verbose", "Debug", "ErrorAction", "WarningAction", "InformationAction", "ProgressAction",
    "ErrorVariable", "WarningVariable", "InformationVariable", "OutVariable", "OutBuffer",
    "PipelineVariable", "WhatIf", "Confirm",
    "vb", "db", "ea", "wa", "infa", "proga", "ev", "wv", "iv", "ov", "ob", "pv", "wi", "cf",
}  # fmt: skip
_TAKEN_BY_JOBS = {"AsJob", "JobName", "ThrottleLimit"}


@dataclass(frozen=True)
class DeclaredParameter:
    """A parameter as it was declared.

    Attributes:
        attribute: the name of the Python attribute.
        name: the name in PowerShell.
        net_type: its type in C#; the property is nullable, and null means not given.
        choices: the values it may have; empty means any.
        convert: makes the Python value of the .NET value, converted to a plain Python one.
        settings: what `Parameter` says.
        has_default: whether the class gives it a default.
    """

    attribute: str
    name: str
    net_type: str
    choices: tuple[str, ...]
    convert: Callable[[Any], Any]
    settings: Parameter
    has_default: bool


@dataclass(frozen=True)
class Declaration:
    """A cmdlet as it was declared.

    Attributes:
        verb: the first part of its name.
        noun: the second part.
        parameters: in the order of the class.
    """

    verb: str
    noun: str
    parameters: tuple[DeclaredParameter, ...]

    @property
    def name(self) -> str:
        """The cmdlet's name, such as ``Get-WordCount``."""
        return f"{self.verb}-{self.noun}"


def declare(cls: type, verb: str, noun: str, *, with_jobs: bool) -> Declaration:
    """Read the declaration of a cmdlet class.

    Args:
        cls: the class; its public annotated attributes are the parameters.
        verb: its verb.
        noun: its noun.
        with_jobs: whether it has the parameters of JobCmdlet.

    Raises:
        DeclarationError: names the class, the parameter and what is wrong.
    """
    for what, word in (("verb", verb), ("noun", noun)):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", word):
            raise DeclarationError(
                f"{cls.__qualname__}: the {what} {word!r} is not made of letters and digits"
            )
    parameters = []
    names: dict[str, str] = dict.fromkeys(_TAKEN, "every cmdlet")
    if with_jobs:
        names |= dict.fromkeys(_TAKEN_BY_JOBS, "JobCmdlet")
    names = {name.lower(): owner for name, owner in names.items()}
    for attribute, hint in _annotations(cls).items():
        if hint is ClassVar or typing.get_origin(hint) is ClassVar:
            continue
        parameter = _parameter(cls, attribute, hint)
        for name in (parameter.name, *parameter.settings.alias):
            if (owner := names.get(name.lower())) is not None:
                raise DeclarationError(
                    f"{cls.__qualname__}.{attribute}: the name {name} is taken by {owner}"
                )
            names[name.lower()] = f"the parameter {attribute}"
        parameters.append(parameter)
    return Declaration(verb, noun, tuple(parameters))


def _annotations(cls: type) -> dict[str, Any]:
    """The public annotations of a class and its bases, resolved, without psbridge's own."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if _is_ours(base):
            continue
        for attribute, hint in inspect.get_annotations(base).items():
            if attribute.startswith("_"):
                continue
            if any(attribute in vars(ours) for ours in cls.__mro__ if _is_ours(ours)):
                raise DeclarationError(
                    f"{cls.__qualname__}.{attribute}: psbridge's cmdlets use this name themselves"
                )
            # One by one, for what is wrong with one says nothing about the others.
            alone = type(base.__name__, (), {"__annotations__": {attribute: hint}})
            alone.__module__ = base.__module__
            try:
                found |= typing.get_type_hints(alone, localns=dict(vars(base)), include_extras=True)
            except Exception as error:
                raise DeclarationError(
                    f"{cls.__qualname__}.{attribute}: the annotation cannot be resolved: {error}; "
                    "its names have to be those of the module"
                ) from error
    return found


def _is_ours(base: type) -> bool:
    return base.__module__.startswith("psbridge.")


def _parameter(cls: type, attribute: str, hint: Any) -> DeclaredParameter:
    where = f"{cls.__qualname__}.{attribute}"
    settings = Parameter()
    if typing.get_origin(hint) is Annotated:
        hint, *extras = typing.get_args(hint)
        found = [extra for extra in extras if isinstance(extra, Parameter)]
        if len(found) > 1:
            raise DeclarationError(f"{where} has more than one Parameter(...)")
        settings = found[0] if found else settings
    if isinstance(settings.alias, str):
        raise DeclarationError(f"{where}: alias is a list of names, such as [{settings.alias!r}]")
    has_default = hasattr(cls, attribute)
    if settings.mandatory and has_default:
        raise DeclarationError(f"{where} is mandatory and has a default; it can be one of them")
    if settings.position is not None and not 0 <= settings.position < 2**31:
        raise DeclarationError(f"{where}: position {settings.position} is not between 0 and 2**31")
    name = "".join(part[:1].upper() + part[1:] for part in attribute.split("_"))
    for word in (name, *settings.alias):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", word):
            raise DeclarationError(f"{where}: {word!r} is not made of letters and digits")
    net_type, choices, convert = _type(_without_none(hint), where)
    return DeclaredParameter(attribute, name, net_type, choices, convert, settings, has_default)


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (Union, types.UnionType):
        kept = [argument for argument in typing.get_args(hint) if argument is not type(None)]
        if len(kept) == 1:
            return kept[0]
    return hint


def _same(value: Any) -> Any:
    return value


_SIMPLE: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    str: ("string", _same),
    int: ("long", _same),
    float: ("double", _same),
    bool: ("System.Management.Automation.SwitchParameter", bool),
    bytes: ("byte[]", _same),
    Path: ("string", Path),
    PurePath: ("string", PurePath),
    dt.datetime: ("System.DateTime", _same),
    dt.timedelta: ("System.TimeSpan", _same),
    decimal.Decimal: ("decimal", _same),
    uuid.UUID: ("System.Guid", _same),
    dict: ("System.Collections.Hashtable", _same),
    list: ("object[]", _same),
    object: ("object", _same),
    Any: ("object", _same),
}


def _type(hint: Any, where: str) -> tuple[str, tuple[str, ...], Callable[[Any], Any]]:
    if hint in _SIMPLE:
        net_type, convert = _SIMPLE[hint]
        return net_type, (), convert
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        return "System.Collections.Hashtable", (), _same
    if origin is list and arguments[0] is not bool:
        net_type, choices, convert = _type(arguments[0], where)
        return f"{net_type}[]", choices, lambda values: [convert(value) for value in values]
    if origin is Literal and all(isinstance(choice, str) for choice in arguments):
        # PowerShell takes any letter case, so the author's spelling is put back.
        by_name = {choice.lower(): choice for choice in arguments}
        return "string", arguments, lambda value: by_name[value.lower()]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        members = {name.lower(): member for name, member in hint.__members__.items()}
        return "string", tuple(hint.__members__), lambda value: members[value.lower()]
    raise DeclarationError(
        f"{where}: {hint!r} is no type that a parameter can have; use str, int, float, bool, Path, "
        "datetime, timedelta, Decimal, UUID, bytes, an Enum, a Literal of texts, a list of one of "
        "these, dict, or object for anything"
    )
