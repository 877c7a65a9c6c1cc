"""Whose certificate a machine shows, in words, where it was not taken."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .line import Line
    from .mended import MendedTransport

__all__ = ["shown"]


def shown(transport: MendedTransport | None, line: Line) -> str:
    """The certificate that the machine shows: for whom, by whom, until when.

    OpenSSL does not tell which certificate it refused, so one more connection looks at it; nothing
    is sent on it.
    """
    if transport is None:
        return ""
    found: bytes | None = None
    with contextlib.suppress(Exception):
        line.close()
        found = transport.certificate()
    if found is None:
        return ""
    with contextlib.suppress(Exception):
        return _words(found)
    return ""


def _words(der: bytes) -> str:
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(der)
    names: list[str] = []
    with contextlib.suppress(x509.ExtensionNotFound):
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names += extension.value.get_values_for_type(x509.DNSName)
        names += [str(one) for one in extension.value.get_values_for_type(x509.IPAddress)]
    whose = ", ".join(names[:5]) or _name(certificate.subject)
    return (
        f"it is of {whose}, signed by {_name(certificate.issuer)}, "
        f"valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
        f"to {certificate.not_valid_after_utc:%Y-%m-%d}"
    )


def _name(name: Any) -> str:
    return str(name.rfc4514_string())
