"""CredSSP, by pywinrm: the credentials themselves go to the machine."""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Iterator

import pytest
from requests_credssp.exceptions import AuthenticationException, NTStatusException
from winrm.protocol import Protocol

from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer


@contextlib.contextmanager
def connect(machine: Machine, url: str, password: str = PASSWORD) -> Iterator[Protocol]:
    protocol = Protocol(
        url,
        transport="credssp",
        username=USER,
        password=password,
        proxy=None,
        ca_trust_path=str(machine.server.authority),
    )
    yield protocol
    protocol.transport.close_session()


def forget_connections() -> None:
    """Collect the connection that requests_credssp has left open when its logon failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize("secure", [False, True])
def test_delegation_and_encryption(
    machine: Machine, winrm_server: WinRMServer, secure: bool
) -> None:
    with connect(machine, machine.https_url if secure else machine.url) as protocol:
        shell = protocol.open_shell()
        command = protocol.run_command(shell, "wc", ["-c"])
        protocol.send_command_input(shell, command, "x" * 40_000, end=True)
        assert protocol.get_command_output(shell, command)[0].strip() == b"40000"
        command = protocol.run_command(shell, "head -c 50000 /dev/zero | tr '\\0' q")
        assert protocol.get_command_output(shell, command)[0] == b"q" * 50_000
        protocol.close_shell(shell)
    (attempt,) = winrm_server.attempts()
    assert (attempt["accepted"], attempt["delegated"]) == (True, [USER, PASSWORD])
    if not secure:
        assert not any(b"Envelope" in record.body for record in machine.requests())
        assert any(
            "x-multi-encrypted" in value
            for record in machine.requests()
            for name, value in record.headers
            if name == "Content-Type"
        )


def test_a_wrong_password(machine: Machine, winrm_server: WinRMServer) -> None:
    with (
        connect(machine, machine.url, "wrong") as protocol,
        pytest.raises(NTStatusException),
    ):
        protocol.open_shell()
    forget_connections()
    (attempt,) = winrm_server.attempts()
    seen = [attempt[name] for name in ("scheme", "user", "accepted", "delegated")]
    assert seen == ["CredSSP", USER, False, None]


def test_a_machine_that_does_not_offer_it(machine: Machine) -> None:
    machine.configure(schemes=["Negotiate"])
    with connect(machine, machine.url) as protocol, pytest.raises(AuthenticationException):
        protocol.open_shell()
    forget_connections()
