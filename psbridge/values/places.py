"""Where in a value something is, for the error that says what is wrong with it. Without .NET."""

from __future__ import annotations

from typing import Self

from ..errors import ConversionError

__all__ = ["Refused", "key_step", "named_step", "shown_key"]

_LONGEST_KEY = 40
_MOST_STEPS = 12


class Refused(ConversionError):
    """A value that is refused, while the error is on its way out of what the value is inside of.

    It is raised without a place, and each list, dict or record that it passes adds its step: so the
    place costs nothing where nothing is refused.
    """

    def __init__(self, message: str) -> None:
        """Refuse.

        Args:
            message: what is wrong and what to do, without the place.
        """
        super().__init__(message)
        self._message = message
        self._steps: list[str] = []

    def within(self, step: str) -> Self:
        """Say where it is in what is around it, from the inside outwards."""
        self._steps.append(step)
        return self

    def as_error(self, root: str) -> ConversionError:
        """The error for the user.

        Args:
            root: what the outermost value is called.
        """
        if not self._steps:
            return ConversionError(self._message)
        steps = self._steps[::-1]
        if len(steps) > _MOST_STEPS:
            steps[_MOST_STEPS // 2 : -_MOST_STEPS // 2] = ["…"]
        return ConversionError(f"{root}{''.join(steps)}: {self._message}")


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
