"""Waiting for a job and ending, suspending or unblocking it, whatever kind of job it is."""

from __future__ import annotations

import contextlib
import threading

from ..arguments import check_left
from ..errors import JobError
from ..session.ending import check_ending
from ..session.owned_runspace import GRACE_SECONDS
from ..waiting import Deadline, join, milliseconds, poll_until, wait_until
from .deadlocks import awaiting
from .facts import JobFacts
from .timers import call_later

__all__ = ["JobControl"]


class JobControl(JobFacts):
    """The part of `JobHandle` that waits for the job and steers it."""

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
        from PSBridge import JobInternals, JobQuestions

        def ended(seconds: float) -> bool:
            return bool(JobInternals.WaitForEnd(self.net, milliseconds(seconds)))

        def meanwhile() -> None:
            check_ending()
            if self.state == "Blocked":
                JobQuestions.Answer(self.net)

        seconds = check_left(timeout)
        with awaiting(self.net) if seconds is None else contextlib.nullcontext():
            return wait_until(ended, seconds, meanwhile=meanwhile)

    def stop(self, timeout: float | None = None) -> bool:
        """Stop the job, as Stop-Job does, and wait until it has stopped.

        It does not wait for the session's turn, so it also stops the job that a pipeline of the
        session waits for. The work of a job may stop the job itself: that returns at once, and
        the work is unwound at its next write. Where a job of Start-Job has not stopped within five
        seconds, its process is killed.

        Args:
            timeout: how many seconds to wait at most; None is for ever, and 0 only asks.

        Returns:
            Whether it has ended; False when time is up.

        Raises:
            JobError: it cannot be stopped; the message is the reason.
        """
        deadline = Deadline(check_left(timeout))
        if self.finished:
            return True
        if self._is_ours and self.net.WorksOnThisThread:
            self.net.RequestStop()
            return False
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
            grace = deadline.left(GRACE_SECONDS)
            if not join(stopping, grace):
                call_later(GRACE_SECONDS - grace, self._kill)
            if not join(stopping, deadline.seconds_left):
                return False
            if self._has_process():  # a stop that was asked for before returns at once
                return self.wait(deadline.seconds_left)
        if failures and not self._dies():
            (error,) = failures
            why = getattr(error, "Message", error)  # .NET's text, without its stack trace
            raise JobError(f"job {self.name} could not be stopped: {why}", job=self) from error
        return self.finished

    def kill(self) -> None:
        """End the process of a job of Start-Job, and wait until the job has failed.

        Raises:
            JobError: this is no job with a process of its own, or that has not ended.
        """
        if not self._has_process():
            kind = self.net.GetType().Name
            raise JobError(
                f"job {self.name} is a {kind}, which has no process of its own; stop() stops it",
                job=self,
            )
        self._kill()
        if not self.wait(_SETTLE_SECONDS):
            raise JobError(f"job {self.name} has not ended: its process does not die", job=self)

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
        seconds = check_left(timeout)
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


# How long it takes at most from the death of a job's process to the end of the job.
_SETTLE_SECONDS = 2.0
_POLL_SECONDS = 0.01
