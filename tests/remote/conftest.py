"""Machines for the tests of remote jobs: a WinRM server and an sshd, with the engine's own pwsh."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from ssh_server import MISSING, Sshd

from psbridge import WinRM
from psbridge.engine.homes import read_home
from psbridge.remote.carrying import Target
from tests.winrm_server.fixtures import PASSWORD, USER, winrm_server
from tests.winrm_server.fixtures import machine as winrm_machine
from tests.winrm_server.server import Machine as WinRMMachine

__all__ = ["winrm_machine", "winrm_server"]


class Machine(Protocol):
    """A machine that sessions can be opened with, and what they have started there and here.

    Attributes:
        hears_of_a_kill: whether it ends a session whose program was killed. Over WinRM nothing
            tells of that: the shell goes when nobody has asked for it for a while.
    """

    hears_of_a_kill: bool

    def target(self, **settings: Any) -> Any:
        """A way to it."""

    def mute(self, **settings: Any) -> Any:
        """A way to it on which it is reached and says nothing."""

    def code(self, target: Any) -> str:
        """Python code that makes such a way, for a program; see `test_exit`."""

    def far_processes(self) -> list[int]:
        """The processes of its sessions."""

    def lines(self) -> int:
        """How many ways to it are open, or being opened."""

    def account(self) -> str:
        """What it has seen lately, for a test that fails."""


class ByWinRM:
    """The machine of the WinRM server, with NTLM."""

    hears_of_a_kill = False

    def __init__(self, machine: WinRMMachine) -> None:
        self._machine = machine

    def target(self, **settings: Any) -> WinRM:
        """See `Machine`."""
        given = {"port": self._machine.port, "auth": "ntlm", "username": USER, **settings}
        return WinRM(self._machine.host, password=PASSWORD, **given)

    def mute(self, **settings: Any) -> WinRM:
        """See `Machine`: the machine makes a shell, of which nothing is ever heard."""
        self._machine.configure(unknown_configuration="silent")
        return self.target(configuration="mute", **settings)

    def code(self, target: WinRM) -> str:
        """See `Machine`."""
        return (
            f"WinRM({target.host!r}, port={target.port}, auth='ntlm', username={USER!r}, "
            f"password={PASSWORD!r}, configuration={target.configuration!r}, "
            f"open_timeout={target.open_timeout})"
        )

    def far_processes(self) -> list[int]:
        """See `Machine`."""
        return [pid for shell in self._machine.shells for pid in shell["processes"]]

    def lines(self) -> int:
        """See `Machine`."""
        return int(self._machine.state()["connections"])

    def account(self) -> str:
        """See `Machine`."""
        now = time.monotonic()
        lines = [f"shells: {self._machine.shells}"]
        for one in self._machine.requests(bodies=False):
            answered = "never" if one.answered is None else f"{now - one.answered:.2f}"
            lines.append(
                f"{now - one.time:.2f} s ago, answered {answered}: {one.connection} {one.action} "
                f"{one.status} of {one.shell} {one.command or ''}"
            )
        return "\n".join(lines)


@pytest.fixture(scope="session")
def pwsh(engine_home: Path) -> Path:
    """The engine's program."""
    return read_home(engine_home, "the tests").executable


@pytest.fixture(scope="session")
def sshd(pwsh: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd, with subsystems that are noisy, wrong, silent or missing."""
    if MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("sshd")

    def script(name: str, text: str) -> str:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    start = f"exec {pwsh} -sshs -NoLogo -NoProfile"
    subsystems = {
        # What a login script may print: lines, what looks like a packet, text without an end.
        "noisy": script("noisy", f"echo hello; echo; echo '<Data>'; printf 'no end'\n{start}"),
        "wrong": script("wrong", "echo Welcome to the wrong program; exit 3"),
        "mute": script("mute", "while read line; do :; done"),
        "missing": "/nowhere/pwsh",
    }
    with Sshd(folder, pwsh, subsystems) as running:
        yield running


@pytest.fixture(params=["winrm", "ssh"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """A machine, reached in each way that there is."""
    if request.param == "winrm":
        return ByWinRM(request.getfixturevalue("winrm_machine"))
    sshd: Sshd = request.getfixturevalue("sshd")
    return sshd


@pytest.fixture
def target(machine: Machine) -> Target:
    """A way to a machine."""
    made: Target = machine.target()
    return made
