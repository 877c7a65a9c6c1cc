"""How clients that are not ours get in: NTLM, TLS, certificates, and what is refused."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
from winrm.exceptions import InvalidCredentialsError
from winrm.protocol import Protocol

from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

CREDENTIALS: dict[str, Any] = {"username": USER, "password": PASSWORD}


def run(url: str, transport: Any, **options: Any) -> bytes:
    """One command by pywinrm."""
    options = {"proxy": None, "ca_trust_path": None, **options}  # not the environment's
    protocol = Protocol(url, transport=transport, **options)
    try:
        shell = protocol.open_shell()
        command = protocol.run_command(shell, "echo", ["in"])
        output, _, _ = protocol.get_command_output(shell, command)
        protocol.close_shell(shell)
        return output
    finally:
        protocol.transport.close_session()


def test_ntlm_encrypts_every_message(machine: Machine, winrm_server: WinRMServer) -> None:
    assert run(machine.url, "ntlm", **CREDENTIALS) == b"in\n"
    (attempt,) = winrm_server.attempts()
    assert (attempt["user"], attempt["accepted"]) == (USER, True)
    for record in machine.requests():
        assert record.encrypted == bool(record.body)
        assert b"Envelope" not in record.body
    assert b"Envelope" in (machine.requests("Create")[0].envelope or b"")


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_a_runspace_pool_over_ntlm(machine: Machine, auth: str) -> None:
    wsman = WSMan(
        machine.host, port=machine.port, ssl=False, auth=auth, no_proxy=True, **CREDENTIALS
    )
    with wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool)
        shell.add_script("'in'")
        assert shell.invoke() == ["in"]


def test_ntlm_over_tls_is_bound_to_the_certificate(
    machine: Machine, winrm_server: WinRMServer
) -> None:
    options = {**CREDENTIALS, "ca_trust_path": str(winrm_server.authority)}
    assert run(machine.https_url, "ntlm", **options) == b"in\n"
    assert run(machine.https_url, "ntlm", message_encryption="always", **options) == b"in\n"
    with pytest.raises(InvalidCredentialsError):
        run(machine.https_url, "ntlm", send_cbt=False, **options)
    assert [one["accepted"] for one in winrm_server.attempts()] == [True, True, False]
    machine.configure(channel_binding=False)
    assert run(machine.https_url, "ntlm", send_cbt=False, **options) == b"in\n"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("DOM\\jo", "a:b%s{0}\"'$x"),
        ("jo@dom.example", " leading"),
        (".\\jo", "x" * 200),
        ("пользователь", "пароль"),
        ("Gerät", "ü€漢"),
    ],
)
def test_names_and_passwords(
    machine: Machine, winrm_server: WinRMServer, name: str, password: str
) -> None:
    winrm_server.users = {name: password}
    assert run(machine.url, "ntlm", username=name, password=password) == b"in\n"
    basic: Any = (name.encode(), password.encode())  # which requests takes
    nowhere = {"no_proxy": "*"}
    assert requests.post(machine.url, auth=basic, proxies=nowhere, timeout=20).ok
    with pytest.raises(InvalidCredentialsError):
        run(machine.url, "ntlm", username=name, password=password + "x")
    assert [(one["user"], one["accepted"]) for one in winrm_server.attempts(name)] == [
        (name, True),
        (name, True),
        (name, False),
    ]


def test_an_unknown_user(machine: Machine, winrm_server: WinRMServer) -> None:
    for transport in ("ntlm", "basic"):
        with pytest.raises(InvalidCredentialsError):
            run(machine.url, transport, username="eve", password="x")
    assert {(one["user"], one["accepted"]) for one in winrm_server.attempts()} == {("eve", False)}


def test_basic_over_tls(machine: Machine, winrm_server: WinRMServer) -> None:
    authority = str(winrm_server.authority)
    assert run(machine.https_url, "ssl", ca_trust_path=authority, **CREDENTIALS) == b"in\n"
    machine.configure(allow_unencrypted=False)
    assert run(machine.https_url, "ssl", ca_trust_path=authority, **CREDENTIALS) == b"in\n"
    with pytest.raises(InvalidCredentialsError):
        run(machine.url, "basic", **CREDENTIALS)


@pytest.mark.parametrize("kind", ["other name", "expired", "other authority"])
def test_a_wrong_certificate_of_the_machine(
    machine: Machine, winrm_server: WinRMServer, kind: str
) -> None:
    machine.configure(certificate=kind)
    with pytest.raises(requests.exceptions.SSLError):
        run(machine.https_url, "ssl", ca_trust_path=str(winrm_server.authority), **CREDENTIALS)


# "after" with TLS 1.2 would be a renegotiation, which OpenSSL's clients refuse.
@pytest.mark.parametrize(
    ("when", "version"),
    [
        *(("required", "1.2"), ("optional", "1.2")),
        *(("required", "1.3"), ("optional", "1.3"), ("after", "1.3")),
    ],
)
def test_a_client_certificate(
    machine: Machine, winrm_server: WinRMServer, when: str, version: str
) -> None:
    machine.configure(client_certificates=when, tls_minimum=version, tls_maximum=version)
    certificate, key = winrm_server.client_certificate(USER)
    options = {"ca_trust_path": str(winrm_server.authority)}
    paths = {"cert_pem": str(certificate), "cert_key_pem": str(key)}
    assert run(machine.https_url, "certificate", **paths, **options) == b"in\n"
    foreign = winrm_server.client_certificate(USER, trusted=False)
    paths = {"cert_pem": str(foreign[0]), "cert_key_pem": str(foreign[1])}
    with pytest.raises(requests.exceptions.ConnectionError):  # an SSLError is one
        run(machine.https_url, "certificate", **paths, **options)


def test_a_machine_whose_tls_is_too_old(machine: Machine, winrm_server: WinRMServer) -> None:
    machine.configure(tls_minimum="1.0", tls_maximum="1.0")
    options = {**CREDENTIALS, "ca_trust_path": str(winrm_server.authority)}
    with pytest.raises(requests.exceptions.SSLError, match=r"(?i)unsupported protocol|version"):
        run(machine.https_url, "ssl", **options)


def test_a_certificate_of_no_account(machine: Machine, winrm_server: WinRMServer) -> None:
    machine.configure(client_certificates="required")
    certificate, key = winrm_server.client_certificate("nobody")
    with pytest.raises(InvalidCredentialsError):
        run(
            machine.https_url,
            "certificate",
            cert_pem=str(certificate),
            cert_key_pem=str(key),
            ca_trust_path=str(winrm_server.authority),
        )


def test_a_key_with_a_password(winrm_server: WinRMServer) -> None:
    _, key = winrm_server.client_certificate(USER, password="guard")
    assert b"ENCRYPTED" in Path(key).read_bytes()


def test_a_silent_tls_client_stops_nobody(machine: Machine, winrm_server: WinRMServer) -> None:
    with socket.create_connection((machine.host, machine.https_port)):
        authority = str(winrm_server.authority)
        assert run(machine.https_url, "ssl", ca_trust_path=authority, **CREDENTIALS) == b"in\n"


def test_two_threads_on_one_context_fail(machine: Machine) -> None:
    protocol = Protocol(
        machine.url,
        transport="ntlm",
        proxy=None,
        ca_trust_path=None,  # type: ignore[arg-type]  # which it takes
        **CREDENTIALS,
    )
    shell = protocol.open_shell()
    failed = []

    def work() -> None:
        try:
            for _ in range(5):
                command = protocol.run_command(shell, "sleep", ["0.05"])
                protocol.get_command_output(shell, command)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    protocol.transport.close_session()
    assert failed
    assert 400 in {record.status for record in machine.requests(bodies=False)}
