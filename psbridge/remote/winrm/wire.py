"""HTTP over a line: what goes out at last, and what may not.

An adapter for requests that has one connection, the line's. Everything that pywinrm and its
authentications send passes here, so here stand the guards:

- an envelope goes out encrypted where it must be;
- a password goes out in clear only where that is allowed;
- a proxy that asks for an account gets none of the machine's.
"""

from __future__ import annotations

import base64
import http.cookiejar
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from .tls import tls_context

if TYPE_CHECKING:
    from .line import Line
    from .target import WinRM

__all__ = ["LineAdapter", "NotAllowed", "ProxyAsks"]

_SEALED = ("multipart/encrypted", "multipart/x-multi-encrypted")


class NotAllowed(Exception):
    """A guard has kept something from going out: a fault of ours, which must not become a leak."""


class ProxyAsks(Exception):
    """A proxy wants an account, or another one."""

    def __init__(self, response: Response) -> None:
        super().__init__("the proxy asks for an account")
        self.response = response


class LineAdapter(HTTPAdapter):
    """Sends requests over a line."""

    def __init__(
        self,
        target: WinRM,
        line: Line,
        cookies: http.cookiejar.CookieJar,
        proxy: Proxy | None,
        *,
        sealed: bool,
    ) -> None:
        """Make the adapter of a context.

        Args:
            target: the machine.
            line: the connection.
            cookies: those of the shell; other lines use them at the same time.
            proxy: the proxy to go through, or None.
            sealed: whether what goes out must be encrypted.
        """
        super().__init__(max_retries=0)
        self._line, self._cookies, self._sealed = line, cookies, sealed
        self._basic = target.auth == "basic" and (
            target.address.scheme == "https" or target.allow_unencrypted
        )
        self._pool = _pool(target, line, proxy)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The one pool, whatever requests thinks."""
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the TLS context has it all."""

    def send(self, request: PreparedRequest, *arguments: Any, **named: Any) -> Response:
        """Send a request; the legs of an authentication come here as well."""
        line = self._line
        self._guard(request)
        # Not requests' own way: its jars are read while other threads change them.
        request.headers.pop("Cookie", None)
        cookie = get_cookie_header(self._cookies, request)  # type: ignore[no-untyped-call]
        if cookie:
            request.headers["Cookie"] = cookie
        # What has no body asks for nothing: a context is made with it.
        line.carries, line.wrote = bool(request.body), False
        response = super().send(request, *arguments, **named)
        extract_cookies_to_jar(self._cookies, request, response.raw)  # type: ignore[no-untyped-call]
        line.used()
        if response.status_code in (401, 407):
            line.wrote = False  # not taken
        if response.status_code == 407:
            raise ProxyAsks(response)
        return response

    def close(self) -> None:
        """Close the connection."""
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


class Proxy:
    """An HTTP proxy, with its account."""

    def __init__(self, host: str, port: int, username: str | None, password: str | None) -> None:
        self.host, self.port = host, port
        self.headers: dict[str, str] = {}
        if username is not None:
            account = f"{username}:{password or ''}".encode()
            self.headers["Proxy-Authorization"] = "Basic " + base64.b64encode(account).decode()

    @property
    def url(self) -> str:
        """Its URL, without the account."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class _Plain(HTTPConnection):
    """HTTP over the line."""

    def __init__(self, line: Line, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._line = line

    def connect(self) -> None:
        super().connect()
        self._line.doing = "waiting for the answer"
        self._line.wrote = False  # what a proxy was told is not the machine's

    def _new_conn(self) -> Any:
        return self._line.open(self._dns_host, self.port)


class _Secure(HTTPSConnection):
    """HTTP over TLS over the line."""

    def __init__(self, line: Line, settings: ssl.SSLContext, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._line, self._settings = line, settings

    def connect(self) -> None:
        """Connect; not urllib3's way, which shows the socket only when it is done."""
        line = self._line
        self.sock = line.open(self._dns_host, self.port)
        name = self.host
        if self._tunnel_host:
            self._has_connected_to_proxy = True
            line.doing = "asking the proxy for a tunnel"
            self._tunnel()
            name = self._tunnel_host
            self.proxy_is_verified = False
        line.doing = "opening TLS"
        # A certificate names an address without its zone.
        sock = self._settings.wrap_socket(
            self.sock,
            server_hostname=name.strip("[]").partition("%")[0].rstrip("."),
            do_handshake_on_connect=False,
        )
        self.sock = sock
        line.take(sock)  # type: ignore[arg-type]
        sock.settimeout(line.left())
        sock.do_handshake()
        # Verified or deliberately not: urllib3 need not warn.
        self.is_verified = True
        line.doing = "waiting for the answer"
        line.wrote = False


def _pool(target: WinRM, line: Line, proxy: Proxy | None) -> HTTPConnectionPool:
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
        pool.ConnectionCls = partial(_Secure, line, tls_context(target))  # type: ignore[assignment]
    else:
        pool.ConnectionCls = partial(_Plain, line)  # type: ignore[assignment]
    return pool
