"""What PowerShell writes into its streams beside the output, as plain Python objects.

A room of their own, which is loaded with the first record: making such classes takes Python longer
than loading all the rest of `result`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ErrorRecord", "InformationRecord", "MessageRecord", "ProgressRecord"]


@dataclass(frozen=True)
class ErrorRecord:
    """A non-terminating error.

    Attributes:
        message: what it says.
        error_id: its FullyQualifiedErrorId.
        category: the name of its `ErrorCategory`, such as ``"ObjectNotFound"``.
        target: the object that was being worked on, where it is known.
        script_stack_trace: where in PowerShell code it came from; empty where that is unknown.
        net: the .NET ErrorRecord itself, with ``Exception`` and ``InvocationInfo``.
        origin: the machine that it came from; None for this one.
        raised: the Python exception, where Python code that ran in PowerShell raised it.
    """

    message: str
    error_id: str
    category: str
    target: Any = field(repr=False)
    script_stack_trace: str = field(repr=False)
    net: Any = field(repr=False, compare=False)
    origin: str | None = field(default=None, repr=False)
    raised: Exception | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class MessageRecord:
    """A warning, a verbose message or a debug message.

    Attributes:
        message: what it says.
        origin: the machine that it came from; None for this one.
    """

    message: str
    origin: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class InformationRecord:
    """A record of the information stream, into which Write-Host writes too.

    Attributes:
        message: the data, as a Python value; a text most of the time.
        source: what wrote it.
        tags: its tags; Write-Host's is ``"PSHOST"``.
        time: when it was written.
        origin: the machine that it came from; None for this one.
    """

    message: Any
    source: str
    tags: tuple[str, ...]
    time: dt.datetime
    origin: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True)
class ProgressRecord:
    """How far something is, as Write-Progress says it.

    Attributes:
        activity: what is being done.
        status: how far it is, in words.
        percent: how far it is, from 0 to 100; None where that is not said.
        seconds_remaining: how many seconds it may still take; None where that is not said.
        current_operation: the step that is being done; may be empty.
        activity_id: tells progress bars apart.
        parent_id: the bar under which this one stands; None where it stands by itself.
        completed: whether the bar is taken away.
        origin: the machine that it came from; None for this one.
    """

    activity: str
    status: str
    percent: int | None
    seconds_remaining: int | None
    current_operation: str
    activity_id: int
    parent_id: int | None
    completed: bool
    origin: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.activity} {self.status}".strip()
