"""The records of PowerShell's streams as what they are to Python's users.

To be imported once the engine runs.
"""

from __future__ import annotations

from typing import Any

from System.Management.Automation import ProgressRecordType, PSObject

from ..values import from_net, text_of
from ..values.raised import raised_behind
from .stream_records import ErrorRecord, InformationRecord, MessageRecord, ProgressRecord

__all__ = ["error_record", "information_record", "message_record", "progress_record"]


def error_record(record: Any) -> ErrorRecord:
    """An ErrorRecord of .NET's as what it is to Python's users."""
    from ..values.failures import message_of, note_place  # most programs meet no failure

    if (raised := raised_behind(record.Exception)) is not None:
        note_place(raised, record)
    return ErrorRecord(
        message=message_of(record),
        error_id=str(record.FullyQualifiedErrorId),
        category=record.CategoryInfo.Category.ToString(),
        target=from_net(record.TargetObject),
        script_stack_trace=record.ScriptStackTrace or "",
        net=record,
        origin=_origin(record),
        raised=raised,
    )


def _is_shown(data: Any) -> bool:
    """Whether it is Write-Host's, a text with its colours, live or from another process."""
    return data is not None and str(PSObject.AsPSObject(data).TypeNames[0]).endswith(
        "System.Management.Automation.HostInformationMessage"
    )


def information_record(record: Any, origin: str | None = None) -> InformationRecord:
    """An InformationRecord as what it is to Python's users.

    Args:
        record: the record.
        origin: the machine it came from, where the record does not say so.
    """
    data = record.MessageData
    return InformationRecord(
        message=text_of(record) if _is_shown(data) else from_net(data),
        source=record.Source or "",
        tags=tuple(record.Tags),
        time=from_net(record.TimeGenerated),
        origin=_origin(record) or origin,
    )


def message_record(record: Any, origin: str | None = None) -> MessageRecord:
    """A WarningRecord, VerboseRecord or DebugRecord as what it is to Python's users.

    Args:
        record: the record.
        origin: the machine it came from, where the record does not say so.
    """
    return MessageRecord(text_of(record), _origin(record) or origin)


def progress_record(record: Any, origin: str | None = None) -> ProgressRecord:
    """A ProgressRecord as what it is to Python's users; the arguments are as above."""
    return ProgressRecord(
        activity=str(record.Activity or ""),
        status=str(record.StatusDescription or ""),
        percent=_unless_negative(record.PercentComplete),
        seconds_remaining=_unless_negative(record.SecondsRemaining),
        current_operation=str(record.CurrentOperation or ""),
        activity_id=int(record.ActivityId),
        parent_id=_unless_negative(record.ParentActivityId),
        completed=record.RecordType == ProgressRecordType.Completed,
        origin=_origin(record) or origin,
    )


def _unless_negative(number: Any) -> int | None:
    return None if number < 0 else int(number)


def _origin(record: Any) -> str | None:
    # The records of remoting have it, and no others.
    info = getattr(record, "OriginInfo", None)
    return None if info is None else str(info.PSComputerName)
