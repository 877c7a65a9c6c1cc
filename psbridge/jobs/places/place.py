"""Where the work of a child job is done: a thread, a process, an executor.

Each thread of a group has a place of its own, and brings one child after the other to it. (Async
groups have a loop instead; see `loop`.)
"""

from __future__ import annotations

from concurrent.futures import Executor as FuturesExecutor
from typing import TYPE_CHECKING, Literal, Protocol

from .thread import ThreadPlace

if TYPE_CHECKING:
    from ..child_run import ChildRun
    from ..group import JobGroup

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
        from .process import ProcessPlace

        return ProcessPlace()
    from .executor import ExecutorPlace

    assert not isinstance(group.executor, str)
    return ExecutorPlace(group.executor, group.listen)
