"""One connection to a machine, in a thread of its own."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING

from .exchange import Exchange
from .gate import Gate
from .http_messages import Closed, Malformed, Reader, Reply

if TYPE_CHECKING:
    from .machine import ServedMachine

_HANDSHAKE = 30.0  # seconds


class Connection:
    """Reads requests and answers them, one after the other, until somebody closes it."""

    def __init__(
        self,
        machine: ServedMachine,
        number: int,
        sock: socket.socket,
        tls: bool,
    ):
        self.machine, self.number, self.tls = machine, number, tls
        self._socket = sock
        self.ended = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"connection {machine.number}.{number}", daemon=True
        )

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Here, not where connections are accepted: a client that is silent stops no other.
            if self.tls:
                self._socket.settimeout(_HANDSHAKE)
                context = self.machine.certificates.context(self.machine.settings())
                self._socket = context.wrap_socket(self._socket, server_side=True)
                self._socket.settimeout(None)
            self._serve()
        except (Closed, OSError, ValueError):
            pass
        finally:
            self.ended.set()
            with contextlib.suppress(OSError):
                self._socket.close()
            self.machine.connection_ended(self)

    def _serve(self) -> None:
        settings = self.machine.settings
        gate = Gate(
            settings,
            self.machine.users,
            self.machine.number,
            self.number,
            self._socket if isinstance(self._socket, ssl.SSLSocket) else None,
            lambda: self.machine.certificates.binding(settings()),
        )
        exchange = Exchange(self, gate)
        reader = Reader(self._socket)
        while True:
            reader.begin(settings().silence)
            try:
                request = reader.request()
            except Malformed:
                self.send(Reply(400, [("Connection", "close")]).to_bytes())
                return
            exchange.do(request)
            if request.header("Connection").lower() == "close":
                return

    def send(self, data: bytes) -> None:
        """Write to the client."""
        self._socket.sendall(data)

    def wait_for_end(self, seconds: float | None = None) -> None:
        """Come back when the connection is closed by either side, or after so many seconds."""
        poll = select.poll()
        with contextlib.suppress(OSError, ValueError):
            poll.register(self._socket.fileno(), select.POLLRDHUP | select.POLLHUP)
            poll.poll(None if seconds is None else seconds * 1000)

    def is_open(self) -> bool:
        """Whether neither side has closed it."""
        if self.ended.is_set():
            return False
        poll = select.poll()
        try:
            poll.register(self._socket.fileno(), select.POLLRDHUP | select.POLLHUP)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    def close(self, *, reset: bool = False) -> None:
        """End it from this side, also while a thread reads or a Receive waits."""
        with contextlib.suppress(OSError):
            if reset:  # the client gets a reset instead of an end
                linger = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with contextlib.suppress(OSError):
            # The base class's: an SSLSocket would drop its TLS state under the thread that reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
