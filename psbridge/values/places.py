"""Where in a value something is, for the error that says what is wrong with it. Without .NET."""

from __future__ import annotations

import reprlib
from typing import Self

from ..errors import ConversionError

__all__ = ["Refused", "key_step", "mismatch", "named_step", "shown_key"]

_LONGEST_KEY = 40
_LONGEST_VALUE = 60
_MOST_STEPS = 12
# What is under such a name is nobody's to see.
_SECRET = ("password", "passphrase", "passwd", "secret", "token", "apikey", "credential")


class Refused(ConversionError):
    """A value that is refused, while the error is on its way out of what the value is inside of.

    It is raised without a place, and each list, dict or record that it passes adds its step: so the
    place costs nothing where nothing is refused.
    """

    def __init__(self, message: str, value: str = "", kind: str = "") -> None:
        """Refuse.

        Args:
            message: what is wrong and what to do, without the place.
            value: what is shown of the value, before the message.
            kind: what is said of it where it is not to be seen.
        """
        super().__init__(message)
        self._message = message
        self._value = value
        self._kind = kind
        self._steps: list[str] = []

    @property
    def depth(self) -> int:
        """How many steps away it is."""
        return len(self._steps)

    def within(self, step: str) -> Self:
        """Say where it is in what is around it, from the inside outwards."""
        self._steps.append(step)
        return self

    def as_error(self, root: str) -> ConversionError:
        """The error for the user.

        Args:
            root: what the outermost value is called.
        """
        path = "".join(self._steps).lower().replace("_", "")
        shown = self._kind if any(name in path for name in _SECRET) else self._value
        message = f"{shown} {self._message}".lstrip()
        if not self._steps:
            return ConversionError(message if root == "value" else f"{root}: {message}")
        steps = self._steps[::-1]
        if len(steps) > _MOST_STEPS:
            steps[_MOST_STEPS // 2 : -_MOST_STEPS // 2] = ["…"]
        return ConversionError(f"{root}{''.join(steps)}: {message}")


def mismatch(value: object, message: str, *, hidden: bool = False) -> Refused:
    """A value that is of another type than it has to be.

    Args:
        value: it; shown short, and not at all under the name of a secret.
        message: what is wrong, with the value as its subject.
        hidden: whether it is not to be shown in any case.
    """
    if value is None:
        return Refused(message, "$null", "$null")
    name = type(value).__name__
    kind = f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
    # What holds others may hold what is nobody's to see.
    if hidden or isinstance(value, _HOLDERS):
        return Refused(message, kind, kind)
    try:
        if hasattr(type(value), "_to_net") and not isinstance(value, str):
            names = getattr(value, "type_names", None)
            kind = kind if names is None else f"a {names[0]}"
            return Refused(message, kind, kind)
        text = _reprs.repr(value)
    except Exception:
        return Refused(message, kind, kind)
    return Refused(message, f"{text} ({kind})", kind)


_HOLDERS = (dict, list, tuple, set, frozenset)
_reprs = reprlib.Repr()
_reprs.maxstring = _reprs.maxother = _LONGEST_VALUE
_reprs.maxlevel = 2


def key_step(key: object) -> str:
    """The step to the value of a key."""
    return f"[{shown_key(key)}]"


def named_step(name: str) -> str:
    """The step to a property."""
    text = str.__str__(name)
    return f".{text}" if text.isidentifier() and len(text) <= _LONGEST_KEY else key_step(text)


def shown_key(key: object) -> str:
    """A key as its text; of what may say anything of itself no more than its type."""
    if isinstance(key, str):
        text = str.__str__(key)
        if len(text) > _LONGEST_KEY:
            text = f"{text[: _LONGEST_KEY - 1]}…"
        # repr() takes the other quotes where there is one of these.
        body = repr(f'"{text}')[2:-1].replace("\\'", "'").replace('"', '\\"')
        return f'"{body}"'
    if type(key) in (int, bool, float, type(None)):
        return repr(key) if type(key) is not int or abs(key) < 10**_LONGEST_KEY else "…"
    return f"<{type(key).__qualname__}>"
