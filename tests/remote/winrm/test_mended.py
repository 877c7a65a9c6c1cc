"""Each fault of pywinrm that `mended` mends: as it is upstream, and that ours does not have it.

Where upstream gets the cure, its half fails here, and the mend can go.
"""

from __future__ import annotations

import base64
import inspect
import os
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import winrm.transport
from requests.exceptions import ConnectionError as RequestsConnectionError
from winrm.encryption import Encryption
from winrm.exceptions import WinRMTransportError
from winrm.protocol import Protocol

from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.errors import NoAnswer, NotWinRM, RequestError
from psbridge.remote.winrm.target import WinRM
from tests.remote.winrm.gates import HttpProxy, Listener
from tests.remote.winrm.plain_shell import create, delete, opened
from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

CASES = Path(__file__).parents[1] / "cases"

Connect = Callable[..., Connection]
Upstream = Callable[..., Protocol]


@pytest.fixture
def upstream(machine: Machine, winrm_server: WinRMServer) -> Iterator[Upstream]:
    """Makes pywinrm's own protocols."""
    made = []

    def make(transport: str = "ntlm", scheme: str = "http", **options: Any) -> Protocol:
        options = {
            "username": USER,
            "password": PASSWORD,
            "proxy": None,
            "ca_trust_path": str(winrm_server.authority) if scheme == "https" else None,
            "operation_timeout_sec": 1,
            "read_timeout_sec": 2,
            **options,
        }
        url = machine.https_url if scheme == "https" else machine.url
        made.append(Protocol(url, transport=transport, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for protocol in made:
        protocol.transport.close_session()


def test_a_context_that_was_not_made_lets_envelopes_out_in_clear(
    upstream: Upstream, connect: Connect, machine: Machine
) -> None:
    def clear() -> list[bytes]:
        return [one.body for one in machine.requests() if b"Envelope xmlns" in one.body]

    rule = machine.inject(faults.status(503, b"starting"), on="request")
    theirs, ours = upstream(), connect("ntlm")
    for _ in range(2):
        with pytest.raises(RequestError):
            opened(ours)
    assert clear() == []
    for _ in range(2):
        with pytest.raises(WinRMTransportError):
            theirs.open_shell()
    assert len(clear()) == 1
    rule.remove()


def test_a_dropped_connection_takes_the_context_with_it(
    upstream: Upstream, connect: Connect, machine: Machine
) -> None:
    theirs, ours = upstream(), connect("ntlm")
    shell, our_shell = theirs.open_shell(), opened(ours)
    machine.close_connections()
    machine.wait_until(connections=0)
    with pytest.raises(WinRMTransportError) as caught:
        theirs.close_shell(shell)
    assert caught.value.code == 400
    ours.send(delete(ours, our_shell), answer_within=10)


def test_a_closed_session_keeps_its_encryption(upstream: Upstream, connect: Connect) -> None:
    theirs, ours = upstream(), connect("ntlm")
    theirs.open_shell()
    theirs.transport.close_session()
    assert theirs.transport.encryption is not None
    opened(ours)
    mine = ours._transport
    assert mine is not None
    mine.close_session()
    assert mine.encryption is None


def test_redirects_are_followed(upstream: Upstream, connect: Connect, machine: Machine) -> None:
    for client in ("ours", "theirs"):
        with Listener() as other:
            effect = faults.recorded(CASES / "moved-307.http", other=other.port)
            rule = machine.inject(effect, on="Create")
            if client == "ours":
                with pytest.raises(NotWinRM, match=f"points to http://127.0.0.1:{other.port}"):
                    opened(connect())
                assert other.accepted == 0
            else:
                with pytest.raises(requests.RequestException):
                    upstream("basic").open_shell()
                assert b"Envelope" in other.seen
            rule.remove()


def test_basic_is_latin_1_and_its_error_holds_the_password(
    upstream: Upstream, connect: Connect, winrm_server: WinRMServer
) -> None:
    winrm_server.users = {"пользователь": "пароль"}
    account = {"username": "пользователь", "password": "пароль"}
    with pytest.raises(UnicodeEncodeError) as caught:
        upstream("basic", **account).open_shell()
    assert caught.value.object in account.values()
    opened(connect(**account))


def test_netrc_replaces_a_certificate_by_a_password(
    upstream: Upstream,
    connect: Connect,
    machine: Machine,
    winrm_server: WinRMServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine.configure(client_certificates="required")
    certificate, key = winrm_server.client_certificate(USER)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password hunter2\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def sent() -> set[str]:
        return {dict(one.headers).get("Authorization", "") for one in machine.requests()}

    opened(connect("certificate", "https", cert_file=certificate, key_file=key))
    assert not any(one.startswith("Basic") for one in sent())
    with suppress(Exception):
        upstream("certificate", "https", cert_pem=certificate, cert_key_pem=key).open_shell()
    assert "Basic " + base64.b64encode(b"somebody:hunter2").decode() in sent()


def test_a_page_in_another_encoding_hides_the_status(
    upstream: Upstream, connect: Connect, machine: Machine
) -> None:
    machine.inject(faults.recorded(CASES / "page-502-cp1252.http"), on="Create")
    with pytest.raises(UnicodeDecodeError):
        upstream("basic").open_shell()
    with pytest.raises(NotWinRM, match=r"502.*Gerät nicht erreichbar"):
        opened(connect())


def test_a_page_in_place_of_an_answer_is_a_parse_error(
    upstream: Upstream, connect: Connect, machine: Machine
) -> None:
    machine.inject(faults.recorded(CASES / "login-200.http"), on="Create")
    with pytest.raises(SyntaxError):
        upstream("basic").open_shell()
    with pytest.raises(NotWinRM, match=r"200.*Sign in"):
        opened(connect())


def test_an_answer_that_drips_outlasts_the_read_timeout(
    upstream: Upstream, connect: Connect, machine: Machine
) -> None:
    machine.inject(faults.drip(0.0015), on="Create")
    begun = time.monotonic()
    upstream("basic").open_shell()
    assert time.monotonic() - begun > 2.0  # its read timeout
    connection = connect()
    with pytest.raises(NoAnswer, match=r"within 0.5 s"):
        connection.send(create(connection), answer_within=0.5)


def test_parts_are_read_in_one_spelling_only(
    upstream: Upstream, connect: Connect, machine: Machine
) -> None:
    machine.configure(spaced_boundary=True)
    with pytest.raises((IndexError, ValueError, SyntaxError)):
        upstream("ntlm").open_shell()
    opened(connect("ntlm"))


def test_the_trailer_of_tls_1_3_is_not_known() -> None:
    theirs = Encryption(requests.Session(), "credssp")
    assert theirs._get_credssp_trailer_length(100, "TLS_AES_256_GCM_SHA384") != 17


@pytest.mark.parametrize("step", [2, 3, 4])
def test_credssp_sends_to_whom_it_has_not_compared_keys_with(
    upstream: Upstream, connect: Connect, machine: Machine, step: int
) -> None:
    # A 200 in the middle of the logon: the TLS in it may be with anybody.
    def sealed() -> int:
        return sum(b"Encrypted Boundary" in one.body for one in machine.requests())

    machine.inject(faults.status(200, b"go on"), on="request", numbers=[step, 2 * step])
    with pytest.raises(NotWinRM, match=r"200.*go on"):
        opened(connect("credssp"))
    assert sealed() == 0
    machine.reset()
    if step == 4:
        machine.inject(faults.status(200, b"go on"), on="request", numbers=[step])
        with suppress(Exception):
            upstream("credssp").open_shell()
        assert sealed() == 1


def test_the_environment_names_the_proxy(
    upstream: Upstream, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        opened(connect())
        assert proxy.accepted == 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            upstream("basic", proxy="legacy_requests").open_shell()
        assert proxy.accepted == 1


def test_no_proxy_is_set_in_the_environment_of_the_process(
    upstream: Upstream, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def bypass(host: str) -> bool:
        seen.append(os.environ.get("no_proxy"))
        return True

    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(requests.utils, "proxy_bypass", bypass)
    upstream("basic").open_shell()
    assert "*" in seen
    seen.clear()
    opened(connect())
    assert "*" not in seen


def test_a_proxy_gets_the_machines_account(
    upstream: Upstream, connect: Connect, target: Callable[..., WinRM]
) -> None:
    asks = (
        b"HTTP/1.1 407 Who\r\nProxy-Authenticate: NTLM\r\n"
        b"Connection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    )

    class Asking(Listener):
        def serve(self, sock: Any) -> None:
            while self.read(sock):
                sock.sendall(asks)

    with Asking() as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(NotWinRM, match="407"):
            opened(connect("ntlm", proxy=url))
        assert b"authorization" not in proxy.seen.lower()
        with suppress(Exception):
            upstream("ntlm", proxy=url).open_shell()
        assert b"proxy-authorization: ntlm" in proxy.seen.lower()


def test_there_is_no_password_for_a_key_and_no_connect_timeout() -> None:
    parameters = inspect.signature(winrm.transport.Transport.__init__).parameters
    assert "key_password" not in parameters
    assert "cert_key_password" not in parameters
    assert not [one for one in parameters if "connect" in one]
    assert not [one for one in parameters if "cookie" in one]
    assert not [one for one in parameters if "redirect" in one]


def test_warnings_are_switched_off_for_the_whole_process(
    upstream: Upstream, connect: Connect
) -> None:
    with warnings.catch_warnings():
        before = list(warnings.filters)
        opened(connect("basic", "https", verify=False))
        new = [one for one in warnings.filters if one not in before]
        assert not any("InsecureRequest" in str(one[2]) for one in new)
        upstream("basic", "https", server_cert_validation="ignore")
        new = [one for one in warnings.filters if one not in before]
        assert any("InsecureRequest" in str(one[2]) for one in new)


def test_a_certificate_is_asked_for_after_the_handshake_by_its_own_context(
    connect: Connect, machine: Machine, winrm_server: WinRMServer
) -> None:
    machine.configure(client_certificates="after", tls_minimum="1.3")
    certificate, key = winrm_server.client_certificate(USER)
    opened(connect("certificate", "https", cert_file=certificate, key_file=key))
    assert ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).post_handshake_auth is False


def test_failures_are_of_no_type_of_winrm(upstream: Upstream, machine: Machine) -> None:
    machine.refuse()
    with pytest.raises(RequestsConnectionError):
        upstream("basic").open_shell()
    machine.accept()
