"""Python exceptions and messages as PowerShell's records."""

from __future__ import annotations

import math
import os
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import System
from PSBridge import PythonException
from System.Management.Automation import (
    ErrorCategory,
    ErrorRecord,
    InformationRecord,
    ProgressRecord,
    ProgressRecordType,
)

from ..errors import ConversionError
from .to_net import to_net, to_record

__all__ = [
    "clean_text",
    "error_record",
    "information_record",
    "progress_record",
    "python_exception",
]

_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_CATEGORIES: tuple[tuple[type[BaseException], Any], ...] = (
    (FileNotFoundError, ErrorCategory.ObjectNotFound),
    (FileExistsError, ErrorCategory.ResourceExists),
    (PermissionError, ErrorCategory.PermissionDenied),
    (TimeoutError, ErrorCategory.OperationTimeout),
    (ConnectionError, ErrorCategory.ConnectionError),
    (MemoryError, ErrorCategory.ResourceUnavailable),
    (OSError, ErrorCategory.ReadError),
    (LookupError, ErrorCategory.ObjectNotFound),
    (NotImplementedError, ErrorCategory.NotImplemented),
    (TypeError, ErrorCategory.InvalidType),
    (ValueError, ErrorCategory.InvalidArgument),
    (ArithmeticError, ErrorCategory.InvalidResult),
)


def python_exception(error: BaseException) -> Any:
    """Describe a Python exception as the .NET exception that PowerShell users see.

    Its message is what the last line of a traceback says; ``PythonType`` and
    ``PythonTraceback`` hold the rest.
    """
    inner = error if isinstance(error, System.Exception) else None
    try:
        text = str(error)
    except Exception as broken:
        text = f"(its text cannot be had: {type(broken).__name__})"
    lines = "".join(traceback.format_exception(type(error), error, _outside(error)))
    return PythonException(type(error).__name__, clean_text(text), clean_text(lines), inner)


def error_record(
    error: BaseException | str,
    *,
    error_id: str | None = None,
    category: str | None = None,
    target: object = None,
) -> Any:
    """Make an ErrorRecord.

    Args:
        error: the exception, or a text.
        error_id: the first part of FullyQualifiedErrorId; the exception's class by default.
        category: the name of a `System.Management.Automation.ErrorCategory`; chosen from the
            exception's class by default.
        target: the object that was being worked on.

    Raises:
        ValueError: there is no such category.
    """
    if isinstance(error, str):
        error_id = error_id or "PythonError"
        exception = System.Exception(clean_text(error))
        found = ErrorCategory.NotSpecified
    else:
        error_id = error_id or type(error).__name__
        exception = python_exception(error)
        found = next(
            (category for kind, category in _CATEGORIES if isinstance(error, kind)),
            ErrorCategory.NotSpecified,
        )
    if category is not None:
        found = _category(category)
    try:
        converted = to_net(target)
    except ConversionError:
        # The error matters more than its target, which is shown as text anyway.
        converted = clean_text(repr(target))
    return ErrorRecord(exception, clean_text(error_id), found, converted)


def information_record(message: object, source: str, tags: Iterable[str] = ()) -> Any:
    """Make an InformationRecord, as Write-Information does."""
    record = InformationRecord(to_record(message), source)
    for tag in tags:
        record.Tags.Add(tag)
    return record


def progress_record(
    activity: str,
    status: str = "",
    *,
    percent: float | None = None,
    seconds_remaining: float | None = None,
    current_operation: str | None = None,
    activity_id: int = 0,
    parent_id: int = -1,
    completed: bool = False,
) -> Any:
    """Make a ProgressRecord, as Write-Progress does.

    Args:
        activity: what is being done.
        status: how far it is, in words; PowerShell wants some, so a space stands for none.
        percent: how far it is, 0 to 100; values outside are clipped, and NaN is as None.
        seconds_remaining: how many seconds it may still take; likewise.
        current_operation: the step that is being done.
        activity_id: tells progress bars apart.
        parent_id: the bar under which this one stands; -1 for none.
        completed: take the bar away.
    """
    record = ProgressRecord(activity_id, clean_text(activity) or " ", clean_text(status) or " ")
    if percent is not None and not math.isnan(percent):
        record.PercentComplete = int(max(0, min(100, percent)))
    if seconds_remaining is not None and not math.isnan(seconds_remaining):
        record.SecondsRemaining = int(max(0, min(0x7FFF_FFFF, seconds_remaining)))
    if current_operation is not None:
        record.CurrentOperation = clean_text(current_operation)
    if parent_id >= 0:
        record.ParentActivityId = parent_id
    if completed:
        record.RecordType = ProgressRecordType.Completed
    return record


def _outside(error: BaseException) -> TracebackType | None:
    """The traceback from where psbridge called the user's code; ours says nothing to a reader."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    return trace or error.__traceback__


def _category(name: str) -> Any:
    try:
        return System.Enum.Parse(ErrorCategory, name, True)
    except System.ArgumentException:
        known = ", ".join(System.Enum.GetNames(ErrorCategory))
        raise ValueError(f"{name!r} is no ErrorCategory; there are {known}") from None


def clean_text(text: str) -> str:
    """Text that .NET can take: a message must reach its reader whatever is in it."""
    return text.encode("utf-16-le", "replace").decode("utf-16-le")
