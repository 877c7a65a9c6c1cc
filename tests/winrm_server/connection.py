"""One connection to a machine, in a thread of its own."""

from __future__ import annotations

import contextlib
import ctypes
import select
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING

from .exchange import Exchange
from .gate import Gate
from .http_messages import Closed, Malformed, Reader, Reply
from .injecting import CONNECTION

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
        self._closing = threading.Event()  # from this side
        self._thread = threading.Thread(
            target=self._run, name=f"connection {machine.number}.{number}", daemon=True
        )

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._begin()
            # Here, not where connections are accepted: a client that is silent stops no other.
            if self.tls:
                self._socket.settimeout(_HANDSHAKE)
                context = self.machine.certificates.context(self.machine.settings())
                self._socket = context.wrap_socket(self._socket, server_side=True)
                self._socket.settimeout(None)
            self._serve()
        except (Closed, OSError):
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
            reader.begin(lambda: settings().silence)
            try:
                request = reader.request()
            except Malformed:
                self.send(Reply(400, [("Connection", "close")]).to_bytes())
                return
            exchange.do(request)
            if request.header("Connection").lower() == "close":
                return

    def _begin(self) -> None:
        """What a rule does to a connection as soon as it is accepted."""
        rule = self.machine.rules.due(CONNECTION)
        if rule is None:
            return
        self.machine.changed()
        self.pause(rule.effect.before + rule.effect.late)
        if rule.effect.end == "hang":
            self.wait_for_end()
        if rule.effect.end != "keep":
            self.abandon(reset=rule.effect.end == "reset")

    def send(self, data: bytes) -> None:
        """Write to the client."""
        try:
            self._socket.sendall(data)
        except ValueError as error:  # it was closed meanwhile
            raise Closed(str(error)) from None

    def pause(self, seconds: float) -> None:
        """Let time pass; be back at once when this side closes the connection."""
        if seconds and self._closing.wait(seconds):
            raise Closed("closed by this side")

    def wait_for_end(self) -> None:
        """Come back when the connection is closed by either side."""
        poll = select.poll()
        with contextlib.suppress(OSError, ValueError):
            poll.register(self._socket.fileno(), select.POLLRDHUP | select.POLLHUP)
            while not self._closing.is_set() and not poll.poll(200):
                pass

    def abandon(self, *, reset: bool) -> None:
        """End the connection from its own thread; it does not come back."""
        if reset:
            _reset(self._socket)
        raise Closed("abandoned")

    def is_open(self) -> bool:
        """Whether neither side has closed it."""
        if self.ended.is_set() or self._closing.is_set():
            return False
        poll = select.poll()
        try:
            poll.register(self._socket.fileno(), select.POLLRDHUP | select.POLLHUP)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    def close(self, *, reset: bool = False) -> None:
        """End it from another thread, also while its own one reads or a Receive waits."""
        self._closing.set()
        with contextlib.suppress(OSError):
            if reset:
                _reset(self._socket)
            # The base class's: an SSLSocket would drop its TLS state under the thread that reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _reset(sock: socket.socket) -> None:
    """Send a reset and nothing else.

    Linux does so for a connection that is "connected" to no address; closing with a linger of 0
    would have to wait for the thread that uses the socket.
    """
    nowhere = struct.pack("H14x", socket.AF_UNSPEC)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.connect(sock.fileno(), nowhere, len(nowhere))
