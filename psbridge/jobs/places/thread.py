"""Work on the thread that comes here, the usual place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import StopRequested
from ..stopping import InterruptibleThread
from ..work import perform

if TYPE_CHECKING:
    from ..child_run import ChildRun

__all__ = ["ThreadPlace"]


class ThreadPlace:
    """The thread that comes here."""

    def attempt(self, run: ChildRun) -> BaseException | None:
        """Do the work on this thread."""
        thread = InterruptibleThread()

        def interrupt() -> None:
            thread.interrupt()
            if (cancel := run.stop.pass_on) is not None:
                cancel()  # once more, for async work that waits: its thread is in a call of C

        run.stop.interrupt = interrupt
        try:
            thread.enter()
            perform(run.job, run.sink, run.stop)
        except BaseException as error:
            return error
        finally:
            try:
                thread.leave()
            except StopRequested:  # the interruption came in the call
                thread.leave()
        return None

    def close(self) -> None:
        """There is nothing to leave behind."""
