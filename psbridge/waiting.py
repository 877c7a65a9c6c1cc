"""Waiting: in slices, so that Ctrl-C, a stop and the end of the program are seen meanwhile.

Python looks for a signal between two calls, and .NET's handler lets the system go on with a wait
that a signal has come in: a thread inside one long wait, of .NET's above all, cannot be reached.
Where the main thread has a signal to look at already, the kernel gives the next one to another
thread; that ends no wait of the main thread's, of Python's own neither.

Guarantees:

- A signal is seen, and what `meanwhile` raises ends the wait, within `SLICE_SECONDS`.
- Time is measured by the monotonic clock, and a wait is not ended before its time is up.
- Whoever waits in a pipeline does meanwhile what others need of that: see `serve`. Not so who
  waits for Python's futures, by `completed`.
- Nobody waits under a module's lock of ours: what is waited for may need that lock. The locks that
  `guard` gives are asserted not to be held.

Rejected: to wait without slices on Python's own events, which Ctrl-C does reach where the handler
is set for it (see `session.owned_runspace`). What is waited for is .NET's nearly everywhere.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")

__all__ = [
    "SLICE_SECONDS",
    "Deadline",
    "Noted",
    "completed",
    "guard",
    "join",
    "may_wait",
    "milliseconds",
    "poll_until",
    "serve",
    "serve_by",
    "wait_until",
]

# How long a wait lasts at most before it looks around: the longest that Ctrl-C can take.
SLICE_SECONDS = 0.1

# And in a pipeline that others may have something to do for.
_SERVING_SECONDS = 0.01

_guards: list[Any] = []
_services: list[Callable[[], bool]] = []


def guard() -> Any:
    """Make a lock for what a module keeps, under which nobody waits."""
    # An RLock, for it knows who holds it.
    lock = threading.RLock()
    _guards.append(lock)
    return lock


def may_wait() -> bool:
    """Whether the calling thread holds no lock of ours; a finalizer is called wherever it is."""
    return not any(lock._is_owned() for lock in _guards)


def serve_by(service: Callable[[], bool] | None) -> None:
    """Have a function called by whoever waits, in each slice; None for none.

    A pipeline whose thread waits in Python code comes to nothing else, and what it waits for may
    need it: a script of its session's, which runs nowhere else.

    Args:
        service: does what others need of the thread that calls it, and says whether they may need
            something.
    """
    _services[:] = [] if service is None else [service]


def serve(slice_seconds: float) -> float:
    """Do what others need of the thread that waits; gives how long its next slice is.

    Args:
        slice_seconds: how long it is where nobody needs the thread.
    """
    needed = [service() for service in _services]
    return min(slice_seconds, _SERVING_SECONDS) if any(needed) else slice_seconds


class Noted(Generic[T]):
    """What threads note for as long as they are in a block; to be gone through at any time."""

    def __init__(self) -> None:
        self._all: list[T] = []
        self._guard = threading.Lock()

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._all))

    @contextlib.contextmanager
    def noted(self, *notes: T) -> Iterator[None]:
        """Have notes among the others meanwhile; equal ones may be there several times."""
        try:
            with self._guard:  # in the block: a thread of ours may be interrupted anywhere
                self._all += notes
            yield
        finally:
            with self._guard:
                self._all[:] = [each for each in self._all if not any(each is one for one in notes)]


class Deadline:
    """When time is up."""

    def __init__(self, seconds: float | None) -> None:
        """Begin now.

        Args:
            seconds: how many seconds there are; None is for ever.
        """
        self._at = None if seconds is None else time.monotonic() + seconds

    def left(self, most: float = SLICE_SECONDS) -> float:
        """How many seconds are left, from 0 to so many at most."""
        if self._at is None:
            return most
        return min(most, max(0.0, self._at - time.monotonic()))

    @property
    def seconds_left(self) -> float | None:
        """How many seconds are left, as a wait takes them; None is for ever."""
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether time is up."""
        return self._at is not None and time.monotonic() >= self._at


def wait_until(
    there: Callable[[float], object],
    seconds: float | None = None,
    *,
    meanwhile: Callable[[], object] | None = None,
    slice_seconds: float = SLICE_SECONDS,
) -> bool:
    """Wait until something is there.

    Args:
        there: waits for it, for so many seconds at most, and says whether it is there.
        seconds: how many seconds to wait at most; None is for ever.
        meanwhile: is called after each slice; what it raises ends the wait.
        slice_seconds: how long a slice is, where `there` only looks and does not wait.

    Returns:
        Whether it is there; False where time is up.
    """
    assert may_wait(), "a wait under a lock"
    deadline = Deadline(seconds)
    while not there(deadline.left(serve(slice_seconds))):
        if deadline.is_over:
            return False
        if meanwhile is not None:
            meanwhile()
    return True


def poll_until(
    condition: Callable[[], object],
    seconds: float | None = None,
    *,
    meanwhile: Callable[[], object] | None = None,
    every: float,
) -> bool:
    """Wait until a condition holds that nothing tells of.

    Args:
        condition: what is to hold.
        seconds: how many seconds to wait at most; None is for ever.
        meanwhile: see `wait_until`.
        every: how many seconds to sleep between two looks.

    Returns:
        Whether it holds; False where time is up.
    """

    def look(left: float) -> bool:
        if condition():
            return True
        time.sleep(left)
        return False

    return wait_until(look, seconds, meanwhile=meanwhile, slice_seconds=every) or bool(condition())


def join(thread: Any, seconds: float | None = None) -> bool:
    """Wait for the end of a thread or a process of `multiprocessing`.

    Returns:
        Whether it has ended; False where time is up.
    """

    def ended(left: float) -> bool:
        thread.join(left)
        return not thread.is_alive()

    return wait_until(ended, seconds)


def completed(futures: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """Give futures as they are done, in no order."""
    from concurrent.futures import FIRST_COMPLETED, wait

    pending = set(futures)
    while pending:
        assert may_wait(), "a wait under a lock"
        done, pending = wait(pending, SLICE_SECONDS, FIRST_COMPLETED)
        yield from done


def milliseconds(seconds: float) -> int:
    """The same time as .NET's waits take it; a moment, where it is less than one of these."""
    return max(1, int(seconds * 1000)) if seconds > 0 else 0
