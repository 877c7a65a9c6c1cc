"""The parameters of PowerShell's commands as JSON schemas, for programs that let others call them.

In the style of tool calls: each command is an object with its name, what it does, and a schema
(draft 2020-12) of its parameters. What fits it can be given as ``call(name, parameters=...)``.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..session.command_description import NO_DEFAULT, CommandDescription, CommandParameter
from ..session.command_signature import item_type
from ..terminal import without_styles
from .module_commands import described

if TYPE_CHECKING:
    from ..remote.session import Session

__all__ = ["schemas_of"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas_of(session: Session, names: Sequence[str]) -> list[dict[str, Any]]:
    """Describe commands for who may call them.

    Args:
        session: where the commands are.
        names: their names.

    Raises:
        DeclarationError: one is not there, or is a program.
    """
    commands = described(session, names)
    help_of = _help(session, [command.target for command in commands])
    return [_schema(command, *help_of[index]) for index, command in enumerate(commands)]


def _schema(
    command: CommandDescription, synopsis: str, said: dict[str, tuple[str, str]]
) -> dict[str, Any]:
    properties = {
        name: _property(parameter, *said.get(name.casefold(), ("", "")))
        for name, parameter in command.parameters.items()
    }
    return {
        "name": command.name,
        "description": synopsis,
        "parameters": {
            "$schema": _DRAFT,
            "type": "object",
            "properties": properties,
            "required": [name for name in command.parameters if command.is_mandatory(name)],
            "additionalProperties": False,
        },
    }


def _property(parameter: CommandParameter, says: str, default: str) -> dict[str, Any]:
    item = _item(parameter)
    found: dict[str, Any] = {"type": "array", "items": item} if parameter.is_list else item
    says = says or parameter.help
    if not item and parameter.type not in _ANYTHING:
        says = f"{says} ({parameter.type} in .NET)".strip()
    if says:
        found["description"] = says
    if parameter.default is not NO_DEFAULT:
        found["default"] = parameter.default
    elif not parameter.is_list and (known := _default(item, default)) is not None:
        found["default"] = known
    if parameter.takes_none and "type" in found:
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"].append(None)
    return found


def _item(parameter: CommandParameter) -> dict[str, Any]:
    if parameter.choices:
        return {"type": "string", "enum": list(parameter.choices)}
    kind = item_type(parameter)
    found = next((dict(schema) for known, schema in _TYPES if known == kind), {})
    if found.get("type") in ("integer", "number"):
        if parameter.least is not None:
            found["minimum"] = parameter.least
        if parameter.greatest is not None:
            found["maximum"] = parameter.greatest
    return found


def _default(item: Mapping[str, Any], text: str) -> Any:
    """The default that help tells, where its text can mean one value only; else None."""
    if item.get("type") == "boolean" and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if item.get("type") == "integer" and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    return next((one for one in item.get("enum", ()) if one.casefold() == text.casefold()), None)


# By the Python type of what is given.
_TYPES: tuple[tuple[Any, dict[str, Any]], ...] = (
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (decimal.Decimal, {"type": "number"}),
    (str, {"type": "string"}),
    (dt.datetime, {"type": "string", "format": "date-time"}),
    (dt.timedelta, {"type": "string"}),  # as 1.02:03:04
    (uuid.UUID, {"type": "string", "format": "uuid"}),
    (Mapping[Any, Any], {"type": "object"}),
)
_ANYTHING = ("System.Object", "System.Management.Automation.PSObject")


def _help(
    session: Session, names: Sequence[str]
) -> dict[int, tuple[str, dict[str, tuple[str, str]]]]:
    """What Get-Help says of commands, and of their parameters by their names in lower case."""
    found: dict[int, tuple[str, dict[str, tuple[str, str]]]] = {
        index: ("", {}) for index in range(len(names))
    }
    for index, name, says, default in session.run(_HELP, list(names)):
        if name is None:
            found[index] = _paragraph(says), found[index][1]
        else:
            found[index][1][name.casefold()] = _paragraph(says), default.strip()
    return found


def _paragraph(text: str) -> str:
    """A text with its lines, without what only shows well on a terminal."""
    lines = (" ".join(line.split()) for line in without_styles(text).splitlines())
    return "\n".join(filter(None, lines))


_HELP = r"""
& {
    param($names)
    Microsoft.PowerShell.Core\Set-StrictMode -Off
    for ($index = 0; $index -lt $names.Count; $index++) {
        $help = @(Microsoft.PowerShell.Core\Get-Help -Name $names[$index] -ErrorAction Ignore)[0]
        , @($index, $null, "$($help.Synopsis)", '')
        foreach ($each in $help.parameters.parameter) {
            $text = foreach ($part in $each.description) { "$($part.Text)" }
            , @($index, "$($each.name)", ($text -join "`n"), "$($each.defaultValue)")
        }
    }
} $args[0]
"""
