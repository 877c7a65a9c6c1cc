"""Calls of C#'s that may run the code of members, which may be a session's affair."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import SessionClosedError
from .viewpoint import runner_of

if TYPE_CHECKING:
    from ..errors import PowerShellError

__all__ = ["ReadingBrokenOff", "asked", "asked_for_records", "asked_in_session", "failure_of"]


class ReadingBrokenOff(BaseException):
    """Unwinds the reading of records: the call that reads them is over. Inside psbridge only."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def asked_for_records(method: str, *arguments: Any) -> Any:
    """Call a method of ``CustomRecord``, whose scripts may run in their session; see `asked`.

    What a script throws is none of its errors.

    Raises:
        ReadingBrokenOff: the session has ended the call, such as by a stop.
    """
    from PSBridge import CustomRecord

    try:
        return asked(CustomRecord, method, *arguments)
    except Exception as error:
        broken = ReadingBrokenOff(error)
    raise broken


def asked(target: Any, method: str, *arguments: Any) -> Any:
    """Call a method; a session runs the call where that is to run its scripts.

    Args:
        target: what has the method, an object of C#'s or a class.
        method: the method's name.
        arguments: its arguments, as .NET takes them.

    Raises:
        PowerShellError: what it throws, or what a session ends its call with.
        Exception: what Python code raised that the call has led to.
    """
    net = _net_types()
    try:
        return getattr(target, method)(*arguments)
    except net.exception as error:
        thrown = error
    if type(thrown) is net.session_needed:
        return asked_in_session(thrown, target, method, *arguments)
    raise _raised(thrown)


def asked_in_session(needed: Any, target: Any, method: str, *arguments: Any) -> Any:
    """Let the session call the method that this thread must not call; see `asked`.

    Args:
        needed: the ``SessionNeededException`` that says so.
        target: as there.
        method: as there.
        arguments: as there.
    """
    net = _net_types()
    call = net.call(target, method, net.array(list(arguments)))
    runner = runner_of(needed.GetSession())
    if runner is not None:
        runner._call_member(call, bound=needed.IsBound())
    elif needed.IsLimited():
        raise SessionClosedError("this member's script runs in its session only, which is gone")
    else:
        call.RunHere()
    try:
        return call.GetValue()
    except net.exception as error:
        thrown = error
    raise _raised(thrown)


def failure_of(error: Any) -> PowerShellError:
    """What a .NET exception of a member's is to Python's users."""
    from .failures import powershell_error

    return powershell_error(error)


def _raised(error: Any) -> BaseException:
    failure = failure_of(error)
    return failure if failure.raised is None else failure.raised


class _NetTypes(NamedTuple):
    """Types of .NET's that are met here; to import one takes longer than to read a member."""

    exception: Any
    session_needed: Any
    call: Any
    array: Any


@functools.cache
def _net_types() -> _NetTypes:
    import System
    from PSBridge import MemberCall, SessionNeededException

    return _NetTypes(
        System.Exception, SessionNeededException, MemberCall, System.Array[System.Object]
    )
