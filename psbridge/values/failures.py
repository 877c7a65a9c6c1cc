"""What .NET and PowerShell throw, as Python raises it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.instances import is_net_of
from ..engine.sealing import class_attribute_setter
from ..errors import PowerShellError
from .raised import raised_behind
from .text import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["message_of", "note_place", "powershell_error"]


def powershell_error(
    error: Any, result: Sequence[Any] | None = None, record: Any = None
) -> PowerShellError:
    """What a .NET exception of PowerShell's is to Python's users.

    Args:
        error: the exception.
        result: what came before it.
        record: its ErrorRecord, where it does not know it itself.
    """
    # Not at the top: most programs meet no failure, and each of .NET's types takes its time.
    from System.Management.Automation import ErrorCategory, RuntimeException
    from System.Management.Automation import ErrorRecord as NetErrorRecord

    if record is None and is_net_of(error, RuntimeException):
        record = error.ErrorRecord
    innermost = _innermost(error)
    if record is None:
        message = text_of(NetErrorRecord(error, "", ErrorCategory.NotSpecified, None))
        made = PowerShellError(_said(message, innermost), exception=error, result=result)
    else:
        made = PowerShellError(
            _said(message_of(record), innermost),
            exception=error,
            record=record,
            error_id=str(record.FullyQualifiedErrorId),
            category=record.CategoryInfo.Category.ToString(),
            result=result,
        )
        if (place := _place_of(record)) and place not in str(made):
            made.add_note(place)
    # The record of what a member throws has the text alone.
    raised = raised_behind(error)
    if raised is None and record is not None:
        raised = raised_behind(record.Exception)
    if raised is not None:
        made.raised = raised
        if record is not None:
            note_place(raised, record)
    made.exception = innermost
    made.__cause__ = raised if raised is not None else _inner_exception(error)
    return made


def message_of(record: Any) -> str:
    """What an ErrorRecord of .NET's says, and how to give what a command misses.

    Of missing parameters PowerShell says the names, and drops what the host has said, which had
    nobody to ask. That is not said of what comes from another process.
    """
    said = text_of(record)
    if str(record.FullyQualifiedErrorId).split(",")[0] == "MissingMandatoryParameter":
        from System.Management.Automation import RemoteException

        if not is_net_of(record.Exception, RemoteException):
            return f"{said} {_HOW_TO_GIVE}"
    return said


def _said(message: str, innermost: Any) -> str:
    """A message that says what ``exit`` is to it, for which PowerShell says "System error"."""
    from System.Management.Automation import ExitException

    if not is_net_of(innermost, ExitException):
        return message
    said = f"Its code has called exit {innermost.Argument}, which ends scripts only."
    return message.replace(str(innermost.Message), said)


_HOW_TO_GIVE = (
    "Nobody was there to ask. Give them as arguments; a session that runs the command itself may "
    "have answers, too: Session(answers=[...])"
)


def note_place(raised: Exception, record: Any) -> None:
    """Let a Python exception say where in PowerShell code it came from.

    Args:
        raised: the exception.
        record: its ErrorRecord.
    """
    place = _place_of(record)
    if place and place not in getattr(raised, "__notes__", ()):
        raised.add_note(place)


def _innermost(error: Any) -> Any:
    from System.Management.Automation import ActionPreferenceStopException

    if is_net_of(error, ActionPreferenceStopException):
        error = error.ErrorRecord.Exception  # of the error that the preference has stopped at
    while (inner := error.InnerException) is not None:
        error = inner
    return error


def _place_of(record: Any) -> str:
    """Where an error was: script, line, column, the line with a marker; empty where unknown."""
    info = record.InvocationInfo
    return str(info.PositionMessage or "") if info is not None else ""


def _inner_exception(error: Any) -> Any:
    """Its InnerException, with their own as causes; None where it has none.

    The exception itself is no cause: it is the error, and its text has the others' in it. What a
    cmdlet written in Python raised has a traceback, which would double with each cmdlet that calls
    another one, and a recursion of twenty would take minutes.
    """
    _say_message_only(type(error))
    found = inner = error.InnerException
    while inner is not None:
        _say_message_only(type(inner))
        deeper = inner.InnerException
        inner.__cause__ = deeper  # on this object of Python's only; each call makes another one
        inner = deeper
    return found


def _say_message_only(kind: Any) -> None:
    """Let the exceptions of a .NET class say their message in tracebacks, and no frames of .NET's.

    Who wants those asks for them: ``ToString()`` and ``StackTrace`` have them. pythonnet's own
    ``__str__`` gives all of ``ToString``, and its classes refuse to be changed in the usual way.
    """
    if kind not in _quiet:
        _quiet.add(kind)
        class_attribute_setter()(kind, "__str__", _message)


def _message(error: Any) -> str:
    return str(error.Message)


_quiet: set[Any] = set()
