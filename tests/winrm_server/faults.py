"""What can be made to go wrong with a request, for `Machine.inject`."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .soap import Fault


@dataclass(frozen=True)
class Effect:
    """What happens to a request that a rule is for. Times are in seconds."""

    before: float = 0.0  # until it is done
    done: bool = True  # whether it is done at all
    late: float = 0.0  # until the answer is sent
    status: int | None = None  # instead of the answer …
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""  # base64; `{relates}` in it stands for the request's MessageID
    soap: bool = False  # the body is an envelope, and encrypted as the request was
    raw: bool = False  # the body is a whole answer, from its status line on
    drip: float | None = None  # between two bytes of the answer
    cut: int | None = None  # after so many bytes of the answer
    end: str = "keep"  # then "close" or "reset" the connection, or "hang": be silent for ever

    def to_json(self) -> dict[str, Any]:
        """As it goes to the server."""
        return asdict(self)


def delay(seconds: float) -> Effect:
    """Wait, then do it and answer."""
    return Effect(before=seconds)


def late(seconds: float) -> Effect:
    """Do it, and answer so much later."""
    return Effect(late=seconds)


def drip(seconds: float) -> Effect:
    """Do it, and answer byte by byte."""
    return Effect(drip=seconds)


def cut(after: int, *, reset: bool = False) -> Effect:
    """Do it, send so many bytes of the answer and close the connection."""
    return Effect(cut=after, end="reset" if reset else "close")


def lose(*, reset: bool = False) -> Effect:
    """Do it, and close the connection without an answer."""
    return cut(0, reset=reset)


def drop(*, reset: bool = False) -> Effect:
    """Close the connection without doing anything."""
    return Effect(done=False, cut=0, end="reset" if reset else "close")


def silent(*, done: bool = False) -> Effect:
    """Never answer; the connection stays open."""
    return Effect(done=done, cut=0, end="hang")


def status(
    number: int,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    done: bool = False,
) -> Effect:
    """Answer with a status instead, as a proxy would: it is not encrypted."""
    return Effect(
        done=done,
        status=number,
        headers=tuple((headers or {}).items()),
        body=base64.b64encode(body).decode(),
    )


def fault(
    code: int | None,
    text: str = "",
    *,
    side: str = "Receiver",
    subcode: str = "w:InternalError",
    wmi: bool = False,
    done: bool = False,
) -> Effect:
    """Answer with a SOAP fault instead.

    Args:
        code: in WSManFault; None leaves the detail out.
        text: in the reason and in the detail.
        side: SOAP's code.
        subcode: with its prefix; empty for none.
        wmi: the code stands in an MSFT_WmiError, as the plain shell's quotas have it.
        done: whether the request is done all the same.
    """
    return _soap(Fault(code, side, subcode, text, wmi=wmi).envelope("{relates}"), done)


def timed_out(*, done: bool = False) -> Effect:
    """Answer with the timed-out fault, 2150858793."""
    text = "The WS-Management service cannot complete the operation within the time specified."
    return fault(2150858793, text, subcode="w:TimedOut", done=done)


def recorded(path: Path, *, done: bool = False, **replacements: object) -> Effect:
    """Answer with what a file has: `.http` a whole answer, `.xml` the body of a 500.

    Args:
        path: the file; `{name}` in it is replaced.
        done: whether the request is done all the same.
        **replacements: for the names; `relates` is replaced by itself.
    """
    data = path.read_bytes()
    for name, value in replacements.items():
        data = data.replace(f"{{{name}}}".encode(), str(value).encode())
    if path.suffix == ".xml":
        return _soap(data, done)
    return Effect(done=done, status=0, raw=True, body=base64.b64encode(data).decode())


def _soap(envelope: bytes, done: bool) -> Effect:
    return Effect(done=done, status=500, soap=True, body=base64.b64encode(envelope).decode())
