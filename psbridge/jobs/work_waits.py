"""Which job's work waits for which job, without an end.

A session that waits for the first one waits for the second one, too, which may ask it for nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["includes", "waiting_for", "who_waits_for"]

# The .NET child job whose work waits, and the .NET job that it waits for.
_waits: list[tuple[Any, Any]] = []
_guard = threading.Lock()


@contextlib.contextmanager
def waiting_for(child: Any, job: Any) -> Iterator[None]:
    """The work of a child job waits for a job.

    Args:
        child: the child; None where no job's work waits.
        job: the job, or one of its children.
    """
    if child is None:
        yield
        return
    wait = child, job
    try:
        with _guard:  # in the block: the job's thread may be interrupted anywhere
            _waits.append(wait)
        yield
    finally:
        with _guard:
            # By itself: another thread of the same work may wait for the same job.
            _waits[:] = [each for each in _waits if each is not wait]


def who_waits_for(child: Any) -> list[Any]:
    """The child jobs that wait for one, over any number of others; itself is the first."""
    found = [child]
    for one in found:  # which grows meanwhile
        found += [
            waiting for waiting, job in list(_waits) if includes(job, one) and waiting not in found
        ]
    return found


def includes(job: Any, child: Any) -> bool:
    """Whether a .NET job is a child job, or has it as a child."""
    return bool(job == child or job.ChildJobs.Contains(child))
