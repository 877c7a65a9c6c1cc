"""Who gets in over one connection."""

from __future__ import annotations

import base64
import binascii
import contextlib
import select
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .contexts import Context, new_context
from .http_messages import Reply, Request
from .sealing import protocol_of
from .settings import Settings
from .users import Users

_CERTIFICATE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_CERTIFICATE_TIME = 5.0  # seconds


@dataclass(frozen=True)
class Admitted:
    """A request of a user who is known; its answer carries these headers."""

    user: str
    headers: list[tuple[str, str]] = field(default_factory=list)


class Gate:
    """The authentication of one connection, and the context that it has made."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        users: Users,
        machine: int,
        connection: int,
        secure: ssl.SSLSocket | None,
        binding: Callable[[], bytes],
    ):
        """Make the gate of a connection.

        Args:
            settings: gives the settings of this moment.
            users: the accounts.
            machine: the machine's number.
            connection: the connection's number.
            secure: the TLS socket, or None for plain HTTP.
            binding: gives what a logon over this TLS connection must be bound to.
        """
        self._settings, self._users = settings, users
        self._machine, self._connection = machine, connection
        self._secure, self._binding = secure, binding
        self._known: str | None = None  # whose logon by Basic or certificate was noted
        self.context: Context | None = None

    def admit(self, request: Request) -> Admitted | Reply:
        """Let a request in, or give the answer that refuses it or asks for more."""
        settings = self._settings()
        scheme, _, token = request.header("Authorization").partition(" ")
        if scheme == _CERTIFICATE:
            return self._certificate(settings)
        if scheme == "Basic" and self._takes(settings, "Basic"):
            return self._basic(settings, token)
        offered = "Negotiate" if scheme == "NTLM" else scheme
        if offered in ("Negotiate", "Kerberos", "CredSSP") and self._takes(settings, offered):
            return self._step(settings, scheme, token)
        if self.context is not None and self.context.complete and not scheme:
            return Admitted(self.context.user)
        if protocol_of(request.header("Content-Type")):
            return Reply(400)  # sealed by a context that this connection does not have
        return self._challenge(settings)

    def _takes(self, settings: Settings, scheme: str) -> bool:
        if scheme == "Basic" and self._secure is None and not settings.allow_unencrypted:
            return False
        return scheme in settings.schemes

    def _challenge(self, settings: Settings) -> Reply:
        offers = [
            ("WWW-Authenticate", 'Basic realm="WSMAN"' if scheme == "Basic" else scheme)
            for scheme in settings.schemes
            if self._takes(settings, scheme)
        ]
        return Reply(401, offers)

    def _basic(self, settings: Settings, token: str) -> Admitted | Reply:
        name, right = self._users.by_basic(token)
        if not right:
            self._note("Basic", name, "wrong user or password")
            return self._challenge(settings)
        return self._admit_known("Basic", name)

    def _certificate(self, settings: Settings) -> Admitted | Reply:
        if self._secure is None or settings.client_certificates == "no":
            return self._challenge(settings)
        if settings.client_certificates == "after" and not self._secure.getpeercert():
            _ask_for_certificate(self._secure)
        name = _common_name(self._secure.getpeercert() or {})
        if not self._users.has(name):
            self._note("Certificate", name, "no account is mapped to the certificate")
            return self._challenge(settings)
        return self._admit_known("Certificate", name)

    def _admit_known(self, scheme: str, name: str) -> Admitted:
        if self._known != name:
            self._note(scheme, name)
            self._known = name
        return Admitted(name)

    def _step(self, settings: Settings, scheme: str, token: str) -> Admitted | Reply:
        context = self.context
        try:
            data = base64.b64decode(token, validate=True)
            if context is None or context.complete:
                bound = self._secure is not None and settings.channel_binding
                self.context = context = new_context(
                    scheme, data, self._binding() if bound else None
                )
            answer = context.step(data)
        except Exception as error:  # whatever the libraries raise, it is a refusal
            user = "" if context is None or isinstance(error, binascii.Error) else context.user
            self._note(scheme, user, f"{type(error).__name__}: {error}")
            self.context = None
            return self._challenge(settings)
        header = ("WWW-Authenticate", f"{scheme} {base64.b64encode(answer).decode()}")
        if context.refused:
            self._note(scheme, context.user, context.refused)
            self.context = None
        if not context.complete:
            return Reply(401, [header])
        self._note(scheme, context.user)
        return Admitted(context.user, [header] if answer else [])

    def _note(self, scheme: str, user: str, why: str = "") -> None:
        delegated, service = None, ""
        if self.context is not None and not why:
            delegated, service = self.context.delegated(), self.context.service
        self._users.note(self._machine, self._connection, scheme, user, why, delegated, service)


def _common_name(certificate: dict[str, Any]) -> str:
    names: dict[str, str] = dict(part[0] for part in certificate.get("subject", ()))
    return names.get("commonName", "")


def _ask_for_certificate(secure: ssl.SSLSocket) -> None:
    """Ask a client for its certificate on a connection that is in use, as Windows does.

    The client waits for its answer meanwhile, and sends nothing but the certificate.
    """
    secure.verify_client_post_handshake()
    secure.do_handshake()  # sends what asks for it
    until = time.monotonic() + _CERTIFICATE_TIME
    secure.settimeout(0.0)
    try:
        while not secure.getpeercert() and time.monotonic() < until:
            select.select([secure], [], [], until - time.monotonic())
            with contextlib.suppress(ssl.SSLWantReadError):
                secure.recv(1)
    finally:
        secure.settimeout(None)
