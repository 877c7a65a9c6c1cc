"""What the environment says has no effect; what the arguments say has (case 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.errors import NotSent, NotWinRM
from psbridge.remote.winrm.target import WinRM
from tests.remote.winrm.gates import HttpProxy, Listener
from tests.remote.winrm.plain_shell import delete, opened
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

Connect = Callable[..., Connection]

schemes = pytest.mark.parametrize("scheme", ["http", "https"])


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """An environment that leads elsewhere; the listener to which it leads."""
    with Listener() as listener:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            for spelling in (name, name.upper()):
                monkeypatch.setenv(spelling, f"http://127.0.0.1:{listener.port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password hunter2\n")
        (tmp_path / ".netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.setenv(name, "/nowhere/ca.pem")
        yield listener


@pytest.mark.parametrize(
    ("auth", "scheme"),
    [("basic", "http"), ("basic", "https"), ("ntlm", "http"), ("ntlm", "https")],
)
def test_proxies_netrc_and_bundles_of_the_environment(
    hostile: Listener, connect: Connect, machine: Machine, auth: str, scheme: str
) -> None:
    connection = connect(auth, scheme)
    shell = opened(connection)
    connection.send(delete(connection, shell), answer_within=10)
    assert hostile.accepted == 0
    for one in machine.requests():
        assert b"hunter2" not in one.head
        assert b"b3RoZXI6aHVudGVyMg" not in one.head  # other:hunter2


def test_with_a_client_certificate(
    hostile: Listener, connect: Connect, machine: Machine, winrm_server: WinRMServer
) -> None:
    machine.configure(client_certificates="required")
    certificate, key = winrm_server.client_certificate(USER)
    opened(connect("certificate", "https", cert_file=certificate, key_file=key))
    assert hostile.accepted == 0
    assert not [one for one in machine.requests() if b"Authorization: Basic" in one.head]


def test_an_authority_of_the_environment_is_none(
    hostile: Listener,
    connect: Connect,
    winrm_server: WinRMServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(winrm_server.authority))
    with pytest.raises(NotSent, match="certificate is not valid"):
        opened(connect("basic", "https", ca=None))


# A proxy that the arguments name.


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@schemes
def test_a_proxy_gets_the_traffic(
    hostile: Listener, connect: Connect, machine: Machine, auth: str, scheme: str
) -> None:
    with HttpProxy() as proxy:
        connection = connect(auth, scheme, proxy=f"http://127.0.0.1:{proxy.port}")
        shell = opened(connection)
        connection.send(delete(connection, shell), answer_within=10)
    asked = "POST http://" if scheme == "http" else "CONNECT "
    assert [one.startswith(asked) for one in proxy.requests] == [True]
    assert hostile.accepted == 0
    if scheme == "https":
        assert b"Envelope" not in proxy.seen
        assert b"Authorization" not in proxy.seen


@schemes
def test_a_proxy_gets_its_account_and_the_machine_does_not(
    connect: Connect, machine: Machine, scheme: str
) -> None:
    account = {"proxy_username": "Zoë", "proxy_password": "ключ"}
    with HttpProxy(account="Zoë:ключ") as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        opened(connect("ntlm", scheme, proxy=url, **account))
        for wrong in ({}, {**account, "proxy_password": "wrong"}):
            error = failure(connect("ntlm", scheme, proxy=url, **wrong))
            assert error.status == 407
            assert "the proxy refuses" in str(error)
            assert "proxy_username=" in str(error)
            assert "wrong" not in str(error)
    if scheme == "https":
        assert not [one for one in machine.requests() if b"Proxy-Authorization" in one.head]


def failure(connection: Connection) -> NotWinRM:
    with pytest.raises(NotWinRM) as caught:
        opened(connection)
    return caught.value


@schemes
def test_a_proxy_that_refuses(connect: Connect, machine: Machine, scheme: str) -> None:
    with HttpProxy(status=403) as proxy:
        error = failure(connect("ntlm", scheme, proxy=f"http://127.0.0.1:{proxy.port}"))
    assert error.status == 403
    assert "prox" in str(error)
    assert machine.requests() == []


def test_a_proxy_that_is_not_there(connect: Connect) -> None:
    with Listener() as gone:
        pass
    with pytest.raises(NotSent, match=f"nothing listens at the proxy 127.0.0.1:{gone.port}"):
        opened(connect("ntlm", proxy=f"http://127.0.0.1:{gone.port}"))


# A proxy that the environment names, where the arguments say that it may.


@schemes
def test_the_environments_proxy_is_taken_by_name(
    connect: Connect, machine: Machine, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy(account="Zoë:a:b") as proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://Zo%C3%AB:a%3Ab@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        opened(connect("ntlm", scheme, proxy="env"))
        assert len(proxy.requests) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        opened(connect("ntlm", scheme, proxy="env"))
        assert len(proxy.requests) == 1


def test_a_proxy_of_the_environment_that_cannot_be_used(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "socks5://jo:hunter2@gate:1080")
    with pytest.raises(NotSent, match="in the environment: the proxy") as caught:
        opened(connect("ntlm", proxy="env"))
    assert "hunter2" not in str(caught.value)


def test_a_target_with_a_proxy_keeps_its_account_to_itself() -> None:
    target = WinRM(
        "web1",
        auth="ntlm",
        username=USER,
        password=PASSWORD,
        proxy="http://gate:3128",
        proxy_username="a",
        proxy_password="hunter2",
    )
    assert "hunter2" not in repr(target)
