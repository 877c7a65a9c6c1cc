"""HTTP over a line: what goes out at last, and what may not.

An adapter for requests that has one connection, the line's. Everything that pywinrm and its
authentications send passes here, so here stand the guards:

- an envelope goes out encrypted where it must be;
- a password goes out in clear only where that is allowed;
- a proxy that asks for an account gets none of the machine's.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import re
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from .pages import first_words
from .tls import tls_context, unverified

if TYPE_CHECKING:
    from .line import Line
    from .proxies import Proxy
    from .target import WinRM

__all__ = ["HttpAnswer", "LineAdapter", "NotAllowed", "ProxyRefused"]

_SEALED = ("multipart/encrypted", "multipart/x-multi-encrypted")
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}) ?(.*)")


class NotAllowed(Exception):
    """A guard has kept something from going out: a fault of ours, which must not become a leak."""


class ProxyRefused(Exception):
    """A proxy does not let us through.

    Attributes:
        status: its answer's status.
        words: what it says.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"the proxy refuses, HTTP status {status}")
        self.status, self.words = status, words


class HttpAnswer(Exception):
    """An answer that is not 200.

    Attributes:
        status: its status.
        headers: its headers.
        body: its body, decrypted where it was encrypted.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP status {status}")
        self.status, self.headers, self.body = status, headers, body

    @property
    def challenges(self) -> bool:
        """Whether it goes on with an authentication that was begun."""
        value = self.headers.get("WWW-Authenticate", "")
        return re.search(r"(?i)\b(negotiate|kerberos|ntlm|credssp) +[^,\s]", value) is not None


class LineAdapter(HTTPAdapter):
    """Sends requests over a line.

    Attributes:
        answered: the last answer that came, whichever step of an authentication it belongs to.
    """

    def __init__(
        self,
        target: WinRM,
        line: Line,
        cookies: http.cookiejar.CookieJar,
        proxy: Proxy | None,
        *,
        sealed: bool,
        connected: Callable[[], None],
    ) -> None:
        """Make the adapter of a context.

        Args:
            target: the machine.
            line: the connection.
            cookies: those of the shell; other lines use them at the same time.
            proxy: the proxy to go through, or None.
            sealed: whether what goes out must be encrypted.
            connected: is called when the line is connected, before anything is asked on it.
        """
        super().__init__(max_retries=0)
        self.answered: Response | None = None
        self._line, self._cookies, self._sealed = line, cookies, sealed
        self._basic = target.auth == "basic" and (
            target.address.scheme == "https" or target.allow_unencrypted
        )
        self._pool = _pool(target, line, proxy, connected)
        self._look = partial(_certificate, target, line, proxy)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The one pool, whatever requests thinks."""
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the TLS context has it all."""

    def send(self, request: PreparedRequest, *arguments: Any, **named: Any) -> Response:
        """Send a request; the steps of an authentication come here as well."""
        line = self._line
        self._guard(request)
        # Not requests' own way: its jars are read while other threads change them.
        request.headers.pop("Cookie", None)
        cookie = get_cookie_header(self._cookies, request)  # type: ignore[no-untyped-call]
        if cookie:
            request.headers["Cookie"] = cookie
        # What has no body asks for nothing: a context is made with it.
        line.carries, line.wrote, line.received = bool(request.body), False, 0
        self.answered = None
        response = super().send(request, *arguments, **named)
        self.answered = response
        extract_cookies_to_jar(self._cookies, request, response.raw)  # type: ignore[no-untyped-call]
        line.used()
        if response.status_code in (401, 407):
            line.wrote = False  # not taken
        if response.status_code == 407:
            words = first_words(response.headers.get("Content-Type", ""), response.content)
            raise ProxyRefused(407, words or str(response.reason))
        return response

    def certificate(self) -> bytes | None:
        """The machine's certificate, by a connection that is made for looking at it only."""
        return self._look()

    def close(self) -> None:
        """Close the connection."""
        if self.answered is not None:
            self.answered.close()  # what was not read of it would keep the socket open
        super().close()
        self._pool.close()

    def _guard(self, request: PreparedRequest) -> None:
        kind = str(request.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
        if self._sealed and request.body and kind not in _SEALED:
            raise NotAllowed("an envelope would have gone out in clear")
        authorization = request.headers.get("Authorization", b"")
        if isinstance(authorization, str):
            authorization = authorization.encode("utf-8", "replace")
        if authorization[:6].lower() == b"basic " and not self._basic:
            raise NotAllowed("a password would have gone out in clear")


class _WholeHead:
    """The lines of an answer's head; one that breaks off is lost, and no short head.

    `http.client` takes the end of the connection for the end of the head, and gives an empty 200.
    """

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    def readline(self, limit: int = -1) -> bytes:
        """The next line."""
        line: bytes = self._lines.readline(limit)
        if not line:
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


class _Plain(HTTPConnection):
    """HTTP over the line."""

    response_class = _Answer

    def __init__(
        self, line: Line, connected: Callable[[], None], *arguments: Any, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self._line, self._connected = line, connected

    def connect(self) -> None:
        super().connect()
        self._line.doing = "waiting for its answer"
        self._connected()

    def _new_conn(self) -> Any:
        return self._line.open(self._dns_host, self.port)


class _Secure(HTTPSConnection):
    """HTTP over TLS over the line."""

    response_class = _Answer

    def __init__(
        self,
        line: Line,
        connected: Callable[[], None],
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
        self._connected()

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


def _pool(
    target: WinRM, line: Line, proxy: Proxy | None, connected: Callable[[], None]
) -> HTTPConnectionPool:
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
        made = partial(_Plain, line, connected)
    pool.ConnectionCls = made
    return pool


def _certificate(target: WinRM, line: Line, proxy: Proxy | None) -> bytes | None:
    address = target.address
    host, port = (address.host, address.port) if proxy is None else (proxy.host, proxy.port)
    connection = _Secure(line, lambda: None, unverified(), host, port)
    if proxy is not None:
        connection.set_tunnel(address.host, address.port, proxy.headers)
    try:
        connection.connect()
        sock: Any = connection.sock
        found: bytes | None = sock.getpeercert(True)
        return found
    finally:
        connection.close()
