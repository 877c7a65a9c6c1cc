"""What stands between a client and the machine: relays and proxies, that see all bytes."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Listener:
    """A socket that accepts; what comes is kept, and nothing is answered."""

    def __init__(self, bind: str = "127.0.0.1", backlog: int = 100) -> None:
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        self._sock = socket.socket(family)
        # With the number of its zone, where the address has one.
        self._sock.bind(socket.getaddrinfo(bind, 0, family)[0][4])
        self._sock.listen(backlog)
        self.port: int = self._sock.getsockname()[1]
        self.accepted = 0
        self._seen = bytearray()
        self._changed = threading.Condition()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        if self._thread.is_alive():
            self._thread.join()  # it may be about to note another one
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes who reads it
            sock.close()

    @property
    def seen(self) -> bytes:
        """All that clients have sent."""
        with self._changed:
            return bytes(self._seen)

    def wait_for(self, length: int, timeout: float = 10.0) -> None:
        """Wait until so many bytes have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._seen) >= length, timeout)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.append(sock)
            threading.Thread(target=self._serve_safely, args=(sock,), daemon=True).start()

    def _serve_safely(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self.serve(sock)

    def serve(self, sock: socket.socket) -> None:
        """Have a connection."""
        while self.read(sock):
            pass

    def read(self, sock: socket.socket) -> bytes:
        """What comes next from a client."""
        data = sock.recv(65536)
        with self._changed:
            self._seen += data
            self._changed.notify_all()
        return data

    def pump(
        self,
        client: socket.socket,
        host: str,
        port: int,
        first: bytes = b"",
        change: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """Carry what comes both ways."""
        with socket.create_connection((host, port), 10) as server:
            server.settimeout(None)
            self._open.append(server)
            server.sendall(change(first))
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            try:
                while data := self.read(client):
                    server.sendall(change(data))
            finally:
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)


class Relay(Listener):
    """Carries everything to one place."""

    def __init__(self, host: str, port: int, bind: str = "127.0.0.1") -> None:
        super().__init__(bind)
        self._to = host, port

    def serve(self, sock: socket.socket) -> None:
        self.pump(sock, *self._to)


class HttpProxy(Listener):
    """An HTTP proxy, which may want an account.

    Attributes:
        account: ``user:password`` that it wants, or None.
        status: what it answers to everybody, or None.
        requests: the first lines of what it was asked.
    """

    def __init__(self, account: str | None = None, status: int | None = None) -> None:
        super().__init__()
        self.account, self.status = account, status
        self.requests: list[str] = []

    def serve(self, sock: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.read(sock)
            if not data:
                return
            head += data
        line = head.split(b"\r\n")[0].decode()
        self.requests.append(line)
        if self.status is not None:
            sock.sendall(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        if self.account is not None:
            wanted = b"Proxy-Authorization: Basic " + base64.b64encode(self.account.encode())
            if wanted not in head:
                sock.sendall(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b'Proxy-Authenticate: Basic realm="gate"\r\nContent-Length: 0\r\n\r\n'
                )
                return
        method, url, _ = line.split()
        if method == "CONNECT":
            host, _, port = url.rpartition(":")
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self.pump(sock, host.strip("[]"), int(port))
            return
        found = re.match(r"http://\[?([^/]*?)\]?:(\d+)(/.*)", url)
        assert found is not None
        whole, path = f"{method} {url} ".encode(), f"{method} {found[3]} ".encode()
        self.pump(sock, found[1], int(found[2]), head, lambda data: data.replace(whole, path))


def _copy(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_WR)
