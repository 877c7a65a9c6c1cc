"""Who waits for which job without an end, but for PowerShell's commands; see `deadlocks`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["note_wait", "who_waits_for_job"]

# A session, or the .NET child job whose work waits, and the .NET job that it waits for.
_waits: list[tuple[Any, Any]] = []
_guard = threading.Lock()


@contextlib.contextmanager
def note_wait(waiting: list[Any], job: Any) -> Iterator[None]:
    """The calling thread waits for a job, and with it all that is held up by the thread.

    Args:
        waiting: the sessions that run nothing else meanwhile, and the child job that does not end.
        job: the job, or one of its children.
    """
    waits = [(each, job) for each in waiting]
    try:
        with _guard:  # in the block: the job's thread may be interrupted anywhere
            _waits.extend(waits)
        yield
    finally:
        if waits:
            with _guard:
                # By themselves: another thread of the same work may wait for the same job.
                _waits[:] = [each for each in _waits if not any(each is one for one in waits)]


def who_waits_for_job(child: Any) -> list[Any]:
    """The sessions and child jobs that wait for a child job, by no third one."""
    return [
        waiting for waiting, job in list(_waits) if job == child or job.ChildJobs.Contains(child)
    ]
