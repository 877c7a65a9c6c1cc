"""Doing a job's work, in whichever process it runs. Nothing here needs .NET."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..session.sink import RecordSink
    from .job import Job
    from .stopping import Stop

__all__ = ["at_work", "child_at_work", "is_async", "perform"]


def perform(job: Job, sink: RecordSink, stop: Stop) -> None:
    """Do the work of a job on the calling thread; what it raises comes out.

    Args:
        job: whose `run` is called.
        sink: takes what it writes.
        stop: cancels it where it is async.
    """
    job._sink = sink
    with at_work(job):
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


_job: ContextVar[Job | None] = ContextVar("psbridge's job", default=None)


@contextlib.contextmanager
def at_work(job: Job) -> Iterator[None]:
    """The job's code runs in this block; where it asks for it, ``print`` writes to its streams."""
    token = _job.set(job)
    try:
        if job.capture:
            from .capture import capturing

            with capturing(job):
                yield
        else:
            yield
    finally:
        _job.reset(token)


def child_at_work() -> Any:
    """The .NET child job whose work calls this; None outside of any, and in another process."""
    from ..session.sink import NetSink

    job = _job.get()
    sink = None if job is None else job._sink
    return sink.net if isinstance(sink, NetSink) else None
