"""The answer to a Receive is kept by its MessageID."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.cookies import RequestsCookieJar
from winrm.protocol import Protocol

from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.recording import Record
from tests.winrm_server.server import Machine


@pytest.fixture
def protocol(machine: Machine) -> Iterator[Protocol]:
    protocol = Protocol(
        machine.url,
        transport="basic",
        username=USER,
        password=PASSWORD,
        proxy=None,
        ca_trust_path=None,  # type: ignore[arg-type]  # which it takes
    )
    yield protocol
    protocol.transport.close_session()


def cookies_of(protocol: Protocol) -> RequestsCookieJar:
    """What a protocol has been given to send with each request."""
    assert protocol.transport.session is not None
    return protocol.transport.session.cookies


def again(protocol: Protocol, record: Record) -> bytes:
    """Send a request again as it was; give the body of the answer."""
    answer = requests.post(
        protocol.transport.endpoint,
        record.envelope,
        auth=(USER, PASSWORD),
        cookies=cookies_of(protocol),
        proxies={"no_proxy": "*"},
        timeout=20,
    )
    assert answer.status_code == 200
    return answer.content.partition(b"<s:Body>")[2]


def test_the_same_id_gets_the_lost_answer_and_another_one_does_not(
    machine: Machine, protocol: Protocol
) -> None:
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "echo one; read x; echo two")
    machine.inject(faults.lose(), on="Receive", first=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        protocol.get_command_output_raw(shell, command)
    (lost,) = machine.requests("Receive")
    first = again(protocol, lost)
    assert b"b25lCg==" in first
    assert again(protocol, lost) == first
    protocol.send_command_input(shell, command, b"x\n", end=True)
    assert protocol.get_command_output(shell, command) == (b"two\n", b"", 0)


def test_a_repeated_receive_waits_for_the_answer_to_the_first(
    machine: Machine, protocol: Protocol
) -> None:
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "read x; echo $x")
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(protocol.get_command_output_raw(shell, command))
    )
    waiting.start()
    machine.wait_until(receives=1)
    (first,) = machine.requests("Receive")
    repeating = threading.Thread(target=lambda: answers.append(again(protocol, first)))
    repeating.start()
    machine.wait_for_requests("Receive", 2)
    other = Protocol(
        machine.url,
        transport="basic",
        username=USER,
        password=PASSWORD,
        proxy=None,
        ca_trust_path=None,  # type: ignore[arg-type]  # which it takes
    )
    other.transport.build_session().cookies = cookies_of(protocol)
    other.send_command_input(shell, command, b"hello\n", end=True)
    waiting.join()
    repeating.join()
    other.transport.close_session()
    raw, repeated = sorted(answers, key=lambda answer: isinstance(answer, bytes))
    assert raw[0] == b"hello\n"
    assert b"aGVsbG8K" in repeated
