"""Text on its way to .NET."""

from __future__ import annotations

__all__ = ["net_text"]


def net_text(text: object) -> str:
    """Text as pythonnet takes it: a str, and not of a class that derives from it.

    One of those would arrive as a Python object, or be refused. What is in the text does not
    matter, see ``PythonText.cs``.

    Args:
        text: a text, or what is to be shown as one.
    """
    return str.__str__(str(text))
