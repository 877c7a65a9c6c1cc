"""A session of a runspace: what it shows, its variables and paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.paths import path_from_net, possible_path
from ..errors import PowerShellError, PsbridgeError
from .calls import RunspaceCalls, script_text
from .options import RunOptions
from .owned_runspace import open_runspaces
from .variables import Variables

if TYPE_CHECKING:
    from .command_table import CommandTable
    from .completion import Completion
    from .questions import Answers

__all__ = ["RunspaceSession", "current_session"]


class RunspaceSession(RunspaceCalls):
    """The part of `Session` that shows what PowerShell code gives, and has its variables."""

    def show(
        self, script: str, arguments: Sequence[str] = (), *, standard_input: bool = False
    ) -> bool:
        """Run PowerShell code and let PowerShell's own formatter show what it gives.

        Output and errors, terminating ones too, go to the session's console; where it has none, to
        standard output and standard error.

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
            self._check_script(script)
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
            self._check_script(script)
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

        console = self._console
        if console is None and self._host is not None:
            from .console import Console

            console = Console(interactive=False)
        try:
            lines = standard_input_for(script) if standard_input else None
            settings = show_settings()
            self._run(fill_and_show, RunOptions(settings=settings, lines=lines, console=console))
        except PowerShellError as error:
            failure = error
        else:
            return bool(self.run("$global:?") == [True])
        if console is None or not console.broken:
            options = RunOptions(console=console)
            self._run(lambda pipeline: show_error(pipeline, failure), options)
        return None

    def answering(self, answers: Answers) -> AbstractContextManager[None]:
        """Let a program answer the questions of PowerShell's meanwhile, as ``Session(answers=)``.

        Args:
            answers: a list of answers in the order of the questions, or a function that takes a
                `Question` and gives one.

        Raises:
            DeclarationError: it is neither.
            PsbridgeError: the session has a host that is not psbridge's.
        """
        from .questions import answer_call, check_answers

        self._check_open()
        check_answers(answers)
        if self._host is None:
            raise PsbridgeError("this session's questions go to a host that is not psbridge's")
        return _answering(self._host, answer_call(answers, self))

    @property
    def variables(self) -> Variables:
        """PowerShell's variables, as a dict: those of the scope in which code would run now."""
        return Variables(self)

    @property
    def commands(self) -> CommandTable:
        """PowerShell's commands, each to be called: ``shell.commands.Get_Process(Name="pwsh")``."""
        from .command_table import CommandTable

        return CommandTable(self)

    def complete(self, text: str, cursor: int | None = None) -> list[Completion]:
        """What PowerShell offers to complete a text with, in its own order.

        It takes its turn as other calls do: completing may run code.

        Args:
            text: PowerShell code.
            cursor: where in it; None is its end.

        Raises:
            ValueError: the cursor is outside of the text.
            Exception: what `run` raises.
        """
        from .completion import complete

        return complete(self, text, cursor)

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


@contextmanager
def _answering(host: Any, call: Any) -> Iterator[None]:
    before = host.Answers
    host.Answers = call
    try:
        yield
    finally:
        host.Answers = before


def current_session() -> RunspaceSession | None:
    """The session in whose pipeline the calling thread is; None outside of any."""
    for session in open_runspaces():
        if isinstance(session, RunspaceSession) and session._runs_on_this_thread():
            return session
    return None
