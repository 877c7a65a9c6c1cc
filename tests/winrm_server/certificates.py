"""Certificates for the machines and their clients, made when they are first asked for."""

from __future__ import annotations

import functools
import hashlib
import ssl
import threading
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    import trustme

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class Certificates:
    """One authority, one certificate for each kind of machine, and clients' certificates."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.RLock()

    @functools.cached_property
    def _authority(self) -> trustme.CA:
        import trustme

        return trustme.CA()

    @functools.cached_property
    def _other_authority(self) -> trustme.CA:
        import trustme

        return trustme.CA()

    def authority(self) -> str:
        """The path of the authority's certificate."""
        path = self._folder / "authority.pem"
        with self._lock:
            if not path.exists():
                self._authority.cert_pem.write_to_path(path)
        return str(path)

    def client(self, user: str, password: str | None, trusted: bool) -> dict[str, str]:
        """A client's certificate: the paths of it and of its key, which a password may guard."""
        with self._lock:
            authority = self._authority if trusted else self._other_authority
            issued = authority.issue_cert("client@localhost", common_name=user)
            number = len(list(self._folder.glob("client-*.pem")))
        paths = {
            kind: self._folder / f"client-{number}.{suffix}"
            for kind, suffix in (("certificate", "pem"), ("key", "key"))
        }
        for blob in issued.cert_chain_pems:
            blob.write_to_path(paths["certificate"], append=True)
        key = issued.private_key_pem.bytes()
        paths["key"].write_bytes(key if password is None else _guarded(key, password))
        return {kind: str(path) for kind, path in paths.items()}

    def context(self, settings: Settings) -> ssl.SSLContext:
        """What a machine of these settings wraps its connections in."""
        with self._lock:
            return self._context(
                settings.certificate,
                settings.client_certificates,
                settings.tls_minimum,
                settings.tls_maximum,
            )

    @functools.cache  # noqa: B019 (as many as there are kinds of settings)
    def _context(
        self, kind: str, clients: str, lowest: str | None, highest: str | None
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._issued(kind).configure_cert(context)
        if clients != "no":
            self._authority.configure_trust(context)
            optional = clients == "optional"
            context.verify_mode = ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED
            # Windows asks for a certificate after the handshake, when a request needs it.
            context.post_handshake_auth = clients == "after"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is what is asked for
            if "1.0" in (lowest, highest) or "1.1" in (lowest, highest):
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
            if lowest is not None:
                context.minimum_version = _VERSIONS[lowest]
            if highest is not None:
                context.maximum_version = _VERSIONS[highest]
        return context

    @functools.cache  # noqa: B019
    def _issued(self, kind: str) -> trustme.LeafCert:
        names = (
            ("elsewhere.example",) if kind == "other name" else ("localhost", "127.0.0.1", "::1")
        )
        until = datetime.now(UTC) + timedelta(days=-1 if kind == "expired" else 30)
        authority = self._other_authority if kind == "other authority" else self._authority
        return authority.issue_cert(*names, not_after=until, not_before=until - timedelta(days=60))

    def binding(self, settings: Settings) -> bytes:
        """What a logon over TLS is bound to: the hash of the machine's certificate."""
        with self._lock:
            pem = self._issued(settings.certificate).cert_chain_pems[0].bytes().decode()
        return b"tls-server-end-point:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()


def _guarded(key: bytes, password: str) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return form.load_pem_private_key(key, None).private_bytes(
        form.Encoding.PEM,
        form.PrivateFormat.PKCS8,
        form.BestAvailableEncryption(password.encode()),
    )
