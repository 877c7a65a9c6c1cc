"""Where the work of a child job is done: a thread, a process, an executor.

Each thread of a group has a place of its own, and brings one child after the other to it. (Async
groups have a loop instead; see `loop`.)
"""

from __future__ import annotations

from concurrent.futures import Executor as FuturesExecutor
from typing import TYPE_CHECKING, Literal, Protocol

from ..errors import StopRequested
from .stopping import InterruptibleThread
from .work import perform

if TYPE_CHECKING:
    from .child_run import ChildRun
    from .group import JobGroup

__all__ = ["Executor", "Place", "open_place"]

Executor = Literal["thread", "process", "async"] | FuturesExecutor


class Place(Protocol):
    """Where one child at a time is worked on."""

    def attempt(self, run: ChildRun) -> BaseException | None:
        """Try the work once; give what ended it, or None."""

    def close(self) -> None:
        """Leave the place."""


def open_place(group: JobGroup) -> Place:
    """Open a place where the group wants its children to run."""
    if group.executor == "thread":
        return ThreadPlace()
    if group.executor == "process":
        from .process_place import ProcessPlace

        return ProcessPlace()
    from .executor_place import ExecutorPlace

    assert not isinstance(group.executor, str)
    return ExecutorPlace(group.executor, group.listen)


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
