"""A handle on any job: written in Python, PowerShell's own, or someone else's."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from numbers import Real

from ..arguments import check_seconds
from ..errors import JobError, JobFailed, JobStopped, PowerShellError
from ..session.ending import check_ending, stay_here_at_exit
from ..session.owned_runspace import GRACE_SECONDS
from ..session.result import Result
from ..waiting import join, milliseconds, poll_until, wait_until
from .facts import JobFacts
from .start import exit_has_begun
from .stopping import JobThread

__all__ = ["JobHandle"]


class JobHandle(JobFacts):
    """A job of a session, as the job cmdlets see it.

    Handles are equal where they are on the same job. All methods work on every kind of
    ``System.Management.Automation.Job`` and may be called from any thread.
    """

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job has ended, with all of its children; Ctrl-C works meanwhile.

        Args:
            timeout: how many seconds to wait at most; None is for ever.

        Returns:
            Whether it has ended; False when time is up.

        Raises:
            DeclarationError: the timeout is no number.
            ValueError: it is NaN.
            SessionClosedError: a signal ends the program, and this is not its main thread.
        """
        from PSBridge import JobInternals

        def ended(seconds: float) -> bool:
            return bool(JobInternals.WaitForEnd(self.net, milliseconds(seconds)))

        seconds, session = _checked(timeout), self._session
        # Who has the session's turn and waits without an end: the job may ask it for nothing.
        keeps_turn = seconds is None and (
            session._turns.is_mine() or session._runs_on_this_thread()
        )
        with session._awaiting(self.net) if keeps_turn else contextlib.nullcontext():
            return wait_until(ended, seconds, meanwhile=check_ending)

    def receive(self, *, keep: bool = False) -> Result:
        """Take what has been written so far, as Receive-Job does, children first.

        Args:
            keep: leave it there for the next one, as ``-Keep`` does.

        Returns:
            The output, with errors and the other streams as its attributes. The reason of a
            failed job is among the errors.
        """
        from PSBridge import JobBuffers, RemotingJobs

        from ..session.pipeline import message_record

        JobBuffers.Prepare(self.net)

        result = self._session._call("Receive-Job", Job=self.net, Keep=keep)
        messages = RemotingJobs.TakeMessages(self.net, keep)
        if messages is not None:
            # All that there are, and not only those that Receive-Job has not shown on the host.
            result.warnings, result.verbose, result.debug = [], [], []
        for message in messages or ():
            kind = message.Record.GetType().Name
            stream = next(part for part in _MESSAGES if part in kind)
            record = message_record(message.Record, message.Location)
            getattr(result, _MESSAGES[stream]).append(record)
        # Both have them child by child, and only these here say which child's they are.
        taken = RemotingJobs.TakeInformation(self.net, keep)
        if len(taken) == len(result.information):
            result.information = [
                replace(record, origin=information.Location)
                for record, information in zip(result.information, taken, strict=True)
            ]
        result.exit_code = RemotingJobs.ExitCodeOf(self.net)
        return result

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the job and take all that it wrote.

        Args:
            timeout: how many seconds to wait at most; None is for ever.

        Raises:
            TimeoutError: time is up; the job runs on, and nothing is lost.
            JobFailed: it failed. Its ``result`` holds what came before, and its cause is the
                Python exception where the job was written in Python.
            JobStopped: it was stopped; likewise.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"job {self.name} has not ended within {timeout} seconds")
        result = self.receive()
        from PSBridge import RemotingJobs

        if self.state != "Completed" and not isinstance(threading.current_thread(), JobThread):
            stay_here_at_exit(exiting=exit_has_begun())
        if self.state == "Failed":
            cause = None if self._run is None else self._run.exception
            raise JobFailed(self._failure(), job=self, result=result) from cause
        if self.state == "Stopped" or RemotingJobs.IsCutShort(self.net):
            raise JobStopped(f"job {self.name} was stopped", job=self, result=result)
        return result

    def _failure(self) -> str:
        """What failed: of several children how many, and which."""
        children = self.children
        failed = [child for child in children if child.state == "Failed"]
        if len(children) < 2 or not failed:
            return f"job {self.name} failed: {self.reason or 'it gave no reason'}"
        named = [_named(child) for child in failed]
        more = len(named) - _NAMED
        lines = "\n  ".join([*named[:_NAMED], *([f"and {more} more"] if more > 0 else [])])
        count = f"{len(failed)} of {len(children)} children"
        own = self.net.JobStateInfo.Reason
        if own is None or own.Message in {child.reason for child in failed}:
            return f"job {self.name} failed in {count}\n  {lines}"
        return f"job {self.name} failed: {own.Message}; so did {count}\n  {lines}"

    def stop(self) -> None:
        """Stop the job, as Stop-Job does, and wait until it has stopped.

        It does not wait for the session's turn, so it also stops the job that a pipeline of the
        session waits for. The work of a job may stop the job itself: that returns at once, and
        the work is unwound at its next write. Where a job of Start-Job has not stopped within five
        seconds, its process is killed.

        Raises:
            JobError: it cannot be stopped; the message is the reason.
        """
        if self._is_ours and self.net.WorksOnThisThread:
            self.net.RequestStop()
            return
        from PSBridge import NativeJobs

        failures: list[BaseException] = []

        def stop() -> None:
            try:
                NativeJobs.Stop(self.net)
            except BaseException as error:
                failures.append(error)

        # The call returns when the job has stopped, and Ctrl-C has to reach this thread.
        stopping = threading.Thread(target=stop, name=f"stop {self.name}", daemon=True)
        try:
            stopping.start()
        except RuntimeError:  # there are no more to be had: Python 3.12 starts none while it exits
            stop()
        else:
            if not join(stopping, GRACE_SECONDS):
                self._kill()
            join(stopping)
        if failures and not self._dies():
            (error,) = failures
            why = getattr(error, "Message", error)  # .NET's text, without its stack trace
            raise JobError(f"job {self.name} could not be stopped: {why}", job=self) from error

    def suspend(self, timeout: float | None = None) -> bool:
        """Suspend a pausable job, and wait until its work is at a pause point.

        The work of a job may suspend the job itself: that returns at once, and the work waits at
        its next pause point.

        Args:
            timeout: how many seconds to wait at most; None is for ever, and 0 only asks.

        Returns:
            Whether it is suspended; False when time is up, or where it has ended or was resumed.

        Raises:
            JobError: this is no job that can be suspended.
        """
        seconds = _checked(timeout)
        if self.finished:
            return False
        # Ours are only asked, a Job2 of others is asked on a thread of .NET's, and a job that
        # cannot be suspended says so.
        ways = ("RequestSuspend", "SuspendJobAsync", "SuspendJob")
        self._call_job2(next((way for way in ways if hasattr(self.net, way)), ways[-1]))
        if self._is_ours and self.net.WorksOnThisThread:
            return False

        def settled() -> bool:
            return (
                self.finished
                or self.state == "Suspended"
                or not getattr(self.net, "SuspendRequested", True)
            )

        poll_until(settled, seconds, every=_POLL_SECONDS)
        return self.state == "Suspended"

    def resume(self) -> None:
        """Let a suspended job go on.

        Raises:
            JobError: this is no job that can be suspended.
        """
        if not self.finished:
            self._call_job2("ResumeJob")

    def unblock(self) -> None:
        """Let a blocked job go on.

        Raises:
            JobError: this is no job that can be unblocked.
        """
        self._call_job2("UnblockJob")

    @property
    def _is_ours(self) -> bool:
        return hasattr(self.net, "WorksOnThisThread")

    def _call_job2(self, method: str) -> None:
        from System import Exception as NetException

        function = getattr(self.net, method, None)
        if function is None:
            kind = self.net.GetType().Name
            raise JobError(f"job {self.name} is a {kind}, which has no {method}", job=self)
        try:
            function()
        except NetException as error:
            raise JobError(str(error.Message), job=self) from error

    def remove(self, *, force: bool = False) -> None:
        """Take the job out of the repository, as Remove-Job does.

        Args:
            force: stop it first where it has not ended; see `stop`.

        Raises:
            PowerShellError: it has not ended, and `force` was not asked for.
        """
        if force and not self.finished and self._has_process():
            # Remove-Job would wait for ever for one that does not stop.
            with contextlib.suppress(JobError):
                self.stop()
        try:
            self._session._call("Remove-Job", Job=self.net, Force=force, ErrorAction="Stop")
        except PowerShellError:
            if not (force and self._dies()):
                raise
            self._session._call("Remove-Job", Job=self.net, Force=force, ErrorAction="Stop")

    def _dies(self) -> bool:
        """Whether it ends by itself: its process has died, and what was asked of it has failed."""
        return self._has_process() and self.wait(_SETTLE_SECONDS)

    def _has_process(self) -> bool:
        """Whether it is a job of Start-Job."""
        from PSBridge import JobProcesses

        return bool(JobProcesses.HasProcess(self.net))

    def _kill(self) -> None:
        from PSBridge import JobProcesses

        JobProcesses.Kill(self.net)  # nothing where it has none


def _checked(timeout: float | None) -> float | None:
    """A timeout as a wait takes it; what is left of a time that is over may be negative."""
    if timeout is None:
        return None
    negative = isinstance(timeout, Real) and timeout < 0
    return 0.0 if negative else check_seconds(timeout, "timeout")


# How long it takes at most from the death of a job's process to the end of the job.
_SETTLE_SECONDS = 2.0
# How many children a failure names.
_NAMED = 5
_POLL_SECONDS = 0.01
_MESSAGES = {"Warning": "warnings", "Verbose": "verbose", "Debug": "debug"}


def _named(child: JobHandle) -> str:
    """Why a child failed, behind what tells it from the others: its machine, else its name."""
    place = child.location
    if place in ("", "localhost", "PowerShell"):
        place = child.name
    reason = child.reason or "it gave no reason"
    # The reasons of connections that are lost, or were never there, begin with the machine.
    return reason if reason.startswith(f"{place}: ") else f"{place}: {reason}"
