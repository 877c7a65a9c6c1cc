"""Opening a runspace. To be imported once the engine runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PSBridge import SessionHost, SessionRunspace

from ..engine.launching import job_launcher
from ..engine.paths import net_path

if TYPE_CHECKING:
    from .console import Console

__all__ = ["open_runspace"]


def open_runspace(
    home: Path, console: Console | None, commands: Any, help_file: Path | None
) -> tuple[Any, Any]:
    """Open a runspace with PowerShell's core commands.

    Args:
        home: the folder of the engine that runs.
        console: where the host shows what it has to show.
        commands: an ``Assembly`` whose cmdlets are there from the start; or None.
        help_file: their help, a MAML file.

    Returns:
        The host and the runspace.
    """
    if console is None:
        host = SessionHost()
    else:
        from .host import make_host

        host = make_host(console)
    help_path = help_file and net_path(help_file)
    return host, SessionRunspace.Open(host, commands, help_path, job_launcher(home / "pwsh"))
