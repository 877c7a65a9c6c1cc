"""A session of a runspace: what it shows, its variables and paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..engine.paths import path_from_net, possible_path
from ..errors import PowerShellError
from .calls import RunspaceCalls, script_text
from .options import RunOptions
from .owned_runspace import open_runspaces
from .variables import Variables

__all__ = ["RunspaceSession", "current_session"]


class RunspaceSession(RunspaceCalls):
    """The part of `Session` that shows what PowerShell code gives, and has its variables."""

    def show(
        self, script: str, arguments: Sequence[str] = (), *, standard_input: bool = False
    ) -> bool:
        """Run PowerShell code and let PowerShell's own formatter show what it gives.

        Output and errors, terminating ones too, go to the session's console.

        Args:
            script: the code, in the session's own scope: what it defines stays.
            arguments: words of a command line, bound as PowerShell binds those of its own:
                ``-Name value``, ``-Name:value``, ``-Switch``, and values by position.
            standard_input: whether code that uses ``$input`` gets the lines of standard input.

        Returns:
            Whether it succeeded: PowerShell's ``$?`` after it.

        Raises:
            SessionClosedError: the session is closed, or was closed meanwhile.
        """
        from ..values import net_text
        from .commands import add_script, add_words

        script = net_text(script)

        def fill(pipeline: Any) -> None:
            add_script(pipeline, script, (), {})
            add_words(pipeline, arguments)

        return bool(self._show(fill, script, standard_input))

    def show_file(
        self, path: Path, arguments: Sequence[str] = (), *, standard_input: bool = False
    ) -> bool:
        """Run a script file and let PowerShell's own formatter show what it gives.

        ``exit`` in the file sets `exit_code`. On POSIX a file that does not end with ``.ps1`` is
        run as a text, as PowerShell's own host does for scripts that begin with ``#!``.

        Args:
            path: the file.
            arguments: as for `show`.
            standard_input: as for `show`.

        Returns:
            Whether no terminating error ended it, as for ``pwsh -File``.

        Raises:
            OSError: the file cannot be read.
            SessionClosedError: the session is closed, or was closed meanwhile.
        """
        from .commands import add_file, add_script, add_words

        path = possible_path(path)
        script = script_text(path)
        as_text = self._is_far or (os.name != "nt" and path.suffix.lower() != ".ps1")

        def fill(pipeline: Any) -> None:
            if as_text:
                add_script(pipeline, script, (), {})
            else:
                add_file(pipeline, path.absolute())
            add_words(pipeline, arguments)

        return self._show(fill, script, standard_input) is not None

    def _show(self, fill: Callable[[Any], None], script: str, standard_input: bool) -> bool | None:
        """Run and show; gives ``$?``, or None where a terminating error ended it."""
        from .commands import show_error, show_output, show_settings, standard_input_for

        def fill_and_show(pipeline: Any) -> None:
            fill(pipeline)
            show_output(pipeline)

        try:
            lines = standard_input_for(script) if standard_input else None
            self._run(fill_and_show, RunOptions(settings=show_settings(), lines=lines))
        except PowerShellError as error:
            failure = error
        else:
            return bool(self.run("$global:?") == [True])
        if self._console is None or not self._console.broken:
            self._run(lambda pipeline: show_error(pipeline, script, failure))
        return None

    @property
    def variables(self) -> Variables:
        """PowerShell's variables, as a dict: those of the scope in which code would run now."""
        return Variables(self)

    def resolve_path(self, path: str) -> Path:
        """The file system's path of a path of PowerShell's, relative to where PowerShell is.

        Args:
            path: a path, which may begin with a drive of PowerShell's or ``~``; it need not exist.

        Raises:
            PowerShellError: it is on no drive of the file system.
        """
        resolve = "$ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath"
        (found,) = self._evaluate(f"{resolve}($args[0])", path)
        return path_from_net(found)


def current_session() -> RunspaceSession | None:
    """The session in whose pipeline the calling thread is; None outside of any."""
    for session in open_runspaces():
        if isinstance(session, RunspaceSession) and session._runs_on_this_thread():
            return session
    return None
