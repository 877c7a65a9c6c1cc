"""HTTP over a line: what goes out at last, and what may not.

An adapter for requests that has one connection, the line's. Everything that pywinrm and its
authentications send passes here, and so do the encrypted messages that follow, past requests. So
here stand the guards:

- an envelope goes out encrypted where it must be;
- a password goes out in clear only where that is allowed;
- a proxy that asks for an account gets none of the machine's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPHeaderDict

from .pages import first_words
from .pool import PlainConnection, ProxyRefused, certificate_of, pool_of

if TYPE_CHECKING:
    from .cookies import ShellCookies
    from .line import Line
    from .proxies import Proxy
    from .target import WinRM

__all__ = ["HttpAnswer", "LineAdapter", "NotAllowed"]

_ZONE = re.compile(r"%25[^]]*")
_SEALED = ("multipart/encrypted", "multipart/x-multi-encrypted")


class NotAllowed(Exception):
    """A guard has kept something from going out: a fault of ours, which must not become a leak."""


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
    def is_sealed(self) -> bool:
        """Whether its body came encrypted."""
        return self.headers.get("Content-Type", "").lower().startswith("multipart/")

    @property
    def challenges(self) -> bool:
        """Whether it goes on with an authentication that was begun."""
        value = self.headers.get("WWW-Authenticate", "")
        return re.search(r"(?i)\b(negotiate|kerberos|ntlm|credssp) +[^,\s]", value) is not None


class LineAdapter(HTTPAdapter):
    """Sends requests over a line."""

    def __init__(
        self,
        target: WinRM,
        line: Line,
        cookies: ShellCookies,
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
        self._answer: Response | HttpAnswer | None = None
        self._line, self._cookies, self._sealed = line, cookies, sealed
        self._basic = target.auth == "basic" and (
            target.address.scheme == "https" or target.allow_unencrypted
        )
        self._proxy, self._connected = proxy, connected
        self._connection: PlainConnection | None = None
        self._pattern: PreparedRequest | None = None
        self._pool = pool_of(target, line, proxy, self._is_connected)
        self._look = partial(certificate_of, target, line, proxy)

    @property
    def answered(self) -> HttpAnswer | None:
        """The last answer that came, whichever step of an authentication it belongs to."""
        answer = self._answer
        if not isinstance(answer, Response):
            return answer
        try:
            body = answer.content
        except Exception:  # it broke off, and says so again
            body = b""
        return HttpAnswer(answer.status_code, answer.headers, body)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The one pool, whatever requests thinks."""
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the TLS context has it all."""

    def send(self, request: PreparedRequest, *arguments: Any, **named: Any) -> Response:
        """Send a request; the steps of an authentication come here as well."""
        self._guard(request.headers, request.body)
        self._cookies.add_to(request)
        # What has no body asks for nothing: a context is made with it.
        self._begin(carries=bool(request.body))
        response = super().send(request, *arguments, **named)
        self._answer, self._pattern = response, request
        self._cookies.take_from(request, response.raw)
        self._take(response.status_code, str(response.reason))
        return response

    def exchange(self, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Send an encrypted message where a request before has made a context for it.

        Past requests and urllib3, which take two thirds of the processor time of a request for
        what is settled: the authentication, the connection, the URL, redirects.

        Args:
            headers: those of the message, and of all messages.
            body: the message.

        Raises:
            NotAllowed: it is not encrypted.
            ProxyRefused: the proxy has answered, and lets nothing through.
            OSError, http.client.HTTPException: there is no answer, or it breaks off.
        """
        connection, pattern = self._connection, self._pattern
        assert connection is not None
        assert pattern is not None
        self._guard(headers, body)
        # A zone means something to this machine only.
        host = _ZONE.sub("", urlsplit(str(pattern.url)).netloc)
        request = SimpleNamespace(url=pattern.url, headers={"Host": host, **headers})
        self._cookies.add_to(request)
        path = pattern.path_url
        if self._proxy is not None:
            request.headers.update(self._proxy.headers)
            path = str(pattern.url)
        self._begin(carries=True)
        response, content = connection.exchange(path, request.headers, body)
        answer = HttpAnswer(response.status, HTTPHeaderDict(response.headers.items()), content)
        raw = SimpleNamespace(headers=answer.headers, _original_response=response)
        self._cookies.take_from(request, raw)
        self._answer = answer
        self._take(answer.status, response.reason)
        return answer

    def _is_connected(self, connection: object) -> None:
        self._connection = connection if isinstance(connection, PlainConnection) else None
        self._connected()

    def _begin(self, *, carries: bool) -> None:
        line = self._line
        line.carries, line.wrote, line.received = carries, False, 0
        self._answer = None

    def _take(self, status: int, reason: str) -> None:
        """Note what an answer means for the line."""
        self._line.used()
        if status in (401, 407):
            self._line.wrote = False  # not taken
        if status == 407 and (answer := self.answered) is not None:
            words = first_words(answer.headers.get("Content-Type", ""), answer.body)
            raise ProxyRefused(407, words or reason)

    def certificate(self) -> bytes | None:
        """The machine's certificate, by a connection that is made for looking at it only."""
        return self._look()

    def close(self) -> None:
        """Close the connection."""
        if isinstance(self._answer, Response):
            self._answer.close()  # what was not read of it would keep the socket open
        super().close()
        self._pool.close()

    def _guard(self, headers: Mapping[str, Any], body: object) -> None:
        kind = str(headers.get("Content-Type", "")).partition(";")[0].strip().lower()
        if self._sealed and body and kind not in _SEALED:
            raise NotAllowed("an envelope would have gone out in clear")
        authorization = headers.get("Authorization", b"")
        if isinstance(authorization, str):
            authorization = authorization.encode("utf-8", "replace")
        if authorization[:6].lower() == b"basic " and not self._basic:
            raise NotAllowed("a password would have gone out in clear")
