"""Whose turn it is in a runspace, which runs one pipeline at a time.

Guarantee: a turn that was taken is given back, wherever a signal handler raises. CPython calls
handlers when a call returns or a function begins, so also after a lock was taken and before anybody
knows of it, and in the first moment of an ``__exit__``. Hence a caller makes its turn first, and
gives it back in a ``finally`` by assignments alone, which it does where it has it:

    turn = turns.ask()
    try:
        turns.wait(turn)
        ...
    finally:
        if turns.holder is turn:
            turns.holder = None
        turns.wake()

Rejected: a lock, which does not say whether it was taken; `contextlib.contextmanager`, whose
``__enter__`` may raise after its generator has taken the turn. And `threading.Event` and
`threading.Condition`: they are written in Python, and a handler that raises at the end of a
condition's ``__enter__`` leaves its lock taken for ever.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from ..waiting import SLICE_SECONDS, Deadline, poll_until, serve

__all__ = ["NUMBERS", "Turn", "Turns"]

# How long those who wait have to take the turn: a busy machine takes some milliseconds to wake one.
_COURTESY_SECONDS = 0.01


NUMBERS = itertools.count()


class Turn:
    """A turn that somebody wants or has.

    Attributes:
        thread: whose it is.
        caller: for whom it is asked for, a session or the work of a job; None for neither.
        number: grows from each turn and each wait to the next; see `session_waits`.
    """

    __slots__ = ("__weakref__", "caller", "number", "thread")

    def __init__(self, caller: object = None) -> None:
        self.thread = threading.current_thread()
        self.caller = caller
        self.number = next(NUMBERS)


class InTask(Protocol):
    """What a task of asyncio's goes through, on which a call goes on; see `Turns.in_tasks`."""

    @property
    def task(self) -> Any:
        """The task."""


class Turns:
    """Who has the turn.

    Attributes:
        holder: the turn of whoever has it.
        in_tasks: the streams and the input of its calls that tasks of asyncio's go through. They
            come and go in any thread, each with one call of the list's.
    """

    def __init__(self) -> None:
        self.holder: Turn | None = None
        self.in_tasks: list[InTask] = []
        self._last: int | None = None  # the ident of the thread that had it last
        self._waiting: weakref.WeakSet[Turn] = weakref.WeakSet()
        self._guard = threading.Lock()
        self._news = threading.Lock()  # free where a turn was given back and nobody has looked
        self._news.acquire()

    def is_mine(self) -> bool:
        """Whether the calling thread has taken the turn, by a call that it is still in."""
        holder = self.holder
        return holder is not None and holder.thread is threading.current_thread()

    def ask(self, caller: object = None) -> Turn:
        """Want the turn.

        Args:
            caller: for whom.

        Raises:
            RuntimeError: the calling thread has it, and would wait for itself.
        """
        if self.is_mine():
            raise _asked_in_its_midst()
        return Turn(caller)

    def check_task(self) -> None:
        """See that the running task of asyncio's may ask for the turn.

        Raises:
            RuntimeError: it is in the midst of a call, as a thread may be; see `ask`.
        """
        from asyncio import current_task

        task = current_task()
        if any(each.task is task for each in list(self.in_tasks)):
            raise _asked_in_its_midst()

    def leave_task(self, each: InTask) -> None:
        """Let a task that went through something ask again."""
        with contextlib.suppress(ValueError):  # it has been left before
            self.in_tasks.remove(each)

    def wait(
        self,
        turn: Turn,
        seconds: float | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
    ) -> bool:
        """Take the turn when it is free.

        Args:
            turn: who wants it.
            seconds: how many seconds to wait at most; None is for ever.
            meanwhile: is called ten times a second; what it raises ends the wait.

        Returns:
            Whether it was taken; False where time is up.
        """
        deadline = Deadline(seconds)
        if self._last == turn.thread.ident and self._waiting:
            self._let_another_one_have_it(deadline)
        try:
            while True:
                with self._guard:
                    if self.holder is None:
                        self.holder = turn
                        self._last = turn.thread.ident
                        return True
                if deadline.is_over:
                    return False
                self._waiting.add(turn)
                self._news.acquire(timeout=deadline.left(serve(SLICE_SECONDS)))
                if meanwhile is not None:
                    meanwhile()
        finally:
            self._waiting.discard(turn)

    def _let_another_one_have_it(self, deadline: Deadline) -> None:
        """Give those who wait the time to take it, where else one thread would always be first."""
        poll_until(
            lambda: self.holder is not None or not self._waiting,
            deadline.left(_COURTESY_SECONDS),
            every=_COURTESY_SECONDS / 50,
        )

    def wake(self) -> None:
        """Let one look who waits; what does not come to this is seen in a tenth of a second."""
        with contextlib.suppress(RuntimeError):  # nobody has looked since the last time
            self._news.release()


def _asked_in_its_midst() -> RuntimeError:
    return RuntimeError(
        "this session is asked in the midst of its own call, in the loop over its stream, by its "
        "input or by a signal handler; it would wait for itself. Ask another session, or go "
        "through a list of what the stream gives"
    )
