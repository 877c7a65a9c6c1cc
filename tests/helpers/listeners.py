"""Ports that listen: one that only takes notes, and an HTTP proxy that does so, too."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_BLOCK = 1 << 16
_REFUSAL = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="proxy"\r\n'
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


def closed_port() -> int:
    """A port that refuses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Listener:
    """Accepts connections, reads what comes and says nothing, or one text to each."""

    host = "127.0.0.1"

    def __init__(self, says: bytes = b""):
        """Say what each connection is told when it is accepted."""
        self._says = says
        self._received: list[bytes] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.connections = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="listener", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # accept comes back
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}:{self.port}"

    @property
    def received(self) -> bytes:
        """All that came, over all connections."""
        with self._lock:
            return b"".join(self._received)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
            threading.Thread(target=self._guarded, args=(sock,), daemon=True).start()

    def _guarded(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            self._serve(sock)
        with self._lock:
            self._open.discard(sock)

    def _serve(self, sock: socket.socket) -> None:
        sock.sendall(self._says)
        while block := sock.recv(_BLOCK):
            self._note(block)

    def _note(self, block: bytes) -> None:
        with self._lock:
            self._received.append(block)


class Proxy(Listener):
    """An HTTP proxy: requests with whole addresses, and CONNECT.

    A connection of a client is for one server, as it is with requests.
    """

    def __init__(self, *, user: str = "", password: str = ""):
        """Say who may use it; without a user, everybody."""
        super().__init__()
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._wanted = f"Proxy-Authorization: Basic {token}\r\n" if user else ""
        self._heads: list[str] = []

    @property
    def heads(self) -> list[str]:
        """The heads of the requests with which connections began."""
        with self._lock:
            return list(self._heads)

    @property
    def passed(self) -> bytes:
        """All that went through, in both directions."""
        return self.received

    def _serve(self, sock: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            block = sock.recv(_BLOCK)
            if not block:
                return
            data += block
        end = data.index(b"\r\n\r\n") + 4
        head = data[:end].decode("latin-1")
        with self._lock:
            self._heads.append(head)
        if self._wanted not in head:
            sock.sendall(_REFUSAL)
            return
        method, target, _ = head.split(" ", 2)
        name, _, port = (target if method == "CONNECT" else urlsplit(target).netloc).rpartition(":")
        with socket.create_connection((name.strip("[]"), int(port)), 10) as server:
            if method == "CONNECT":
                data = data[end:]
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._note(data)
            server.sendall(data)  # servers take whole addresses, too
            self._pass(sock, server)

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        """Hand on what comes from either side until one of them ends."""
        other = {client: server, server: client}
        while True:
            for sock in select.select(list(other), [], [])[0]:
                block = sock.recv(_BLOCK)
                if not block:
                    return
                self._note(block)
                other[sock].sendall(block)
