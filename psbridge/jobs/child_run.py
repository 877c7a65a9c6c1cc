"""One child job from its beginning to its end: tries, time limit, stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.environment import take_changes
from ..errors import StopRequested, WorkerError
from ..session.sink import NetSink
from ..waiting import SLICE_SECONDS, milliseconds, poll_until, wait_until
from .stopping import Stop
from .timers import Timer, call_later

if TYPE_CHECKING:
    from .job import Job
    from .retry import Retry

__all__ = ["ChildRun"]


class ChildRun:
    """The run of one job as a child job.

    Attributes:
        job: the job.
        net: its ``PythonChildJob``.
        sink: takes what it writes.
        stop: the stop of its work.
    """

    __slots__ = (
        "_exceptions",
        "_limit",
        "_retry",
        "_tried",
        "_when_given_up",
        "job",
        "net",
        "sink",
        "stop",
    )

    def __init__(
        self,
        job: Job,
        net: Any,
        *,
        retry: Retry | None,
        timeout: float | None,
        exceptions: dict[int, BaseException],
    ) -> None:
        """Prepare the run.

        Args:
            job: what is to run.
            net: its ``PythonChildJob``.
            retry: how it is tried again when it fails.
            timeout: its time limit in seconds, where the job has none of its own.
            exceptions: gets what failed it, by its number, before anybody sees that it did.
        """
        self.job = job
        self.net = net
        self.sink = NetSink(net)
        self.stop = Stop(job, self._give_up, lambda: bool(net.StopRequested))
        self._retry = retry
        self._exceptions = exceptions
        self._tried = 0
        limit = job.timeout if job.timeout is not None else timeout
        self._limit: float | Timer | None = None if limit is None else float(limit)
        self._when_given_up: Callable[[], None] | None = None

    def begin(self, when_given_up: Callable[[], None] | None = None) -> bool:
        """Begin the run on the calling thread.

        Args:
            when_given_up: called where the work is given up; its place is free then.

        Returns:
            Whether to go on; False where the job was stopped before.
        """
        from System import Action

        self._when_given_up = when_given_up
        take_changes()
        wait_until(lambda seconds: not self.net.IsSuspended(milliseconds(seconds)))
        if not self.net.TryBegin(Action(self.stop.request)):
            return False
        if isinstance(self._limit, float):
            seconds = self._limit
            self._limit = call_later(seconds, lambda: self._time_is_up(seconds))
        return True

    def works_here(self) -> None:
        """The work is done by the calling thread, not by the one that began the run."""
        self.net.WorkOnThisThread()

    def delay_after(self, error: BaseException | None) -> float | None:
        """Look at how a try ended, and say in how many seconds the next one is due.

        Returns:
            None where there is no further try.
        """
        retry = self._retry
        if error is None or retry is None or not isinstance(error, retry.on):
            return None
        if self.stop.requested or self.net.StopRequested:
            return None
        if self._tried >= retry.times:
            return None
        self._tried += 1
        described = WorkerError.describe(error).line
        self._say(f"retry {self._tried} of {retry.times} after {described}")
        return retry.delay_before(self._tried)

    def wait(self, seconds: float) -> bool:
        """Wait between two tries; False where a stop has ended the wait."""
        return not poll_until(lambda: self.stop.requested, seconds, every=SLICE_SECONDS)

    def finish(self, error: BaseException | None) -> bool:
        """End the run.

        Args:
            error: what ended the last try, or None.

        Returns:
            False where it had been given up.
        """
        self.stop.end()
        if isinstance(self._limit, Timer):
            self._limit.cancel()
        failure = None
        # .NET's word: a write may raise before this side has heard of the stop.
        stopped = isinstance(error, StopRequested) and self.net.StopRequested
        if error is not None and not stopped:
            failure = self._failure(error)
        self.job._sink = self.sink  # what it still writes is refused there
        return bool(self.net.Finish(failure))

    def _time_is_up(self, seconds: float) -> None:
        if self.stop.requested:
            return
        error = TimeoutError(f"the work did not end within {seconds:g} seconds")
        self.net.StopBecause(self._failure(error))

    def _failure(self, error: BaseException) -> Any:
        from ..values import python_exception

        self.job.exception = error
        self._exceptions[self.net.Id] = error
        try:
            return python_exception(error)
        except BaseException as broken:
            text = f"(it cannot be described: {type(broken).__name__})"
            return python_exception(WorkerError(type(error).__name__, text, "", ()))

    def _give_up(self) -> None:
        if self.net.Abandon() and self._when_given_up is not None:
            self._when_given_up()

    def _say(self, text: str) -> None:
        from ..values import net_text

        self.net.SetStatusMessage(net_text(text))
