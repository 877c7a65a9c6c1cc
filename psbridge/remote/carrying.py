"""Carriers: what brings the packets of a session to another machine and back.

The engine's side is `RemoteTransport` in C#. It makes a carrier for each session and tells it once
when the session is over, however it came to that: closed, failed, given up, out of time.

Guarantees:

- No exception crosses to .NET: what goes wrong in a carrier is the reason of its session.
- A carrier that has begun is known until it has finished, so that the end of the program can wait
  for what it still has to do: delete a shell, end a process.
- .NET calls Python here only through `PSBridge.Border`, on a thread of the pool that holds no lock.
"""

from __future__ import annotations

import atexit
import math
import threading
from abc import ABC, abstractmethod
from typing import Any

from ..engine.forking import in_forked_child
from ..session.owned_runspace import close_all
from ..waiting import SLICE_SECONDS
from .terminating import Patience, end_in_order

__all__ = ["Carrier", "Target", "connection_to"]

# How long the end of the program waits for carriers that still clean up, from when one of their
# machines was last heard on, and how long at most. A limit of what is promised: a machine that
# answers later than this, above all one that has not answered a WinRM Create yet, may keep its
# shell, which then goes by its idle timeout (see `winrm.carrier`).
_EXIT_SECONDS = 5.0
_LONGEST_EXIT_SECONDS = 10.0

_running: set[Carrier] = set()
_lock = threading.RLock()
_changed = threading.Condition(_lock)
_at_exit_registered = False


class Carrier(ABC):
    """Brings the packets of one session to a machine and back, on threads of its own."""

    def __init__(self, transport: Any) -> None:
        """Make a carrier; nothing runs yet.

        Args:
            transport: the ``PSBridge.Remote.RemoteTransport`` of the session.
        """
        self.transport = transport
        self.cleans_up = False  # whether its session is over

    @abstractmethod
    def begin(self) -> None:
        """Start to carry; must come back at once."""

    @abstractmethod
    def end(self) -> None:
        """The session is over: stop what waits, clean up the far side, then call `finished`.

        Called once, on a thread that may be kept for a while; `begin` may not have come back yet.
        """

    def give_up(self) -> None:
        """End by force what is left here: the program ends, and its time is up.

        It takes a second at most. Nothing is left where a carrier has no processes.
        """
        return

    def silence(self) -> float:
        """For how many seconds nothing was heard from the machine; infinite if unknown."""
        return math.inf

    def finished(self) -> None:
        """Say that nothing of this carrier runs any more, here or on the other machine."""
        with _lock:
            _running.discard(self)
            _changed.notify_all()

    def fail(self, message: str, code: int = 0) -> None:
        """Let the session fail.

        Args:
            message: the reason: machine and address, what happened, what to try.
            code: Windows' code of the error, by which PowerShell names it; 0 where there is none.
        """
        # Codes such as 0x80338... are given as they are printed, and .NET's are signed.
        self.transport.Fail(message, (code + 2**31) % 2**32 - 2**31, None)


class Target(ABC):
    """A machine and how to get there: a `WinRM` or an `SSH`.

    Attributes:
        location: what Get-Job calls the machine, and its children's `location`.
        transport_name: the name of the carrier, which Get-PSSession shows.
        open_timeout: how many seconds a session may take to be open.
        descriptors: how many file descriptors of this process a session takes at most.
        tasks: how many threads of this process and processes a session takes at most.
    """

    location: str
    transport_name: str
    open_timeout: float
    descriptors: int
    tasks: int

    @abstractmethod
    def carrier(self, transport: Any, fan_out: FanOut) -> Carrier:
        """Make the carrier of a session.

        Args:
            transport: its ``RemoteTransport``.
            fan_out: what the sessions that are opened together have in common.
        """


class FanOut:
    """What the sessions of one job, or of one call, have in common.

    Attributes:
        refusals: how often each account was refused, by a key of the carrier's.
        kept: what else a carrier's sessions know of each other, by a key of the carrier's.
        lock: to be held where those are read and changed.
        changed: to wait for changes with; its lock is `lock`.
    """

    def __init__(self) -> None:
        self.refusals: dict[object, int] = {}
        self.kept: dict[object, Any] = {}
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)


def connection_to(target: Target, fan_out: FanOut, *, deadline: float | None = None) -> Any:
    """Make the engine's connection for one session with a machine.

    Args:
        target: the machine.
        fan_out: what it has in common with others.
        deadline: how many seconds the session may last; None is for ever.

    Returns:
        A ``PSBridge.Remote.RemoteConnectionInfo``.
    """
    from PSBridge.Remote import RemoteConnectionInfo, RemoteTransport
    from System import Action

    from ..values import net_text

    end_in_order(_finish_all, _silence)

    def open_session(transport: Any) -> None:
        try:
            carrier = target.carrier(transport, fan_out)
            _begin(carrier)
        except BaseException as error:
            transport.Fail(f"{target.location}: {error}", 0, None)

    return RemoteConnectionInfo(
        net_text(target.location),
        target.transport_name,
        Action[RemoteTransport](open_session),
        _milliseconds(target.open_timeout),
        _milliseconds(deadline),
    )


def _begin(carrier: Carrier) -> None:
    global _at_exit_registered
    from System import Action

    def end() -> None:
        carrier.cleans_up = True
        try:
            carrier.end()
        except BaseException as error:
            carrier.finished()
            carrier.fail(str(error))

    with _lock:
        _running.add(carrier)
        if not _at_exit_registered:
            _at_exit_registered = True
            atexit.register(_finish_all)
    carrier.transport.WhenOver(Action(end))
    carrier.begin()


def _finish_all() -> None:
    """At exit: close the sessions, and wait until their carriers have cleaned up."""
    patience = Patience(_EXIT_SECONDS, _LONGEST_EXIT_SECONDS, _silence)
    close_all()
    with _lock:
        while _running and not patience.is_over:
            _changed.wait(SLICE_SECONDS)
        unfinished = list(_running)
    for carrier in unfinished:
        carrier.give_up()


def _silence() -> float:
    """For how many seconds nothing was heard from any of the machines that are cleaned up."""
    with _lock:
        return min((one.silence() for one in _running if one.cleans_up), default=math.inf)


def _forget_in_forked_child() -> None:
    """The carriers are the parent's, and so is whoever holds the lock."""
    global _changed, _lock
    _lock = threading.RLock()
    _changed = threading.Condition(_lock)
    _running.clear()


in_forked_child(_forget_in_forked_child)


def _milliseconds(seconds: float | None) -> int:
    if seconds is None:
        return 0
    return max(1, int(min(seconds * 1000, 2**31 - 1)))
