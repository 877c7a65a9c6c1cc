"""Who waits for which job without an end, but for PowerShell's commands; see `deadlocks`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ..waiting import Noted

__all__ = ["note_wait", "who_waits_for_job"]

# A session, or the .NET child job whose work waits, and the .NET job that it waits for.
_waits: Noted[tuple[Any, Any]] = Noted()


def note_wait(waiting: list[Any], job: Any) -> AbstractContextManager[None]:
    """The calling thread waits for a job, and with it all that is held up by the thread.

    Args:
        waiting: the sessions that run nothing else meanwhile, and the child job that does not end.
        job: the job, or one of its children.
    """
    return _waits.noted(*((each, job) for each in waiting))


def who_waits_for_job(child: Any) -> list[Any]:
    """The sessions and child jobs that wait for a child job, by no third one."""
    return [waiting for waiting, job in _waits if job == child or job.ChildJobs.Contains(child)]
