"""Patterns of Python's and of .NET's as one another.

To be imported once the engine runs, by the first pattern: few programs have one.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import System
from System.Text.RegularExpressions import Regex, RegexOptions

from .places import Refused

__all__ = ["pattern_from_net", "pattern_to_net"]

# The options that both have.
_OPTIONS = (
    (re.IGNORECASE, RegexOptions.IgnoreCase),
    (re.MULTILINE, RegexOptions.Multiline),
    (re.DOTALL, RegexOptions.Singleline),
    (re.VERBOSE, RegexOptions.IgnorePatternWhitespace),
)
_HARMLESS = RegexOptions.Compiled | RegexOptions.CultureInvariant


def pattern_from_net(value: Any) -> re.Pattern[str] | None:
    """A .NET Regex as Python takes it; None where it has an option that Python lacks.

    Raises:
        Exception: it is no pattern of Python's, or will mean something else some day.
    """
    options, flags = value.Options, 0
    for ours, theirs in _OPTIONS:
        if options & theirs == theirs:
            options, flags = options & ~theirs, flags | ours
    if int(options & ~_HARMLESS):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return re.compile(value.ToString(), flags)


def pattern_to_net(value: re.Pattern[Any]) -> Any:
    """A pattern as a .NET Regex.

    Raises:
        Refused: it looks for bytes, or .NET does not take it.
    """
    if not isinstance(value.pattern, str):
        raise Refused(f"{value!r} looks for bytes, and a .NET Regex looks for text")
    options = RegexOptions(0)
    for ours, theirs in _OPTIONS:
        if value.flags & ours:
            options |= theirs
    try:
        return Regex(str.__str__(value.pattern), options)
    except System.ArgumentException as error:
        raise Refused(f"{value!r} is no pattern of .NET's: {error.Message}") from error
