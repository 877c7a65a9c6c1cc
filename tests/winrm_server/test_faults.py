"""What can be made to go wrong, as a client sees it."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import winrm
from winrm.exceptions import (
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)

from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine

CASES = Path(__file__).parents[1] / "remote" / "cases"

Open = Callable[..., winrm.protocol.Protocol]


@pytest.fixture
def connect(machine: Machine) -> Iterator[Open]:
    """Protocols of pywinrm to the machine, closed at the end."""
    made = []

    def make(transport: Any = "basic", **options: Any) -> winrm.protocol.Protocol:
        protocol = winrm.protocol.Protocol(
            machine.url,
            transport=transport,
            username=USER,
            password=PASSWORD,
            proxy=None,
            ca_trust_path=None,  # type: ignore[arg-type]  # which it takes
            **{"operation_timeout_sec": 5, "read_timeout_sec": 10, **options},
        )
        made.append(protocol)
        return protocol

    yield make
    for protocol in made:
        protocol.transport.close_session()


def test_a_delay_and_a_late_answer(machine: Machine) -> None:
    delay = machine.inject(faults.delay(0.3), on="Create", numbers=[1])
    late = machine.inject(faults.late(0.3), on="Create", numbers=[2])
    with socket.create_connection((machine.host, machine.port), 10) as sock:
        sock.sendall(head(CREATE) + CREATE)
        delay.wait()
        assert machine.shells == []
        read_answer(sock)
        machine.wait_until(shells=1)
        begun = time.monotonic()
        sock.sendall(head(CREATE) + CREATE)
        late.wait()
        machine.wait_until(shells=2)
        read_answer(sock)
        assert time.monotonic() - begun >= 0.3


def test_an_answer_that_drips(machine: Machine) -> None:
    machine.inject(faults.drip(0.05), on="Create", first=1)
    with socket.create_connection((machine.host, machine.port), 10) as sock:
        begun = time.monotonic()
        sock.sendall(head(CREATE) + CREATE)
        data = b""
        while len(data) < 8:
            data += sock.recv(8 - len(data))
        assert data == b"HTTP/1.1"
        assert time.monotonic() - begun >= 7 * 0.05
        machine.wait_until(shells=1)


@pytest.mark.parametrize("after", [0, 20])
def test_an_answer_that_is_cut(machine: Machine, after: int) -> None:
    machine.inject(faults.cut(after), on="Create", numbers=[1])
    machine.inject(faults.cut(after, reset=True), on="Create", numbers=[2])
    with socket.create_connection((machine.host, machine.port), 10) as sock:
        sock.sendall(head(CREATE) + CREATE)
        assert read_all(sock) == b"HTTP/1.1 200 OK\r\nContent-Type"[:after]
    machine.wait_until(shells=1)
    with socket.create_connection((machine.host, machine.port), 10) as sock:
        sock.sendall(head(CREATE) + CREATE)
        with pytest.raises(ConnectionResetError):
            read_all(sock)
    machine.wait_until(shells=2, connections=0)


def test_a_request_that_is_dropped_is_not_done(machine: Machine, connect: Open) -> None:
    machine.inject(faults.drop(), on="Create", first=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        connect().open_shell()
    assert machine.actions() == ["Create"]
    assert machine.shells == []


def test_a_request_that_is_never_answered(machine: Machine) -> None:
    machine.inject(faults.silent(), on="Create", numbers=[1])
    machine.inject(faults.silent(done=True), on="Create", numbers=[2])
    for shells in (0, 1):
        with socket.create_connection((machine.host, machine.port), 0.3) as sock:
            sock.sendall(head(CREATE) + CREATE)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            machine.wait_until(shells=shells, connections=1)
        machine.wait_until(connections=0)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.http")), ids=lambda path: path.name)
def test_recorded_answers(machine: Machine, path: Path) -> None:
    machine.inject(faults.recorded(path, other=1), on="Create", first=1)
    connection = http.client.HTTPConnection(machine.host, machine.port)
    answer = post(connection, CREATE)
    data = path.read_bytes()
    assert str(answer.status).encode() == data.split(b" ")[1]
    assert answer.read() == data.partition(b"\r\n\r\n")[2]
    assert machine.shells == []
    # The connection goes on.
    assert post(connection, CREATE).status == 200
    connection.close()


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
@pytest.mark.parametrize("path", sorted(CASES.glob("*.xml")), ids=lambda path: path.name)
def test_recorded_faults(machine: Machine, connect: Open, path: Path, transport: str) -> None:
    machine.inject(faults.recorded(path), on="Create", first=1)
    protocol = connect(transport)
    with pytest.raises(WSManFaultError) as raised:
        protocol.open_shell()
    assert f'Code="{raised.value.wsman_fault_code}"' in path.read_text("utf-8")
    assert "<a:RelatesTo>uuid:" in raised.value.response
    protocol.close_shell(protocol.open_shell())


def test_faults_of_any_code(machine: Machine, connect: Open) -> None:
    protocol = connect()
    machine.inject(faults.fault(2150858778, "nö"), on="Create", numbers=[1])
    machine.inject(faults.fault(2150859173, wmi=True), on="Create", numbers=[2])
    machine.inject(faults.timed_out(), on="Create", numbers=[3])
    with pytest.raises(WSManFaultError, match="nö"):
        protocol.open_shell()
    with pytest.raises(WSManFaultError) as raised:
        protocol.open_shell()
    assert raised.value.wmierror_code == 2150859173
    with pytest.raises(WinRMOperationTimeoutError):
        protocol.open_shell()
    protocol.close_shell(protocol.open_shell())


def test_which_requests(machine: Machine, connect: Open) -> None:
    protocol = connect()
    busy = machine.inject(faults.status(503), on="request", numbers=[2, 4])
    third = machine.inject(faults.fault(5), on="Command", every=3, per_shell=True)
    outcomes = []
    shells: list[str] = []
    for _ in range(4):
        try:
            shells.append(protocol.open_shell())
        except WinRMTransportError as error:
            outcomes.append(error.code)
    assert outcomes == [503, 503]
    assert busy.hits == 2
    refused = []
    for number in range(6):
        for name, shell in zip("ab", shells, strict=True):
            try:
                protocol.run_command(shell, "true")
            except WSManFaultError:
                refused.append((name, number))
    assert refused == [("a", 2), ("b", 2), ("a", 5), ("b", 5)]
    third.remove()
    for shell in shells:
        protocol.run_command(shell, "true")
        protocol.close_shell(shell, close_session=False)  # which has the cookie


def test_a_machine_that_refuses(machine: Machine, connect: Open) -> None:
    machine.refuse()
    with pytest.raises(requests.exceptions.ConnectionError):
        connect().open_shell()
    machine.accept()
    protocol = connect()
    protocol.close_shell(protocol.open_shell())
    machine.refuse(0.3)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            connect().open_shell()
            break
        except requests.exceptions.ConnectionError:
            pass
    machine.wait_until(shells=1)


def test_connections_that_are_dropped_at_once(machine: Machine) -> None:
    machine.inject(faults.drop(reset=True), on="connection", numbers=[1])
    machine.inject(faults.drop(), on="connection", numbers=[2])
    machine.inject(faults.silent(), on="connection", numbers=[3])
    with pytest.raises(ConnectionResetError):
        connect_and_read(machine)
    with socket.create_connection((machine.host, machine.port), 10) as sock:
        assert sock.recv(1) == b""
    with socket.create_connection((machine.host, machine.port), 0.3) as sock:
        sock.sendall(b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_a_machine_that_restarts(machine: Machine, connect: Open) -> None:
    protocol = connect()
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "sleep", ["60"])
    failed = []

    def wait() -> None:
        try:
            protocol.get_command_output_raw(shell, command)
        except requests.exceptions.RequestException as error:
            failed.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    machine.wait_until(receives=1)
    machine.restart(60)
    waiting.join(5)
    assert isinstance(failed[0], requests.exceptions.ConnectionError)
    machine.wait_until(shells=0, processes=0, connections=0)
    machine.accept()
    with pytest.raises(WSManFaultError) as raised:
        connect().close_shell(shell)
    assert raised.value.wsman_fault_code == 2150858843


def post(connection: http.client.HTTPConnection, envelope: bytes) -> http.client.HTTPResponse:
    """Send an envelope by Basic."""
    connection.request("POST", "/wsman", envelope, {"Authorization": BASIC})
    return connection.getresponse()


def head(envelope: bytes) -> bytes:
    """The head of the same request."""
    lines = ["POST /wsman HTTP/1.1", f"Authorization: {BASIC}", f"Content-Length: {len(envelope)}"]
    return "\r\n".join([*lines, "", ""]).encode()


def read_answer(sock: socket.socket) -> bytes:
    """One answer; the connection stays open."""
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    return answer.read()


def connect_and_read(machine: Machine) -> None:
    with socket.create_connection((machine.host, machine.port), 10) as sock:
        sock.recv(1)


def read_all(sock: socket.socket) -> bytes:
    """All that comes."""
    data = b""
    while block := sock.recv(1000):
        data += block
    return data


BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CREATE = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    b'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    b'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>'
    b"<a:To>http://localhost/wsman</a:To><a:ReplyTo><a:Address>"
    b"http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"
    b"<a:Action>http://schemas.xmlsoap.org/ws/2004/09/transfer/Create</a:Action>"
    b"<a:MessageID>uuid:11111111-1111-1111-1111-111111111111</a:MessageID>"
    b"<w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd</w:ResourceURI>"
    b"</s:Header><s:Body>"
    b'<rsp:Shell xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"/>'
    b"</s:Body></s:Envelope>"
)
