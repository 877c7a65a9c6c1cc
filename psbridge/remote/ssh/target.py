"""A machine that is reached over SSH."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from ..carrying import Target

if TYPE_CHECKING:
    from ..carrying import Carrier, FanOut

__all__ = ["SSH"]

# What ssh itself refuses in names that come from its command line since version 9.6: its
# configuration may put them into commands of ProxyCommand and Match, which a shell reads.
_NEVER_IN_A_HOST = frozenset("'`\"$\\;&<>|(){}")
_NEVER_IN_A_USER = frozenset("'`\";&<>|(){}")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# These decide what ssh's standard input and output are, and they are the packets' way.
_OURS = {"forkafterauthentication", "remotecommand", "requesttty", "sessiontype", "stdinnull"}


@dataclass(frozen=True)
class SSH(Target):
    """A machine that is reached over SSH, by the system's own ``ssh``.

    What the user's and the system's ``ssh_config`` say about the machine counts: aliases, jump
    hosts, keys. The machine's sshd needs a subsystem that starts PowerShell. Nothing is ever asked:
    where ssh would ask for a password or for a host's key, the session fails and says so.

    Attributes:
        host: ``"host"`` or ``"user@host"``: a name, an address, or an alias of ssh_config, spelt as
            ssh is to see it.
        name: what Get-Job and `location` call the machine; without it the address, with the port
            where one is given.
        port: the port; None is what ssh_config says, else 22.
        key_file: a private key, as ``ssh -i`` takes it. With one, no other key is tried.
        config: a file that takes the place of the user's and the system's ssh_config.
        options: options of ssh_config by name, such as ``{"ProxyJump": "gate"}``; true and false
            are ``yes`` and ``no``. Where they do not say otherwise, BatchMode is ``yes``,
            ServerAliveInterval 15, and ConnectTimeout a second less than `open_timeout`.
        subsystem: the name of the machine's subsystem.
        open_timeout: how many seconds a session may take to be open.
        executable: the program; a bare name is looked for on PATH.

    Raises:
        ValueError: a name that ssh would take for an option or that a shell could take for more
            than a name, or a setting that cannot be meant.
        TypeError: a setting is of the wrong kind.
    """

    host: str
    _: KW_ONLY
    name: str | None = None
    port: int | None = None
    key_file: str | os.PathLike[str] | None = None
    config: str | os.PathLike[str] | None = None
    options: Mapping[str, str | int | bool] = field(default_factory=dict, hash=False)
    subsystem: str = "powershell"
    open_timeout: float = 30.0
    executable: str | os.PathLike[str] = "ssh"
    user: str | None = field(init=False, repr=False, compare=False)
    address: str = field(init=False, repr=False, compare=False)
    location: str = field(init=False, repr=False, compare=False)

    transport_name = "SSH"
    # Three pipes; while ssh starts there are their other ends, and two that say how that went.
    descriptors = 8
    # Three threads, see `carrier`, and ssh.
    tasks = 4

    def __post_init__(self) -> None:
        user, address = _split(self.host)
        _check_port(self.port)
        _check_seconds(self.open_timeout)
        _check_options(self.options)
        if not self.subsystem or self.subsystem.startswith("-"):
            raise ValueError(f"{self.subsystem!r} is no subsystem: it is empty or begins with '-'")
        for name in ("subsystem", "key_file", "config", "executable"):
            if (value := getattr(self, name)) is not None:
                _check_text(name, os.fspath(value))
        # Targets on one machine, behind different ports, are to be told apart.
        shown = address
        if self.port is not None:
            shown = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        object.__setattr__(self, "options", dict(self.options))
        object.__setattr__(self, "user", user)
        object.__setattr__(self, "address", address)
        object.__setattr__(self, "location", self.name or shown)

    def carrier(self, transport: Any, fan_out: FanOut) -> Carrier:
        """Make the carrier of a session; see `Target.carrier`."""
        from .carrier import SSHCarrier

        return SSHCarrier(transport, self)


def _split(host: str) -> tuple[str | None, str]:
    """Give the user and the address of ``user@host``, as ssh takes it apart."""
    if not isinstance(host, str):
        raise TypeError(f"the host is {host!r}, which is no text")
    user, at, address = host.rpartition("@")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    problem = _problem_of(address, _NEVER_IN_A_HOST)
    if not problem and address.count(":") == 1:
        problem = "has a port in it, which is said by port="
    if problem:
        raise ValueError(f"the host {host!r} {problem}")
    if not at:
        return None, address
    if ":" in user:  # nothing of it is repeated
        raise ValueError(
            "the host has user:password@, and ssh takes no password: load a key into ssh-agent, "
            "or give key_file="
        )
    problem = _problem_of(user, _NEVER_IN_A_USER)
    if not problem and user.endswith("\\"):
        problem = "ends with a backslash"
    if problem:
        raise ValueError(f"the user of {host!r} {problem}")
    return user, address


def _problem_of(name: str, never: frozenset[str]) -> str:
    if not name:
        return "is empty"
    if name.startswith("-"):
        return "begins with '-', so ssh would take it for an option"
    for character in name:
        if character.isspace() or not character.isprintable() or character in never:
            return f"has {character!r} in it, which no such name has"
    return ""


def _check_port(port: object) -> None:
    if port is None:
        return
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"the port is {port!r}, which is no number")
    if not 1 <= port <= 65535:
        raise ValueError(f"the port is {port}, and must be from 1 to 65535")


def _check_seconds(seconds: float) -> None:
    if not (isinstance(seconds, (int, float)) and 0 < seconds < math.inf):
        raise ValueError(f"the open timeout is {seconds!r}, and must be a number above 0")


def _check_options(options: Mapping[str, object]) -> None:
    if not isinstance(options, Mapping):
        raise TypeError(f"the options are {options!r}, which is no dict")
    for name, value in options.items():
        if not (isinstance(name, str) and name.isascii() and name.isalnum()):
            raise ValueError(f"{name!r} is no name of an option of ssh_config")
        if name.lower() in _OURS:
            raise ValueError(f"the option {name} is psbridge's: ssh carries the session's packets")
        if not isinstance(value, (str, int)):
            raise TypeError(f"the option {name} is {value!r}, which is no text")
        _check_text(f"option {name}", str(value))


def _check_text(what: str, text: str) -> None:
    if not text or _CONTROL.search(text):
        raise ValueError(f"the {what} is {text!r}: empty, or with a control character in it")
