"""The one connection of a line, as http.client and urllib3 know it, in a pool for itself."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from .tls import tls_context, unverified

if TYPE_CHECKING:
    from .line import Line
    from .proxies import Proxy
    from .target import WinRM

__all__ = ["PlainConnection", "ProxyRefused", "certificate_of", "pool_of"]

Connected = Callable[[object], None]

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}) ?(.*)")


class ProxyRefused(Exception):
    """A proxy does not let us through.

    Attributes:
        status: its answer's status.
        words: what it says.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"the proxy refuses, HTTP status {status}")
        self.status, self.words = status, words


class _WholeHead:
    """The lines of an answer's head; one that breaks off is lost, and no short head.

    `http.client` takes the end of the connection for the end of the head, and gives an empty 200.
    """

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    def readline(self, limit: int = -1) -> bytes:
        """The next line."""
        line: bytes = self._lines.readline(limit)
        # Also in the midst of its first line, which another protocol begins otherwise.
        if not line or (line[-1:] != b"\n" and line[:5] == b"HTTP/"[: len(line)]):
            raise http.client.RemoteDisconnected("the answer's head breaks off")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lines, name)


class _Answer(http.client.HTTPResponse):
    """An answer whose head is whole."""

    def begin(self) -> None:
        lines: Any = self.fp
        self.fp: Any = _WholeHead(lines)
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = lines


def _head(url: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"POST {url} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1")


class PlainConnection(HTTPConnection):
    """HTTP over the line."""

    response_class = _Answer

    def __init__(self, line: Line, connected: Connected, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._line, self._connected = line, connected

    def connect(self) -> None:
        """Connect."""
        super().connect()
        self._line.doing = "waiting for its answer"
        self._connected(self)

    def _new_conn(self) -> Any:
        return self._line.open(self._dns_host, self.port)

    def exchange(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request in one piece; give its answer and what that holds.

        Args:
            url: its path, or all of it for a proxy.
            headers: all but its length.
            body: what it brings.
        """
        if self.sock is None:
            self.connect()
        sock: Any = self.sock
        sock.sendall(_head(url, headers, len(body)) + body)
        answer = _Answer(sock, method="POST")
        try:
            answer.begin()
            content = answer.read()
        finally:
            answer.close()
        if answer.will_close:
            self.close()
        return answer, content


class _Secure(HTTPSConnection):
    """HTTP over TLS over the line."""

    response_class = _Answer

    def __init__(
        self,
        line: Line,
        connected: Connected,
        settings: ssl.SSLContext,
        *arguments: Any,
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        self._line, self._connected, self._settings = line, connected, settings

    def connect(self) -> None:
        """Connect; not urllib3's way, which shows the socket only when it is done."""
        line = self._line
        self.sock = line.open(self._dns_host, self.port)
        name = self.host
        if self._tunnel_host:
            name = self._tunnel_host
            self._ask_for_tunnel()
        line.doing = "opening TLS"
        sock = self._settings.wrap_socket(
            self.sock,
            # A certificate names an address without its zone.
            server_hostname=name.strip("[]").partition("%")[0].rstrip("."),
            do_handshake_on_connect=False,
        )
        self.sock = sock
        line.take(sock)  # type: ignore[arg-type]
        sock.settimeout(line.left())
        line.in_time(sock.do_handshake)
        # Verified or deliberately not: urllib3 need not warn.
        self.is_verified = True
        line.doing = "waiting for its answer"
        self._connected(self)

    def _ask_for_tunnel(self) -> None:
        self._has_connected_to_proxy = True
        self._line.doing = "asking the proxy for a tunnel"
        self._line.carries = False
        try:
            self._tunnel()
        except OSError as error:
            refused = _TUNNEL.match(str(error))
            if refused is None:
                raise
            raise ProxyRefused(int(refused[1]), refused[2]) from None
        finally:
            self._line.carries = True
        self.proxy_is_verified = False


def pool_of(
    target: WinRM, line: Line, proxy: Proxy | None, connected: Connected
) -> HTTPConnectionPool:
    """Make the pool, which is of one connection.

    Args:
        target: the machine.
        line: what the connection is made on.
        proxy: the proxy to go through, or None.
        connected: is called with a connection when it is made, before anything is asked on it.
    """
    address = target.address
    host = f"[{address.host}]" if ":" in address.host else address.host
    pool: HTTPConnectionPool
    if proxy is not None:
        manager = ProxyManager(proxy.url, num_pools=1, proxy_headers=proxy.headers, maxsize=1)
        pool = manager.connection_from_host(host, address.port, address.scheme)
    elif address.scheme == "https":
        pool = HTTPSConnectionPool(host, address.port, maxsize=1)
    else:
        pool = HTTPConnectionPool(host, address.port, maxsize=1)
    if address.scheme == "https":
        made: Any = partial(_Secure, line, connected, tls_context(target))
    else:
        made = partial(PlainConnection, line, connected)
    pool.ConnectionCls = made
    return pool


def certificate_of(target: WinRM, line: Line, proxy: Proxy | None) -> bytes | None:
    """The machine's certificate, by a connection that is made for looking at it only."""
    address = target.address
    host, port = (address.host, address.port) if proxy is None else (proxy.host, proxy.port)
    connection = _Secure(line, lambda _: None, unverified(), host, port)
    if proxy is not None:
        connection.set_tunnel(address.host, address.port, proxy.headers)
    try:
        connection.connect()
        sock: Any = connection.sock
        found: bytes | None = sock.getpeercert(True)
        return found
    finally:
        connection.close()
