"""The cmdlets that reach other machines, New-WinRMSession and Invoke-WinRMCommand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .native import load_remote

if TYPE_CHECKING:
    from ..engine.starting import Engine

__all__ = ["remote_commands"]


def remote_commands(engine: Engine) -> list[Any]:
    """The cmdlets as a runspace takes them when it is opened."""
    load_remote(engine)
    from PSBridge.Remote import RemoteCommands, WinRMConnections, WinRMRequest
    from System import Func, Object

    if WinRMConnections.Make is None:
        WinRMConnections.Make = Func[WinRMRequest, Object](_connection_of)
    return list(RemoteCommands.Entries())


def _connection_of(request: Any) -> Any:
    """Make the connection that a cmdlet asks for, or the exception that says why there is none."""
    from ..values import python_exception

    # No exception may cross to .NET.
    try:
        from .winrm.request import connection_of

        return connection_of(request)
    except BaseException as error:
        return python_exception(error)
