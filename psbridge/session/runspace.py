"""Opening a runspace. To be imported once the engine runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PSBridge import SessionHost, SessionRunspace

from ..engine.launching import job_launcher
from ..engine.paths import net_path

if TYPE_CHECKING:
    from .opening import SessionOptions

__all__ = ["open_runspace"]


def open_runspace(
    home: Path, options: SessionOptions, commands: Any, help_file: Path | None
) -> tuple[Any, Any]:
    """Open a runspace with PowerShell's core commands.

    Args:
        home: the folder of the engine that runs.
        options: how to open it.
        commands: an ``Assembly`` whose cmdlets are there from the start; or None.
        help_file: their help, a MAML file.

    Returns:
        The host and the runspace.
    """
    if options.console is None:
        host = SessionHost()
    else:
        from .host import make_host

        host = make_host(options.console)
    if options.answers is not None:
        from .questions import answer_call

        host.Answers = answer_call(options.answers)
    state = SessionRunspace.NewState(commands, help_file and net_path(help_file))
    if options.variables:
        from ..values import net_text, to_net

        for name, value in options.variables.items():
            SessionRunspace.AddVariable(state, net_text(name), to_net(value))
    if options.execution_policy is not None:
        SessionRunspace.SetExecutionPolicy(state, options.execution_policy)
    runspace = SessionRunspace.Open(host, state, job_launcher(home / "pwsh"))
    if options.working_directory is not None:
        runspace.SessionStateProxy.Path.SetLocation(net_path(options.working_directory))
    return host, runspace
