"""Python exceptions and messages as PowerShell's records."""

from __future__ import annotations

from collections.abc import Iterable
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

from ..engine.instances import is_net
from ..errors import ConversionError, WorkerError
from .python_to_net import to_net, to_record
from .text import net_text

__all__ = [
    "error_record",
    "information_record",
    "progress_record",
    "python_exception",
]

# By name, for exceptions that are only described; so the more special ones come first.
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
    inner = error if is_net(error) else None
    described = _described(error)
    return PythonException(
        net_text(described.type_name),
        net_text(described.text),
        net_text(described.traceback_text),
        inner,
    )


def _described(error: BaseException) -> WorkerError:
    """What is to be said of an exception; of one from a worker process, what was said there."""
    for known in (error, error.__cause__):
        if isinstance(known, WorkerError):
            return known
    return WorkerError.describe(error)


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
        exception = System.Exception(net_text(error))
        found = ErrorCategory.NotSpecified
    else:
        described = _described(error)
        error_id = error_id or described.type_name
        exception = python_exception(error)
        found = next(
            (category for kind, category in _CATEGORIES if kind.__name__ in described.kinds),
            ErrorCategory.NotSpecified,
        )
    if category is not None:
        found = _category(category)
    try:
        converted = to_net(target)
    except ConversionError:
        # The error matters more than its target, which is shown as text anyway.
        converted = _shown(target)
    return ErrorRecord(exception, net_text(error_id), found, converted)


def information_record(message: object, source: str, tags: Iterable[str] = ()) -> Any:
    """Make an InformationRecord, as Write-Information does."""
    record = InformationRecord(to_record(message), source)
    for tag in tags:
        record.Tags.Add(net_text(tag))
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
        activity_id: tells progress bars apart; a whole number from 0 to 2147483647.
        parent_id: the bar under which this one stands; a negative one is for none.
        completed: take the bar away.

    Raises:
        ConversionError: PowerShell has no such record.
    """
    if not 0 <= activity_id <= _MOST or parent_id > _MOST or parent_id == activity_id:
        raise ConversionError(
            f"there is no progress bar {activity_id} under {parent_id}: they are two different "
            f"numbers from 0 to {_MOST}"
        )
    record = ProgressRecord(activity_id, net_text(activity) or " ", net_text(status) or " ")
    # NaN is the number that is not equal to itself.
    if percent is not None and percent == percent:
        record.PercentComplete = int(max(0, min(100, percent)))
    if seconds_remaining is not None and seconds_remaining == seconds_remaining:
        record.SecondsRemaining = int(max(0, min(_MOST, seconds_remaining)))
    if current_operation is not None:
        record.CurrentOperation = net_text(current_operation)
    if parent_id >= 0:
        record.ParentActivityId = parent_id
    if completed:
        record.RecordType = ProgressRecordType.Completed
    return record


_MOST = 0x7FFF_FFFF


def _category(name: str) -> Any:
    try:
        return System.Enum.Parse(ErrorCategory, name, True)
    except System.ArgumentException:
        known = ", ".join(System.Enum.GetNames(ErrorCategory))
        raise ValueError(f"{name!r} is no ErrorCategory; there are {known}") from None


def _shown(value: object) -> str:
    try:
        return net_text(repr(value))
    except Exception:
        return f"<{net_text(type(value).__qualname__)}>"
