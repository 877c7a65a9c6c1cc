"""Message encryption: the multipart bodies that NTLM, Kerberos and CredSSP put envelopes in."""

from __future__ import annotations

import re
import struct

from .contexts import Context

_PROTOCOL = re.compile(r'protocol="(application/HTTP-\w+-session-encrypted)"', re.IGNORECASE)
_OCTETS = b"octet-stream\r\n"
_LENGTH = re.compile(rb"Length=(\d+)")
_NEXT = re.compile(rb"--\s?Encrypted Boundary\r\n\t?\s?Content-Type: application/HTTP-")
_LAST = re.compile(rb"--\s?Encrypted Boundary--\r\n$")


def protocol_of(content_type: str) -> str | None:
    """The encryption that a Content-Type names, or None."""
    if not content_type.lower().startswith(("multipart/encrypted", "multipart/x-multi-encrypted")):
        return None
    found = _PROTOCOL.search(content_type)
    return found[1] if found else None


def unseal(context: Context, body: bytes) -> bytes:
    """The envelope in a body. Parts are found by position: ciphertext may look like a boundary.

    Raises:
        ValueError: it is not such a body, or not sealed by this context.
    """
    envelope = b""
    body = _LAST.sub(b"", body)
    at = 0
    while at < len(body):
        start = body.find(_OCTETS, at) + len(_OCTETS)
        length = _LENGTH.search(body, at, start)
        if start < len(_OCTETS) or length is None:
            raise ValueError("not an encrypted body")
        following = _NEXT.search(body, start)
        end = following.start() if following else len(body)
        (header,) = struct.unpack("<i", body[start : start + 4])
        sealed = body[start + 4 : end]
        part = context.unseal(sealed[:header], sealed[header:]) if header < len(sealed) else b""
        if len(part) != int(length[1]):
            raise ValueError(f"{len(part)} bytes, not {int(length[1])}")
        envelope += part
        at = end
    return envelope


def seal(
    context: Context, envelope: bytes, protocol: str, *, spaced: bool = False
) -> tuple[str, bytes]:
    """The Content-Type and the body for an envelope, in as many parts as the context needs.

    Args:
        context: whose keys seal it.
        envelope: what is sealed.
        protocol: the name of the encryption, as the client spells it.
        spaced: write the boundary with a blank and no tab, as some servers do.
    """
    boundary = b"-- Encrypted Boundary" if spaced else b"--Encrypted Boundary"
    tab = b"" if spaced else b"\t"
    body = b""
    for start in range(0, len(envelope), context.part):
        part = envelope[start : start + context.part]
        header, sealed, padding = context.seal(part)
        body += (
            boundary + b"\r\n" + tab + b"Content-Type: " + protocol.encode() + b"\r\n" + tab
            + b"OriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
            % (len(part) + padding)
            + boundary + b"\r\n" + tab + b"Content-Type: application/octet-stream\r\n"
            + struct.pack("<i", len(header)) + header + sealed
        )  # fmt: skip
    kind = "x-multi-encrypted" if len(envelope) > context.part else "encrypted"
    content_type = f'multipart/{kind};protocol="{protocol}";boundary="Encrypted Boundary"'
    return content_type, body + boundary + b"--\r\n"
