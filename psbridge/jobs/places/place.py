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

__all__ = ["Executor", "Place", "open_place"]

Executor = Literal["thread", "process", "async"] | FuturesExecutor


class Place(Protocol):
    """Where one child at a time is worked on."""

    def attempt(self, run: ChildRun) -> BaseException | None:
        """Try the work once; give what ended it, or None."""

    def close(self) -> None:
        """Leave the place."""


def open_place(executor: Executor, listen: str) -> Place:
    """Open a place where children run.

    Args:
        executor: which one; ``"async"`` is none.
        listen: the address of this machine by which the processes of a given executor reach it.
    """
    if executor == "thread":
        return ThreadPlace()
    if executor == "process":
        from .process import ProcessPlace

        return ProcessPlace()
    from .executor import ExecutorPlace

    assert not isinstance(executor, str)
    return ExecutorPlace(executor, listen)
