"""A command's parameters as those of a Python function: names, types and order."""

from __future__ import annotations

import datetime as dt
import decimal
import inspect
import keyword
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from .command_description import CommandDescription, CommandParameter, ParameterUse

__all__ = ["OWN_NAMES", "arranged", "item_type", "python_name", "signature_of"]

# The keywords of `RunspaceSession.call` itself.
OWN_NAMES = ("select", "first", "input", "timeout", "check", "parameters")

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
    chosen = command.default_set
    uses = list((chosen or command.sets[0]).uses)
    known = {use.name for use in uses}
    for each in command.sets:
        for use in each.uses:
            if use.name not in known:
                known.add(use.name)
                uses.append(ParameterUse(use.name, None, False, use.from_pipeline, False))
    required = {
        use.name for use in uses if (use.mandatory if chosen else command.is_mandatory(use.name))
    }
    positional, rest, by_name = arranged(uses, required)
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    made = [
        inspect.Parameter(
            name,
            kinds[index],
            annotation=annotation_of(command.parameters[use.name]),
            default=(
                inspect.Parameter.empty
                if use.name in required
                else command.parameters[use.name].default
            ),
        )
        for index, several in enumerate((positional, by_name))
        for name, use in several
    ]
    if rest or not command.is_advanced:
        made.insert(len(positional), _REST)
    return inspect.Signature([*made, _OPTIONS])


def arranged(
    uses: Iterable[ParameterUse], required: set[str]
) -> tuple[list[tuple[str, ParameterUse]], bool, list[tuple[str, ParameterUse]]]:
    """Parameters in the order of a Python function's.

    Args:
        uses: them, those with positions in their order.
        required: those that have to be given.

    Returns:
        Those that may be given by position, each with its name in Python; whether further arguments
        may be; those that are given by name.
    """
    positional: list[tuple[str, ParameterUse]] = []
    by_name: list[tuple[str, ParameterUse]] = []
    rest = False
    in_order = True  # until one is missing that would have to stand here
    for use in uses:
        name = python_name(use.name)
        rest = rest or use.takes_rest
        if use.position is None:
            if name is not None:
                by_name.append((name, use))
            continue
        # In Python what has to be given cannot stand behind what need not.
        behind = use.name in required and any(one.name not in required for _, one in positional)
        in_order = in_order and name is not None and not behind
        if name is not None:
            (positional if in_order else by_name).append((name, use))
    return positional, rest, sorted(by_name, key=lambda item: item[0].casefold())


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
    if parameter.is_list and parameter.type == "System.Byte":
        return bytes
    item = item_type(parameter)
    return list[item] if parameter.is_list else item  # type: ignore[valid-type]


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
