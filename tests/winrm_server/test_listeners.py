"""The proxy and the listener that tests put beside the server."""

from __future__ import annotations

import socket

import pytest
import requests
from listeners import Listener, Proxy, closed_port
from winrm.protocol import Protocol

from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine


def run(machine: Machine, url: str, proxy: str) -> None:
    protocol = Protocol(
        url,
        transport="ssl" if url.startswith("https") else "basic",
        username=USER,
        password=PASSWORD,
        proxy=proxy,
        ca_trust_path=str(machine.server.authority),
    )
    try:
        protocol.close_shell(protocol.open_shell())
    finally:
        protocol.transport.close_session()


def test_the_proxy_sees_what_is_not_encrypted(machine: Machine) -> None:
    with Proxy() as proxy:
        run(machine, machine.url, proxy.url)
        assert proxy.passed.count(b"<x:ResourceCreated>") == 1
        assert proxy.passed.count(b"/DeleteResponse<") == 1
        assert proxy.heads[0].startswith(f"POST {machine.url} HTTP/1.1")
    assert machine.actions() == ["Create", "Delete"]


def test_the_proxy_tunnels_tls(machine: Machine) -> None:
    with Proxy() as proxy:
        run(machine, machine.https_url, proxy.url)
        assert proxy.heads[0].startswith(f"CONNECT {machine.host}:{machine.https_port} ")
        assert proxy.passed
        assert b"Envelope" not in proxy.passed
    assert machine.actions() == ["Create", "Delete"]


def test_the_proxy_may_ask_who_it_is(machine: Machine) -> None:
    with Proxy(user="u", password="p") as proxy:
        with pytest.raises(requests.exceptions.ProxyError, match="407"):
            run(machine, machine.https_url, proxy.url)
        run(machine, machine.https_url, proxy.url.replace("//", "//u:p@"))


def test_the_listener_takes_notes() -> None:
    with Listener(b"hello") as listener:
        with socket.create_connection((listener.host, listener.port), 10) as sock:
            assert sock.recv(10) == b"hello"
            sock.sendall(b"abc")
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""  # it has read all
        assert (listener.received, listener.connections) == (b"abc", 1)


def test_a_closed_port_refuses() -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed_port()), 10)
