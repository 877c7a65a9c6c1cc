"""What an assembly's file says of itself, read without .NET.

The format is Microsoft's "PE Format", and for the CLR's part ECMA-335, II.25. Only what is asked
for is read: the engine's assembly has 19 MB where it is precompiled, and every start asks.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

__all__ = ["file_version", "is_precompiled"]

_RESOURCES, _CLR = 2, 14  # numbers of data directories
# VS_FIXEDFILEINFO of a version resource: its signature and structure version, then the file version
# as two little-endian words of 32 bits.
_FIXED_FILE_INFO = b"\xbd\x04\xef\xfe\x00\x00\x01\x00"
_MANAGED_NATIVE_HEADER = 64  # in the CLR's header: where machine code is listed


def file_version(dll: Path) -> tuple[int, int, int] | None:
    """Give the first three numbers of an assembly's file version; None if it has none.

    Raises:
        OSError: it cannot be read.
    """
    with dll.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                at = data.find(_FIXED_FILE_INFO, *_directory(data, _RESOURCES))
                if at < 0:
                    return None
                high, low = struct.unpack_from("<II", data, at + len(_FIXED_FILE_INFO))
        except (ValueError, struct.error):
            return None  # empty, or cut off
    return high >> 16, high & 0xFFFF, low >> 16


def is_precompiled(dll: Path) -> bool:
    """Tell whether an assembly has machine code beside its IL; False where it cannot be read."""
    try:
        with (
            dll.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            start, _ = _directory(data, _CLR)
            return bool(struct.unpack_from("<I", data, start + _MANAGED_NATIVE_HEADER)[0])
    except (OSError, ValueError, struct.error):
        return False


def _directory(data: mmap.mmap, number: int) -> tuple[int, int]:
    """Where in the file a data directory begins, and where the section ends that it is in.

    Raises:
        ValueError: the file has no such directory.
        struct.error: it is cut off.
    """
    (pe,) = struct.unpack_from("<I", data, 0x3C)
    sections, optional = struct.unpack_from("<H12xH", data, pe + 6)
    wide = struct.unpack_from("<H", data, pe + 24)[0] == 0x20B
    (wanted,) = struct.unpack_from("<I", data, pe + 24 + (112 if wide else 96) + 8 * number)
    for index in range(sections):
        section = pe + 24 + optional + 40 * index
        size, address, raw_size, raw = struct.unpack_from("<IIII", data, section + 8)
        if address <= wanted < address + max(size, raw_size):
            return raw + wanted - address, raw + raw_size
    raise ValueError(f"there is no data directory {number}")
