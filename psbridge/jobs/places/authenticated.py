"""A connection over a network, each of whose messages is authenticated.

Both ends have a key. They greet: each proves to the other that it has the key, by the challenge of
`multiprocessing.connection`, and says a number that it has drawn. From the key and both numbers
come two keys for this connection alone, one for each direction. Each frame is sent with its
HMAC-SHA256 under that key, over its own number in the order of frames, too; so nothing can be
changed, left out, repeated, or taken from another connection or the other direction.

Guarantee: of one who has not proved that he has the key, and of a frame that is not authentic, no
more than `_FRAME_BYTES` are taken, and nothing is unpickled; a greeting has a deadline.

Not kept: secrecy. What goes over the connection can be read on its way.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import threading
import weakref
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge
from typing import Self

from ...engine.forking import in_forked_child
from ..timers import call_later

__all__ = ["AuthenticatedConnection", "connect", "greet"]

_FRAME_BYTES = 1 << 20
_NUMBER_BYTES = 32
_DIGEST = "sha256"
_DIGEST_BYTES = 32
_LAST, _MORE = b"\0", b"\1"

# Who greets is a program. To connect takes longer where many do at once: see `executor`.
GREETING_SECONDS = 10.0
CONNECTING_SECONDS = 60.0


class AuthenticatedConnection:
    """A connection after its greeting. One thread may send while another one receives."""

    def __init__(self, connection: Connection, sending: bytes, receiving: bytes) -> None:
        """Go on with a connection; to be had from `connect` or `greet`."""
        self._connection = connection
        self._sending = _Seal(sending)
        self._receiving = _Seal(receiving)

    def send_bytes(self, data: bytes, /) -> None:
        """Send a message."""
        for begin in range(0, len(data) or 1, _FRAME_BYTES):
            end = begin + _FRAME_BYTES
            frame = (_LAST if end >= len(data) else _MORE) + data[begin:end]
            self._connection.send_bytes(self._sending.digest(frame) + frame)

    def recv_bytes(self) -> bytes:
        """Receive a message.

        Raises:
            EOFError: there are no more.
            OSError: there are no more, or this one is not as it was sent.
        """
        parts = []
        while True:
            data = self._connection.recv_bytes(_DIGEST_BYTES + 1 + _FRAME_BYTES)
            frame = data[_DIGEST_BYTES:]
            if not hmac.compare_digest(self._receiving.digest(frame), data[:_DIGEST_BYTES]):
                raise ConnectionError("a message is not as it was sent")
            parts.append(frame[1:])
            if frame[:1] == _LAST:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def poll(self, seconds: float, /) -> bool:
        """Wait for a message, or for the end, for so long; says whether it is there."""
        return self._connection.poll(seconds)

    def close(self) -> None:
        """Hang up, also where a process that was forked meanwhile has the connection, too."""
        _shut_down(self._connection)
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Seal:
    """Authenticates the frames of one direction, in their order."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._count = 0

    def digest(self, frame: bytes) -> bytes:
        self._count += 1
        return hmac.digest(self._key, self._count.to_bytes(8, "big") + frame, _DIGEST)


def connect(address: tuple[str, int], key: bytes, first: bytes) -> AuthenticatedConnection:
    """Connect to one who listens, greet, and send a first message.

    Raises:
        OSError: it cannot be reached, has not got the key, or takes too long.
    """
    connection = Client(address)
    with _greeting(connection, CONNECTING_SECONDS):
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
        mine = secrets.token_bytes(_NUMBER_BYTES)
        connection.send_bytes(mine)
        to_there, to_here = _keys(key, connection.recv_bytes(_NUMBER_BYTES), mine)
        authenticated = AuthenticatedConnection(connection, to_here, to_there)
        authenticated.send_bytes(first)
        return authenticated


def greet(connection: Connection, key: bytes) -> tuple[AuthenticatedConnection, bytes]:
    """Greet one who has connected, and receive a first message.

    Raises:
        OSError: he has not got the key, or takes too long. The connection is closed then.
    """
    with _greeting(connection, GREETING_SECONDS):
        deliver_challenge(connection, key)
        answer_challenge(connection, key)
        theirs = connection.recv_bytes(_NUMBER_BYTES)
        mine = secrets.token_bytes(_NUMBER_BYTES)
        connection.send_bytes(mine)
        to_there, to_here = _keys(key, mine, theirs)
        authenticated = AuthenticatedConnection(connection, to_there, to_here)
        _greeted.add(authenticated)
        return authenticated, authenticated.recv_bytes()


_greeted: weakref.WeakSet[AuthenticatedConnection] = weakref.WeakSet()


def _forget_in_forked_child() -> None:
    """While a child had them, too, nobody would see that its parent is gone."""
    for authenticated in list(_greeted):
        authenticated._connection.close()


in_forked_child(_forget_in_forked_child)


def _keys(key: bytes, of_listener: bytes, of_caller: bytes) -> tuple[bytes, bytes]:
    """The keys for what goes from the listener, and for what goes to it."""
    numbers = of_listener + of_caller
    return (
        hmac.digest(key, b"psbridge from listener" + numbers, _DIGEST),
        hmac.digest(key, b"psbridge to listener" + numbers, _DIGEST),
    )


@contextlib.contextmanager
def _greeting(connection: Connection, seconds: float) -> Iterator[None]:
    """Hang up where the greeting takes longer, or goes wrong."""
    lock = threading.Lock()
    over = False

    def hang_up() -> None:
        with lock:
            if not over:  # else its number may be another connection's
                _shut_down(connection)

    timer = call_later(seconds, hang_up)
    try:
        yield
    except BaseException as error:
        with lock:
            over = True
            connection.close()
        if isinstance(error, (EOFError, AuthenticationError, AssertionError, ValueError)):
            raise ConnectionError(f"the greeting went wrong ({error!r})") from None
        raise
    finally:
        with lock:
            over = True
        timer.cancel()


def _shut_down(connection: Connection) -> None:
    """Wake who reads from a connection: it has ended."""
    with contextlib.suppress(OSError, ValueError):
        end = socket.socket(fileno=connection.fileno())
        try:
            end.shutdown(socket.SHUT_RDWR)
        finally:
            end.detach()
