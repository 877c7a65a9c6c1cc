"""The two ports of a machine, over IPv4 and, where there is one, IPv6."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

_BACKLOG = 512
_TRIES = 20  # a port that is free in one family may be taken in the other


class Listeners:
    """Accepts connections on a port for HTTP and one for HTTPS, or refuses them.

    One thread accepts and does nothing else, so that no client stops another one.
    """

    def __init__(self, name: str, accepted: Callable[[socket.socket, bool], None]):
        """Listen on free ports.

        Args:
            name: of the thread.
            accepted: gets each connection, and whether it is for HTTPS.
        """
        self._accepted = accepted
        self._sockets = [*_bound(0), *_bound(0)]
        ports = list(dict.fromkeys(sock.getsockname()[1] for sock in self._sockets))
        self.port, self.https_port = ports
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._closed = False
        self._refusing: threading.Timer | None = None
        self._lock = threading.Lock()
        self._listen()
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for sock in self._sockets:
            sock.listen(_BACKLOG)
            secure = sock.getsockname()[1] == self.https_port
            self._selector.register(sock, selectors.EVENT_READ, secure)

    def refuse(self, seconds: float | None) -> None:
        """Refuse connections from now on: for some time, or until `accept`."""
        with self._lock:
            if self._refusing is None:
                for sock in self._sockets:
                    self._selector.unregister(sock)
                    sock.close()
                # Bound and not listening: the ports stay ours, and refuse.
                self._sockets = [*_bound(self.port), *_bound(self.https_port)]
            else:
                self._refusing.cancel()
            self._refusing = threading.Timer(seconds or 1e6, self.accept)
            self._refusing.daemon = True
            self._refusing.start()

    def accept(self) -> None:
        """Accept connections again."""
        with self._lock:
            if self._refusing is not None and not self._closed:
                self._refusing.cancel()
                self._refusing = None
                self._listen()

    def _accept(self) -> None:
        while not self._closed:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(16)
                    continue
                listener = key.fileobj
                assert isinstance(listener, socket.socket)
                with contextlib.suppress(OSError):  # it was closed, or the client has given up
                    sock, _address = listener.accept()
                    sock.setblocking(True)
                    self._accepted(sock, key.data)

    def close(self) -> None:
        """Refuse for ever."""
        with self._lock:
            self._closed = True
            if self._refusing is not None:
                self._refusing.cancel()
        self._wake.send(b"x")
        self._thread.join()
        self._selector.close()
        for sock in (self._wake, self._woken, *self._sockets):
            sock.close()


def _bound(port: int) -> list[socket.socket]:
    """Sockets on one port of the loopback addresses, a free one for 0."""
    for _ in range(_TRIES):
        sockets = [_new(socket.AF_INET, "127.0.0.1", port)]
        try:
            sockets.append(_new(socket.AF_INET6, "::1", sockets[0].getsockname()[1]))
        except OSError:
            if port == 0 and _has_ipv6():
                sockets[0].close()
                continue  # the port is somebody's there
        return sockets
    raise OSError("no port is free in both families")


def _new(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)  # a client may be gone before it is accepted
    return sock


def _has_ipv6() -> bool:
    try:
        _new(socket.AF_INET6, "::1", 0).close()
    except OSError:
        return False
    return True
