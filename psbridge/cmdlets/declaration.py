"""Reading a cmdlet's declaration from its Python class.

No .NET here: a mistake is found when the class is made, before any engine runs.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Union

from ..errors import DeclarationError
from .kinds import Kind, check_net_type, kind_of
from .parameter import Parameter
from .verbs import nearest_verb

__all__ = [
    "ConfirmImpact",
    "Declaration",
    "DeclaredParameter",
    "declare",
    "declare_parameter",
    "is_ours",
]

ConfirmImpact = Literal["None", "Low", "Medium", "High"]

# What every cmdlet has by itself, and what JobCmdlet adds.
_TAKEN = {
    "Verbose", "Debug", "ErrorAction", "WarningAction", "InformationAction", "ProgressAction",
    "ErrorVariable", "WarningVariable", "InformationVariable", "OutVariable", "OutBuffer",
    "PipelineVariable", "WhatIf", "Confirm",
    "vb", "db", "ea", "wa", "infa", "proga", "ev", "wv", "iv", "ov", "ob", "pv", "wi", "cf",
}  # fmt: skip
_TAKEN_BY_JOBS = {"AsJob", "JobName", "ThrottleLimit", "TimeoutSeconds"}


@dataclass(frozen=True)
class DeclaredParameter:
    """A parameter as it was declared.

    Attributes:
        attribute: the name of the Python attribute.
        name: the name in PowerShell.
        kind: its type.
        settings: what `Parameter` says, the first one where there are several.
        in_sets: what each `Parameter` says.
        has_default: whether the class gives it a default.
    """

    attribute: str
    name: str
    kind: Kind
    settings: Parameter
    in_sets: tuple[Parameter, ...]
    has_default: bool

    @property
    def net_type(self) -> str:
        """Its type in C#; the property is nullable, and null means not given."""
        return self.kind.net_type

    @property
    def choices(self) -> tuple[str, ...]:
        """The values it may have; empty means any."""
        return self.kind.choices or tuple(self.settings.choices)


@dataclass(frozen=True)
class Declaration:
    """A cmdlet as it was declared.

    Attributes:
        verb: the first part of its name.
        noun: the second part.
        parameters: in the order of the class.
        default_parameter_set: the set that is taken where the arguments leave it open.
        supports_should_process: whether it has -WhatIf and -Confirm.
        confirm_impact: from which $ConfirmPreference on it asks.
        output_types: the names of the .NET types of its output.
        alias: other names for it.
        uses_variables: the caller's variables that it reads.
        dynamic: whether it has dynamic parameters.
    """

    verb: str
    noun: str
    parameters: tuple[DeclaredParameter, ...]
    default_parameter_set: str | None = None
    supports_should_process: bool = False
    confirm_impact: ConfirmImpact = "Medium"
    output_types: tuple[str, ...] = ()
    alias: tuple[str, ...] = ()
    uses_variables: tuple[str, ...] = ()
    dynamic: bool = False

    @property
    def name(self) -> str:
        """The cmdlet's name, such as ``Get-WordCount``."""
        return f"{self.verb}-{self.noun}"


def declare(
    cls: type,
    verb: str,
    noun: str,
    *,
    with_jobs: bool,
    default_parameter_set: str | None = None,
    supports_should_process: bool = False,
    confirm_impact: ConfirmImpact = "Medium",
    output_types: Sequence[Any] = (),
    alias: Sequence[str] = (),
    uses_variables: Sequence[str] = (),
    dynamic: bool = False,
) -> Declaration:
    """Read the declaration of a cmdlet class.

    Args:
        cls: the class; its public annotated attributes are the parameters.
        verb: its verb.
        noun: its noun.
        with_jobs: whether it has the parameters of JobCmdlet.
        default_parameter_set: the set that is taken where the arguments leave it open.
        supports_should_process: whether it has -WhatIf and -Confirm.
        confirm_impact: from which $ConfirmPreference on it asks.
        output_types: the types of its output: Python's, or names of .NET's.
        alias: other names for it.
        uses_variables: the caller's variables that it reads.
        dynamic: whether it has dynamic parameters.

    Raises:
        DeclarationError: names the class, the parameter and what is wrong.
    """
    for what, word in (("verb", verb), ("noun", noun)):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", word):
            raise DeclarationError(
                f"{cls.__qualname__}: the {what} {word!r} is not made of letters and digits"
            )
    if (better := nearest_verb(verb)) is not None:
        warnings.warn(
            f"{verb}-{noun}: {verb} is no approved verb of PowerShell's, which users are warned "
            f"of; {better}-{noun} would be",
            stacklevel=4,
        )
    for what, given in (("alias", alias), ("uses_variables", uses_variables)):
        if isinstance(given, str):
            raise DeclarationError(
                f"{cls.__qualname__}: {what} is a list of names, such as [{given!r}]"
            )
    for name in alias:
        if not re.fullmatch(r"[^\s*?\[\]'\"`]+", name):
            raise DeclarationError(f"{cls.__qualname__}: {name!r} cannot be an alias")
    if confirm_impact not in typing.get_args(ConfirmImpact):
        raise DeclarationError(
            f"{cls.__qualname__}: confirm_impact is {confirm_impact!r}; it can be one of "
            + ", ".join(typing.get_args(ConfirmImpact))
        )
    parameters = []
    names: dict[str, str] = dict.fromkeys(_TAKEN, "every cmdlet")
    if with_jobs:
        names |= dict.fromkeys(_TAKEN_BY_JOBS, "JobCmdlet")
    names = {name.lower(): owner for name, owner in names.items()}
    for attribute, hint in _annotations(cls).items():
        if hint is ClassVar or typing.get_origin(hint) is ClassVar:
            continue
        parameter = declare_parameter(cls, attribute, hint)
        for name in (parameter.name, *parameter.settings.alias):
            if (owner := names.get(name.lower())) is not None:
                raise DeclarationError(
                    f"{cls.__qualname__}.{attribute}: the name {name} is taken by {owner}"
                )
            names[name.lower()] = f"the parameter {attribute}"
        parameters.append(parameter)
    _check_sets(cls, parameters, default_parameter_set)
    return Declaration(
        verb,
        noun,
        tuple(parameters),
        default_parameter_set=default_parameter_set,
        supports_should_process=supports_should_process,
        confirm_impact=confirm_impact,
        output_types=tuple(_output_type(cls, kind) for kind in output_types),
        alias=tuple(alias),
        uses_variables=tuple(uses_variables),
        dynamic=dynamic,
    )


def _check_sets(cls: type, parameters: list[DeclaredParameter], default: str | None) -> None:
    sets = {name for p in parameters for settings in p.in_sets for name in settings.parameter_sets}
    if default is not None and default not in sets:
        known = ", ".join(sorted(sets)) or "none"
        raise DeclarationError(
            f"{cls.__qualname__}: default_parameter_set is {default!r}, and no parameter is in "
            f"that set; there are {known}"
        )


def _output_type(cls: type, kind: Any) -> str:
    if isinstance(kind, str):
        check_net_type(kind, f"{cls.__qualname__}: output_types")
        return kind
    if kind in (None, dict) or (isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")):
        return "System.Management.Automation.PSCustomObject"
    net_type = kind_of(kind, f"{cls.__qualname__}: output_types").net_type
    return "bool" if kind is bool else net_type.removeprefix("global::")


def _annotations(cls: type) -> dict[str, Any]:
    """The public annotations of a class and its bases, resolved, without psbridge's own."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if is_ours(base):
            continue
        for attribute, hint in inspect.get_annotations(base).items():
            if attribute.startswith("_"):
                continue
            if any(attribute in vars(ours) for ours in cls.__mro__ if is_ours(ours)):
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


def is_ours(base: type) -> bool:
    """Whether a class is one from which authors derive; psbridge has cmdlets of its own, too."""
    return base.__module__.startswith(("psbridge.cmdlets.", "psbridge.session."))


def declare_parameter(cls: type, attribute: str, hint: Any) -> DeclaredParameter:
    """Read the declaration of one parameter.

    Raises:
        DeclarationError: names the class, the parameter and what is wrong.
    """
    where = f"{cls.__qualname__}.{attribute}"
    found: list[Parameter] = []
    if typing.get_origin(hint) is Annotated:
        hint, *extras = typing.get_args(hint)
        found = [extra for extra in extras if isinstance(extra, Parameter)]
    _check_settings(found, where)
    settings = found[0] if found else Parameter()
    has_default = hasattr(cls, attribute)
    if has_default and any(each.mandatory for each in found) and len(found) < 2:
        raise DeclarationError(f"{where} is mandatory and has a default; it can be one of them")
    name = "".join(part[:1].upper() + part[1:] for part in attribute.split("_"))
    for word in (name, *settings.alias):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", word):
            raise DeclarationError(f"{where}: {word!r} is not made of letters and digits")
    kind = kind_of(_without_none(hint), where, settings.net_type)
    _check_validation(settings, kind, where)
    return DeclaredParameter(
        attribute, name, kind, settings, tuple(found) or (settings,), has_default
    )


def _check_settings(found: list[Parameter], where: str) -> None:
    sets = [name for settings in found for name in settings.parameter_sets]
    if len(found) > 1 and (
        len(set(sets)) < len(sets) or any(not settings.parameter_sets for settings in found)
    ):
        raise DeclarationError(
            f"{where} has more than one Parameter(...), and they are not each for a parameter_set "
            "of its own"
        )
    for settings in found:
        if isinstance(settings.alias, str):
            raise DeclarationError(
                f"{where}: alias is a list of names, such as [{settings.alias!r}]"
            )
        if settings.position is not None and not 0 <= settings.position < 2**31:
            raise DeclarationError(
                f"{where}: position {settings.position} is not between 0 and 2**31"
            )


def _check_validation(settings: Parameter, kind: Kind, where: str) -> None:
    for what, value, fits, needed in (
        ("range", settings.range, kind.is_number, "a number"),
        ("length", settings.length, kind.is_text, "a text"),
        ("count", settings.count, kind.is_list, "a list"),
        ("pattern", settings.pattern, kind.is_text, "a text"),
        ("choices", settings.choices or None, kind.is_text, "a text"),
    ):
        if value is not None and not fits:
            raise DeclarationError(f"{where}: {what} is for {needed}")
    for what, pair in (
        ("range", settings.range), ("length", settings.length), ("count", settings.count)
    ):  # fmt: skip
        if pair is not None and (len(pair) != 2 or not pair[0] <= pair[1]):
            raise DeclarationError(
                f"{where}: {what} is {pair!r}; it is the least and the greatest, such as (1, 10)"
            )
    if isinstance(settings.choices, str):
        raise DeclarationError(
            f"{where}: choices is a list of texts, such as [{settings.choices!r}]"
        )
    for what, function in (
        ("validate", settings.validate),
        ("transform", settings.transform),
        ("complete", settings.complete),
    ):
        if function is not None and not callable(function):
            raise DeclarationError(f"{where}: {what} is {function!r}, which cannot be called")


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (Union, types.UnionType):
        kept = [argument for argument in typing.get_args(hint) if argument is not type(None)]
        if len(kept) == 1:
            return kept[0]
    return hint
