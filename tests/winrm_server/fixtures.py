"""Fixtures for the tests that need the server; a conftest imports them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sshd import SshServers, why_not

from psbridge.engine.homes import read_home
from psbridge.engine.icu import decide_globalization

from .server import Machine, WinRMServer

USER, PASSWORD = "ops", "open sesame 1"


@pytest.fixture(scope="session")
def winrm_server(engine_home: Path) -> Iterator[WinRMServer]:
    """One server for all tests of this process."""
    decide_globalization()  # the engines behind it inherit what they need
    with WinRMServer(read_home(engine_home, "the tests").executable) as server:
        yield server


@pytest.fixture
def machine(winrm_server: WinRMServer) -> Iterator[Machine]:
    """The server's first machine, as new, with the account `USER`."""
    winrm_server.users = {USER: PASSWORD}
    winrm_server.forget_attempts()
    yield winrm_server.machine
    winrm_server.machine.reset()
    assert winrm_server.log() == ""


@pytest.fixture(scope="session")
def sshd(engine_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServers]:
    """OpenSSH servers on loopback, each started when it is first asked for."""
    if reason := why_not():
        pytest.skip(reason)
    decide_globalization()
    pwsh = read_home(engine_home, "the tests").executable
    with SshServers(tmp_path_factory.mktemp("ssh"), pwsh) as servers:
        yield servers
