"""One line to an endpoint, against the test server."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests

from psbridge.remote.winrm import connection as room
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.cookies import ShellCookies
from psbridge.remote.winrm.errors import Fault, NoAnswer, NotSent, NotWinRM, TimedOut
from psbridge.remote.winrm.wire import NotAllowed
from tests.remote.winrm.gates import Relay
from tests.remote.winrm.plain_shell import CMD, SHELL, create, delete, opened, receive, started
from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

Connect = Callable[..., Connection]

both = pytest.mark.parametrize("scheme", ["http", "https"])
sealing = pytest.mark.parametrize("auth", ["ntlm", "credssp"])
all_auths = pytest.mark.parametrize("auth", ["basic", "ntlm", "credssp"])


@all_auths
@both
def test_a_request_is_answered(connect: Connect, machine: Machine, auth: str, scheme: str) -> None:
    connection = connect(auth, scheme)
    assert connection.authenticated_with == ""
    shell = opened(connection)
    assert connection.authenticated_with == auth
    connection.send(delete(connection, shell), answer_within=10)
    assert machine.shells == []
    assert {one.connection for one in machine.requests()} == {machine.requests()[0].connection}


def test_credssp_hands_the_password_to_the_machine_and_to_nobody_between(
    connect: Connect, machine: Machine, winrm_server: WinRMServer
) -> None:
    opened(connect("credssp"))
    (attempt,) = winrm_server.attempts()
    assert attempt["delegated"] == [USER, PASSWORD]
    assert not any(PASSWORD.encode() in one.head + one.body for one in machine.requests())


@pytest.mark.parametrize("when", ["required", "after"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_certificate_logs_on(
    connect: Connect, machine: Machine, winrm_server: WinRMServer, when: str, version: str
) -> None:
    if (when, version) == ("after", "1.2"):
        pytest.skip("before TLS 1.3 that is a renegotiation, which no machine of today asks for")
    machine.configure(client_certificates=when, tls_minimum=version, tls_maximum=version)
    certificate, key = winrm_server.client_certificate("ops", password="hunter2")
    connection = connect(
        "certificate", "https", cert_file=certificate, key_file=key, key_password="hunter2"
    )
    shell = opened(connection)
    connection.send(delete(connection, shell), answer_within=10)
    assert connection.authenticated_with == "certificate"


@pytest.mark.parametrize("size", [100, 15_000, 16_384, 16_385, 40_000, 120_000])
@all_auths
def test_messages_of_any_size_arrive(
    connect: Connect, machine: Machine, auth: str, size: int
) -> None:
    connection = connect(auth)
    shell = opened(connection)
    number = started(connection, shell, "findstr x")
    # Its own length and letters of several lengths come back.
    text = "ü€漢x" * (size // 40)
    envelope = connection.header(SHELL + "/Send", CMD, shell)
    stream = {"@Name": "stdin", "@CommandId": number, "#text": "AAAA" * (size // 4)}
    envelope["env:Body"] = {"rsp:Send": {"rsp:Stream": stream, "note": text}}
    connection.send({"env:Envelope": envelope}, answer_within=10)
    sent = machine.requests("Send")[-1].envelope
    assert sent is not None
    assert text in sent.decode()
    connection.send(delete(connection, shell), answer_within=10)


@pytest.mark.parametrize("auth", ["ntlm", "credssp"])
@pytest.mark.parametrize("status", [None, 503, 400, 500])
def test_no_envelope_goes_out_in_clear(
    connect: Connect, machine: Machine, auth: str, status: int | None
) -> None:
    connection = connect(auth)
    if status is not None:
        # The first request of a context makes it; pywinrm goes on in clear when that failed.
        machine.inject(faults.status(status, b"gone"), on="request", first=3)
        for _ in range(3):
            with pytest.raises(NotWinRM):
                opened(connection)
    shell = opened(connection)
    connection.send(delete(connection, shell), answer_within=10)
    requests = machine.requests()
    assert any(one.encrypted for one in requests)
    for one in requests:
        assert one.encrypted == bool(one.body)
        assert b"Envelope" not in one.body.replace(b"--Encrypted Boundary", b"")


def test_a_guard_on_the_wire_holds_whatever_fails_above_it(
    connect: Connect, machine: Machine, winrm_server: WinRMServer
) -> None:
    connection = connect("ntlm")
    opened(connection)
    transport = connection._transport
    assert transport is not None
    transport.encryption = None
    before = len(machine.requests())
    with pytest.raises(NotSent, match="nothing was sent: an envelope would have gone out in clear"):
        opened(connection)
    for scheme in ("http", "https"):
        other = connect("ntlm", scheme)
        other._transport = made = other._context()
        other._line.within(10)
        made.auth_method = "basic"
        made.seals = False
        session = made.build_session()
        request = requests.Request("POST", made.endpoint, data=None, auth=("ops", "open sesame 1"))
        with pytest.raises(NotAllowed, match="a password would have gone out in clear"):
            session.send(session.prepare_request(request))
    assert len(machine.requests()) == before


def test_lines_share_the_cookies_of_their_shell(connect: Connect, machine: Machine) -> None:
    jar = ShellCookies()
    first, second, stranger = connect(cookies=jar), connect(cookies=jar), connect()
    shell = opened(first)
    with pytest.raises(Fault) as caught:
        started(stranger, shell, "echo")
    assert caught.value.code == 2150858843
    started(second, shell, "echo")
    second.send(delete(second, shell), answer_within=10)


def test_cookies_are_read_while_other_lines_change_them(connect: Connect, machine: Machine) -> None:
    jar = ShellCookies()
    lines = [connect(cookies=jar) for _ in range(6)]
    failures: list[BaseException] = []

    def work(line: Connection) -> None:
        try:
            for _ in range(15):
                line.send(create(line), answer_within=20)
        except BaseException as error:
            failures.append(error)

    machine.configure(shells_per_user=None)
    threads = [threading.Thread(target=work, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_an_envelope_is_sent_again_with_its_id(connect: Connect, machine: Machine) -> None:
    connection = connect("ntlm")
    shell = opened(connection)
    number = started(connection, shell, "echo hello")
    machine.inject(faults.lose(), on="Receive", first=2)
    again = receive(connection, shell, number)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            connection.send(again, answer_within=10)
    answer = connection.send(again, answer_within=10)
    assert any(one.text for one in answer.iter(f"{{{SHELL}}}Stream"))
    sent = machine.requests("Receive")
    assert len({one.message_id for one in sent}) == 1
    assert len({one.connection for one in sent}) == 3
    connection.send(delete(connection, shell), answer_within=10)


@all_auths
@both
@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_was_closed_is_noticed_and_replaced(
    connect: Connect, machine: Machine, auth: str, scheme: str, reset: bool
) -> None:
    connection = connect(auth, scheme)
    shell = opened(connection)
    machine.close_connections(reset=reset)
    machine.wait_until(connections=0)
    connection.send(delete(connection, shell), answer_within=10)
    assert machine.actions() == ["Create", "Delete"]  # nothing was accepted twice


@sealing
def test_a_long_silence_ends_a_context(
    connect: Connect, machine: Machine, auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(auth)
    shell = opened(connection)
    monkeypatch.setattr(room, "_SILENCE", 0.0)
    connection.send(delete(connection, shell), answer_within=10)
    create_record, delete_record = machine.requests("Create"), machine.requests("Delete")
    assert create_record[0].connection != delete_record[0].connection


@sealing
def test_a_context_that_the_machine_has_lost_is_made_anew_once(
    connect: Connect, machine: Machine, auth: str
) -> None:
    connection = connect(auth)
    shell = opened(connection)
    machine.inject(faults.status(400), on="Delete", first=1)
    connection.send(delete(connection, shell), answer_within=10)
    assert machine.shells == []
    shell = opened(connection)
    machine.inject(faults.status(400), on="Delete", first=2)
    with pytest.raises(NotWinRM) as caught:
        connection.send(delete(connection, shell), answer_within=10)
    assert caught.value.status == 400
    connection.send(delete(connection, shell), answer_within=10)


def test_a_refused_connection_is_not_sent(connect: Connect, machine: Machine) -> None:
    machine.refuse()
    connection = connect("ntlm")
    with pytest.raises(NotSent, match="nothing listens"):
        opened(connection)
    machine.accept()
    opened(connection)


@pytest.mark.parametrize(
    "effect",
    [faults.lose(), faults.lose(reset=True), faults.cut(30), faults.cut(300), faults.drop()],
    ids=["lose", "lose-reset", "cut-head", "cut-body", "drop"],
)
@both
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_lost_answer_leaves_it_open(
    connect: Connect, machine: Machine, effect: faults.Effect, scheme: str, auth: str
) -> None:
    connection = connect(auth, scheme)
    shell = opened(connection)
    machine.inject(effect, on="Command", first=1)
    with pytest.raises(NoAnswer, match="lost"):
        started(connection, shell, "echo")
    started(connection, shell, "echo")  # the line works again
    connection.send(delete(connection, shell), answer_within=10)


@pytest.mark.parametrize("auth", ["ntlm", "credssp"])
def test_a_logon_that_is_cut_off_has_sent_nothing(
    connect: Connect, machine: Machine, auth: str
) -> None:
    machine.inject(faults.lose(), on="request", first=1)
    connection = connect(auth)
    with pytest.raises(NotSent):
        opened(connection)
    opened(connection)


def test_a_fault_has_its_code_and_keeps_the_line(connect: Connect, machine: Machine) -> None:
    connection = connect("ntlm")
    shell = opened(connection)
    number = started(connection, shell, "echo")
    machine.inject(faults.timed_out(), on="Receive", first=1)
    with pytest.raises(TimedOut) as caught:
        connection.send(receive(connection, shell, number), answer_within=10)
    assert caught.value.code == 2150858793
    machine.inject(faults.fault(2150859241, "むり"), on="Command", first=1)
    with pytest.raises(Fault) as refused:
        started(connection, shell, "echo")
    assert not isinstance(refused.value, TimedOut)
    assert (refused.value.code, refused.value.text) == (2150859241, "むり")
    machine.inject(faults.fault(2150859174, "full", wmi=True), on="Command", first=1)
    with pytest.raises(Fault) as quota:
        started(connection, shell, "echo")
    assert quota.value.code == 2150859174
    connection.send(delete(connection, shell), answer_within=10)
    sealed = [one for one in machine.requests() if one.envelope]
    assert len({one.connection for one in sealed}) == 1


def test_encrypted_parts_may_be_framed_otherwise(connect: Connect, machine: Machine) -> None:
    machine.configure(spaced_boundary=True)
    connection = connect("ntlm")
    shell = opened(connection)
    connection.send(delete(connection, shell), answer_within=10)


@sealing
@pytest.mark.parametrize(
    "body", [b"--Encrypted Boundary\r\nnonsense", b"", b"--Encrypted Boundary--"]
)
def test_encrypted_parts_that_are_none_are_said_to_be_so(
    connect: Connect, machine: Machine, auth: str, body: bytes
) -> None:
    kind = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted"'
    headers = {"Content-Type": kind + ';boundary="Encrypted Boundary"'}
    machine.inject(faults.status(200, body, headers), on="Create", first=1)
    connection = connect(auth)
    with pytest.raises(NotWinRM, match="encrypted answer cannot be read"):
        opened(connection)
    opened(connection)


@sealing
def test_an_answer_in_clear_is_not_believed(
    connect: Connect, machine: Machine, auth: str, tmp_path: Path
) -> None:
    soap = "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body/></s:Envelope>"
    (tmp_path / "forged.http").write_text(
        "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n"
        f"Content-Length: {len(soap)}\r\n\r\n{soap}"
    )
    machine.inject(faults.recorded(tmp_path / "forged.http"), on="Create", first=1)
    with pytest.raises(NotWinRM, match="in clear"):
        opened(connect(auth))


def test_the_header_is_as_windows_clients_send_it(connect: Connect) -> None:
    connection = connect(culture="de-DE", ui_culture="fr-FR", operation_timeout=2.5)
    header = connection.header("urn:action", "urn:resource", "ID")["env:Header"]
    assert list(header) == [
        "a:To",
        "w:ResourceURI",
        "a:ReplyTo",
        "a:Action",
        "w:MaxEnvelopeSize",
        "a:MessageID",
        "w:Locale",
        "p:DataLocale",
        "w:SelectorSet",
        "w:OperationTimeout",
    ]
    assert header["a:To"].endswith("/wsman")
    assert header["a:Action"] == {"@env:mustUnderstand": "true", "#text": "urn:action"}
    assert header["w:Locale"] == {"@env:mustUnderstand": "false", "@xml:lang": "fr-FR"}
    assert header["p:DataLocale"] == {"@env:mustUnderstand": "false", "@xml:lang": "de-DE"}
    assert header["w:OperationTimeout"] == "PT2.500S"
    assert header["a:MessageID"] == "uuid:" + header["a:MessageID"][5:].upper()
    assert header["w:SelectorSet"] == {"w:Selector": {"@Name": "ShellId", "#text": "ID"}}
    assert "w:SelectorSet" not in connection.header("urn:action", "urn:resource")["env:Header"]


@both
def test_the_socket_sends_at_once_and_is_kept_alive(connect: Connect, scheme: str) -> None:
    connection = connect("basic", scheme)
    opened(connection)
    sock = connection._line._socket
    assert sock is not None
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_an_ipv6_address_is_reached(connect: Connect, machine: Machine) -> None:
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    with Relay(machine.host, machine.port, bind="::1") as relay:
        for host in ("::1", "[::1]", f"http://[::1]:{relay.port}/wsman"):
            settings = {} if "//" in host else {"port": relay.port}
            connection = connect("ntlm", host=host, **{"port": None, **settings})
            opened(connection)
    hosts = [dict(one.headers)["Host"] for one in machine.requests()]
    assert set(hosts) == {f"[::1]:{relay.port}"}


def link_local() -> str | None:
    """An address of this machine's that needs its zone."""
    table = Path("/proc/net/if_inet6")
    for line in table.read_text().splitlines() if table.exists() else []:
        digits, _, _, scope, _, name = line.split()
        if scope == "20":
            groups = [digits[at : at + 4] for at in range(0, 32, 4)]
            return f"{ipaddress.IPv6Address(':'.join(groups))}%{name}"
    return None


def test_an_address_with_a_zone_is_reached(connect: Connect, machine: Machine) -> None:
    address = link_local()
    if address is None:
        pytest.skip("there is no link-local address here")
    with Relay(machine.host, machine.port, bind=address) as relay:
        opened(connect("ntlm", host=address, port=relay.port))
        opened(connect("ntlm", host=f"[{address.replace('%', '%25')}]", port=relay.port))
    # A zone means something to this machine only.
    hosts = {dict(one.headers)["Host"] for one in machine.requests()}
    assert hosts == {f"[{address.partition('%')[0]}]:{relay.port}"}


def test_what_is_answered_is_parsed(connect: Connect) -> None:
    connection = connect()
    answer = connection.send(create(connection), answer_within=10)
    assert isinstance(answer, ElementTree.Element)
    assert answer.tag.endswith("Envelope")


def test_a_line_leaves_no_thread_and_no_descriptor(connect: Connect, machine: Machine) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("descriptors are counted on Linux")
    opened(connect("ntlm"))  # what is loaded once
    threads, files = threading.active_count(), len(list(descriptors.iterdir()))
    for _ in range(5):
        connection = connect("ntlm", host="localhost")
        opened(connection)
        connection.close()
    machine.wait_until(connections=1)
    assert threading.active_count() == threads
    assert len(list(descriptors.iterdir())) == files
