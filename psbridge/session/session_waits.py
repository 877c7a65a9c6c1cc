"""Which session's pipeline waits for which session.

Python code in a pipeline may ask another session, and code of that one the first again. Whoever is
asked so cannot take a turn: the turn is that of the pipeline which waits. The script of a member
runs in that wait, see `member_calls`; any other call would never begin, and is refused.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["refuse_circle", "session_here", "waiting_for", "waits_for_this_thread"]

# The session in whose pipeline a thread waits, and the session that it waits for.
_waits: list[tuple[Any, Any]] = []
_guard = threading.Lock()


def session_here() -> Any:
    """The session in whose pipeline the calling thread is; None where it is in none."""
    from System.Management.Automation.Runspaces import Runspace

    from ..values import runner_of

    runspace = Runspace.DefaultRunspace
    return None if runspace is None else runner_of(runspace)


@contextlib.contextmanager
def waiting_for(session: Any) -> Iterator[None]:
    """The calling thread asks a session for something, and waits for it."""
    here = session_here()
    if here is None:
        yield
        return
    wait = here, session
    try:
        with _guard:  # in the block: a hook's thread may be interrupted anywhere
            _waits.append(wait)
        yield
    finally:
        with _guard:
            # By itself: the same may wait for the same several times, one inside of the other.
            _waits[:] = [each for each in _waits if each is not wait]


def waits_for_this_thread(session: Any) -> bool:
    """Whether a session's pipeline waits for what the calling thread does, over any number."""
    here = session_here()
    if here is None:
        return False
    found = [here]
    for one in found:  # which grows meanwhile
        for waiting, asked in list(_waits):
            if asked is one and waiting not in found:
                found.append(waiting)
    return session in found[1:]


def refuse_circle(session: Any) -> None:
    """Refuse to wait for a session's turn that waits for the calling thread.

    Raises:
        RuntimeError: it does.
    """
    if waits_for_this_thread(session):
        raise RuntimeError(
            "this session is asked by code of another one, which it waits for: neither would ever "
            "end. Ask a Session that is free, or give that code what it needs when it is called"
        )
