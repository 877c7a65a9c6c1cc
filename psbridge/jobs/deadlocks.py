"""Whether a session waits for whom it is asked by, over any number of sessions and jobs.

Pipelines and the work of jobs wait for sessions and for jobs. Where that leads in a circle nobody
would ever end. Whoever waits for a session's turn looks for that, and is told.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ..session.owned_runspace import OwnedRunspace, open_runspaces
from ..session.session_waits import and_who_waits, session_here, who_waits_for_session
from .work import child_at_work
from .work_waits import note_wait, who_waits_for_job

if TYPE_CHECKING:
    from .session import JobSession

__all__ = ["awaiting", "caller", "deadlock"]


def awaiting(job: Any) -> contextlib.AbstractContextManager[None]:
    """The calling thread waits for a .NET job without an end."""
    waiting = {caller(), *(each for each in open_runspaces() if each._turns.is_mine())}
    return note_wait([each for each in waiting if each is not None], job)


def caller() -> Any:
    """The child job whose work the calling thread does, or the session whose pipeline; or None."""
    child = child_at_work()
    return session_here() if child is None else child


def deadlock(session: JobSession, *, serves: bool) -> str | None:
    """What is said of a wait for a session that would never end; None of any other.

    Args:
        session: the session.
        serves: see `RunningRunspace._refusing_deadlock`.
    """
    asker = caller()
    if asker is None:
        return None
    found = and_who_waits(asker, lambda one: _who_waits_for(one, session, serves))
    holder = None if serves else session._turns.holder
    if session not in found[1:] and (holder is None or holder.caller not in found[1:]):
        return None
    if isinstance(asker, OwnedRunspace):
        return (
            "this session is asked by code of another one, which it waits for: neither would ever "
            "end. Ask a Session that is free, or give that code what it needs when it is called"
        )
    return (
        "this job asks its session for something, and the session waits for this job: neither "
        "would ever end. Open a Session of the job's own, or ask before the job starts and give "
        "it what it needs"
    )


def _who_waits_for(one: Any, asked: JobSession, serves: bool) -> list[Any]:
    """The sessions and child jobs that wait for a session or a child job, by no third one."""
    commands: list[Any] = []
    if isinstance(one, OwnedRunspace):
        code = [*who_waits_for_session(one), *_in_one_hand(one)]
    else:
        code = who_waits_for_job(one)
        commands = [each for each in open_runspaces() if _has_command_waiting_for(each, one)]
    return [*(each for each in code if not (serves and each is asked)), *commands]


def _in_one_hand(session: OwnedRunspace) -> list[Any]:
    """The sessions whose turn a thread has that has the session's, too, and waits for its code."""
    holder = session._turns.holder
    if holder is None:
        return []
    others = [(each, each._turns.holder) for each in open_runspaces() if each is not session]
    return [each for each, its in others if its is not None and its.thread is holder.thread]


def _has_command_waiting_for(session: Any, child: Any) -> bool:
    from PSBridge import JobsWaitedFor

    return bool(JobsWaitedFor.InSession(session.jobs.net, child))
