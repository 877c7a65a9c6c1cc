"""Python's half of the cmdlets New-WinRMSession and Invoke-WinRMCommand.

They are imported by their first call: `WinRMConnections` in C# runs `register`.
"""

from __future__ import annotations

from typing import Any

from PSBridge.Remote import WinRMConnections, WinRMRequest
from System import Func, Object

from ..values import python_exception

__all__ = ["register"]


def register() -> None:
    """Let the cmdlets call Python."""
    WinRMConnections.Make = Func[WinRMRequest, Object](_connection_of)


def _connection_of(request: Any) -> Any:
    """Make the connection that a cmdlet asks for, or the exception that says why there is none."""
    # No exception may cross to .NET.
    try:
        from .winrm.request import connection_of

        return connection_of(request)
    except BaseException as error:
        return python_exception(error)
