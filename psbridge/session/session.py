"""A session's calls: PowerShell code, its variables and paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..arguments import check_flag
from ..engine.paths import path_from_net, possible_path
from ..errors import PowerShellError
from .options import RunOptions, merged, run_options
from .owned_runspace import OwnedRunspace, open_runspaces
from .result import Result
from .variables import Variables

__all__ = ["RunspaceSession", "current_session"]


class RunspaceSession(OwnedRunspace):
    """The part of `Session` that runs PowerShell code."""

    _is_far = False  # whether it runs code on another machine, which has none of our files

    def run(
        self,
        script: str,
        /,
        *arguments: object,
        input: Iterable[object] | None = None,
        timeout: float | None = None,
        check: bool = False,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> Result:
        """Run PowerShell code and wait for it.

        Args:
            script: the code, in the session's own scope: what it defines stays.
            arguments: its arguments by position, ``$args`` in the code.
            input: what it gets from the pipeline: ``$input``, or ``$_`` in a ``process`` block. It
                is gone through while the code runs, a few values ahead of what that reads, and no
                further when the code has ended.
            timeout: how many seconds it may take, the wait for its turn included. None is for ever.
            check: whether errors that do not end the code, and an exit code other than 0, raise.
            parameters: its arguments by name, for a script that begins with ``param(...)``; for
                those that have a name of this call's own.
            named: the others by name. All are handed over as values and never become a part of the
                text.

        Returns:
            The output as Python values; errors, warnings and the rest are its attributes.

        Raises:
            PowerShellError: a terminating error, or any with `check`. Its ``result`` holds what
                came before.
            PipelineTimeout: time was up, and the code was stopped. Its ``result`` holds what came
                before. Code that is in a .NET call is waited for as for Ctrl-C.
            SessionClosedError: the session is closed, or was closed meanwhile.
            ForkedProcessError: this is a forked child of the process that opened it.
            TypeError: the code has no parameter of such a name, or takes no arguments, or not so
                many; an argument of this call is of the wrong type, or was given twice.
            ValueError: the time is none.
            RuntimeError: the input, or a signal handler, asks the session whose call it is in.
            ConversionError: an argument or an input has no counterpart in PowerShell.
            KeyboardInterrupt: Ctrl-C. Whatever leaves this call, an exception of the input's or of
                a signal handler's too, has stopped the pipeline. Code that is in a .NET call, which
                nothing can interrupt, is waited for for half a second or until Ctrl-C is pressed
                again; it stops when that call returns, and the next pipeline of this session waits
                for that.
        """
        options = run_options(input, timeout)
        check_flag(check, "check")
        by_name = merged(parameters, named)
        result = self._run(
            lambda pipeline: self._add(pipeline, script, arguments, by_name), options
        )
        if check:
            result.raise_for_errors()
        return result

    def _add(
        self,
        pipeline: Any,
        script: str,
        arguments: Sequence[object],
        parameters: Mapping[str, object],
    ) -> None:
        """Add the code of `run` to a pipeline."""
        from .pipeline import add_script

        add_script(pipeline, script, arguments, parameters)

    def _call(self, command: str, **parameters: object) -> Result:
        """Call one command, as psbridge itself does, which leaves the user's variables alone."""
        from .pipeline import add_command

        return self._run(lambda pipeline: add_command(pipeline, command, parameters))

    def _evaluate(self, expression: str, *arguments: object) -> Result:
        """Run an expression whose .NET exceptions raise PowerShellError."""
        # An exception of a method ends a statement only; thrown again, it ends the script.
        return self.run(f"try {{ {expression} }} catch {{ throw }}", *arguments)

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
        from .pipeline import add_script, add_words

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
        from .pipeline import add_file, add_script, add_words

        path = possible_path(path)
        # As PowerShell reads scripts: UTF-8, whatever else is in it.
        script = path.read_bytes().decode("utf-8-sig", "replace")
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
        from .pipeline import show_error, show_output, show_settings, standard_input_for

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
