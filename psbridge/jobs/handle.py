"""A handle on any job: written in Python, PowerShell's own, or someone else's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from ..errors import (
    DeclarationError,
    JobError,
    JobFailed,
    JobStopped,
    PowerShellError,
)
from ..session.result import Result
from .control import JobControl
from .failures import failed
from .results import forget_result, result_of
from .start import check_exit

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .following import JobEvent, JobRecord, JobStream

__all__ = ["JobHandle"]


class JobHandle(JobControl):
    """A job of a session, as the job cmdlets see it.

    Handles are equal where they are on the same job. All methods work on every kind of
    ``System.Management.Automation.Job`` and may be called from any thread.
    """

    # The result of a job that was removed by this handle.
    _given: Result | None = None

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
            result._append(self._other(waiting)._let_go_on())
        check_exit()
        return result

    def _let_go_on(self) -> Result:
        """Let a job go on that waits for who receives it: the host answers what it asks.

        Returns:
            What Receive-Job has taken, where it waited for that.
        """
        from PSBridge import JobQuestions

        if JobQuestions.Answer(self.net):
            return Result()
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
            JobError: it has been removed, and what it had written with it. The handle that did that
                keeps what it had asked for.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"job {self.name} has not ended within {timeout} seconds")
        return self._result()

    def _result(self) -> Result:
        """The result of a job that has ended."""
        from PSBridge import JobRecords

        given = result = self._given
        if result is None:
            result = result_of(self.net, self._session, lambda: self._read(keep=False))
        self._raise_unless_completed(result)
        if given is None and not result and JobRecords.IsGone(self.net):
            raise JobError(f"job {self.name} was removed, and its result with it", job=self)
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
        except JobError:
            pass  # it has completed, and was removed
        return None

    def as_future(self) -> Future[Result]:
        """A future of concurrent.futures, which gets what `result` gives or raises.

        It cannot be cancelled; `stop` stops the job.
        """
        from .ends import future_of

        return future_of(self)

    def add_done_callback(self, callback: Callable[[JobHandle], object]) -> None:
        """Call something with this handle once the job has ended, at once where it has.

        See `concurrent.futures.Future.add_done_callback`: later it is called on a thread that makes
        such calls, and must not wait; what it raises is logged.

        Args:
            callback: what to call.

        Raises:
            DeclarationError: it cannot be called.
        """
        if not callable(callback):
            raise DeclarationError(f"{callback!r} cannot be called")
        from .ends import call_now, call_when_ended

        if self.finished:
            call_now(lambda: callback(self))
        else:
            call_when_ended(self.net, self._session, lambda: callback(self))

    def __await__(self) -> Generator[Any, None, Result]:
        """Give what `result` gives, while the event loop goes on.

        Where the waiting is cancelled the job runs on.
        """
        import asyncio

        from .ends import future_of

        # What it wrote is not read by the loop's thread, which has others to serve.
        return asyncio.wrap_future(future_of(self, at_once=False)).__await__()

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
