"""Security contexts on the server's side: NTLM and CredSSP of pyspnego, Kerberos of pykerberos."""

from __future__ import annotations

import base64
import functools
import os
import ssl
import threading
from typing import Any, Protocol

_KERBEROS = bytes.fromhex("06092a864886f712010202")
_NTLM = b"NTLMSSP\0"
_making = threading.Lock()


class Context(Protocol):
    """One context. It belongs to one connection and seals what goes over it."""

    scheme: str
    complete: bool
    user: str
    part: int  # the largest number of bytes that are sealed in one piece

    def step(self, token: bytes) -> bytes:
        """Take the client's token; give the next one."""

    def seal(self, data: bytes) -> tuple[bytes, bytes, int]:
        """Header, ciphertext and padding's length."""

    def unseal(self, header: bytes, data: bytes) -> bytes:
        """The plaintext."""

    def delegated(self) -> list[str] | None:
        """The user and the password that the client has handed over, with CredSSP."""


class SpnegoContext:
    """NTLM, raw or in SPNEGO, and CredSSP."""

    def __init__(self, protocol: str, binding: bytes | None):
        import spnego
        from spnego.channel_bindings import GssChannelBindings

        self.scheme = {"ntlm": "NTLM", "negotiate": "Negotiate", "credssp": "CredSSP"}[protocol]
        self.part = 16384 if protocol == "credssp" else 1 << 62
        self._credssp = protocol == "credssp"
        options: dict[str, Any] = {}
        if self._credssp:
            options["credssp_tls_context"] = _credssp_tls()
        else:
            options["options"] = spnego.NegotiateOptions.wrapping_winrm
            if binding is not None:
                options["channel_bindings"] = GssChannelBindings(application_data=binding)
        self._context = spnego.server(
            hostname="localhost", service="HTTP", protocol=protocol, **options
        )
        self._name = ""

    @property
    def complete(self) -> bool:
        return self._context.complete

    @property
    def user(self) -> str:
        return self._context.client_principal or self._name

    def step(self, token: bytes) -> bytes:
        self._name = ntlm_name(token) or self._name
        return self._context.step(token) or b""

    def seal(self, data: bytes) -> tuple[bytes, bytes, int]:
        wrapped = self._context.wrap_winrm(data)
        return wrapped.header, wrapped.data, wrapped.padding_length

    def unseal(self, header: bytes, data: bytes) -> bytes:
        return self._context.unwrap_winrm(header, data)

    def delegated(self) -> list[str] | None:
        if not self._credssp:
            return None
        given = self._context.get_extra_info("client_credential")
        return [getattr(given, "username", ""), getattr(given, "password", "")]


class KerberosContext:
    """Kerberos by pykerberos alone, which clients need in any case; KRB5_KTNAME has the keys."""

    scheme, part = "Kerberos", 1 << 62

    def __init__(self) -> None:
        import kerberos

        self._kerberos = kerberos
        self.complete, self.user = False, ""
        service = os.environ.get("PSBRIDGE_TEST_SERVICE", "HTTP@localhost")
        _, self._state = kerberos.authGSSServerInit(service)

    def step(self, token: bytes) -> bytes:
        kerberos = self._kerberos
        result = kerberos.authGSSServerStep(self._state, base64.b64encode(token).decode())
        self.complete = result == kerberos.AUTH_GSS_COMPLETE
        if self.complete:
            self.user = kerberos.authGSSServerUserName(self._state)
        return base64.b64decode(kerberos.authGSSServerResponse(self._state) or "")

    # Both look at the context only, which is the first member of either side's state.

    def seal(self, data: bytes) -> tuple[bytes, bytes, int]:
        sealed, header = self._kerberos.authGSSWinRMEncryptMessage(self._state, data)
        return header, sealed, 0

    def unseal(self, header: bytes, data: bytes) -> bytes:
        opened: bytes = self._kerberos.authGSSWinRMDecryptMessage(self._state, data, header)
        return opened

    def delegated(self) -> list[str] | None:
        return None


def new_context(scheme: str, token: bytes, binding: bytes | None) -> Context:
    """The context that takes this first token."""
    if scheme == "CredSSP":
        return SpnegoContext("credssp", None)  # bound by its own TLS
    if scheme == "Kerberos" or _KERBEROS in token[:32]:
        return KerberosContext()
    return SpnegoContext("ntlm" if token.startswith(_NTLM) else "negotiate", binding)


def ntlm_name(token: bytes) -> str:
    """The user whom an NTLM message of the third kind names, raw or wrapped."""
    at = token.find(_NTLM + b"\3\0\0\0")
    if at < 0:
        return ""
    domain, user = (
        token[at + start : at + start + length].decode("utf-16-le", "replace")
        for length, start in (
            (
                int.from_bytes(token[at + where : at + where + 2], "little"),
                int.from_bytes(token[at + where + 4 : at + where + 8], "little"),
            )
            for where in (28, 36)
        )
    )
    return f"{domain}\\{user}" if domain else user


@functools.cache
def _made_credssp_tls() -> Any:
    from spnego.tls import default_tls_context

    made = default_tls_context(usage="accept")
    # Windows' own; and pywinrm does not know the length of TLS 1.3's trailers.
    made.context.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


def _credssp_tls() -> Any:
    with _making:
        return _made_credssp_tls()
