"""Fixtures for the tests that need the server; a conftest imports them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import realm as kerberos

from psbridge.engine.homes import read_home
from psbridge.engine.icu import decide_globalization

from .server import Machine, WinRMServer

USER, PASSWORD = "ops", "open sesame 1"
ALICE, BOB = "a pass 1", "b pass 1"  # passwords in the realm


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
def started_realm(
    winrm_server: WinRMServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[kerberos.Realm]:
    """A realm in which the server is, with the users alice and bob."""
    if reason := kerberos.why_not():
        pytest.skip(reason)
    with kerberos.Realm(tmp_path_factory.mktemp("realm")) as started:
        started.add_users(alice=ALICE, bob=BOB)
        started.add_services("HTTP/localhost", "HTTP/web.psbridge.test", "WSMAN/localhost")
        winrm_server.join(started.environment)
        yield started


@pytest.fixture
def realm(started_realm: kerberos.Realm, monkeypatch: pytest.MonkeyPatch) -> kerberos.Realm:
    """The realm, for this process, too; without tickets until `kinit`."""
    for name, value in started_realm.environment.items():
        monkeypatch.setenv(name, value)
    started_realm.forget_tickets()
    return started_realm
