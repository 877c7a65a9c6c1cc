"""Errors of code that a cmdlet runs inside of the pipeline that it is in.

As with C#'s ``InvokeScript``, they are the caller's to see. Here the cmdlet has a result first and
may take them: what is written to the caller, when a hook of the cmdlet's ends, are the errors of
those results whose errors nobody has looked at.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .result import Result
    from .stream_records import ErrorRecord

__all__ = ["enter_hook", "in_hook", "leave_hook", "note"]

# The results of the hook that the thread is in; None outside of any. Cmdlets call one another.
_hook = threading.local()


def enter_hook() -> list[Result[Any]] | None:
    """A hook begins on this thread; what this gives is for `leave_hook`."""
    around: list[Result[Any]] | None = getattr(_hook, "results", None)
    _hook.results = []
    return around


def leave_hook(around: list[Result[Any]] | None) -> list[ErrorRecord]:
    """The hook has ended; gives the errors that are left for the caller."""
    results: list[Result[Any]] = _hook.results
    _hook.results = around
    if not results:
        return []
    return [record for result in results for record in result._errors_left()]


def in_hook() -> bool:
    """Whether this thread is in a hook."""
    return getattr(_hook, "results", None) is not None


def note(result: Result[Any]) -> None:
    """The hook that this thread is in has run some code."""
    _hook.results.append(result)
