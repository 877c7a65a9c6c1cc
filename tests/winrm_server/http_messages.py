"""HTTP/1.1 on one connection: requests as they come, answers as they go."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import responses

_SLICE = 0.2  # seconds: a silence that is set now holds for connections that wait already
_LARGEST = 64 << 20  # bytes of a body; more is a mistake of the test


class Closed(Exception):
    """The other side has closed the connection, or was silent for too long."""


class Malformed(Exception):
    """What came is not HTTP."""


@dataclass(frozen=True)
class Request:
    """A request, with the bytes of its head as they were on the wire."""

    head: bytes
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, or an empty text."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    @property
    def path(self) -> str:
        """The path of the target, which behind a proxy may be a whole address."""
        target = self.target
        if not target.startswith("/"):
            target = "/" + target.partition("://")[2].partition("/")[2]
        return target.partition("?")[0]

    def cookie(self, name: str) -> str | None:
        """The value of a cookie."""
        for part in self.header("Cookie").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return None


@dataclass
class Reply:
    """An answer."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    raw: bytes | None = None  # the whole answer, where it was recorded

    def header(self, name: str) -> str:
        """The value of a header, or an empty text."""
        return next((value for key, value in self.headers if key == name), "")

    def to_bytes(self) -> bytes:
        """The answer as it goes over the wire."""
        if self.raw is not None:
            return self.raw
        names = {name.lower() for name, _ in self.headers}
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, '')}".rstrip()]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if "server" not in names:
            lines.append("Server: Microsoft-HTTPAPI/2.0")
        if "content-length" not in names:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


class Reader:
    """Reads requests off a socket."""

    def __init__(self, sock: socket.socket):
        self._sock = sock
        self._buffer = bytearray()

    def begin(self, silence: Callable[[], float | None]) -> None:
        """Wait for the first byte of a request, at most for the seconds that `silence` gives."""
        begun = time.monotonic()
        self._sock.settimeout(_SLICE)
        try:
            while not self._buffer:
                try:
                    self._more()
                except TimeoutError:
                    most = silence()
                    if most is not None and time.monotonic() - begun > most:
                        raise Closed("silent for too long") from None
        finally:
            self._sock.settimeout(None)

    def request(self) -> Request:
        """The whole request."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > 1 << 16 or not re.match(rb"[A-Z]*($|[A-Z ])", self._buffer):
                raise Malformed(bytes(self._buffer[:200]))
            self._more()
        head = self._take(end + 4)
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        try:
            method, target, version = first.split(" ")
        except ValueError:
            raise Malformed(first) from None
        if not version.startswith("HTTP/1."):
            raise Malformed(first)
        headers = [
            (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
        ]
        request = Request(head, method, target, headers, b"")
        if request.header("Expect").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(head, method, target, headers, self._body(request))

    def _body(self, request: Request) -> bytes:
        if request.header("Transfer-Encoding").lower() == "chunked":
            return self._chunks()
        length = request.header("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _LARGEST:
            raise Malformed(f"Content-Length: {length}")
        return self._exactly(int(length))

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            while (end := self._buffer.find(b"\r\n")) < 0:
                self._more()
            line = self._take(end + 2).split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,7}", line):
                raise Malformed(line)
            size = int(line, 16)
            body += self._exactly(size)
            self._exactly(2)
            if not size:
                return bytes(body)

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        return self._take(count)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _more(self) -> None:
        try:
            data = self._sock.recv(1 << 16)
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("end of the stream")
        self._buffer += data
