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
    from os import PathLike

    from .target import WinRM

__all__ = ["check_files", "tls_context", "unverified"]


def tls_context(target: WinRM) -> ssl.SSLContext:
    """The settings of TLS for a target; one for all targets with the same ones.

    Raises:
        OSError: a file cannot be read.
        ssl.SSLError: a file is no certificate or no key, or the key's password is wrong.
    """
    files = (_file(target.ca), _file(target.cert_file), _file(target.key_file))
    return _context(target.verify, target.verify_host, *files, target.key_password)


def check_files(target: WinRM) -> None:
    """Read the files of a target's certificates once.

    Raises:
        ValueError: one cannot be read, or the password of the key is wrong or missing.
    """
    try:
        if target.ca is not None:
            _context(True, True, _file(target.ca), None, None, None)
    except OSError as error:
        raise ValueError(f"ca {target.ca} has no certificates in PEM form: {error}") from None
    if target.cert_file is None:
        return
    key = target.key_file or target.cert_file
    try:
        tls_context(target)
        return
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or ""
        encrypted = b"ENCRYPTED" in Path(key).read_bytes()
    if "KEY_VALUES_MISMATCH" in reason:
        raise ValueError(f"the key in {key} is not the one of the certificate {target.cert_file}")
    if encrypted:
        lacks = "needs key_password" if target.key_password is None else "has another password"
        raise ValueError(f"the key in {key} {lacks}")
    raise ValueError(f"{target.cert_file} and {key} are no certificate and key in PEM form")


def unverified() -> ssl.SSLContext:
    """TLS that takes any certificate: to look at one, and for nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = TlsSocket
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_File = tuple[str, int] | None


def _file(path: str | PathLike[str] | None) -> _File:
    """A file, and which state of it: one that was replaced is read again."""
    return None if path is None else (str(path), Path(path).stat().st_mtime_ns)


# Reading the system's authorities takes longer than the rest of opening a connection.
@functools.lru_cache(maxsize=16)
def _context(
    verify: bool,
    verify_host: bool,
    ca: _File,
    certificate: _File,
    key: _File,
    password: str | Secret | None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = TlsSocket
    # A server of 2022 asks for the certificate only when it sees the request.
    context.post_handshake_auth = True
    context.options |= ssl.OP_NO_COMPRESSION
    if not verify or not verify_host:
        context.check_hostname = False
    if not verify:
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
