"""Kerberos against a KDC of this machine, by pywinrm."""

from __future__ import annotations

from typing import Any

import pytest
from realm import Realm
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol

from tests.winrm_server.fixtures import ALICE, BOB
from tests.winrm_server.server import Machine, WinRMServer


def run(url: str, **options: Any) -> bytes:
    """One command."""
    protocol = Protocol(
        url, transport="kerberos", **{"proxy": None, "ca_trust_path": None, **options}
    )
    try:
        shell = protocol.open_shell()
        command = protocol.run_command(shell, "echo", ["in"])
        output, _, _ = protocol.get_command_output(shell, command)
        protocol.close_shell(shell)
        return output
    finally:
        protocol.transport.close_session()


@pytest.fixture
def exchange_error(realm: Realm) -> type[Exception]:
    # Not at the top: it needs pykerberos.
    from winrm.vendor.requests_kerberos.exceptions import KerberosExchangeError

    return KerberosExchangeError


def url_of(machine: Machine) -> str:
    return machine.url.replace(machine.host, "localhost")


def test_every_message_is_encrypted(
    realm: Realm, machine: Machine, winrm_server: WinRMServer
) -> None:
    realm.kinit("alice", ALICE)
    assert run(url_of(machine)) == b"in\n"
    (attempt,) = winrm_server.attempts()
    assert (attempt["user"], attempt["accepted"]) == (f"alice@{realm.name}", True)
    for record in machine.requests():
        assert record.encrypted == bool(record.body)
        assert b"Envelope" not in record.body


def test_over_tls(realm: Realm, machine: Machine, winrm_server: WinRMServer) -> None:
    realm.kinit("alice", ALICE)
    url = machine.https_url.replace(machine.host, "localhost")
    for encryption in ("auto", "always"):
        options = {"ca_trust_path": str(winrm_server.authority), "message_encryption": encryption}
        assert run(url, **options) == b"in\n"


def test_the_user_name_chooses_the_ticket(
    realm: Realm,
    machine: Machine,
    winrm_server: WinRMServer,
    exchange_error: type[Exception],
) -> None:
    realm.kinit("alice", ALICE)
    realm.kinit("bob", BOB)
    for user in ("alice", f"bob@{realm.name}"):
        assert run(url_of(machine), username=user) == b"in\n"
    users = [attempt["user"] for attempt in winrm_server.attempts()]
    assert users == [f"alice@{realm.name}", f"bob@{realm.name}"]
    with pytest.raises(exchange_error):
        run(url_of(machine), username="eve")


def test_other_names_of_host_and_service(
    realm: Realm,
    machine: Machine,
    winrm_server: WinRMServer,
    exchange_error: type[Exception],
) -> None:
    realm.kinit("alice", ALICE)
    run(machine.url, kerberos_hostname_override="web.psbridge.test")
    run(url_of(machine), service="WSMAN")
    services = [attempt["service"] for attempt in winrm_server.attempts()]
    assert services == [f"HTTP/web.psbridge.test@{realm.name}", f"WSMAN/localhost@{realm.name}"]
    with pytest.raises(exchange_error, match="not found in Kerberos database"):
        run(machine.url)  # HTTP/127.0.0.1


def test_a_key_that_is_out_of_date(
    realm: Realm, machine: Machine, winrm_server: WinRMServer
) -> None:
    realm.add_services("OLD/localhost")
    realm.change_key("OLD/localhost")
    realm.kinit("alice", ALICE)
    with pytest.raises(InvalidCredentialsError):
        run(url_of(machine), service="OLD")
    assert not any(attempt["accepted"] for attempt in winrm_server.attempts())


def test_a_dropped_connection_loses_the_context(realm: Realm, machine: Machine) -> None:
    realm.kinit("alice", ALICE)
    protocol = Protocol(
        url_of(machine),
        transport="kerberos",
        proxy=None,
        ca_trust_path=None,  # type: ignore[arg-type]  # which it takes
    )
    shell = protocol.open_shell()
    machine.close_connections()
    machine.wait_until(connections=0)
    with pytest.raises(WinRMTransportError) as raised:
        protocol.run_command(shell, "true")
    assert raised.value.code == 400
    protocol.transport.close_session()


def test_a_wrong_password(realm: Realm) -> None:
    with pytest.raises(RuntimeError, match="Password incorrect"):
        realm.kinit("alice", "wrong")
