"""Opening a runspace. To be imported once the engine runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PSBridge import SessionHost, SessionRunspace

from ..engine.launching import job_launcher
from ..engine.paths import net_path

if TYPE_CHECKING:
    from .opening import SessionOptions

__all__ = ["open_runspace", "set_language_mode"]


def open_runspace(
    home: Path, options: SessionOptions, commands: Any, help_file: Path | None, answers: Any
) -> tuple[Any, Any]:
    """Open a runspace with PowerShell's core commands.

    Args:
        home: the folder of the engine that runs.
        options: how to open it.
        commands: an ``Assembly`` whose cmdlets are there from the start; or None.
        help_file: their help, a MAML file.
        answers: the ``AnswerCall`` that answers its questions; or None.

    Returns:
        The host and the runspace.
    """
    if options.console is None:
        host = SessionHost()
    else:
        from .host import make_host

        host = make_host(options.console)
    host.Answers = answers
    state = SessionRunspace.NewState(commands, help_file and net_path(help_file))
    if options.variables:
        from ..values import net_text, to_net

        for name, value in options.variables.items():
            SessionRunspace.AddVariable(state, net_text(name), to_net(value, net_text(name)))
    if options.execution_policy is not None:
        SessionRunspace.SetExecutionPolicy(state, options.execution_policy)
    restricted = None
    if options.visible_commands is not None:
        restricted = _restricted(state, options)
    limited = restricted is not None
    runspace = SessionRunspace.Open(host, state, job_launcher(home / "pwsh"), limited)
    try:
        if restricted is not None:
            _complete(restricted, runspace)
        if options.working_directory is not None:
            _go_to(runspace, options.working_directory)
    except BaseException:
        runspace.Dispose()  # nobody else knows of it yet
        raise
    return host, runspace


def _restricted(state: Any, options: SessionOptions) -> Any:
    """A state with the visible commands only.

    Raises:
        PowerShellError: there is no such command.
    """
    import System
    from PSBridge import RestrictedState

    from ..values import net_text, powershell_error

    names = System.Array[System.String]([net_text(name) for name in options.visible_commands or ()])
    modules = System.Array[System.String]([net_text(name) for name in options.module_names])
    try:
        return RestrictedState.Restrict(state, names, modules)
    except System.Exception as error:
        raise powershell_error(error) from None


def _complete(restricted: Any, runspace: Any) -> None:
    import System

    from ..values import powershell_error

    try:
        restricted.Complete(runspace)
    except System.Exception as error:  # what a module throws
        raise powershell_error(error) from None


def _go_to(runspace: Any, folder: Path) -> None:
    import System

    from ..values import powershell_error

    try:
        runspace.SessionStateProxy.Path.SetLocation(net_path(folder))
    except System.Exception as error:  # it has no drives
        raise powershell_error(error) from None


def set_language_mode(runspace: Any, mode: str) -> None:
    """Let a runspace in which nothing runs allow that much of the language from now on."""
    SessionRunspace.SetLanguageMode(runspace, mode)
