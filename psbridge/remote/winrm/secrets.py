"""Passwords of a target: kept as `Secret`, revealed where they are used."""

from __future__ import annotations

from ...cmdlets.credentials import Secret

__all__ = ["revealed", "secret_of"]


def secret_of(value: str | Secret | None, name: str) -> Secret | None:
    """Keep a password.

    Raises:
        ValueError: it is empty, or cannot be sent.
        TypeError: it is no text.
    """
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise TypeError(f"the {name} is a text or a Secret, not a {type(value).__name__}")
    secret = value if isinstance(value, Secret) else Secret(value)
    text = secret.reveal()
    # Not by trying to encode it: the error's `object` would be the password.
    if not text or any("\ud800" <= one <= "\udfff" or one == "\0" for one in text):
        raise ValueError(f"the {name} is empty, or has characters that cannot be sent")
    return secret


def revealed(value: str | Secret | None) -> str | None:
    """The text of a password."""
    return value.reveal() if isinstance(value, Secret) else value
