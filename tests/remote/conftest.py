"""Machines for the tests of remote jobs: sshds on loopback with the engine's own pwsh."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from ssh_server import MISSING, Sshd

from psbridge.engine.homes import read_home
from psbridge.remote.carrying import Target
from tests.winrm_server.fixtures import machine as winrm_machine
from tests.winrm_server.fixtures import winrm_server

__all__ = ["winrm_machine", "winrm_server"]

Until = Callable[..., None]


class Machine(Protocol):
    """A machine that sessions can be opened with, and what they have started there and here."""

    def target(self, **settings: Any) -> Target:
        """A way to it."""

    def code(self, **settings: Any) -> str:
        """Python code that makes a way to it, for a program; see `test_exit`."""

    def far_processes(self) -> list[int]:
        """The processes of its sessions."""

    def near_processes(self) -> list[int]:
        """The processes of this machine that sessions with it have started."""


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


@pytest.fixture(params=["ssh"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """A machine, reached in each way that there is."""
    found: Machine = request.getfixturevalue({"ssh": "sshd"}[request.param])
    return found


@pytest.fixture
def target(machine: Machine) -> Target:
    """A way to a machine."""
    return machine.target()


@pytest.fixture
def until() -> Until:
    """Wait until something is true, and fail where that takes too long."""

    def wait(condition: Callable[[], Any], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.01)

    return wait
