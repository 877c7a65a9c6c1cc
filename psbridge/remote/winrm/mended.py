"""What has to be mended in pywinrm, all of it: one subclass of its `Transport`.

Each mend has its reason, and where people reported it upstream. `tests/remote/winrm/test_mended.py`
shows each fault in pywinrm as it is, and so tells when upstream has the cure.
"""

from __future__ import annotations

import http.cookiejar
from typing import TYPE_CHECKING

import requests
from requests.auth import HTTPBasicAuth
from requests.cookies import RequestsCookieJar
from winrm.transport import Transport

from .sealing import unseal
from .secrets import revealed
from .wire import LineAdapter, Proxy

if TYPE_CHECKING:
    from .line import Line
    from .target import WinRM

__all__ = ["HttpAnswer", "MendedTransport"]

_SEALING = ("ntlm", "kerberos", "credssp")


class HttpAnswer(Exception):
    """An answer that is not 200.

    Attributes:
        status: its status.
        headers: its headers.
        body: its body, decrypted where it was encrypted.
    """

    def __init__(self, response: requests.Response, body: bytes) -> None:
        super().__init__(f"HTTP status {response.status_code}")
        self.status: int = response.status_code
        self.headers = response.headers
        self.body = body


class MendedTransport(Transport):
    """One authentication context with a machine, over one line."""

    def __init__(
        self,
        target: WinRM,
        auth: str,
        line: Line,
        cookies: http.cookiejar.CookieJar,
        proxy: Proxy | None,
    ) -> None:
        """Make a context; nothing is sent yet.

        Args:
            target: the machine.
            auth: how to authenticate: ``basic``, ``ntlm``, ``kerberos``, ``credssp`` or
                ``certificate``.
            line: the connection.
            cookies: those of the shell.
            proxy: the proxy to go through.
        """
        super().__init__(
            endpoint=target.address.url,
            username=target.username,
            password=revealed(target.password),
            service=target.service,
            kerberos_delegation=target.delegate,
            kerberos_hostname_override=target.spn_host,
            auth_method=auth,  # type: ignore[arg-type]
            cert_pem=target.cert_file,  # type: ignore[arg-type]
            cert_key_pem=target.key_file or target.cert_file,  # type: ignore[arg-type]
            ca_trust_path=None,  # type: ignore[arg-type]
            # Not None: for that, requests sets `no_proxy` in the environment of the process.
            proxy="",
        )
        self._target, self._line, self._cookies, self._proxy = target, line, cookies, proxy
        self.seals = auth in _SEALING and target.address.scheme == "http"

    def build_session(self) -> requests.Session:
        """Make the session, authenticate where messages are encrypted.

        Mended: the session's settings hold before the first request, which pywinrm sends in here
        (upstream issues 201, 202, 386: proxy, CA and netrc of the environment); and a try that
        failed leaves nothing behind, where pywinrm would send the next envelope in clear.
        """
        if self.session is not None:
            return self.session
        try:
            session = super().build_session()
            self._mend(session)
            if self.seals:
                super().setup_encryption(session)
        except BaseException:
            self.close_session()
            raise
        return session

    def setup_encryption(self, session: requests.Session) -> None:
        """Nothing yet: `build_session` does it when the session is mended."""

    def close_session(self) -> None:
        """Close the connection and forget the context.

        Mended: pywinrm keeps the encryption of the context that is gone.
        """
        super().close_session()
        self.encryption = None
        self._line.close()

    def _mend(self, session: requests.Session) -> None:
        session.trust_env = False
        session.verify, session.cert = True, None  # the adapter's TLS has both
        session.proxies = {}
        if self._proxy is not None:
            session.proxies = {"http": self._proxy.url, "https": self._proxy.url}
        # The adapter has the shell's cookies.
        session.cookies = RequestsCookieJar(
            policy=http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
        )
        if self.auth_method == "basic":
            # Latin-1 in requests, which cannot express most names (upstream issues 68, 188).
            session.auth = HTTPBasicAuth(
                (self.username or "").encode(), (self.password or "").encode()
            )
        adapter = LineAdapter(
            self._target, self._line, self._cookies, self._proxy, sealed=self.seals
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)

    def _send_message_request(
        self, session: requests.Session, prepared_request: requests.PreparedRequest
    ) -> requests.Response:
        """Send one request.

        Mended: no redirect is followed; the status, the headers and the body of an answer that is
        not 200 are kept; an encrypted request is not authenticated anew by itself, which would
        send it encrypted for the context before.
        """
        if self.encryption is not None:
            prepared_request.hooks = {"response": []}
        response = session.send(prepared_request, allow_redirects=False)
        if response.status_code != 200:
            raise HttpAnswer(response, self._get_message_response_text(response))
        self._line.bound = True
        return response

    def _get_message_response_text(self, response: requests.Response) -> bytes:
        """The body of an answer, in clear.

        Mended: parts are read by their place and by every spelling of the boundary; pywinrm splits
        the ciphertext, too, where it happens to hold the boundary.
        """
        if self.encryption is None:
            return response.content
        return unseal(response, self.encryption)
