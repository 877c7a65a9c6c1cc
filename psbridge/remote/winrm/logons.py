"""Who may try to log on: a wrong password must not lock an account.

Guarantees, for the machines of one job or call:

- one try a machine: a machine that has refused an account does not hear of it again;
- after so many refusals of one account nobody tries it any more;
- so many tries at most are under way before the account is known to be right: those that find out
  go first, the others wait. A machine that does not answer holds the others up for two seconds.

Two targets with one name have one account in common, whatever the passwords: the domain counts
so, too.
"""

from __future__ import annotations

import time
from collections.abc import Hashable

from ..carrying import FanOut
from .line import Line
from .reasons import Reasons

__all__ = ["Logons", "logons_of"]

_PATIENCE = 2.0  # seconds
_LOOK = 0.1


def logons_of(fan_out: FanOut) -> Logons:
    """What the connections of a fan-out know of each other's logons."""
    with fan_out.lock:
        found = fan_out.kept.setdefault("WinRM logons", Logons(fan_out))
    assert isinstance(found, Logons)
    return found


class Logons:
    """The logons of a fan-out.

    Attributes:
        chosen: how a target with ``negotiate`` authenticates, once that is decided.
    """

    def __init__(self, fan_out: FanOut) -> None:
        self.chosen: dict[Hashable, str] = {}
        self._refusals, self._changed = fan_out.refusals, fan_out.changed
        self._refused: set[tuple[Hashable, str]] = set()
        self._proven: set[str] = set()
        self._trying: dict[str, list[float]] = {}

    def begin(
        self, machine: Hashable, account: str, most: int | None, line: Line, reasons: Reasons
    ) -> float:
        """Wait for leave to try an account on a machine.

        Args:
            machine: the machine.
            account: the account.
            most: after how many refusals nobody tries; None is never.
            line: where the waiting ends when time is up.
            reasons: of the connection.

        Returns:
            The try, for `end`.

        Raises:
            RequestError: it is not to be tried.
        """
        with self._changed:
            while True:
                if (machine, account) in self._refused:
                    raise reasons.refused_before()
                if most is None or account in self._proven:
                    break
                refusals = self._refusals.get(account, 0)
                if refusals >= most:
                    raise reasons.untried(refusals)
                since = time.monotonic() - _PATIENCE
                young = [began for began in self._trying.get(account, []) if began > since]
                if len(young) + refusals < most:
                    break
                # Nobody tells of the end of the line.
                self._changed.wait(min(line.left(), _LOOK, max(young[0] - since, 0.01)))
            began = time.monotonic()
            self._trying.setdefault(account, []).append(began)
            return began

    def end(self, machine: Hashable, account: str, began: float, right: bool | None) -> None:
        """Say what came of a try.

        Args:
            machine: the machine.
            account: the account.
            began: what `begin` gave.
            right: whether the machine let the account in; None where it said nothing.
        """
        with self._changed:
            self._trying[account].remove(began)
            if right:
                self._proven.add(account)
            elif right is False:
                self._refused.add((machine, account))
                self._refusals[account] = self._refusals.get(account, 0) + 1
            self._changed.notify_all()
