"""What is refused as an argument, before anything has started.

One rule: what is of the wrong type is a DeclarationError, which is a TypeError, and what is of the
right type and makes no sense is a ValueError. Both name the argument and what it was.
"""

from __future__ import annotations

import math
import operator
from numbers import Real

from .errors import DeclarationError

__all__ = [
    "check_executor",
    "check_flag",
    "check_left",
    "check_name",
    "check_seconds",
    "check_text",
    "check_whole",
]


def check_seconds(value: object, what: str) -> float:
    """Refuse what is no length of time; infinity is one.

    Raises:
        DeclarationError: it is no number.
        ValueError: it is negative, or NaN.
    """
    if not isinstance(value, Real):
        raise DeclarationError(f"{what} is {value!r}; it is a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf  # type: ignore[operator]
    if not number >= 0:
        raise ValueError(f"{what} is {number}; it has to be 0 or more")
    return number


def check_left(timeout: float | None) -> float | None:
    """A timeout as a wait takes it; what is left of a time that is over may be negative.

    Raises:
        DeclarationError: it is no number.
        ValueError: it is NaN.
    """
    if timeout is None:
        return None
    if isinstance(timeout, Real):
        if timeout < 0:
            return 0.0
        if timeout != timeout:
            raise ValueError("timeout is NaN; it is a number of seconds")
    return check_seconds(timeout, "timeout")


def check_whole(value: object, what: str) -> int:
    """Refuse what is no whole number.

    Raises:
        DeclarationError: it is none.
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise DeclarationError(f"{what} is {value!r}; it is a whole number")


def check_text(value: object, what: str, *, optional: bool = False) -> None:
    """Refuse what is no text.

    Raises:
        DeclarationError: it is none.
    """
    if not isinstance(value, str) and not (optional and value is None):
        raise DeclarationError(f"{what} is {value!r}; it is a text")


def check_name(value: object, what: str) -> None:
    """Refuse what is no text, or an empty one.

    Raises:
        DeclarationError: it is.
    """
    check_text(value, what)
    if not value:
        raise DeclarationError(f"{what} is empty; it is a name")


def check_flag(value: object, what: str) -> None:
    """Refuse what is neither True nor False.

    Raises:
        DeclarationError: it is neither.
    """
    if not isinstance(value, bool):
        raise DeclarationError(f"{what} is {value!r}; it is True or False")


def check_executor(executor: object) -> None:
    """Refuse what is no executor.

    Raises:
        DeclarationError: it is none.
    """
    if isinstance(executor, str):
        if executor in ("thread", "process", "async"):
            return
    elif callable(getattr(executor, "submit", None)):
        return
    raise DeclarationError(
        f'executor is {executor!r}; it can be "thread", "process", "async" or a '
        "concurrent.futures.Executor"
    )
