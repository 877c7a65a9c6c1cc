"""Opening a runspace. To be imported once the engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from System.Management.Automation.Runspaces import (
    InitialSessionState,
    PSThreadOptions,
    RunspaceFactory,
)

if TYPE_CHECKING:
    from .console import Console

__all__ = ["open_runspace"]


def open_runspace(console: Console | None) -> tuple[Any, Any]:
    """Open a runspace with PowerShell's core commands.

    Returns:
        The host (None without a console) and the runspace.
    """
    # CreateDefault would load assemblies that only a full PowerShell has; what this one leaves
    # out is loaded by its commands' names when they are first used.
    state = InitialSessionState.CreateDefault2()
    if console is None:
        host = None
        runspace = RunspaceFactory.CreateRunspace(state)
    else:
        from PSBridge import SessionVariables

        from .host import make_host

        host = make_host(console)
        SessionVariables.AddProfile(state)
        runspace = RunspaceFactory.CreateRunspace(host, state)
    runspace.ThreadOptions = PSThreadOptions.ReuseThread
    runspace.Open()
    return host, runspace
