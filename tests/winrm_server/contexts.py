"""Security contexts on the server's side: NTLM and CredSSP of pyspnego, Kerberos of pykerberos."""

from __future__ import annotations

import base64
import functools
import ssl
import tempfile
import threading
from typing import Any, Protocol

_KERBEROS = bytes.fromhex("06092a864886f712010202")
_NTLM = b"NTLMSSP\0"
_making = threading.Lock()


class Context(Protocol):
    """One context. It belongs to one connection and seals what goes over it."""

    part: int  # the largest number of bytes that are sealed in one piece

    @property
    def complete(self) -> bool:
        """Whether the user is known."""

    @property
    def user(self) -> str:
        """Who it is, or who tries."""

    @property
    def refused(self) -> str:
        """Why the user was refused, where the client is told so by a token."""

    @property
    def service(self) -> str:
        """The service whose ticket was shown, with Kerberos."""

    def step(self, token: bytes) -> bytes:
        """Take the client's token; give the next one."""

    def seal(self, data: bytes) -> tuple[bytes, bytes, int]:
        """Header, ciphertext and padding's length."""

    def unseal(self, header: bytes, data: bytes) -> bytes:
        """The plaintext."""

    def delegated(self) -> list[str] | None:
        """The user and the password that the client has handed over, with CredSSP."""


class SpnegoContext:
    """NTLM, raw or in SPNEGO."""

    service = ""
    part = 1 << 62

    def __init__(self, protocol: str, **options: Any):
        import spnego

        self._name = ""
        self.refused = ""
        self._context = spnego.server(
            hostname="localhost", service="HTTP", protocol=protocol, **options
        )

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
        return None


class CredSSPContext(SpnegoContext):
    """CredSSP; NTLM inside of it says who it is."""

    part = 16384

    def __init__(self) -> None:
        import spnego

        inner = _Observed(spnego.server(protocol="negotiate"))
        super().__init__(
            "credssp", credssp_tls_context=_credssp_tls(), credssp_negotiate_context=inner
        )
        self._inner = inner

    def step(self, token: bytes) -> bytes:
        answer = super().step(token)
        self._name, self.refused = self._inner.name or self._name, self._inner.refused
        return answer

    def delegated(self) -> list[str] | None:
        given = self._context.get_extra_info("client_credential")
        return [getattr(given, "username", ""), getattr(given, "password", "")]


class _Observed:
    """The context in CredSSP, which tells a refusal to the client only."""

    def __init__(self, context: Any):
        self._context = context
        self.name = self.refused = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def step(self, token: bytes, **options: Any) -> bytes | None:
        self.name = ntlm_name(token) or self.name
        try:
            answer: bytes | None = self._context.step(token, **options)
        except Exception as error:
            self.refused = f"{type(error).__name__}: {error}"
            raise
        return answer


class KerberosContext:
    """Kerberos by pykerberos alone, which clients need in any case; KRB5_KTNAME has the keys."""

    part = 1 << 62

    def __init__(self) -> None:
        import kerberos  # type: ignore[import-not-found]

        self._kerberos = kerberos
        self.complete, self.user, self.service, self.refused = False, "", "", ""
        _, self._state = kerberos.authGSSServerInit("")  # any service whose key there is

    def step(self, token: bytes) -> bytes:
        kerberos = self._kerberos
        result = kerberos.authGSSServerStep(self._state, base64.b64encode(token).decode())
        self.complete = result == kerberos.AUTH_GSS_COMPLETE
        if self.complete:
            self.user = kerberos.authGSSServerUserName(self._state)
            self.service = kerberos.authGSSServerTargetName(self._state) or ""
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
        return CredSSPContext()  # bound by its own TLS
    if scheme == "Kerberos" or _KERBEROS in token[:32]:
        return KerberosContext()
    import spnego
    from spnego.channel_bindings import GssChannelBindings

    options: dict[str, Any] = {"options": spnego.NegotiateOptions.wrapping_winrm}
    if binding is not None:
        options["channel_bindings"] = GssChannelBindings(application_data=binding)
    return SpnegoContext("ntlm" if token.startswith(_NTLM) else "negotiate", **options)


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
    from spnego.tls import default_tls_context, generate_tls_certificate

    made = default_tls_context(usage="accept")
    # Windows' own; and pywinrm does not know the length of TLS 1.3's trailers.
    made.context.maximum_version = ssl.TLSVersion.TLSv1_2
    certificate, key, made.public_key = generate_tls_certificate()
    with tempfile.NamedTemporaryFile() as chain:
        chain.write(certificate + key)
        chain.flush()
        made.context.load_cert_chain(chain.name)
    return made


def _credssp_tls() -> Any:
    """One for the process: its key takes 0.1 s to make."""
    with _making:
        return _made_credssp_tls()
