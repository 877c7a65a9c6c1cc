"""Reading the encrypted parts of an answer (MS-WSMV 2.2.9.1)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winrm.encryption import Encryption

    from .wire import HttpAnswer

__all__ = ["Unreadable", "unseal"]

# Windows, OMI and others differ in blanks, tabs and line ends; see jborean93/PSWSMan.
_HEADER = re.compile(
    rb"\s*--[ \t]*Encrypted Boundary[ \t]*\r?\n"
    rb"[ \t]*Content-Type:[ \t]*(?P<protocol>[^\r\n]*?)[ \t]*\r?\n"
    rb"[ \t]*OriginalContent:[^\r\n]*?Length=(?P<length>\d+)[^\r\n]*\r?\n"
    rb"[ \t]*--[ \t]*Encrypted Boundary[ \t]*\r?\n"
    rb"[ \t]*Content-Type:[ \t]*application/octet-stream[ \t]*\r?\n",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(rb"(?:\r?\n)?--[ \t]*Encrypted Boundary", re.IGNORECASE)
_END = re.compile(rb"\s*--[ \t]*Encrypted Boundary[ \t]*--\s*\Z", re.IGNORECASE)


class Unreadable(Exception):
    """An encrypted answer that is none, or that was not encrypted for us."""


def unseal(answer: HttpAnswer, encryption: Encryption, host: str | None) -> bytes:
    """The body of an answer, decrypted.

    Args:
        answer: the answer.
        encryption: pywinrm's, of the context.
        host: whose context it is.

    Raises:
        Unreadable: it cannot be read; or it was sent in clear though it says that all is well.
    """
    if not answer.is_sealed:
        if answer.status == 200 and answer.body:
            raise Unreadable("it was sent in clear, where encrypted answers are due")
        return answer.body
    body, at, message = answer.body, 0, bytearray()
    while header := _HEADER.match(body, at):
        length = int(header["length"])
        at = _end_of_part(body, header.end(), length, encryption.protocol)
        message += _decrypt(body[header.end() : at], length, encryption, host)
    if not message or not _END.match(body, at):
        raise Unreadable("its encrypted parts are not framed as WinRM frames them")
    return bytes(message)


def _end_of_part(body: bytes, start: int, length: int, protocol: str) -> int:
    """Where a part ends: the boundary is not searched for in what is encrypted."""
    at = start + 4
    if protocol == "credssp":
        # Records of TLS, one after the other, each with its length.
        while at + 5 <= len(body) and body[at] in range(20, 24) and body[at + 1] == 3:
            at += 5 + struct.unpack_from(">H", body, at + 3)[0]
    else:
        if at > len(body):
            raise Unreadable("an encrypted part is cut off")
        at += struct.unpack_from("<I", body, start)[0] + length
    # Kerberos may have padded.
    found = _BOUNDARY.search(body, at, at + 128)
    if found is None:
        raise Unreadable("an encrypted part is cut off")
    return found.start()


def _decrypt(part: bytes, length: int, encryption: Encryption, host: str | None) -> bytes:
    try:
        message = encryption._decrypt_message(part, host)
    except Exception as error:
        raise Unreadable(f"it cannot be decrypted ({type(error).__name__})") from None
    if len(message) != length:
        raise Unreadable("an encrypted part has another length than it says")
    return bytes(message)
