"""From which runspace a thread sees objects, which decides what types they have.

Apart from `powershell_object`, since each run of a pipeline says it, and few bring such an object.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["runspace_seen_from", "seen_from"]


class _Viewpoint(threading.local):
    runspace: Any = None


_viewpoint = _Viewpoint()


@contextmanager
def seen_from(runspace: Any) -> Generator[None]:
    """Let what this thread converts meanwhile have the types that a runspace knows."""
    before, _viewpoint.runspace = _viewpoint.runspace, runspace
    try:
        yield
    finally:
        _viewpoint.runspace = before


def runspace_seen_from() -> Any:
    """The runspace of `seen_from`; None outside of any."""
    return _viewpoint.runspace
