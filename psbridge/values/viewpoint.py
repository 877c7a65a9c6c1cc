"""From which runspace a thread sees objects: what types they have, and where their scripts run.

Apart from `powershell_object`, since each run of a pipeline says it, and few bring such an object.
"""

from __future__ import annotations

import functools
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "ScriptRunner",
    "place_of_scripts",
    "runner_of",
    "runs_scripts",
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


# Where the scripts of records run when these are read: the names of ``RecordScripts``.
Scripts = Literal["Here", "Session", "Nowhere"]


class _Viewpoint(threading.local):
    runspace: Any = None
    scripts: Scripts = "Here"


_viewpoint = _Viewpoint()
_runners: dict[int, weakref.ref[ScriptRunner]] = {}


@contextmanager
def seen_from(runspace: Any, *, scripts: Scripts = "Here") -> Generator[None]:
    """Let what this thread converts meanwhile have the types that a runspace knows.

    Args:
        runspace: the runspace.
        scripts: where scripts of records run. By default that is a runspace of nobody's: who only
            reads what a job has written must not wait for a session.
    """
    before = _viewpoint.runspace, _viewpoint.scripts
    _viewpoint.runspace, _viewpoint.scripts = runspace, scripts
    try:
        yield
    finally:
        _viewpoint.runspace, _viewpoint.scripts = before


def runspace_seen_from() -> Any:
    """The runspace of `seen_from`; None outside of any."""
    return _viewpoint.runspace


def place_of_scripts() -> Any:
    """Where scripts of records run, a ``RecordScripts``; see `seen_from`."""
    return _record_scripts(_viewpoint.scripts)


@functools.cache
def _record_scripts(name: Scripts) -> Any:
    from PSBridge import RecordScripts  # to ask it takes longer than to read a record

    return getattr(RecordScripts, name)


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
