"""The part of a session that starts PowerShell's own jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..arguments import check_seconds, check_text, check_whole
from ..engine.paths import net_path
from ..errors import DeclarationError, PowerShellError
from ..session.options import RunOptions, merged, run_options
from ..session.session import RunspaceSession
from .group import DEFAULT_THROTTLE_LIMIT
from .handle import JobHandle
from .script import JobScript, starting_options, thread_options
from .time_limit import JobTimeLimit

__all__ = ["StartingSession"]

# ForEach-Object -Parallel's, and Start-ThreadJob's.
_FEW = 5


class StartingSession(RunspaceSession):
    """The part of `Session` that starts PowerShell's own jobs."""

    _thread_jobs: Any = None  # the CmdletInfo of Start-ThreadJob

    def start_job(
        self,
        script: str,
        /,
        *arguments: object,
        name: str | None = None,
        timeout: float | None = None,
        input: Iterable[object] | None = None,
        modules: Iterable[str | Path] = (),
        working_directory: str | Path | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> JobHandle:
        """Start PowerShell's own background job, which runs in a process of its own.

        Args:
            script: the code to run.
            arguments: its arguments by position, ``$args`` in the code.
            name: the job's name.
            timeout: how many seconds it may take, the start of its process included. Then it is
                stopped, its process is killed where it has not stopped within five seconds, and the
                job is Failed with a TimeoutError. None is for ever.
            input: what it gets from the pipeline: ``$input``, or ``$_`` in a ``process`` block. All
                of it is taken now.
            modules: what it imports before the code begins: names of PowerShell's modules, or
                paths. Where there is none, the job is Failed.
            working_directory: where it is at first; where the session is by default.
            parameters: its arguments by name, for a script that begins with ``param(...)``; for
                those that have a name of this call's own.
            named: the others by name. All are handed over as values and never become a part of the
                text.

        Returns:
            A handle on the job, whose only child does the work.

        Raises:
            PowerShellError: the code is no PowerShell, or PowerShell could not start it.
            DeclarationError: an argument of this call is of the wrong type.
            TypeError: the code has no parameter of such a name, or takes no arguments, or not so
                many; an argument was given twice.
            ConversionError: an argument or an input has no counterpart in PowerShell.
            ValueError: the time is none.
            OSError: there is no such working directory.
            SessionClosedError: the session is closed.
        """
        self._check_open()
        one = JobScript(
            script,
            *arguments,
            timeout=timeout,
            input=input,
            parameters=merged(parameters, named),
        )
        job = self._start_scripts([one], name, 1, modules, working_directory)
        return self._limited(job, one.timeout)

    def start_jobs(
        self,
        scripts: Iterable[str | JobScript],
        *,
        throttle_limit: int = DEFAULT_THROTTLE_LIMIT,
        timeout: float | None = None,
        name: str | None = None,
        modules: Iterable[str | Path] = (),
        working_directory: str | Path | None = None,
    ) -> JobHandle:
        """Start several scripts as the children of one job, each in a process of its own.

        The children are there from the beginning, in the order of the scripts, and begin in this
        order, each when one of the places is free. `JobHandle.children` has a handle on each, which
        can be waited for, received and stopped by itself.

        Args:
            scripts: the scripts; those that have arguments, input, a name or a time limit of their
                own as a `JobScript`.
            throttle_limit: how many processes at a time, 1 or more.
            timeout: how many seconds each may take that does not say so itself, from when its
                process is started. Then it is stopped as `start_job` says, and its place is free.
            name: the job's name.
            modules: what each imports before its code begins; as for `start_job`.
            working_directory: where each is at first; as for `start_job`.

        Returns:
            A handle on the parent. It is Failed where any child is, and what the others wrote is
            there in any case.

        Raises:
            DeclarationError: something is of the wrong type.
            ValueError: there is no script, the limit is below 1, or a time is none.
            Exception: what `start_job` raises; then nothing has been started.
        """
        self._check_open()
        if isinstance(scripts, (str, bytes, JobScript)) or not isinstance(scripts, Iterable):
            raise DeclarationError(f"scripts is {scripts!r}; it is a list of scripts")
        several = [one if isinstance(one, JobScript) else JobScript(one) for one in scripts]
        if not several:
            raise ValueError("scripts is empty; there has to be one to start")
        _check_throttle(throttle_limit)
        if timeout is not None:
            timeout = check_seconds(timeout, "timeout")
        job = self._start_scripts(several, name, throttle_limit, modules, working_directory)
        exceptions: dict[int, BaseException] = {}
        for child, one in zip(list(job.ChildJobs), several, strict=True):
            limit = timeout if one.timeout is None else one.timeout
            if limit is not None:
                JobTimeLimit(child, limit, exceptions)
        return JobHandle(job, self, exceptions)

    def start_thread_job(
        self,
        script: str,
        /,
        *arguments: object,
        name: str | None = None,
        timeout: float | None = None,
        input: Iterable[object] | None = None,
        modules: Iterable[str | Path] = (),
        working_directory: str | Path | None = None,
        throttle_limit: int | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> JobHandle:
        """Start PowerShell's Start-ThreadJob, which runs in this process, on a thread of its own.

        It begins sooner than `start_job` and takes live objects, and nothing can end it where it is
        stuck in a call of .NET's.

        Args:
            script: the code to run.
            arguments: its arguments by position.
            name: the job's name.
            timeout: how many seconds it may take from when it begins. Then it is stopped, given up
                where it has not stopped within five seconds, and the job is Failed with a
                TimeoutError. None is for ever.
            input: as for `start_job`.
            modules: as for `start_job`.
            working_directory: as for `start_job`.
            throttle_limit: how many jobs of this kind run at a time, in this process, from now on.
                None leaves it as it is; PowerShell begins with 5.
            parameters: as for `start_job`.
            named: its arguments by name. A script that has any has no ``$using:``.

        Raises:
            PowerShellError: also in a session with ``visible_commands``.
            TypeError: also where a script with ``$using:`` gets arguments by name.
            Exception: what `start_job` raises.
        """
        self._check_open()
        one = JobScript(
            script,
            *arguments,
            timeout=timeout,
            input=input,
            parameters=merged(parameters, named),
        )
        check_text(name, "name", optional=True)
        if throttle_limit is not None:
            _check_throttle(throttle_limit)
        options = _named(name) | starting_options(modules, working_directory, set_location=True)
        if throttle_limit is not None:
            options["ThrottleLimit"] = throttle_limit
        self._check_script(script)
        what, lines = thread_options(one)
        options |= what | {"ErrorAction": "Stop"}
        job = self._start(self._thread_job_command(), options, lines)
        return self._limited(job, one.timeout)

    def start_parallel(
        self,
        script: str,
        inputs: Iterable[object],
        *,
        throttle_limit: int = _FEW,
        timeout: float | None = None,
        name: str | None = None,
    ) -> JobHandle:
        """Start ForEach-Object -Parallel as a job: a script for each input, on threads.

        Args:
            script: the code; the input is ``$_`` in it, and ``$using:`` has the session's
                variables.
            inputs: the inputs, a child job for each. All are taken now.
            throttle_limit: how many run at a time, 1 or more.
            timeout: how many seconds all may take together. Then those that run are stopped, the
                others do not begin, and the job is Failed with a TimeoutError.
            name: the job's name.

        Returns:
            A handle on the parent, with its children in the order of the inputs.

        Raises:
            ValueError: there is no input, the limit is below 1, or the time is none.
            Exception: what `start_job` raises.
        """
        from ..session.commands import script_block
        from ..session.feeding import filled

        self._check_open()
        check_text(script, "script")
        check_text(name, "name", optional=True)
        _check_throttle(throttle_limit)
        if timeout is not None:
            timeout = check_seconds(timeout, "timeout")
        run_options(inputs, None)  # refuses what is none
        if inputs is None:
            raise DeclarationError("inputs is None; it is a list or something else to go through")
        values = list(inputs)
        if not values:
            raise ValueError("inputs is empty; there has to be one")
        self._check_script(script)
        options = {"Parallel": script_block(script), "ThrottleLimit": throttle_limit, "AsJob": True}
        job = self._start("ForEach-Object", options, filled(values))
        if name:
            from ..values import net_text

            job.Name = net_text(name)
        return self._limited(job, timeout)

    def _start_scripts(
        self,
        scripts: Sequence[JobScript],
        name: str | None,
        throttle_limit: int,
        modules: Iterable[str | Path],
        working_directory: str | Path | None,
    ) -> Any:
        """Start scripts in processes; gives the .NET parent."""
        from PSBridge import ScriptToStart
        from System import Array

        check_text(name, "name", optional=True)
        for one in scripts:
            self._check_script(one.script)
        options = _named(name) | starting_options(modules, working_directory)
        made = [one.to_net() for one in scripts]
        options |= {
            "ScriptBlock": made[0].Block,
            "Script": Array[ScriptToStart](made),
            "AtOnce": throttle_limit,
            "ErrorAction": "Stop",
        }
        job = self._start("Start-Scripts", options)
        if len(scripts) > 1:
            _describe_children(job, scripts)
        return job

    def _start(self, command: Any, options: dict[str, Any], lines: Any = None) -> Any:
        """Call a cmdlet that starts a job, by the name psbridge has for it or as a CmdletInfo.

        Args:
            command: the cmdlet.
            options: its parameters.
            lines: its input, a PSDataCollection.
        """
        from ..session.commands import add_engine_command

        def fill(pipeline: Any) -> None:
            if isinstance(command, str):
                add_engine_command(pipeline, command, options)
                return
            pipeline.AddCommand(command)
            for key, value in options.items():
                pipeline.AddParameter(key, value)

        found = self._run(fill, RunOptions(lines=lines))
        if not found:
            raise PowerShellError("PowerShell started no job")
        return JobHandle(found[0], self).net

    def _limited(self, job: Any, timeout: float | None) -> JobHandle:
        exceptions: dict[int, BaseException] = {}
        if timeout is not None:
            JobTimeLimit(job, timeout, exceptions)
        return JobHandle(job, self, exceptions)

    def _thread_job_command(self) -> Any:
        """The CmdletInfo of Start-ThreadJob, whatever other commands of this name there are."""
        if self._thread_jobs is None:
            if self._is_limited:
                raise PowerShellError(
                    "Start-ThreadJob is in a module, and a session with visible commands loads "
                    "none; start_job, start_parallel or another session can be used"
                )
            # By its path: there may be a module of this name elsewhere.
            folders = [self.engine.home.path / "Modules" / name for name in _THREAD_JOB_MODULES]
            folder = next(filter(Path.is_dir, folders), folders[0])
            (module,) = self._call(
                "Import-Module", Name=net_path(folder), PassThru=True, ErrorAction="Stop"
            )
            self._thread_jobs = module.net.ExportedCmdlets["Start-ThreadJob"]
        return self._thread_jobs


# What it is called from PowerShell 7.6 on, and before.
_THREAD_JOB_MODULES = ("Microsoft.PowerShell.ThreadJob", "ThreadJob")


def _describe_children(job: Any, scripts: Sequence[JobScript]) -> None:
    """Let each child have its own name and command."""
    from PSBridge import EngineMembers

    from ..values import net_text

    field = EngineMembers.Jobs.Command.Field
    for child, one in zip(list(job.ChildJobs), scripts, strict=True):
        if one.name:
            child.Name = net_text(one.name)
        if field is not None:
            field.SetValue(child, net_text(one.script))


def _named(name: str | None) -> dict[str, Any]:
    return {"Name": name} if name else {}


def _check_throttle(limit: int) -> None:
    if not 1 <= check_whole(limit, "throttle_limit") <= 2_147_483_647:
        raise ValueError(f"throttle_limit is {limit}; it has to be 1 or more, and less than 2^31")
