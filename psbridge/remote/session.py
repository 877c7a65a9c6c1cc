"""The session that users open, with the part that reaches other machines."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..cmdlets.session import CmdletSession
from ..jobs.handle import JobHandle
from ..session.opening import SessionOptions

if TYPE_CHECKING:
    from ..engine.starting import Engine
    from ..session.console import Console
    from ..session.opening import ExecutionPolicy, LanguageMode
    from ..session.questions import Answers
    from .carrying import Target
    from .kept_session import RemoteSession

__all__ = ["Session"]


class Session(CmdletSession):
    """PowerShell in this process: one runspace of the engine, with its variables and its jobs.

    Use it as a context manager, or close it. Its methods may be called from any thread; PowerShell
    runs one pipeline at a time.
    """

    def __init__(
        self,
        pshome: str | Path | None = None,
        *,
        console: Console | None = None,
        answers: Answers | None = None,
        modules: Iterable[str | Path | ModuleType] = (),
        variables: Mapping[str, object] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        working_directory: str | Path | None = None,
        language_mode: LanguageMode | None = None,
        execution_policy: ExecutionPolicy | None = None,
        visible_commands: Iterable[str] | None = None,
    ) -> None:
        """Open a runspace, starting the engine where none runs in this process yet.

        Args:
            pshome: the folder of the PowerShell to use; None follows the search order.
            console: where PowerShell's host shows what it has to show. Without one, what is said to
                the host is in the information stream, as what Write-Host says.
            answers: what answers the questions of PowerShell's: a list of answers in the order of
                the questions, or a function that takes a `Question` and gives one. Without it
                somebody at the console is asked, and where there is nobody a question is an error.
            modules: what `import_module` takes, imported in this order.
            variables: PowerShell's variables, by name.
            functions: functions of Python's, by the names of the commands that they are to be.
            working_directory: where PowerShell is at first.
            language_mode: what the session's language allows; all by default.
            execution_policy: PowerShell's, on Windows; elsewhere there is none, as in ``pwsh``.
            visible_commands: the commands that there are, beside `functions`; all by default.
                Wildcards are allowed; they are looked for in `modules`, too, whose others are not
                there. See ``docs/sessions.md`` for what this does not protect from.

        Raises:
            EngineNotFound: there is no engine, and none could be fetched.
            EngineStartError: it did not start.
            DeclarationError: an argument is of the wrong type.
            ValueError: an argument is of the right type and makes no sense.
            OSError: there is no such working directory.
            PowerShellError: there is no such visible command; what a module raises.
            ImportError: there is no such module.
        """
        self._kept: weakref.WeakSet[RemoteSession] = weakref.WeakSet()
        options = SessionOptions(
            pshome,
            console=console,
            answers=answers,
            modules=modules,
            variables=variables,
            functions=functions,
            working_directory=working_directory,
            language_mode=language_mode,
            execution_policy=execution_policy,
            visible_commands=visible_commands,
        )
        super().__init__(options)

    def start_remote(
        self,
        script: str,
        targets: Target | Sequence[Target],
        *arguments: object,
        input: Iterable[object] | None = None,
        throttle_limit: int = 32,
        timeout: float | None = None,
        name: str | None = None,
    ) -> JobHandle:
        """Run PowerShell code on other machines, as one job with a child for each.

        The code goes out as it is. Each child connects by itself and disconnects when it has ended;
        a machine that fails does not hide what the others give.

        Args:
            script: the code.
            targets: the machines, `WinRM` and `SSH` mixed as it comes.
            arguments: the code's arguments by position, ``$args`` in it.
            input: what the code gets as ``$input``, on each machine.
            throttle_limit: how many machines at once. Where the limits of this process let fewer
                sessions be open, it is lowered, with a RuntimeWarning.
            timeout: how many seconds a machine may take, from the connecting on; None is for ever.
                A child whose time is up is Failed, and what ran there is stopped.
            name: the job's name.

        Returns:
            A handle on the parent; its children are in the order of the targets, and the
            ``location`` of each says which it is.

        Raises:
            PowerShellError: PowerShell could not start the job.
            ValueError: there is no target, the limit is below one, or the timeout not above 0.
            ConversionError: an argument has no counterpart in PowerShell.
            OSError: the limits of this process do not let even one session be open; the message
                says which to raise.

        PowerShell's own ``Invoke-Command -ComputerName -AsJob`` makes the job.
        """
        from .jobs import start_remote_job

        return start_remote_job(
            self,
            script,
            targets,
            arguments,
            input=input,
            throttle_limit=throttle_limit,
            timeout=timeout,
            name=name,
        )

    def connect(self, target: Target) -> RemoteSession:
        """Open a session on another machine and keep it.

        Args:
            target: the machine, a `WinRM` or an `SSH`.

        Raises:
            PowerShellError: the session could not be opened; the message is the reason.
        """
        from .kept_session import connect

        kept = connect(self, target)
        self._kept.add(kept)
        return kept

    def close(self) -> None:
        """Stop what runs in this session, here and far away, and close it; see `JobSession.close`.

        The sessions that `connect` has opened are closed, too. Each takes two seconds at most,
        whatever its machine does, and all of them are closed at once.
        """
        kept = [session for session in self._kept if not session.closed]
        with ExitStack() as closing:
            for session in kept:
                closing.callback(session._dispose)  # of each, whatever becomes of another one
            for session in kept:
                session._begin_to_close()
            super().close()  # PowerShell stops the jobs in them

    def _commands(self, engine: Engine) -> tuple[Any, Path | None]:
        from .native import HELP_FILE, load_remote

        return load_remote(engine).assembly, HELP_FILE
