"""A connection that is reset before TLS begins leaves no socket open."""

from __future__ import annotations

import gc
import select
import socket
import struct
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3.util.connection

from psbridge.errors import FeedError
from psbridge.remote.winrm.line import Line
from psbridge.remote.winrm.tls import unverified
from psbridge.setup.http_client import Patience
from psbridge.setup.http_feed import HttpFeed
from psbridge.setup.source import Source


class Resetting:
    """A server that resets a connection when it is told to."""

    def __init__(self, server: socket.socket):
        self._server = server
        self.address: tuple[str, int] = ("localhost", server.getsockname()[1])

    def reset(self, sock: socket.socket) -> socket.socket:
        """Reset what the socket is connected to; the socket has not looked at that yet."""
        connection, _ = self._server.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        poll = select.poll()
        poll.register(sock, select.POLLHUP)
        assert poll.poll(10_000)
        return sock


@pytest.fixture
def server() -> Iterator[Resetting]:
    with socket.create_server(("localhost", 0)) as listening:
        yield Resetting(listening)


@pytest.fixture
def left_open() -> Iterator[None]:
    """No socket is left to the garbage collector."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(one.message) for one in caught if one.category is ResourceWarning] == []


@pytest.mark.usefixtures("left_open")
def test_by_a_machine(server: Resetting) -> None:
    line = Line()
    line.within(10)
    sock = server.reset(line.open(*server.address))
    with pytest.raises(ConnectionResetError):
        unverified().wrap_socket(sock, do_handshake_on_connect=False)


@pytest.mark.usefixtures("left_open")
def test_by_a_feed(server: Resetting, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = urllib3.util.connection.create_connection

    def connect_to_reset(*arguments: Any, **named: Any) -> socket.socket:
        return server.reset(connect(*arguments, **named))

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect_to_reset)
    monkeypatch.setenv("NO_PROXY", "*")
    source = Source("web", "https://{}:{}/v3/index.json".format(*server.address), "a test")
    feed = HttpFeed(source, None, Patience(pauses=()))
    with pytest.raises(FeedError, match=r"reset|closed"):
        feed.versions("Some.Package")
    feed.close()
