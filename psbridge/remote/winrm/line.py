"""One TCP connection to a machine, with a time for what is done on it, and an end from outside.

Guarantees:

- Whatever blocks here ends when the time of `within` is up, also where an answer drips: each wait
  on the socket gets what is left, and not a timeout of its own.
- `abort`, from any thread, ends it now.
- What cannot be interrupted (the resolver, a Kerberos library that asks a silent KDC) runs on a
  thread of its own, which is left behind when time is up and ends by itself.

Rejected: a thread that closes sockets when their time is up. It would be one more thing that has to
survive a fork and the end of the program, and it could not end the resolver either.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from urllib3.util import wait_for_read, wait_for_write

from ...tls import ClosedWhenReset

__all__ = ["Aborted", "Line", "LineLost", "TimeUp", "TlsSocket", "TooLong"]

T = TypeVar("T")

_MOST_BYTES = 64 << 20  # of an answer; WinRM's have half a megabyte
_SLICE = 0.1  # seconds; how often a connecting socket looks whether it is still wanted
_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, 10035)  # and Windows' own
_KEEPALIVE = (
    ("TCP_KEEPIDLE", 30),
    ("TCP_KEEPALIVE", 30),
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 6),
)


class TimeUp(OSError):
    """The time for the request is up."""


class Aborted(OSError):
    """Somebody has ended the line."""


class TooLong(OSError):
    """An answer does not end."""


class LineLost(OSError):
    """The connection that the authentication belongs to is gone, and nothing has been sent."""


class Line:
    """The one TCP connection of a `Connection`; a new one replaces it when it is gone.

    Attributes:
        doing: what is waited for, in words for a reason.
        carries: whether what is sent now is a request that the machine may act on.
        wrote: whether anything of such a request has gone out; who sends it sets it back.
        received: how many bytes of the answer have come; who sends sets it back.
        bound: whether the connection carries an authentication, so that no other may take its
            place.
    """

    def __init__(self) -> None:
        self.doing = ""
        self.carries = self.wrote = False
        self.received = 0
        self.bound = False
        self._socket: socket.socket | None = None
        self._used = 0.0
        self._until = 0.0
        self._changed = threading.Condition()
        self._aborted = False

    # Time.

    def within(self, seconds: float) -> None:
        """Say how long what comes now may take, in seconds."""
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """How many seconds are left.

        Raises:
            Aborted: the line was ended.
            TimeUp: none are.
        """
        if self._aborted:
            raise Aborted("the line was ended")
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeUp("the time is up")
        return left

    def in_time(self, wait: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Wait on a socket whose timeout is what is left of the time."""
        try:
            return wait(*arguments, **named)
        except TimeoutError:
            self.left()  # says which it is
            raise TimeUp("the time is up") from None

    def came(self, length: int) -> int:
        """Count what has come.

        Raises:
            TooLong: it is more than an answer has.
        """
        self.received += length
        if self.received > _MOST_BYTES:
            raise TooLong("the answer does not end")
        return length

    @property
    def aborted(self) -> bool:
        """Whether it was ended; it stays so."""
        return self._aborted

    def abort(self) -> None:
        """End it for good; what waits on it comes back now. From any thread."""
        with self._changed:
            self._aborted = True
            if self._socket is not None:
                # Not SSLSocket's own shutdown: it takes the TLS away first, and a thread that
                # sends at that moment would send in clear.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            self._changed.notify_all()

    def aside(self, work: Callable[[], T], name: str) -> T:
        """Do something that cannot be interrupted, and wait for it no longer than time is left.

        Args:
            work: what is to be done; where time is up it goes on alone, and nobody hears of it.
            name: of its thread.
        """
        done: list[tuple[T | None, BaseException | None]] = []

        def run() -> None:
            try:
                result: tuple[T | None, BaseException | None] = (work(), None)
            except BaseException as error:
                result = (None, error)
            with self._changed:
                done.append(result)
                self._changed.notify_all()

        self.left()
        threading.Thread(target=run, name=f"psbridge {name}", daemon=True).start()
        with self._changed:
            while not done:
                self._changed.wait(self.left())
        value, error = done[0]
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    # The connection.

    def open(self, host: str, port: int) -> socket.socket:
        """Connect, one address after the other.

        Raises:
            LineLost: the line is bound to a connection that is gone.
            OSError: no address answered.
        """
        if self.bound:
            raise LineLost("the connection is gone")
        self.close()
        addresses = self._resolve(host, port)
        self.doing = "connecting"
        failure: OSError | None = None
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            # A dead address leaves time for the next one; the last one has all that is left.
            others = len(addresses) - number - 1
            until = time.monotonic() + self.left() / (others + 1) if others else math.inf
            sock = LineSocket(family, kind, protocol)
            try:
                self._connect(sock, address, until)
                self.take(sock)
                return sock
            except (Aborted, TimeUp):
                sock.close()
                raise
            except OSError as error:
                sock.close()
                failure = error
        raise failure or OSError(f"{host} has no address")

    def take(self, sock: LineSocket | TlsSocket) -> None:
        """Let a socket be the line's: time and end hold for it from now on."""
        with self._changed:
            sock.line = self
            self._socket = sock
            self._used = time.monotonic()
        self.left()

    def used(self) -> None:
        """Something was answered on it just now."""
        self._used = time.monotonic()

    def silent(self) -> float:
        """For how many seconds nothing was heard on it."""
        return time.monotonic() - self._used

    def is_up(self) -> bool:
        """Whether it is connected and the machine has not closed it, as far as can be seen."""
        sock = self._socket
        if sock is None or sock.fileno() < 0:
            return False
        # Whatever can be read now is no answer: the end, a reset, or a word about the end. Except
        # under TLS 1.3, where tickets and requests for a certificate come unasked.
        return not wait_for_read(sock, timeout=0.0) or _reads_nothing(sock)

    def close(self) -> None:
        """Close the connection; the line can be opened again."""
        with self._changed:
            sock, self._socket = self._socket, None
            self.bound = False
        if sock is not None:
            with contextlib.suppress(OSError):
                # The machine hears of it also where an answer still holds the descriptor.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                sock.close()

    def _resolve(self, host: str, port: int) -> list[Any]:
        self.doing = "looking up the name"
        try:
            numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=numeric)
        except socket.gaierror:
            pass
        try:
            return self.aside(
                lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), f"looks up {host}"
            )
        except socket.gaierror:
            # Where it may open no file, a resolver says that the name is not known.
            socket.socket().close()
            raise

    def _connect(self, sock: socket.socket, address: Any, until: float) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, seconds in _KEEPALIVE:
            if hasattr(socket, option):
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
        sock.setblocking(False)
        error = sock.connect_ex(address)
        if error in _UNDER_WAY:
            while not wait_for_write(sock, timeout=min(_SLICE, self.left())):
                if time.monotonic() > until:
                    raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))


class LineSocket(socket.socket):
    """A socket whose every wait takes what is left of its line's time.

    It does not block, and what waits is a poll: Python releases the GIL to set a timeout, to wait
    for it, and to send, and a thread that has released it stands at the end of the queue.
    """

    line: Line

    def settimeout(self, value: float | None, /) -> None:
        """Nothing: the line has the time, whatever urllib3 thinks."""

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """Receive, within the time."""
        while True:
            wait_for_read(self, timeout=self.line.left())
            with contextlib.suppress(BlockingIOError):
                return self.line.came(super().recv_into(*arguments, **named))

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all, within the time."""
        self.line.left()
        self.line.wrote |= self.line.carries
        with memoryview(data) as view, view.cast("B") as left:
            sent = 0
            while sent < len(left):
                try:
                    sent += super().send(left[sent:], flags)
                except BlockingIOError:
                    wait_for_write(self, timeout=self.line.left())


class TlsSocket(ClosedWhenReset):
    """The same under TLS."""

    line: Line

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """Receive, within the time."""
        self.settimeout(self.line.left())
        return self.line.came(self.line.in_time(super().recv_into, *arguments, **named))

    def send(self, *arguments: Any) -> int:
        """Send some, within the time; `sendall` comes here."""
        self.settimeout(self.line.left())
        self.line.wrote |= self.line.carries
        return self.line.in_time(super().send, *arguments)


def _reads_nothing(sock: socket.socket) -> bool:
    """Whether what can be read under TLS is no data and no end."""
    if not isinstance(sock, ssl.SSLSocket):
        return False
    sock.settimeout(0.0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        return True
    except OSError:
        pass
    return False
