"""A command's parameters as those of a Python function: names, types and order."""

from __future__ import annotations

import datetime as dt
import decimal
import inspect
import keyword
import uuid
from collections.abc import Mapping, Set
from typing import Any, Literal, NamedTuple

from .command_description import CommandDescription, CommandParameter

__all__ = [
    "OWN_NAMES",
    "Arranged",
    "annotation_of",
    "arranged",
    "item_type",
    "python_name",
    "signature_of",
]

# The keywords of `RunspaceSession.call` itself.
OWN_NAMES = ("select", "first", "input", "timeout", "check", "parameters", "as_")

_REST = inspect.Parameter("arguments", inspect.Parameter.VAR_POSITIONAL, annotation=object)
_OPTIONS = inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD, annotation=object)
# Longer lists of choices help nobody.
_MOST_CHOICES = 100


def signature_of(command: CommandDescription) -> inspect.Signature:
    """The signature of a command: the parameters of all its sets, in the order of the default one.

    What is mandatory in the default set has no default, and so has what is in each set where there
    is no default one. A default that is not known is ``...``. ``**options`` stands for what `call`
    takes and for the common parameters.
    """
    if not command.sets:
        return inspect.Signature([_REST, _OPTIONS])
    if (chosen := command.default_set) is not None:
        required = {use.name for use in chosen.uses if use.mandatory}
    else:
        required = {name for name in command.parameters if command.is_mandatory(name)}
    positional, takes_rest, by_name = arranged(command, required)

    def made(name: str, known: str, kind: Any) -> inspect.Parameter:
        parameter = command.parameters[known]
        default = inspect.Parameter.empty if known in required else parameter.default
        return inspect.Parameter(name, kind, annotation=annotation_of(parameter), default=default)

    parameters = [made(*each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in positional]
    if takes_rest:
        parameters.append(_REST)
    parameters += [made(*each, inspect.Parameter.KEYWORD_ONLY) for each in by_name]
    return inspect.Signature([*parameters, _OPTIONS])


class Arranged(NamedTuple):
    """A command's parameters in the order of a Python function's, by their names here and there.

    Attributes:
        positional: those that may be given by position.
        takes_rest: whether further arguments may be.
        by_name: the others.
    """

    positional: list[tuple[str, str]]
    takes_rest: bool
    by_name: list[tuple[str, str]]


def arranged(command: CommandDescription, required: Set[str]) -> Arranged:
    """Put the parameters of all sets into an order that Python takes.

    Args:
        command: the command.
        required: the parameters that have to be given.
    """
    # What stands at a place in the default set, else in the first that has something there.
    places: dict[int, str] = {}
    for each in command.sets:
        for use in each.uses:
            if use.position is not None and use.name not in places.values():
                places.setdefault(use.position, use.name)
    positional: list[tuple[str, str]] = []
    for _, known in sorted(places.items()):
        name = python_name(known)
        optional_before = positional and positional[-1][1] not in required
        if name is None or (known in required and optional_before):
            break  # in Python what has to be given cannot stand behind what need not
        positional.append((name, known))
    there = {known for _, known in positional}
    by_name = [
        (name, known)
        for known in command.parameters
        if known not in there and (name := python_name(known)) is not None
    ]
    takes_rest = not command.is_advanced or any(
        use.takes_rest for each in command.sets for use in each.uses
    )
    return Arranged(positional, takes_rest, by_name)


def python_name(name: str) -> str | None:
    """What a parameter is called in Python; None where Python has no such name.

    PowerShell does not look at the letters' case: where a name is Python's own, such as ``from``,
    or one of `call`'s, such as ``first``, another case of it is none.
    """
    if not name.isidentifier() or name.startswith("__"):
        return None
    if keyword.iskeyword(name) or name in (*OWN_NAMES, "self", "arguments", "options"):
        name = name.lower() if name[:1].isupper() else name[:1].upper() + name[1:]
    return name


def annotation_of(parameter: CommandParameter) -> Any:
    """The Python type of a parameter, as an annotation."""
    item = item_type(parameter)
    if parameter.is_list:
        item = bytes if parameter.type == "System.Byte" else list[item]  # type: ignore[valid-type]
    if not parameter.takes_none or item is object:
        return item
    return f"{item} | None" if isinstance(item, str) else item | None


def item_type(parameter: CommandParameter) -> Any:
    """The Python type of a parameter, or of one item where it takes several."""
    if 0 < len(parameter.choices) <= _MOST_CHOICES:
        return Literal[parameter.choices]
    return _TYPES.get(parameter.type, object)


_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("System.Boolean", "System.Management.Automation.SwitchParameter"), bool),
    **dict.fromkeys(
        (f"System.{name}" for name in ("Byte", "SByte", "Int16", "UInt16", "Int32", "UInt32",
                                       "Int64", "UInt64", "Numerics.BigInteger")), int),
    **dict.fromkeys(("System.Single", "System.Double"), float),
    **dict.fromkeys(
        ("System.String", "System.Char", "System.Enum", "System.Uri", "System.Version",
         "System.Text.Encoding", "System.Globalization.CultureInfo", "System.Type",
         "System.Text.RegularExpressions.Regex", "System.Net.IPAddress",
         "System.Management.Automation.SemanticVersion"), str),
    "System.Decimal": decimal.Decimal,
    "System.DateTime": dt.datetime,
    "System.DateTimeOffset": dt.datetime,
    "System.TimeSpan": dt.timedelta,
    "System.Guid": uuid.UUID,
    "System.Collections.IDictionary": Mapping[Any, Any],
    # By its name: what they are is declared in a room above this one.
    "System.Management.Automation.PSCredential": "Credential",
    "System.Security.SecureString": "Secret",
}  # fmt: skip
