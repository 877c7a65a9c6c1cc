"""What has to be mended in pywinrm, all of it: one subclass of its `Transport`.

Each mend has its reason, and where people reported it upstream (diyan/pywinrm). A test for each in
`tests/remote/winrm/test_mended.py` shows the fault in pywinrm as it is, and so tells when upstream
has the cure.
"""

from __future__ import annotations

import http.cookiejar
import struct
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth
from requests.cookies import RequestsCookieJar
from winrm.transport import Transport

from . import kerberos
from .sealing import unseal
from .secrets import revealed
from .wire import HttpAnswer, LineAdapter

if TYPE_CHECKING:
    from winrm.encryption import Encryption

    from .cookies import ShellCookies
    from .line import Line
    from .proxies import Proxy
    from .target import WinRM

__all__ = ["MendedTransport", "NoContext", "NotDelegated"]

_SEALING = ("ntlm", "kerberos", "credssp")


class NoContext(Exception):
    """The machine has answered as if it needed no authentication, so nothing can be encrypted."""


class NotDelegated(Exception):
    """The ticket of the user cannot go along."""


class MendedTransport(Transport):
    """One authentication context with a machine, over one line.

    Attributes:
        seals: whether its messages are encrypted by the context, and not by TLS.
    """

    def __init__(
        self,
        target: WinRM,
        auth: str,
        line: Line,
        cookies: ShellCookies,
        proxy: Proxy | None,
        connected: Callable[[], None],
    ) -> None:
        """Make a context; nothing is sent yet.

        Args:
            target: the machine.
            auth: how to authenticate: ``basic``, ``ntlm``, ``kerberos``, ``credssp`` or
                ``certificate``.
            line: the connection.
            cookies: those of the shell.
            proxy: the proxy to go through.
            connected: is called when the line is connected, before anything is asked on it.
        """
        principal = kerberos.principal_of(target.username)
        super().__init__(
            endpoint=target.address.url,
            username=principal if auth == "kerberos" else target.username,
            password=revealed(target.password),
            service=target.service,
            kerberos_delegation=target.delegate,
            kerberos_hostname_override=target.spn_host,
            auth_method=auth,  # type: ignore[arg-type]
            cert_pem=target.cert_file,  # type: ignore[arg-type]
            cert_key_pem=target.key_file or target.cert_file,  # type: ignore[arg-type]
            ca_trust_path=None,  # type: ignore[arg-type]
            # CVE-2018-0886: before it, who is between can take the session. As Windows' clients.
            credssp_minimum_version=5,
            # For None, requests sets `no_proxy` in the environment of the whole process meanwhile.
            proxy="",
        )
        self.seals = auth in _SEALING and target.address.scheme == "http"
        self._target, self._line, self._proxy = target, line, proxy
        self._adapter = LineAdapter(
            target, line, cookies, proxy, sealed=self.seals, connected=connected
        )

    @property
    def answered(self) -> HttpAnswer | None:
        """The last answer that came, whichever step of the authentication it belongs to."""
        return self._adapter.answered

    def certificate(self) -> bytes | None:
        """The machine's certificate, verified or not, in DER."""
        return self._adapter.certificate()

    def send_message(self, message: str | bytes) -> bytes:
        """Send an envelope, authenticating first where that is to be done.

        Mended: pywinrm's Kerberos logs each failure as an error; it and spnego log tokens at DEBUG.
        """
        with kerberos.quiet():
            session = self.build_session()
            if self.encryption is not None:
                return self._send_sealed(session, self.encryption, message)
            return super().send_message(message)

    def build_session(self) -> requests.Session:
        """Make the session; where messages are encrypted, authenticate.

        Mended: the session is as it must be before the first request, which pywinrm sends in here
        (proxy, CA and netrc of the environment: issues 201, 202, 386). A try that failed leaves
        nothing behind; pywinrm keeps the session, and sends the next envelope in clear.
        """
        if self.session is not None:
            return self.session
        try:
            session = super().build_session()
            self._mend(session)
            if self.seals:
                super().setup_encryption(session)
                if not _has_context(session.auth):
                    raise NoContext
                self._mend_encryption()
        except BaseException:
            self.close_session()
            raise
        return session

    def setup_encryption(self, session: requests.Session) -> None:
        """Nothing yet: `build_session` does it when the session is mended."""

    def close_session(self) -> None:
        """Close the connection and forget the context.

        Mended: pywinrm keeps the encryption of the context that is gone (issue 229).
        """
        super().close_session()
        self.encryption = None
        self._adapter.close()
        self._line.close()

    def _mend(self, session: requests.Session) -> None:
        # The environment has no say: netrc replaces the header of a certificate by a password
        # (psf/requests 3929), proxies see what is sent.
        session.trust_env = False
        url = self._proxy.url if self._proxy is not None else None
        session.proxies = {"http": url, "https": url} if url else {}
        # The adapter has TLS with its CA, client certificate and key password (issues 201, 202,
        # 179; a password for the key: 353), one connection, its own timeouts (123, 157, 323, 397),
        # TCP_NODELAY through proxies, too, and keep-alive; and the cookies of the shell.
        session.verify, session.cert = True, None
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._adapter)
        nothing = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
        session.cookies = RequestsCookieJar(policy=nothing)
        session.headers["Accept-Encoding"] = "identity"
        if self.auth_method == "basic":
            # Latin-1 in requests, which expresses few names; its error's `object` is the password
            # (issues 68, 188).
            session.auth = HTTPBasicAuth(
                (self.username or "").encode(), (self.password or "").encode()
            )
        if self.auth_method == "ntlm":
            session.auth.password = _hashed(self.password or "")  # type: ignore[union-attr]
        if self.auth_method == "kerberos":
            self._mend_kerberos(session.auth)

    def _mend_kerberos(self, auth: Any) -> None:
        """Let a KDC not outlast the time, and a failure not be logged as an error.

        A KDC that accepts and is silent takes 27 s in the library, whatever the timeouts. And a
        user's ticket that cannot go along is left out in silence.
        """
        ask, target = auth.generate_request_header, self._target

        def asked(*arguments: Any, **named: Any) -> str:
            with kerberos.quiet():
                header: str = ask(*arguments, **named)
            host = target.spn_host or target.address.host.lower()
            token = header.partition(" ")[2]
            if target.delegate and not kerberos.was_delegated(
                target.service, host, self.username, token
            ):
                raise NotDelegated
            return header

        def in_time(*arguments: Any, **named: Any) -> str:
            self._line.doing = "asking for a Kerberos ticket"
            return self._line.aside(partial(asked, *arguments, **named), "asks for a ticket")

        auth.generate_request_header = in_time

    def _mend_encryption(self) -> None:
        """Let CredSSP say the right length of its trailer, under TLS 1.3, too."""
        assert self.encryption is not None
        if self.auth_method != "credssp":
            return
        session: Any = self.session
        contexts: dict[Any, Any] = session.auth.contexts

        def sealed(message: bytes, host: Any) -> bytes:
            trailer, data, _ = contexts[host].wrap_winrm(message)
            return struct.pack("<i", len(trailer)) + bytes(trailer) + bytes(data)

        self.encryption._build_message = sealed

    def _send_message_request(
        self, session: requests.Session, prepared_request: requests.PreparedRequest
    ) -> requests.Response:
        """Send one request.

        Mended: no redirect is followed. Status, headers and body of an answer that is not 200 are
        kept (issues 85, 147, 208), whatever their encoding.
        """
        if self.auth_method == "kerberos":
            # A ticket that is refused stays refused: over TLS one more try, bound to the
            # connection, and over HTTP none; pywinrm's has two.
            tries = 1 if self.endpoint.startswith("https") else 2
            handle = session.auth.handle_response  # type: ignore[union-attr]
            prepared_request.hooks = {"response": [partial(handle, num_401s=tries)]}
        response = session.send(prepared_request, allow_redirects=False)
        if response.status_code != 200:
            raise HttpAnswer(response.status_code, response.headers, response.content)
        self._line.bound = True
        return response

    def _send_sealed(
        self, session: requests.Session, encryption: Encryption, message: str | bytes
    ) -> bytes:
        """Send an envelope that pywinrm encrypts.

        Mended: what is encrypted for one context is not sent by its authentication once more, for
        another one (issues 229, 377). The parts of an answer are found by their length and by
        every spelling of the boundary; pywinrm splits at its own spelling, which the ciphertext may
        hold, too.
        """
        data = message.encode() if isinstance(message, str) else message
        made: Any = encryption.prepare_encrypted_request(_ONLY_SEALED, self.endpoint, data)  # type: ignore[arg-type]
        headers = {**session.headers, "Connection": "Keep-Alive", **made.headers}
        del headers["Content-Length"]
        answer = self._adapter.exchange(headers, made.body)
        body = unseal(answer, encryption, urlsplit(self.endpoint).hostname)
        if answer.status != 200:
            raise HttpAnswer(answer.status, answer.headers, body)
        return body


class _OnlySealed:
    """Stands for the session where pywinrm makes an encrypted request: its body is all of it."""

    def prepare_request(self, request: requests.Request) -> SimpleNamespace:
        """The request, with no headers but those that pywinrm gives it."""
        return SimpleNamespace(headers={}, body=request.data)


_ONLY_SEALED = _OnlySealed()


def _hashed(password: str) -> str:
    """A password as spnego takes its hash in the place of it.

    Mended: of a password spnego also makes the hash of LAN Manager, by a DES in Python, for each
    logon: half of the processor time of one, for what NTLMv2 has no use for.
    """
    try:
        from spnego._ntlm_raw.crypto import is_ntlm_hash, ntowfv1
    except ImportError:  # it is nobody's promise
        return password
    if is_ntlm_hash(password):
        return password
    return f"{'0' * 32}:{ntowfv1(password).hex()}"


def _has_context(auth: Any) -> bool:
    """Whether an authentication has made a context to encrypt with, to its end.

    A 200 ends the loops of the libraries, whoever sends it and whenever. Of CredSSP, that matters:
    its TLS is with anybody until the keys are compared, which is one of its last steps.
    """
    contexts = getattr(auth, "contexts", None)  # CredSSP
    if contexts is not None:
        return bool(contexts) and all(one._context.complete for one in contexts.values())
    # NTLM; Kerberos, where the machine has proved itself.
    return bool(getattr(auth, "session_security", None) or getattr(auth, "auth_done", False))
