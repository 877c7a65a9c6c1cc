"""The test server for the tests of the WinRM carrier, targets, lines, and what holds after them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conditions import until

from psbridge.remote.carrying import FanOut
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.cookies import ShellCookies
from psbridge.remote.winrm.target import Auth, WinRM
from tests.winrm_server.fixtures import (
    PASSWORD,
    USER,
    machine,
    realm,
    started_realm,
    winrm_server,
)
from tests.winrm_server.server import Machine, WinRMServer

__all__ = ["machine", "realm", "started_realm", "winrm_server"]


@pytest.fixture
def target(machine: Machine, winrm_server: WinRMServer) -> Callable[..., WinRM]:
    """Makes targets for the machine, with its account."""

    def make(auth: Auth = "basic", scheme: str = "http", **settings: Any) -> WinRM:
        if auth == "basic" and scheme == "http":
            settings.setdefault("allow_unencrypted", True)
        if scheme == "https":
            settings.setdefault("ca", winrm_server.authority)
            if settings.get("verify") is False:
                del settings["ca"]
        if auth not in ("kerberos", "certificate"):
            settings = {"username": USER, "password": PASSWORD, **settings}
        settings.setdefault("port", machine.https_port if scheme == "https" else machine.port)
        host = settings.pop("host", machine.host)
        return WinRM(host, auth=auth, scheme=scheme, **settings)

    return make


@pytest.fixture
def connect(target: Callable[..., WinRM]) -> Iterator[Callable[..., Connection]]:
    """Makes connections to the machine, and closes them."""
    made: list[Connection] = []

    def make(
        auth: str = "basic",
        scheme: str = "http",
        *,
        to: WinRM | None = None,
        cookies: ShellCookies | None = None,
        fan_out: FanOut | None = None,
        **settings: Any,
    ) -> Connection:
        to = to or target(auth, scheme, **settings)
        made.append(
            Connection(
                to,
                ShellCookies() if cookies is None else cookies,
                fan_out or FanOut(),
            )
        )
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def at(target: Callable[..., WinRM]) -> Callable[..., WinRM]:
    """Makes targets of the machine, or of another one."""

    def make(other: Machine | None = None, **settings: Any) -> WinRM:
        there = {} if other is None else {"host": other.host, "port": other.port}
        return target(**there, **settings)

    return make


@pytest.fixture
def nothing_is_left(machine: Machine) -> Iterator[None]:
    """After the test and its sessions no shell, no process and no thread is there any more."""
    before = set(threading.enumerate())
    yield
    machine.wait_until(shells=0, processes=0, timeout=15)

    def left() -> set[threading.Thread]:
        # One that is about to start is among them, and cannot be joined.
        now = threading.enumerate()
        return {one for one in now if one.name.startswith("psbridge")} - before

    until(lambda: not left(), 15)
