"""What a reason says: machine and address, what happened, what to try; and its code."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from psbridge.remote.winrm import line
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.errors import (
    Fault,
    LogonRefused,
    NotSent,
    NotWinRM,
    RequestError,
)
from psbridge.remote.winrm.pages import first_words
from tests.remote.winrm.gates import Listener
from tests.remote.winrm.plain_shell import delete, opened
from tests.winrm_server import faults
from tests.winrm_server.server import Machine, WinRMServer

CASES = Path(__file__).parents[1] / "cases"

Connect = Callable[..., Connection]

HTTP_ERROR = 2150859120  # WinRMHttpError


def failure(connection: Connection, kind: type[RequestError]) -> RequestError:
    with pytest.raises(kind) as caught:
        opened(connection)
    reason = str(caught.value)
    assert reason.startswith(f"{connection._target.location} ({connection._target.address.url}, ")
    assert "\n" not in reason
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@pytest.mark.parametrize(
    ("name", "status", "code", "words"),
    [
        ("page-502-cp1252", 502, HTTP_ERROR, "Störung Gerät nicht erreichbar Zurück zur Übersicht"),
        ("bare-503", 503, 2150859026, "nothing in it"),
        ("empty-500", 500, HTTP_ERROR, "nothing in it"),
        ("login-200", 200, HTTP_ERROR, "Sign in"),
    ],
)
def test_an_answer_that_is_not_winrms(
    connect: Connect, machine: Machine, auth: str, name: str, status: int, code: int, words: str
) -> None:
    machine.inject(faults.recorded(CASES / f"{name}.http"), on="Create")
    kind = NotWinRM
    error = failure(connect(auth), kind)
    assert isinstance(error, NotWinRM)
    assert (error.status, error.code) == (status, code)
    if (auth, name) == ("ntlm", "login-200"):
        assert "in clear" in str(error)
        return
    assert f"this is not WinRM's answer: HTTP status {status}" in str(error)
    assert words in str(error)


def test_an_answer_of_a_proxy_that_wants_an_account(connect: Connect, machine: Machine) -> None:
    machine.inject(faults.recorded(CASES / "proxy-407.http"), on="Create")
    error = failure(connect(), NotWinRM)
    assert "407" in str(error)
    assert "proxy_username=" in str(error)
    assert "not WinRM's answer" in str(error)
    assert "who are you" in str(error)
    assert error.code == HTTP_ERROR


def test_a_redirect_says_to_where(connect: Connect, machine: Machine) -> None:
    with Listener() as other:
        machine.inject(faults.recorded(CASES / "moved-307.http", other=other.port), on="Create")
        error = failure(connect(), NotWinRM)
        assert f"it points to http://127.0.0.1:{other.port}/wsman" in str(error)
        assert other.accepted == 0


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("fault-denied-de", 5, ["Das Konto darf diesen Endpunkt nicht öffnen.", "'ops'"]),
        ("fault-shells-ja", 2150859236, ["このユーザーが同時に開けるシェルの数を超えました。"]),
        (
            "fault-shell-gone-fr",
            2150858843,
            ["L\u2019interpréteur n\u2019existe plus", "restarted"],
        ),
        ("fault-unknown-configuration", 2150858811, ["no resource of this name", "PowerShell.X"]),
        ("fault-broken-endpoint", 2689860592, ["(error 2689860592)", "PowerShell.X"]),
        ("fault-commands-in-shell", 2150859241, ["MaxConcurrentCommandsPerShell"]),
    ],
)
def test_a_fault_keeps_code_and_words(
    connect: Connect, machine: Machine, auth: str, name: str, code: int, words: list[str]
) -> None:
    machine.inject(faults.recorded(CASES / f"{name}.xml"), on="Create")
    error = failure(connect(auth, configuration="PowerShell.X"), Fault)
    assert error.code == code
    assert all(one in str(error) for one in [*words, str(code)])


def test_a_subcode_stands_for_a_code_that_is_not_there(connect: Connect, machine: Machine) -> None:
    machine.inject(faults.fault(None, "no", subcode="w:AccessDenied"), on="Create", first=1)
    assert failure(connect(), Fault).code == 5
    machine.inject(faults.fault(None, "no", subcode="w:SchemaValidationError"), on="Create")
    error = failure(connect(), Fault)
    assert error.code == 0
    assert "SchemaValidationError" in str(error)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, 2150859027, "path"),
        (403, 5, "forbids"),
        (413, HTTP_ERROR, "too large"),
        (429, HTTP_ERROR, "address"),
    ],
)
def test_other_statuses(
    connect: Connect, machine: Machine, status: int, code: int, words: str
) -> None:
    machine.inject(faults.status(status, b"<p>no &amp; never</p>"), on="Create")
    error = failure(connect(), NotWinRM)
    assert error.code == code
    assert '"no & never"' in str(error)
    assert words in str(error)


# The line.


def test_a_name_that_nobody_knows(connect: Connect) -> None:
    error = failure(connect("ntlm", host="no-such-machine.invalid"), NotSent)
    assert error.code == 2150859193
    assert "the name in no-such-machine.invalid" in str(error)


def test_a_port_at_which_nothing_listens(connect: Connect, machine: Machine) -> None:
    machine.refuse()
    error = failure(connect("ntlm"), NotSent)
    assert error.code == 2150858770
    assert f"nothing listens at 127.0.0.1:{machine.port} (connection refused)" in str(error)
    assert "Enable-PSRemoting" in str(error)


def test_a_service_that_speaks_something_else(connect: Connect) -> None:
    class Banner(Listener):
        def serve(self, sock: Any) -> None:
            sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 3)
            super().serve(sock)

    with Banner() as other:
        error = failure(connect("ntlm", port=other.port), RequestError)
        assert "does not speak HTTP" in str(error)
        error = failure(connect("ntlm", "https", port=other.port), NotSent)
        assert "speaks no TLS" in str(error)
        assert error.code == 12175


def test_an_answer_that_does_not_end(
    connect: Connect, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_MOST_BYTES", 100_000)
    for kind in ({"Content-Type": "text/html"}, {"Content-Type": "application/soap+xml"}):
        rule = machine.inject(faults.status(200, b"x" * 200_000, kind), on="Create")
        error = failure(connect(), NotWinRM)
        assert "it does not end" in str(error)
        rule.remove()
    opened(connect())


def test_http_to_a_port_of_tls(connect: Connect, machine: Machine) -> None:
    error = failure(connect("ntlm", port=machine.https_port), RequestError)
    assert "is its scheme right" in str(error)


# TLS.


def test_a_certificate_of_another_authority(
    connect: Connect, machine: Machine, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    error = failure(connect("basic", "https", ca=other), NotSent)
    assert error.code == 12175
    assert "its certificate is not valid" in str(error)
    assert "it is of " in str(error)
    assert "127.0.0.1" in str(error).partition("it is of ")[2]
    assert "signed by " in str(error)
    assert f"checked with the authorities in {other}" in str(error)
    assert machine.requests() == []
    error = failure(connect("basic", "https", ca=None), NotSent)
    assert "checked with the system's authorities" in str(error)


@pytest.mark.parametrize(
    ("certificate", "words"), [("other name", "mismatch"), ("expired", "expired")]
)
def test_a_certificate_that_is_not_this_machines_or_has_ended(
    connect: Connect, machine: Machine, certificate: str, words: str
) -> None:
    machine.configure(certificate=certificate)
    error = failure(connect("basic", "https"), NotSent)
    assert words in str(error)
    assert "valid from" in str(error)
    assert machine.requests() == []
    opened(connect("basic", "https", verify=False))


def test_the_name_alone_may_be_passed_over(connect: Connect, machine: Machine) -> None:
    machine.configure(certificate="other name")
    opened(connect("basic", "https", verify_host=False))
    machine.configure(certificate="other authority")
    failure(connect("basic", "https", verify_host=False), NotSent)


def test_tls_that_is_too_old(connect: Connect, machine: Machine) -> None:
    machine.configure(tls_minimum="1.0", tls_maximum="1.1")
    error = failure(connect("ntlm", "https"), NotSent)
    assert "TLS is too old" in str(error)
    assert error.code == 12175


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_certificate_that_is_not_taken(
    connect: Connect, machine: Machine, winrm_server: WinRMServer, version: str
) -> None:
    machine.configure(client_certificates="required", tls_minimum=version, tls_maximum=version)
    certificate, key = winrm_server.client_certificate("ops", trusted=False)
    error = failure(
        connect("certificate", "https", cert_file=certificate, key_file=key), RequestError
    )
    assert "client certificate" in str(error) or "connection was lost" in str(error)
    certificate, key = winrm_server.client_certificate("nobody")
    error = failure(
        connect("certificate", "https", cert_file=certificate, key_file=key), LogonRefused
    )
    assert "no account for the client certificate" in str(error)
    assert error.code == 1326


# Logons.


@pytest.mark.parametrize(
    ("username", "words"),
    [
        ("nobody", "it was sent without a domain"),
        ("DOM\\nobody", "as an account of a domain"),
        (".\\nobody", "as a local account"),
        ("nobody@dom.example", "as user@domain"),
    ],
)
@pytest.mark.parametrize("auth", ["basic", "ntlm", "credssp"])
def test_a_logon_that_is_refused(
    connect: Connect,
    machine: Machine,
    winrm_server: WinRMServer,
    auth: str,
    username: str,
    words: str,
) -> None:
    error = failure(connect(auth, username=username), LogonRefused)
    assert error.code == 1326
    assert f"{username!r}" in str(error)
    assert words in str(error)
    assert "LocalAccountTokenFilterPolicy" in str(error)
    assert len(winrm_server.attempts()) == 1


@pytest.mark.parametrize(
    ("auth", "schemes"),
    [("basic", ("Negotiate",)), ("ntlm", ("Basic",)), ("credssp", ("Negotiate", "Basic"))],
)
def test_what_is_not_offered(
    connect: Connect, machine: Machine, auth: str, schemes: tuple[str, ...]
) -> None:
    machine.configure(schemes=schemes)
    error = failure(connect(auth), LogonRefused)
    assert error.code == 2150859022
    offered = ", ".join(sorted(one.lower() for one in schemes))
    assert f"does not take {auth}, only {offered}" in str(error)


def test_a_machine_that_refuses_what_is_not_encrypted(connect: Connect, machine: Machine) -> None:
    machine.configure(allow_unencrypted=False)
    error = failure(connect(), LogonRefused)
    assert "does not take basic" in str(error)


def test_a_clock_that_is_wrong(connect: Connect, machine: Machine) -> None:
    headers = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT", "WWW-Authenticate": "Negotiate"}
    machine.inject(faults.status(401, b"", headers), on="request")
    error = failure(connect("ntlm"), LogonRefused)
    assert "minutes behind this one's" in str(error)


# Pages.


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text/html; charset=iso-8859-15", "Größe 5 €".encode("iso-8859-15"), "Größe 5 €"),
        ("text/html", "<meta charset=koi8-r><p>Ошибка".encode("koi8-r"), "Ошибка"),
        ("text/html; charset=nonsense", "ü".encode(), "ü"),
        ("", "été".encode("cp1252"), "été"),
        ("", b"\xff\xfe" + "wide".encode("utf-16-le"), "wide"),
        ("", b"\x81\x8d\x00", "\x81\x8d".strip("\x81\x8d")),
        ("text/html", b"<style>p{}</style><script>x<y</script><!-- no -->a&nbsp;b", "a b"),
        ("text/plain", b"a\r\nb\tc\x1b[31m", "a b c [31m"),
        ("text/plain", b"x" * 500, "x" * 159 + "…"),
        ("text/html", b"", ""),
    ],
)
def test_the_first_words_of_a_page(kind: str, body: bytes, words: str) -> None:
    assert first_words(kind, body) == words


def test_reasons_name_hosts_as_they_were_spelt(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for host in ("LocalHost", f"http://LOCALHOST:{port}/wsman"):
        settings = {} if "//" in host else {"port": port}
        error = failure(connect("ntlm", host=host, **{"port": None, **settings}), NotSent)
        assert str(error).startswith(f"{host} (http://L")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("named", [False, True])
def test_no_descriptor_left_says_what_to_raise(
    connect: Connect, machine: Machine, named: bool
) -> None:
    import resource

    connection = connect("ntlm", host="localhost" if named else "127.0.0.1")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(one.name) for one in Path("/dev/fd").iterdir())
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(0))
        error = failure(connection, NotSent)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in held:
            os.close(one)
    assert "ulimit -n" in str(error)
    assert "firewall" not in str(error)
    assert "not known here" not in str(error)
    shell = opened(connection)
    connection.send(delete(connection, shell), answer_within=10)
