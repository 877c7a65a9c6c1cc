"""Who waits for which session: pipelines of others, and the work of jobs.

Python code in a pipeline may ask another session, and code of that one the first again. Whoever is
asked so cannot take a turn: the turn is that of the pipeline which waits. The script of a member
runs in that wait, see `member_calls`; any other call would never begin, and is refused: see
`jobs.deadlocks`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from ..waiting import Noted
from .turns import NUMBERS, Turn

__all__ = [
    "and_who_waits",
    "session_here",
    "waiting_for",
    "waits_behind",
    "waits_for_this_thread",
    "who_waits_for_session",
]

# The session in whose pipeline a thread waits, or the .NET job whose work it does; and the session
# that it waits for; in the order in which the waits began.
_waits: Noted[tuple[Any, Any, int]] = Noted()


def session_here() -> Any:
    """The session in whose pipeline the calling thread is; None where it is in none."""
    from System.Management.Automation.Runspaces import Runspace

    from ..values import runner_of

    runspace = Runspace.DefaultRunspace
    return None if runspace is None else runner_of(runspace)


def waiting_for(session: Any, caller: Any) -> contextlib.AbstractContextManager[None]:
    """The calling thread asks a session for something, and waits for it.

    Args:
        session: the session.
        caller: for whom it does; None for a thread that is in no pipeline and in no job.
    """
    if caller is None:
        return contextlib.nullcontext()
    return _waits.noted((caller, session, next(NUMBERS)))


def and_who_waits(first: Any, directly: Callable[[Any], list[Any]]) -> list[Any]:
    """Something, and all who wait for it, over any number.

    Args:
        first: a session or a child job.
        directly: who waits for one, by no third one.
    """
    found = [first]
    for one in found:  # which grows meanwhile
        found += [each for each in directly(one) if each not in found]
    return found


def who_waits_for_session(session: Any) -> list[Any]:
    """The sessions and child jobs that wait for a session, by no third one."""
    return [waiting for waiting, asked, _ in _waits if asked is session]


def waits_for_this_thread(session: Any) -> bool:
    """Whether a session's pipeline waits for the pipeline on this thread, over any number."""
    return session in _waiting_for_this_thread()[1:]


def waits_behind(turn: Turn) -> bool:
    """Whether who has a turn waits for what this thread does, and goes on behind that.

    Its pipeline may wait for this thread in a call further below, and do something else by now.
    """
    if turn.thread is threading.current_thread():
        return True
    found = _waiting_for_this_thread()
    return any(
        waiting is turn.caller and asked in found and number > turn.number
        for waiting, asked, number in _waits
    )


def _waiting_for_this_thread() -> list[Any]:
    """The session of the pipeline on this thread, and those whose pipelines wait for that."""
    here = session_here()
    return [] if here is None else and_who_waits(here, who_waits_for_session)
