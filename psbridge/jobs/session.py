"""The part of a session that starts jobs and finds them."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import DeclarationError
from ..waiting import milliseconds, wait_until
from .deadlocks import caller, deadlock
from .ends import forget_session
from .group import JobGroup
from .handle import JobHandle
from .job import FunctionJob, Job
from .repository import JobRepository
from .start import stop_running
from .starting import StartingSession
from .work import child_at_work

if TYPE_CHECKING:
    from ..session.options import RunOptions
    from ..session.result import Result
    from .executor import JobExecutor

__all__ = ["JobSession"]


class JobSession(StartingSession):
    """The part of `Session` that starts jobs and finds them."""

    _jobs: JobRepository
    _executors: weakref.WeakSet[JobExecutor]

    def _take(self, runspace: Any) -> None:
        super()._take(runspace)
        from PSBridge import SessionRunspace

        self._executors = weakref.WeakSet()
        self._jobs = JobRepository(self, SessionRunspace.GetJobRepository(runspace), runspace)

    @property
    def jobs(self) -> JobRepository:
        """The jobs of this session, as Get-Job lists them."""
        return self._jobs

    def start(
        self, work: Job | JobGroup | Callable[..., Any], *arguments: Any, **named_arguments: Any
    ) -> JobHandle:
        """Start a job written in Python.

        Args:
            work: a `Job`, a `JobGroup`, or a function to call.
            arguments: the function's arguments.
            named_arguments: its arguments by name.

        Returns:
            A handle on the parent job, which is in the repository and runs.

        Raises:
            DeclarationError: this is none of these (a class is none), or something in it is of
                the wrong type, or it has been started before.
            ValueError: a time in it is none.
            SessionClosedError: the session is closed.
        """
        self._check_open()
        if not isinstance(work, (Job, JobGroup)):
            if not callable(work):
                raise DeclarationError(f"{work!r} is no Job, no JobGroup and no function")
            work = FunctionJob(work, *arguments, **named_arguments)
        elif arguments or named_arguments:
            raise DeclarationError("only a function takes arguments here; give a Job its own")
        return self.jobs.start(work)

    def executor(
        self, max_workers: int | None = None, *, name: str | None = None, keep: bool = False
    ) -> JobExecutor:
        """Make a `concurrent.futures.Executor` whose work items are jobs of this session.

        Each call is a Python job: Get-Job lists it while it runs and, as NotStarted, while it is
        one of the next hundred; Stop-Job stops it. It does what the standard library's executors
        do, so what takes one of them takes this: ``loop.run_in_executor``, `concurrent.futures`.
        Use it as a context manager, or shut it down. The session's close and the end of the
        program stop what runs, and what waits is cancelled.

        Args:
            max_workers: how many calls run at a time, 1 or more; as many as
                `concurrent.futures.ThreadPoolExecutor` by default.
            name: what the jobs' names begin with, followed by a number; the function's name by
                default.
            keep: whether jobs stay in the repository, as Completed, Failed or Stopped. By default
                each is removed when its future is done.

        Returns:
            The executor. What a function returns is its future's result, and not in the job's
            output. The future of a call that is stopped while it runs raises `JobStopped`.

        Raises:
            DeclarationError: an argument is of the wrong type.
            ValueError: `max_workers` is below 1.
            SessionClosedError: the session is closed.
        """
        from .executor import JobExecutor

        self._check_open()
        executor = JobExecutor(self, max_workers, name=name, keep=keep)
        self._executors.add(executor)
        return executor

    def close(self) -> None:
        """Stop the jobs that were started here and close the session.

        A job that has not stopped within five seconds is given up: it becomes Stopped, and what
        it still writes is dropped. PowerShell's own jobs end with the session; one on a thread
        that does not stop within that time is left to itself.
        """
        try:
            if not self.closed:
                for executor in list(self._executors):
                    executor._shut_down("its session is closed", cancel=True)
            stop_running(self)
        finally:
            super().close()
            forget_session(self)

    def _run(self, fill: Callable[[Any], None], options: RunOptions | None = None) -> Result:
        try:
            return super()._run(fill, options)
        finally:
            self._watch_processes()

    def _caller(self) -> Any:
        return caller()

    def _deadlock(self, *, serves: bool = False) -> str | None:
        return deadlock(self, serves=serves)

    def _call_member(self, call: Any, *, bound: bool) -> None:
        """See `session.member_calls`; for the work of a job.

        As in PowerShell's own jobs on threads: a script runs where it was written; what types have
        runs in no session, for one would have to wait for what waits for the job.
        """
        if child_at_work() is None or self._turns.is_mine() or self._is_limited:
            super()._call_member(call, bound=bound)
        elif bound:
            self._call_beside(call, stops=False)  # it is somebody else's
        else:
            self._call_aside(call)

    def _is_given_up(self) -> bool:
        self._watch_processes()  # of what the pipeline that runs has started, and may wait for
        return super()._is_given_up()

    def _watch_processes(self) -> None:
        """Notice where a process of Start-Job's dies; see `JobProcesses.cs`."""
        from PSBridge import JobProcesses

        JobProcesses.Watch(self._jobs.net)

    def _stop_what_would_run_on(self) -> None:
        """Stop PowerShell's own jobs, within their time; see `NativeJobs.cs`."""
        from PSBridge import NativeJobs

        stops = NativeJobs.BeginStop(self._runspace, self._jobs.net)
        wait_until(
            lambda seconds: stops.Wait(milliseconds(seconds)), self._give_up_at - time.monotonic()
        )

    def _give_up_what_runs_on(self) -> None:
        from PSBridge import NativeJobs

        NativeJobs.GiveUp(self._jobs.net)
