"""Python exceptions on their way through PowerShell, so that they come out as themselves.

PowerShell carries a PythonException that describes one. It holds no Python object: a traceback
holds frames, these hold objects of .NET's, and neither garbage collector would see through the
circle. So the exception waits here, beside its description, until the outermost pipeline of its
session has ended.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from ..engine.instances import is_net_of

__all__ = ["forget", "raised_behind", "record_of", "remember"]

# A pipeline may catch as many as it likes, and only the latest can be what it ends with.
_MOST = 64


class _Raised(NamedTuple):
    error: Exception
    record: Any


_by_session: dict[object, deque[_Raised]] = {}


def remember(session: object, error: Exception, record: Any) -> None:
    """Keep an exception for as long as its pipeline runs.

    Args:
        session: the session whose pipeline it is.
        error: the exception.
        record: the .NET ErrorRecord that goes through PowerShell.
    """
    _by_session.setdefault(session, deque(maxlen=_MOST)).append(_Raised(error, record))


def forget(session: object) -> None:
    """Let go of what a session's pipeline has raised."""
    _by_session.pop(session, None)


def record_of(session: object, error: BaseException) -> Any:
    """The ErrorRecord of an exception that has been through PowerShell before; else None."""
    found = (each.record for each in _by_session.get(session, ()) if each.error is error)
    return next(found, None)


def raised_behind(error: Any) -> Exception | None:
    """The Python exception that one of .NET's comes from, where it is still known.

    Args:
        error: what PowerShell has thrown, or what an ErrorRecord has; or None.
    """
    if not _by_session or error is None:
        return None
    from System import Object

    described = _thrown(error)
    for several in list(_by_session.values()):
        for each in list(several):
            if Object.ReferenceEquals(each.record.Exception, described):
                return each.error
    return None


def _thrown(error: Any) -> Any:
    """What was thrown, behind what PowerShell wraps around an exception of .NET's."""
    from System.Management.Automation import CmdletInvocationException, ExtendedTypeSystemException

    while error.InnerException is not None and (
        is_net_of(error, CmdletInvocationException) or is_net_of(error, ExtendedTypeSystemException)
    ):
        error = error.InnerException
    return error
