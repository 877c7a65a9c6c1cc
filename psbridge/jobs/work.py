"""Doing a job's work, in whichever process it runs. Nothing here needs .NET."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..session.sink import RecordSink
    from .job import Job
    from .stopping import Stop

__all__ = ["captured", "is_async", "perform"]


def perform(job: Job, sink: RecordSink, stop: Stop) -> None:
    """Do the work of a job on the calling thread; what it raises comes out.

    Args:
        job: whose `run` is called.
        sink: takes what it writes.
        stop: cancels it where it is async.
    """
    job._sink = sink
    with captured(job):
        outcome = job.run()
        if is_async(outcome):
            # Imported here: asyncio takes longer than the rest of psbridge.
            from .async_work import run_async

            run_async(outcome, job._write_outcome, stop)
        else:
            job._write_outcome(outcome)


def is_async(outcome: Any) -> bool:
    """Whether what `run` gave is to be awaited."""
    return isinstance(outcome, (AsyncIterator, Awaitable))


def captured(job: Job) -> contextlib.AbstractContextManager[None]:
    """Where the job asks for it, let ``print`` and the like write to its streams."""
    if not job.capture:
        return contextlib.nullcontext()
    from .capture import capturing

    return capturing(job)
