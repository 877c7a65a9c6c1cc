"""The engine's packets, as far as a carrier over WinRM must understand them."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Packet", "acknowledgement", "data_packet", "read_packet"]

_NIL = "00000000-0000-0000-0000-000000000000"
_PACKET = re.compile(r"<(\w+)(?: Stream='(\w+)')? PSGuid='([^']+)'\s*(?:/>|>([^<]*)</)")


class Packet(NamedTuple):
    """One packet that the engine sends.

    Attributes:
        kind: ``Data``, ``Command``, ``Signal`` or ``Close``.
        command: the id of the command that it is about; None where it is about the session.
        data: what it brings, in base64.
        answers: whether that answers a question of the far side's host.
    """

    kind: str
    command: str | None
    data: str
    answers: bool


def read_packet(line: str) -> Packet:
    """Read a packet as the engine writes it."""
    found = _PACKET.match(line)
    if found is None:
        raise ValueError(f"this is no packet of the engine's: {line[:100]}")
    kind, stream, identity, data = found.groups()
    command = None if identity == _NIL else identity
    return Packet(kind, command, data or "", stream == "PromptResponse")


def acknowledgement(kind: str, command: str | None) -> str:
    """Say that a packet of a kind has arrived."""
    return f"<{kind}Ack PSGuid='{command or _NIL}' />"


def data_packet(command: str | None, data: str) -> str:
    """Hand on what the far side says."""
    return f"<Data Stream='Default' PSGuid='{command or _NIL}'>{data}</Data>"
