"""From which runspace a thread sees objects: what types they have, and where their scripts run.

Apart from `powershell_object`, since each run of a pipeline says it, and few bring such an object.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "ScriptRunner",
    "runner_of",
    "runs_scripts",
    "runspace_of_scripts",
    "runspace_seen_from",
    "seen_from",
]


class ScriptRunner(Protocol):
    """A session, to which the scripts of its objects' members belong; see ``ScriptMembers.cs``."""

    def _call_member(self, call: Any, *, bound: bool) -> None:
        """Run a ``MemberCall``, and come back when it has run.

        Args:
            call: the call.
            bound: whether PowerShell itself runs its script in this session.

        Raises:
            Exception: what ends a pipeline; what the call itself throws is in the call.
        """


class _Viewpoint(threading.local):
    runspace: Any = None
    runs_scripts = False


_viewpoint = _Viewpoint()
_runners: dict[int, weakref.ref[ScriptRunner]] = {}


@contextmanager
def seen_from(runspace: Any, *, scripts: bool = False) -> Generator[None]:
    """Let what this thread converts meanwhile have the types that a runspace knows.

    Args:
        runspace: the runspace.
        scripts: whether scripts of members run in its pipelines. Elsewhere they run in a runspace
            of nobody's: who only reads what a job has written must not wait for a session.
    """
    before = _viewpoint.runspace, _viewpoint.runs_scripts
    _viewpoint.runspace, _viewpoint.runs_scripts = runspace, scripts
    try:
        yield
    finally:
        _viewpoint.runspace, _viewpoint.runs_scripts = before


def runspace_seen_from() -> Any:
    """The runspace of `seen_from`; None outside of any."""
    return _viewpoint.runspace


def runspace_of_scripts() -> Any:
    """The runspace in whose pipelines scripts of members run; None where they run anywhere."""
    return _viewpoint.runspace if _viewpoint.runs_scripts else None


def runs_scripts(runner: ScriptRunner, runspace: Any) -> None:
    """Let a session run the scripts of its objects' members, for as long as somebody has it.

    C# asks for it where it has opened the runspace itself.
    """
    number = int(runspace.Id)
    _runners[number] = weakref.ref(runner, lambda _: _runners.pop(number, None))


def runner_of(runspace: Any) -> ScriptRunner | None:
    """The session of a runspace; None where nobody has it any more."""
    found = _runners.get(int(runspace.Id))
    return None if found is None else found()
