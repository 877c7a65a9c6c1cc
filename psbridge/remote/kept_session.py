"""A session on another machine that is kept open."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import PipelineTimeout, PowerShellError, SessionClosedError
from ..jobs.handle import JobHandle
from ..session.ending import is_exiting
from ..session.opening import SessionOptions
from ..session.options import RunOptions
from ..session.result import Result
from ..session.session import RunspaceSession
from ..waiting import milliseconds, wait_until
from .carrying import FanOut, Target, connection_to
from .jobs import add_cmdlet

if TYPE_CHECKING:
    from ..engine.starting import Engine

__all__ = ["RemoteSession", "connect"]


def connect(session: RunspaceSession, target: Target) -> RemoteSession:
    """Open a session on a machine; see `Session.connect`."""
    if not isinstance(target, Target):
        raise TypeError(f"{target!r} is no target: it is neither a WinRM nor an SSH")
    return RemoteSession(session, target)


class RemoteSession(RunspaceSession):
    """A session on another machine: its variables and modules stay from call to call.

    It runs one command at a time. A call that comes while another one, or a job of `start`, runs in
    it waits for its turn. It ends with the session that opened it.

    Code goes out as it is. An endpoint without a language, such as one of Just Enough
    Administration, refuses a script before anything of it runs. From then on code goes there as the
    commands that it consists of, where it consists of nothing else, as Invoke-Command sends it.
    """

    _is_far = True

    def __init__(self, owner: RunspaceSession, target: Target) -> None:
        """Open a session; `Session.connect` does."""
        self.target = target
        self._owner = owner
        self._info: Any = None
        self._job: JobHandle | None = None
        self._net: Any = None
        self._takes_no_script = False
        super().__init__()

    def _open(self, options: SessionOptions) -> tuple[Engine, Any, Any]:
        from PSBridge.Remote import RemoteOpening, RemoteRunspaces

        from ..values import net_text, powershell_error

        self._info = connection_to(self.target, FanOut())
        # Not in a pipeline of the owner's, so that many can be opened at once.
        opening = RemoteOpening(self._info, self._host_for_questions())
        try:
            wait_until(
                lambda seconds: opening.Wait(milliseconds(seconds)),
                meanwhile=self._owner._check_open,
            )
        except BaseException:
            opening.Runspace.CloseAsync()
            raise
        if not opening.IsOpen:
            opening.Runspace.Dispose()
            if opening.Failure is None:
                raise SessionClosedError(f"the session with {self.location} was closed")
            record = RemoteRunspaces.OpenFailure(opening.Failure, net_text(self.location))
            raise powershell_error(opening.Failure, record=record)
        return self._owner.engine, None, opening.Runspace

    def _host_for_questions(self) -> Any:
        """What the machine shows things on and asks; None where nobody is there for it."""
        host = self._owner._host
        if self._owner._console is not None:
            return host
        if host is None or host.Answers is None:
            return None
        from PSBridge import SessionHost

        # Not the owner's, which puts what is said to it into the owner's results.
        answering = SessionHost()
        answering.Answers = host.Answers
        return answering

    @property
    def net(self) -> Any:
        """The PSSession that it is, for ``-Session``; ``Get-PSSession`` lists it from then on."""
        if self._net is None:
            from PSBridge.Remote import RegisterSessionCommand

            parameters: dict[str, object] = {"Runspace": self._runspace, "ErrorAction": "Stop"}
            (self._net,) = self._owner._run(
                lambda pipeline: add_cmdlet(pipeline, RegisterSessionCommand, parameters)
            )
        return self._net

    @property
    def location(self) -> str:
        """The machine, as the target names it."""
        return self.target.location

    @property
    def authenticated_with(self) -> str:
        """How it has authenticated, such as ``"kerberos"``; empty where that does not apply."""
        return str(self._info.AuthenticatedWith)

    def start(self, script: str, /, *arguments: object, name: str | None = None) -> JobHandle:
        """Start a job in this session, as ``Invoke-Command -Session -AsJob`` does.

        Args:
            script: the code.
            arguments: its arguments by position, ``$args`` in it.
            name: the job's name.

        Returns:
            A handle on the job, which the session that opened this one lists.

        Raises:
            PowerShellError: PowerShell could not start it.
            SessionClosedError: this session is closed, or has broken.
        """
        from ..session.commands import script_block
        from ..values import to_net

        turn = self._turns.ask()
        try:
            options = RunOptions()
            self._wait_for_turn(turn, options)
            self._wait_for_job(options)
            self._check_open()
            named = {"JobName": name} if name else {}
            found = self._owner._call(
                "Invoke-Command",
                Session=self.net,
                ScriptBlock=script_block(script),
                ArgumentList=to_net(list(arguments), "arguments"),
                AsJob=True,
                ErrorAction="Stop",
                **named,
            )
            if not found:
                raise PowerShellError("Invoke-Command started no job")
            self._job = JobHandle(found[0], self._owner)
            return self._job
        finally:
            if self._turns.holder is turn:
                self._turns.holder = None
            self._turns.wake()

    def _add(
        self,
        pipeline: Any,
        script: str,
        arguments: Sequence[object],
        parameters: Mapping[str, object],
    ) -> None:
        if not (self._takes_no_script and _add_commands(pipeline, script, arguments, parameters)):
            super()._add(pipeline, script, arguments, parameters)

    def _run_alone(self, fill: Any, options: RunOptions) -> Result:
        self._wait_for_job(options)
        self._check_open()
        try:
            result = self._run_there(fill, options)
        except (PowerShellError, PipelineTimeout) as error:
            if error.result is not None:
                self._mark_origin(error.result)
            raise
        self._mark_origin(result)
        result.exit_code = self._info.ExitCode
        self._check_whole()
        return result

    def _stream_alone(
        self, fill: Any, options: RunOptions, result: Result
    ) -> Generator[Any, None, None]:
        self._wait_for_job(options)
        self._check_open()
        try:
            yield from self._stream_from_there(fill, options, result)
        finally:
            self._mark_origin(result)
        result.exit_code = self._info.ExitCode
        self._check_whole()

    def _run_there(self, fill: Any, options: RunOptions) -> Result:
        try:
            return super()._run_alone(fill, options)
        except PowerShellError as error:
            if not self._learns_from(error, options):
                raise
        return super()._run_alone(fill, options)

    def _stream_from_there(
        self, fill: Any, options: RunOptions, result: Result
    ) -> Generator[Any, None, None]:
        try:
            return (yield from super()._stream_alone(fill, options, result))
        except PowerShellError as error:
            if not self._learns_from(error, options):
                raise
        yield from super()._stream_alone(fill, options, result)

    def _learns_from(self, error: PowerShellError, options: RunOptions) -> bool:
        """Whether an endpoint has refused a script, for the first time, and is to get commands."""
        # What can be gone through once only may have been, and more than this call knows of.
        if self._takes_no_script or error.error_id != _NO_SCRIPTS or _is_used_up(options.input):
            return False
        self._takes_no_script = True
        return True

    def _check_whole(self) -> None:
        if self._closed:
            # The far side ends in peace what was stopped, and so it looks whole.
            message = f"the session with {self.location} was closed while this ran"
            raise SessionClosedError(message)

    def _mark_origin(self, result: Result) -> None:
        """Say where it is from: PowerShell does so for what its jobs and cmdlets bring only."""
        result.origins = [self.location] * len(result)
        for name in ("errors", "warnings", "information", "verbose", "debug"):
            records = getattr(result, name)
            setattr(result, name, [replace(record, origin=self.location) for record in records])

    def _wait_for_job(self, options: RunOptions) -> None:
        if (job := self._job) is not None:
            seconds = options.deadline.left(math.inf)
            if not wait_until(job.wait, seconds, meanwhile=self._checks(options)):
                raise PipelineTimeout("time was up while a job ran in the session", Result())
        self._job = None

    def _check_open(self) -> None:
        super()._check_open()
        state = self._runspace.RunspaceStateInfo
        if str(state.State) == "Opened" and self._info.ExitCode is None:
            return
        if self._info.ExitCode is not None:
            why = f"`exit {self._info.ExitCode}` in its script closed it"
        else:
            why = str(state.Reason.Message) if state.Reason is not None else "it was closed"
        raise SessionClosedError(f"the session with {self.location} is over: {why}")

    def _has_running_job(self) -> bool:
        # At exit nobody looks any more at what becomes of it, and there may be many to be stopped.
        return self._job is not None and not self._job.finished and not is_exiting()

    def _ask_to_close(self) -> None:
        super()._ask_to_close()
        if is_exiting():
            from System import Exception as NetException

            # Side by side: what each of many machines that do not answer takes would add up.
            with contextlib.suppress(NetException):
                self._runspace.CloseAsync()

    def _begin_to_close(self) -> None:
        """Let the session end, without waiting for it; `_dispose` waits."""
        self._ask_to_close()
        if not self._has_running_job():
            self._runspace.CloseAsync()

    def _dispose(self) -> None:
        """Close the session on the other machine, which takes two seconds at most."""
        from PSBridge.Remote import RemoteRunspaces

        if self._has_running_job():
            assert self._job is not None
            # Else its parent would be Completed, as PowerShell's own is.
            self._job.stop()
        # Get-PSSession lists one that is closed until it is removed, which closes it, too.
        if self._net is not None and not self._owner.closed:
            with contextlib.suppress(PowerShellError, SessionClosedError):
                self._owner._call("Remove-PSSession", Session=self._net)
        RemoteRunspaces.Close(self._runspace)

    def __repr__(self) -> str:
        state = "closed" if self._closed else str(self._runspace.RunspaceStateInfo.State)
        return f"<{type(self).__name__} {self.location} {state.lower()}>"


def _add_commands(
    pipeline: Any, script: str, arguments: Sequence[object], parameters: Mapping[str, object]
) -> bool:
    """Add code as commands, where it can be; tells whether it was."""
    from PSBridge.Remote import RemoteScript
    from System import Object
    from System.Collections.Generic import Dictionary

    from ..values import net_text, to_net

    named = Dictionary[str, Object]()
    for name, value in parameters.items():
        named[net_text(name)] = to_net(value, net_text(name))
    positional = to_net(tuple(arguments), "arguments")
    return bool(RemoteScript.AddCommands(pipeline, net_text(script), positional, named))


# What PowerShell calls the refusal of a script where there is no language for one.
_NO_SCRIPTS = "ScriptsNotAllowed"


def _is_used_up(values: object) -> bool:
    return isinstance(values, Iterator)
