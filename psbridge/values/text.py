"""Text on its way to .NET, and what .NET's objects say of themselves."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["HALF_PAIR", "net_text", "text_of"]

HALF_PAIR = re.compile("[\ud800-\udfff]")  # .NET's texts may have it, and no encoding has


def net_text(text: object) -> str:
    """Text as pythonnet takes it: a str, and not of a class that derives from it.

    One of those would arrive as a Python object, or be refused. What is in the text does not
    matter, see ``PythonText.cs``.

    Args:
        text: a text, or what is to be shown as one.
    """
    return str.__str__(str(text))


def text_of(value: Any) -> str:
    """What a .NET object says of itself by ToString(), or its type's name."""
    from System import Exception as NetException

    try:
        return str(value.ToString() or "")
    except NetException:
        return str(value.GetType().FullName)
