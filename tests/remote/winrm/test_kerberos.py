"""Kerberos: tickets, names, encryption; and what a reason says where there is none."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from realm import Realm

from psbridge.remote.carrying import FanOut
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.errors import LogonRefused, NotSent, RequestError
from psbridge.remote.winrm.kerberos import complaint_of
from psbridge.remote.winrm.reasons import Reasons
from psbridge.remote.winrm.target import WinRM
from psbridge.remote.winrm.ticket_cache import expiry_of
from tests.remote.winrm.gates import Listener
from tests.remote.winrm.plain_shell import delete, opened
from tests.winrm_server import faults
from tests.winrm_server.fixtures import ALICE, BOB, PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

Connect = Callable[..., Connection]

AUTHENTICATION_FAILED, TARGET_UNKNOWN = 1311, 2148074243


@pytest.fixture
def line(connect: Connect, realm: Realm) -> Connect:
    """Makes connections with Kerberos to the machine by its name."""

    def make(auth: str = "kerberos", scheme: str = "http", **settings: object) -> Connection:
        return connect(auth, scheme, **{"host": "localhost", **settings})

    return make


def reason(connection: Connection, kind: type[RequestError] = NotSent) -> RequestError:
    with pytest.raises(kind) as caught:
        opened(connection)
    assert "kerberos" in str(caught.value).partition(")")[0]
    return caught.value


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_ticket_logs_on(
    line: Connect, realm: Realm, machine: Machine, winrm_server: WinRMServer, scheme: str
) -> None:
    realm.kinit("alice", ALICE)
    connection = line(scheme=scheme)
    shell = opened(connection)
    connection.send(delete(connection, shell), answer_within=10)
    assert connection.authenticated_with == "kerberos"
    (attempt,) = winrm_server.attempts()
    assert attempt["user"] == f"alice@{realm.name}"
    if scheme == "http":
        for one in machine.requests():
            assert one.encrypted == bool(one.body)
            assert b"<env:" not in one.body


@pytest.mark.parametrize(
    ("username", "user"),
    [
        ("alice", "alice"),
        ("bob", "bob"),
        ("bob@PSBRIDGE.TEST", "bob"),
        ("bob@psbridge.test", "bob"),
    ],
)
def test_the_user_name_chooses_the_ticket(
    line: Connect, realm: Realm, winrm_server: WinRMServer, username: str, user: str
) -> None:
    realm.kinit("alice", ALICE)
    realm.kinit("bob", BOB)
    opened(line(username=username))
    assert winrm_server.attempts()[-1]["user"] == f"{user}@{realm.name}"


def test_service_and_host_of_the_name_are_options(
    line: Connect, realm: Realm, winrm_server: WinRMServer
) -> None:
    realm.kinit("alice", ALICE)
    opened(line(service="WSMAN"))
    opened(line(host="127.0.0.1", spn_host="web.psbridge.test"))
    assert [one["service"] for one in winrm_server.attempts()] == [
        f"WSMAN/localhost@{realm.name}",
        f"HTTP/web.psbridge.test@{realm.name}",
    ]


def test_a_dropped_connection_gets_a_context_anew(
    line: Connect, realm: Realm, machine: Machine
) -> None:
    realm.kinit("alice", ALICE)
    connection = line()
    shell = opened(connection)
    machine.close_connections()
    machine.wait_until(connections=0)
    connection.send(delete(connection, shell), answer_within=10)
    assert machine.actions() == ["Create", "Delete"]


# Negotiate.


def test_negotiate_takes_kerberos_where_there_is_a_ticket(line: Connect, realm: Realm) -> None:
    realm.kinit("alice", ALICE)
    connection = line("negotiate", username="alice", password=None)
    opened(connection)
    assert connection.authenticated_with == "kerberos"
    own = line("negotiate", username=None, password=None)
    opened(own)
    assert own.authenticated_with == "kerberos"


@pytest.mark.parametrize("settings", [{}, {"host": "127.0.0.1"}, {"username": "DOM\\jo"}])
def test_negotiate_takes_ntlm_where_there_is_none(
    line: Connect, realm: Realm, winrm_server: WinRMServer, settings: dict[str, str]
) -> None:
    winrm_server.users = {USER: PASSWORD, "DOM\\jo": PASSWORD}
    realm.kinit("alice", ALICE)  # not his
    connection = line("negotiate", **settings)
    opened(connection)
    assert connection.authenticated_with == "ntlm"


def test_negotiate_does_not_change_after_kerberos_has_failed(
    line: Connect, realm: Realm, winrm_server: WinRMServer
) -> None:
    winrm_server.users = {"alice": ALICE}
    realm.kinit("alice", ALICE)
    connection = line("negotiate", username="alice", password=ALICE, service="NOSUCH")
    error = reason(connection)
    assert error.code == TARGET_UNKNOWN
    assert winrm_server.attempts() == []


def test_negotiate_decides_once_for_the_connections_of_a_machine(
    line: Connect, realm: Realm, winrm_server: WinRMServer
) -> None:
    winrm_server.users = {"alice": ALICE}
    fan_out = FanOut()
    account = {"username": "alice", "password": ALICE}
    first = line("negotiate", fan_out=fan_out, **account)
    opened(first)
    realm.kinit("alice", ALICE)
    second = line("negotiate", fan_out=fan_out, **account)
    opened(second)
    assert (first.authenticated_with, second.authenticated_with) == ("ntlm", "ntlm")


def test_negotiate_without_ticket_and_password(line: Connect) -> None:
    connection = line("negotiate", username="eve", password=None)
    with pytest.raises(NotSent, match="no Kerberos ticket for 'eve', and no password for NTLM"):
        opened(connection)


def test_negotiate_that_is_to_delegate_takes_no_ntlm(
    line: Connect, realm: Realm, winrm_server: WinRMServer
) -> None:
    connection = line("negotiate", delegate=True)
    with pytest.raises(NotSent, match="delegate=True needs a Kerberos ticket"):
        opened(connection)
    assert winrm_server.attempts() == []


# What goes wrong.


def test_no_ticket(line: Connect, machine: Machine) -> None:
    error = reason(line(username="eve"))
    assert error.code == AUTHENTICATION_FAILED
    assert "there is no Kerberos ticket for 'eve'" in str(error)
    assert "kinit" in str(error)
    assert machine.requests() == []


def test_an_expired_ticket_says_when(line: Connect, realm: Realm) -> None:
    realm.kinit("alice", ALICE, lifetime="1s")
    expiry = expiry_of()
    assert expiry is not None
    while time.time() <= expiry + 1:
        time.sleep(0.05)
    error = reason(line())
    assert error.code == AUTHENTICATION_FAILED
    assert "no longer valid" in str(error)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(expiry))
    assert f"expired at {when}" in str(error).lower()


def test_a_line_that_stands_outlives_its_ticket(line: Connect, realm: Realm) -> None:
    realm.kinit("alice", ALICE, lifetime="2s")
    connection = line()
    shell = opened(connection)
    expiry = expiry_of()
    assert expiry is not None
    while time.time() <= expiry:
        time.sleep(0.05)
    # As Windows does, the test server does not end what has begun.
    connection.send(delete(connection, shell), answer_within=10)


def test_a_name_that_the_realm_does_not_know(line: Connect, realm: Realm) -> None:
    realm.kinit("alice", ALICE)
    error = reason(line(host="127.0.0.1"))
    assert error.code == TARGET_UNKNOWN
    assert "Kerberos does not know the name HTTP/127.0.0.1" in str(error)
    assert "spn_host=" in str(error)


def test_a_ticket_that_cannot_go_along(
    line: Connect, realm: Realm, winrm_server: WinRMServer
) -> None:
    realm.kinit("alice", ALICE)
    error = reason(line(delegate=True))
    assert "not forwardable" in str(error)
    assert winrm_server.attempts() == []
    realm.forget_tickets()
    realm.kinit("alice", ALICE, forwardable=True)
    opened(line(delegate=True))
    assert winrm_server.attempts()[-1]["accepted"]


def test_a_key_that_is_out_of_date(
    line: Connect, realm: Realm, machine: Machine, winrm_server: WinRMServer
) -> None:
    realm.add_services("STALE/localhost")
    realm.change_key("STALE/localhost")
    realm.kinit("alice", ALICE)
    error = reason(line(service="STALE"), LogonRefused)
    assert error.code == 1326
    assert "setspn -Q" in str(error)
    assert "STALE/localhost" in str(error)
    assert len(machine.requests()) == 1  # over HTTP there is nothing to try again with


def test_over_tls_a_refused_token_is_bound_to_the_connection_and_tried_once_more(
    line: Connect, realm: Realm, machine: Machine
) -> None:
    # As of a machine that wants channel bindings, which the first token cannot have.
    realm.kinit("alice", ALICE)
    refuses = faults.status(401, b"", {"WWW-Authenticate": "Negotiate"})
    machine.inject(refuses, on="request", first=1)
    opened(line(scheme="https"))
    seen = len(machine.requests())
    machine.inject(refuses, on="request")
    reason(line(scheme="https"), LogonRefused)
    assert len(machine.requests()) == seen + 2


def test_clocks_that_differ_are_named() -> None:
    class GSSError(Exception):
        pass

    complaint = complaint_of(
        GSSError(("Unspecified", 851968), ("Clock skew too great", -1765328347))
    )
    assert complaint is not None
    target = WinRM("web1", auth="ntlm", username="a", password="b")
    reason = str(Reasons(target, "kerberos").kerberos(complaint))
    assert "clocks" in reason
    assert "Clock skew too great" in reason


def test_what_is_not_offered(line: Connect, realm: Realm, machine: Machine) -> None:
    realm.kinit("alice", ALICE)
    machine.configure(schemes=("Basic",))
    error = reason(line(), LogonRefused)
    assert "does not take kerberos, only basic" in str(error)


def test_an_answer_without_proof_of_the_machine(
    line: Connect, realm: Realm, machine: Machine
) -> None:
    realm.kinit("alice", ALICE)
    machine.inject(faults.status(200, b"<html>hello"), on="request")
    error = reason(line(), RequestError)
    assert "could not prove that it is HTTP/localhost" in str(error)


def test_a_proxys_page_in_the_way(line: Connect, realm: Realm, machine: Machine) -> None:
    realm.kinit("alice", ALICE)
    machine.inject(faults.status(502, b"<html>gone"), on="request")
    error = reason(line(), RequestError)
    assert 'HTTP status 502, "gone"' in str(error)


def test_no_kdc(
    line: Connect, realm: Realm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm.kinit("alice", ALICE)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        moved = elsewhere(realm, closed.getsockname()[1], tmp_path)
    monkeypatch.setenv("KRB5_CONFIG", moved)
    error = reason(line())
    assert "no KDC can be reached" in str(error)


def test_a_kdc_that_is_silent_does_not_outlast_the_time(
    line: Connect, realm: Realm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm.kinit("alice", ALICE)
    with Listener() as silent:
        monkeypatch.setenv("KRB5_CONFIG", elsewhere(realm, silent.port, tmp_path))
        for connection in (line(), line("negotiate", username="alice", password=None)):
            begun = time.monotonic()
            with pytest.raises(NotSent, match="asking for a Kerberos ticket"):
                opened(connection, 0.5)
            assert time.monotonic() - begun < 10
        silent.wait_for(1)
    # Closed now, the listener lets the threads end that were left behind.


def elsewhere(realm: Realm, port: int, folder: Path) -> str:
    """The realm's configuration with another KDC; its path."""
    text = Path(realm.environment["KRB5_CONFIG"]).read_text()
    path = folder / "krb5.conf"
    path.write_text(text.replace(f"127.0.0.1:{realm.port}", f"127.0.0.1:{port}"))
    return str(path)


def test_failures_are_not_logged_as_errors(
    line: Connect, realm: Realm, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        reason(line(username="eve"))
        realm.kinit("alice", ALICE)
        opened(line())
        reason(line(host="127.0.0.1"))
    ours = [one for one in caplog.records if "kerberos" in one.name]
    assert ours == []
    # Others who use pywinrm see theirs, as before.
    logger = logging.getLogger("winrm.vendor.requests_kerberos.kerberos_")
    with caplog.at_level(logging.DEBUG):
        logger.error("theirs")
    assert [one.message for one in caplog.records if "kerberos" in one.name] == ["theirs"]


def test_upstream_logs_a_failure_with_its_traceback(
    realm: Realm, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    from winrm.protocol import Protocol
    from winrm.vendor.requests_kerberos.exceptions import KerberosExchangeError

    protocol = Protocol(
        machine.url,
        "kerberos",
        username="eve",
        proxy=None,
        ca_trust_path=None,  # type: ignore[arg-type]  # which it takes
    )
    with pytest.raises(KerberosExchangeError):
        protocol.open_shell()
    assert any(one.exc_info for one in caplog.records if "kerberos" in one.name)
    protocol.transport.close_session()
