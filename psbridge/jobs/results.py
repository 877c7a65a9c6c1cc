"""The results of jobs that have ended, which can be asked for again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.forking import in_forked_child
from ..waiting import guard

if TYPE_CHECKING:
    from ..session.result import Result
    from ..session.session import RunspaceSession

__all__ = ["forget_result", "result_of"]


class _Results:
    """The results that one session's jobs have given, while the jobs are in its repository."""

    def __init__(self) -> None:
        self.by_id: dict[str, tuple[Any, Result]] = {}
        self.sweep_at = 64

    def sweep(self) -> None:
        # Rarely enough that a thousand jobs do not cost a million looks.
        self.by_id = {key: kept for key, kept in self.by_id.items() if not _is_removed(kept[0])}
        self.sweep_at = 64 + 2 * len(self.by_id)


_lock = guard()
_by_session: weakref.WeakKeyDictionary[RunspaceSession, _Results] = weakref.WeakKeyDictionary()


def result_of(job: Any, session: RunspaceSession, read: Callable[[], Result]) -> Result:
    """What a job has written, as it was when it was asked for first.

    Args:
        job: a .NET job that has ended.
        session: its session.
        read: takes it from the job; is called once for each job.
    """
    # Read under the lock: of two threads that ask, the second one would find nothing.
    with _lock:
        results = _by_session.setdefault(session, _Results())
        key = str(job.InstanceId)
        if key not in results.by_id:
            if len(results.by_id) >= results.sweep_at:
                results.sweep()
            results.by_id[key] = (job, read())
        return results.by_id[key][1]


def forget_result(job: Any, session: RunspaceSession) -> Result | None:
    """Let go of the result of a job that is removed, and give it where there is one."""
    with _lock:
        results = _by_session.get(session)
        kept = None if results is None else results.by_id.pop(str(job.InstanceId), None)
    return None if kept is None else kept[1]


def _is_removed(job: Any) -> bool:
    from PSBridge import JobRecords

    return bool(JobRecords.IsGone(job))


def _forget_in_forked_child() -> None:
    global _lock
    _lock = guard()
    _by_session.clear()


in_forked_child(_forget_in_forked_child)
