"""Opening a runspace. To be imported once the engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PSBridge import SessionRunspace

if TYPE_CHECKING:
    from .console import Console

__all__ = ["open_runspace"]


def open_runspace(console: Console | None) -> tuple[Any, Any]:
    """Open a runspace with PowerShell's core commands.

    Returns:
        The host (None without a console) and the runspace. The host has to be kept alive as long
        as the runspace: .NET knows the Python object behind it only by a handle.
    """
    host = None
    if console is not None:
        from .host import SessionHost

        host = SessionHost(console)
    return host, SessionRunspace.Open(host)
