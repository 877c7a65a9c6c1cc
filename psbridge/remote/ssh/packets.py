"""What of ssh's output is a packet of the far PowerShell's, and what is not.

Packets are lines of ASCII. A login script, a noisy subsystem or a wrong program prints other lines,
and text without a line end before a packet. All of that is passed over; it can be a part of the
reason where there is never a packet.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

__all__ = ["lines_of", "packets_in"]

_PACKET = re.compile(
    rb"<(?:Data|DataAck|Command|CommandAck|Signal|SignalAck|Close|CloseAck) "
    rb"[^>]*PSGuid='[0-9A-Fa-f-]{36}'"
)

# The engine's fragments of 32 KB are lines of 45 KB. What is much longer is no packet, and is not
# kept in memory until its end comes.
_LONGEST = 1 << 20
_CHUNK = 1 << 16


def packets_in(descriptor: int, pass_over: Callable[[bytes], None]) -> Iterator[str]:
    """Read packets until the end.

    Args:
        descriptor: what to read.
        pass_over: called with each text that is no packet.

    Raises:
        UnicodeDecodeError: a packet is damaged.
    """
    for line in lines_of(descriptor):
        packet = _PACKET.search(line)
        text = line if packet is None else line[: packet.start()]
        if text.strip():
            pass_over(text)
        if packet is not None:
            yield line[packet.start() :].rstrip().decode("ascii")


def lines_of(descriptor: int) -> Iterator[bytes]:
    """Read lines until the end, without what ends them; of a very long one, its beginning."""
    begun: list[bytes] = []
    length = 0
    while chunk := os.read(descriptor, _CHUNK):
        *whole, rest = chunk.split(b"\n")
        if whole:
            begun.append(whole[0])
            yield b"".join(begun)
            yield from whole[1:]
            begun, length = [], 0
        if rest and length <= _LONGEST:
            begun.append(rest)
            length += len(rest)
    if begun:
        yield b"".join(begun)
