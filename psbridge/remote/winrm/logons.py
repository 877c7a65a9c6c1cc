"""Who may try to log on: a wrong password must not lock an account.

An account here is a name with its password: what was refused with one password says nothing of
another. Guarantees, for the machines of one job or call:

- one try a machine: a machine that has refused an account does not hear of it again;
- after so many refusals of one account nobody tries it any more;
- so many tries at most are under way before the account is known to be right: those that find out
  go first, the others wait. A machine that does not answer holds the others up for two seconds.
- a session that its machine has let in is not kept from a new connection by any of this. Where that
  one is refused, since the password was changed meanwhile, the session tries no other.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING

from ..carrying import FanOut
from .line import Line
from .reasons import Reasons
from .secrets import revealed

if TYPE_CHECKING:
    from .target import WinRM

__all__ = ["Admission", "Logons", "account_of", "logons_of"]

_PATIENCE = 2.0  # seconds
_LOOK = 0.1


# So that what is kept of a password cannot be tried out, nor compared with another process's.
_KEY = secrets.token_bytes(32)


class Admission:
    """What the connections of one session know of its machine.

    Attributes:
        let_in: whether the machine has let one of them in.
        shut_out: whether it has refused one since.
    """

    def __init__(self) -> None:
        self.let_in = self.shut_out = False


def account_of(target: WinRM) -> Hashable:
    """What stands for the account of a target and its password; tells neither."""
    password = revealed(target.password)
    name = (target.username or "").casefold()
    # A length between them, so that no two pairs are one text.
    text = f"{len(name)}:{name}{'-' if password is None else f'+{password}'}"
    return hmac.new(_KEY, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


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
        self._refused: set[tuple[Hashable, Hashable]] = set()
        self._proven: set[Hashable] = set()
        self._trying: dict[Hashable, list[float]] = {}

    def begin(
        self,
        machine: Hashable,
        account: Hashable,
        most: int | None,
        line: Line,
        reasons: Reasons,
        admission: Admission,
    ) -> float:
        """Wait for leave to try an account on a machine.

        Args:
            machine: the machine.
            account: the account, as `account_of` gives it.
            most: after how many refusals nobody tries; None is never.
            line: where the waiting ends when time is up.
            reasons: of the connection.
            admission: of its session.

        Returns:
            The try, for `end`.

        Raises:
            RequestError: it is not to be tried.
        """
        with self._changed:
            while True:
                if admission.shut_out:
                    raise reasons.refused_before()
                if admission.let_in:
                    break
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

    def end(
        self,
        machine: Hashable,
        account: Hashable,
        began: float,
        right: bool | None,
        admission: Admission,
    ) -> None:
        """Say what came of a try.

        Args:
            machine: the machine.
            account: the account.
            began: what `begin` gave.
            right: whether the machine let the account in; None where it said nothing.
            admission: of its session.
        """
        with self._changed:
            self._trying[account].remove(began)
            if right:
                admission.let_in = True
                self._proven.add(account)
            elif right is False:
                admission.shut_out = admission.let_in
                self._refused.add((machine, account))
                self._refusals[account] = self._refusals.get(account, 0) + 1
            self._changed.notify_all()
