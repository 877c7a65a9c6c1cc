"""Work on the thread that comes here, the usual place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import StopRequested
from ..stopping import InterruptibleThread
from ..work import perform

if TYPE_CHECKING:
    from ...session.sink import RecordSink
    from ..child_run import ChildRun
    from ..job import Job
    from ..stopping import Stop

__all__ = ["ThreadPlace", "attempt_here"]


class ThreadPlace:
    """The thread that comes here."""

    def attempt(self, run: ChildRun) -> BaseException | None:
        """Do the work on this thread."""
        return attempt_here(run.job, run.sink, run.stop)

    def close(self) -> None:
        """There is nothing to leave behind."""


def attempt_here(job: Job, sink: RecordSink, stop: Stop) -> BaseException | None:
    """Do the work of a job on the calling thread, in whichever process; a stop interrupts it.

    Args:
        job: whose work it is.
        sink: takes what it writes.
        stop: its stop.

    Returns:
        What ended the work, or None.
    """
    thread = InterruptibleThread()

    def interrupt() -> None:
        thread.interrupt()
        stop.tell()  # once more, for async work that waits: its thread is in a call of C

    try:
        thread.enter()
        stop.begin(interrupt, job)
        perform(job, sink, stop)
    except BaseException as error:
        return error
    finally:
        try:
            thread.leave()
        except StopRequested:  # the interruption came in the call
            thread.leave()
        stop.leave()
    return None
