"""One line to an endpoint, against the test server."""

from __future__ import annotations

import http.cookiejar
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from psbridge.remote.carrying import FanOut
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.target import WinRM
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
CMD = SHELL + "/cmd"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"

Connect = Callable[..., Connection]


@pytest.fixture
def connect(machine: Machine) -> Iterator[Connect]:
    """Makes connections to the machine, and closes them."""
    made: list[Connection] = []

    def make(auth: str = "basic", fan_out: FanOut | None = None, **settings: Any) -> Connection:
        if auth == "basic" and settings.get("scheme") != "https":
            settings.setdefault("allow_unencrypted", True)
        port = machine.https_port if settings.get("scheme") == "https" else machine.port
        settings = {"username": USER, "password": PASSWORD, "port": port, **settings}
        target = WinRM(machine.host, auth=auth, **settings)  # type: ignore[arg-type]
        made.append(Connection(target, http.cookiejar.CookieJar(), fan_out or FanOut()))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


def create(connection: Connection) -> dict[str, Any]:
    """The request for a plain shell."""
    envelope = connection.header(TRANSFER + "/Create", CMD)
    envelope["env:Body"] = {
        "rsp:Shell": {"rsp:InputStreams": "stdin", "rsp:OutputStreams": "stdout stderr"}
    }
    return {"env:Envelope": envelope}


def opened(connection: Connection) -> str:
    """Open a plain shell; its id."""
    answer = connection.send(create(connection), answer_within=10)
    return next(one.text or "" for one in answer.iter() if one.get("Name") == "ShellId")


def delete(connection: Connection, shell: str) -> None:
    """Remove it."""
    envelope = connection.header(TRANSFER + "/Delete", CMD, shell)
    envelope["env:Body"] = {}
    connection.send({"env:Envelope": envelope}, answer_within=10)


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_is_answered(
    connect: Connect, machine: Machine, winrm_server: WinRMServer, auth: str, scheme: str
) -> None:
    settings = {} if scheme == "http" else {"ca": winrm_server.authority}
    connection = connect(auth, scheme=scheme, **settings)
    assert connection.authenticated_with == ""
    shell = opened(connection)
    assert connection.authenticated_with == auth
    delete(connection, shell)
    machine.wait_until(shells=0)
    sealed = [one.encrypted for one in machine.requests() if one.envelope]
    assert sealed == [auth != "basic" and scheme == "http"] * 2
