"""When the user's Kerberos ticket ends, read from the file that it is kept in.

The file of MIT's and Heimdal's libraries, version 4 (what KRB5CCNAME says with ``FILE:`` or
``DIR:``, or the usual place). Other kinds of cache do not tell.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

__all__ = ["expiry_of"]


def expiry_of() -> int | None:
    """The time at which the ticket-granting ticket ends, in seconds since 1970, or None."""
    path = _file()
    try:
        return None if path is None else _read(path.read_bytes())
    except (OSError, struct.error, ValueError):
        return None


def _file() -> Path | None:
    name = os.environ.get("KRB5CCNAME")
    if name is None:
        return Path(f"/tmp/krb5cc_{os.getuid()}") if hasattr(os, "getuid") else None
    kind, colon, rest = name.partition(":")
    if not colon or name.startswith("/"):
        return Path(name)
    if kind == "FILE":
        return Path(rest)
    if kind == "DIR":
        if rest.startswith(":"):
            return Path(rest[1:])
        try:
            return Path(rest) / (Path(rest) / "primary").read_text().strip()
        except OSError:
            return None
    return None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    @property
    def more(self) -> bool:
        return self.at < len(self._data)

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._data, self.at)
        self.at += struct.calcsize(form)
        return int(value)

    def text(self) -> bytes:
        length = self.number(">I")
        self.at += length
        return self._data[self.at - length : self.at]

    def principal(self) -> tuple[bytes, list[bytes]]:
        self.at += 4  # the type
        count = self.number(">I")
        realm = self.text()
        return realm, [self.text() for _ in range(count)]

    def list_of_pairs(self) -> None:
        for _ in range(self.number(">I")):
            self.at += 2
            self.text()


def _read(data: bytes) -> int | None:
    reader = _Reader(data)
    if reader.number(">H") != 0x0504:
        return None
    length = reader.number(">H")  # of the header
    reader.at += length
    reader.principal()
    latest: int | None = None
    while reader.more:
        reader.principal()
        _, server = reader.principal()
        reader.at += 2  # the key's type
        reader.text()
        reader.at += 8  # when it was asked for, when it begins
        ends = reader.number(">I")
        reader.at += 4 + 1 + 4  # renewable until, is_skey, flags
        reader.list_of_pairs()  # addresses
        reader.list_of_pairs()  # authorization data
        reader.text()
        reader.text()
        if server[:1] == [b"krbtgt"]:
            latest = max(latest or 0, ends)
    return latest
