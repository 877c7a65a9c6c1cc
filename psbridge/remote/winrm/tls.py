"""TLS to a machine: which authorities count, and who we are."""

from __future__ import annotations

import functools
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ...cmdlets.credentials import Secret
from .line import TlsSocket
from .secrets import revealed

if TYPE_CHECKING:
    from .target import WinRM

__all__ = ["tls_context"]


def tls_context(target: WinRM) -> ssl.SSLContext:
    """The settings of TLS for a target; one for all targets with the same ones.

    Raises:
        OSError: a file cannot be read.
        ssl.SSLError: a file is no certificate or no key, or the key's password is wrong.
    """
    files = tuple(
        None if one is None else (str(one), Path(one).stat().st_mtime_ns)
        for one in (target.ca, target.cert_file, target.key_file)
    )
    return _context(target.verify, *files, target.key_password)


_File = tuple[str, int] | None


# Reading the system's authorities takes longer than the rest of opening a connection.
@functools.lru_cache(maxsize=16)
def _context(
    verify: bool, ca: _File, certificate: _File, key: _File, password: str | Secret | None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = TlsSocket
    # A server of 2022 asks for the certificate only when it sees the request.
    context.post_handshake_auth = True
    context.options |= ssl.OP_NO_COMPRESSION
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is None:
        _trust_system(context)
    elif Path(ca[0]).is_dir():
        context.load_verify_locations(capath=ca[0])
    else:
        context.load_verify_locations(cafile=ca[0])
    if certificate is not None:
        # Always a password: without one, OpenSSL asks for it on the terminal.
        text = revealed(password) or ""
        context.load_cert_chain(certificate[0], key and key[0], password=lambda: text)
    return context


def _trust_system(context: ssl.SSLContext) -> None:
    """Trust what the system trusts, where the environment has no say.

    `load_default_certs` would take SSL_CERT_FILE and SSL_CERT_DIR.
    """
    if sys.platform == "win32":
        for store in ("CA", "ROOT"):
            for certificate, encoding, trust in ssl.enum_certificates(store):
                if encoding == "x509_asn" and (trust is True or "1.3.6.1.5.5.7.3.1" in trust):
                    context.load_verify_locations(cadata=certificate)
        return
    paths = ssl.get_default_verify_paths()
    cafile = paths.openssl_cafile if Path(paths.openssl_cafile).is_file() else None
    capath = paths.openssl_capath if Path(paths.openssl_capath).is_dir() else None
    if cafile or capath:
        context.load_verify_locations(cafile=cafile, capath=capath)
    if not context.cert_store_stats()["x509_ca"] and not (capath and any(Path(capath).iterdir())):
        import certifi

        context.load_verify_locations(cafile=certifi.where())
