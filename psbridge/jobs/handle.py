"""A handle on any job: written in Python, PowerShell's own, or someone else's."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from ..arguments import check_left
from ..errors import (
    DeclarationError,
    JobError,
    JobFailed,
    JobStopped,
    PowerShellError,
)
from ..session.ending import check_ending
from ..session.owned_runspace import GRACE_SECONDS
from ..waiting import Deadline, join, milliseconds, poll_until, wait_until
from .facts import JobFacts
from .failures import failed
from .results import forget_result, result_of
from .start import check_exit
from .timers import call_later

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..session.result import Result
    from .following import JobEvent, JobRecord, JobStream

__all__ = ["JobHandle"]


class JobHandle(JobFacts):
    """A job of a session, as the job cmdlets see it.

    Handles are equal where they are on the same job. All methods work on every kind of
    ``System.Management.Automation.Job`` and may be called from any thread.
    """

    # The result of a job that was removed by this handle.
    _given: Result | None = None

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

        seconds, session = check_left(timeout), self._session
        # Who has the session's turn and waits without an end: the job may ask it for nothing.
        keeps_turn = seconds is None and (
            session._turns.is_mine() or session._runs_on_this_thread()
        )
        with session._awaiting(self.net) if keeps_turn else contextlib.nullcontext():
            return wait_until(ended, seconds, meanwhile=meanwhile)

    def receive(self, *, keep: bool = False) -> Result:
        """Take what has been written so far and nobody has taken, children first.

        Args:
            keep: leave it there for the next one, as Receive-Job's ``-Keep`` does.

        Returns:
            The output, with errors and the other streams as its attributes. The reason of a
            failed job is among the errors.

        Raises:
            SessionClosedError: the session is closed.
        """
        self._session._check_open()
        return self._read(keep=keep)

    def _read(self, *, keep: bool) -> Result:
        from .records import read_all

        check_exit()
        result, waiting = read_all(self.net, self._session._runspace, keep=keep)
        if waiting is not None and not (keep or self.finished):
            result._append(self._other(waiting)._receive_by_cmdlet())
        check_exit()
        return result

    def _receive_by_cmdlet(self) -> Result:
        """Let Receive-Job go on with a job that waits for it: the host answers what it asks."""
        return self._session._call("Receive-Job", Job=self.net)

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the job and give all that it wrote, and nobody has taken before.

        It can be asked for again, until the job is removed.

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
        return self._result()

    def _result(self) -> Result:
        """The result of a job that has ended."""
        result = self._given
        if result is None:
            result = result_of(self.net, self._session, lambda: self._read(keep=False))
        self._raise_unless_completed(result)
        return result

    def exception(self, timeout: float | None = None) -> JobError | None:
        """Wait for the job and give what `result` raises; None where it has completed.

        Args:
            timeout: how many seconds to wait at most; None is for ever.

        Raises:
            TimeoutError: time is up; the job runs on.
        """
        try:
            self.result(timeout)
        except (JobFailed, JobStopped) as error:
            return error
        return None

    def as_future(self) -> Future[Result]:
        """A future of concurrent.futures, which gets what `result` gives or raises.

        It cannot be cancelled; `stop` stops the job.
        """
        from .ends import future_of

        return future_of(self)

    def add_done_callback(self, callback: Callable[[JobHandle], object]) -> None:
        """Call something with this handle once the job has ended, at once where it has.

        See `concurrent.futures.Future.add_done_callback`: it is called on a thread that makes such
        calls, and must not wait; what it raises is logged.

        Args:
            callback: what to call.

        Raises:
            DeclarationError: it cannot be called.
        """
        if not callable(callback):
            raise DeclarationError(f"{callback!r} cannot be called")
        from .ends import call_when_ended

        call_when_ended(self.net, self._session, lambda: callback(self))

    def __await__(self) -> Generator[Any, None, Result]:
        """Give what `result` gives, while the event loop goes on.

        Where the waiting is cancelled the job runs on.
        """
        import asyncio

        return asyncio.wrap_future(self.as_future()).__await__()

    def __iter__(self) -> JobStream[Any]:
        """Go through the job's values as they come, until it ends; ``async for`` does, too.

        What was given is let go of. Where the loop is left, the job runs on, and what was not given
        is there for the next one. The other streams are in the iterator's ``result``.

        Raises:
            JobFailed: after its values, where the job failed.
            JobStopped: likewise, where it was stopped.
        """
        from .following import values_of

        return values_of(self)

    def __aiter__(self) -> JobStream[Any]:
        return iter(self)

    def records(self) -> JobStream[JobRecord]:
        """Go through all that the job writes, in the order of writing, until it ends.

        For ``for`` and ``async for``. The reason of a failed job is the last error. What keeps no
        order itself, as Start-ThreadJob's do, gives what it had written before in blocks.
        """
        from .following import records_of

        return records_of(self)

    def events(self) -> JobStream[JobEvent]:
        """Go through the states of the job and of its children, from the present ones on.

        For ``for`` and ``async for``; it ends with the job.
        """
        from .following import events_of

        return events_of(self)

    def _raise_unless_completed(self, result: Result) -> None:
        """Raise what a job that did not complete is to Python's users."""
        from PSBridge import RemotingJobs

        if self.state == "Failed":
            raise failed(self, result)
        if self.state == "Stopped" or RemotingJobs.IsCutShort(self.net):
            raise JobStopped(f"job {self.name} was stopped", job=self, result=result)

    def _to_net(self) -> Any:
        """The job, where the handle is given to PowerShell."""
        return self.net

    def _other(self, net: Any) -> JobHandle:
        """A handle on a job of the same family."""
        return self if net is self.net else JobHandle(net, self._session, self._exceptions)

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
        self._given = forget_result(self.net, self._session)

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
