"""Calls of C#'s that may run the code of members, which may be a session's affair."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import SessionClosedError
from .viewpoint import runner_of

if TYPE_CHECKING:
    from ..errors import PowerShellError

__all__ = ["ReadingBrokenOff", "asked", "asked_again", "asked_for_records", "failure_of"]


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
    try:
        return asked(_net_types().records, method, *arguments)
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
    return asked_again(thrown, target, method, *arguments)


def asked_again(thrown: Any, target: Any, method: str, *arguments: Any) -> Any:
    """Let a session call a method that this thread must not call; see `asked`.

    Args:
        thrown: what the method has thrown here: a ``SessionNeededException``, or it is raised.
        target: as there.
        method: as there.
        arguments: as there.
    """
    net = _net_types()
    if type(thrown) is not net.session_needed:
        raise _raised(thrown)
    call = net.call(target, method, net.array(list(arguments)))
    runner = runner_of(thrown.GetSession())
    if runner is not None:
        runner._call_member(call, bound=thrown.IsBound())
    elif thrown.IsLimited():
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
    records: Any


@functools.cache
def _net_types() -> _NetTypes:
    import System
    from PSBridge import CustomRecord, MemberCall, SessionNeededException

    return _NetTypes(
        System.Exception,
        SessionNeededException,
        MemberCall,
        System.Array[System.Object],
        CustomRecord,
    )
