"""The time limits of PowerShell's own jobs; those of jobs written in Python are `child_run`'s."""

from __future__ import annotations

from typing import Any

from ..session.owned_runspace import GRACE_SECONDS
from ..waiting import milliseconds
from .timers import call_later

__all__ = ["JobTimeLimit"]


class JobTimeLimit:
    """Stops a job when its time is up; it is Failed then.

    It keeps neither the job nor its session alive. What waits and what kills is .NET's; see
    `TimeLimit.cs`.
    """

    def __init__(self, job: Any, seconds: float, exceptions: dict[int, BaseException]) -> None:
        """Begin.

        Args:
            job: the .NET job.
            seconds: how long it may run from when it begins.
            exceptions: gets the TimeoutError that has failed the job and its children, by their
                numbers.
        """
        from PSBridge import TimeLimit

        self._ids = [job.Id, *(child.Id for child in job.ChildJobs)]
        self._exceptions = exceptions
        self._seconds = seconds
        self._net = TimeLimit(job)
        call_later(seconds, self._look)

    def _look(self) -> None:
        """Look how long it has run; called by the timers' thread."""
        if self._net.IsOver:
            return
        run = self._net.Seconds
        if run < self._seconds:
            # One that has not begun by now has all its time before it.
            left = self._seconds - max(0.0, run)
            call_later(max(left, _SOONEST_SECONDS), self._look)
            return
        from ..values import python_exception

        error = TimeoutError(f"the work did not end within {self._seconds:g} seconds")
        # Before somebody sees that it has failed; of one that has failed by itself it is not asked.
        self._exceptions.update(dict.fromkeys(self._ids, error))
        self._net.Expire(python_exception(error), milliseconds(GRACE_SECONDS))


# How soon to look again at the soonest: a limit of 0 seconds must not keep the clock busy.
_SOONEST_SECONDS = 0.01
