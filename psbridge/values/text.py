"""Text on its way to .NET."""

from __future__ import annotations

__all__ = ["clean_text"]


def clean_text(text: object) -> str:
    """Text that .NET can take: a message must reach its reader whatever is in it."""
    return str(text).encode("utf-16-le", "replace").decode("utf-16-le")
