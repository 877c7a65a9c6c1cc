"""One request over HTTP in which every wait has an end.

requests bounds single steps: one connection attempt, one read. What it leaves open is looking up
a name, connecting to each of a host's addresses in turn, headers and bodies that come byte by
byte. So the request runs in a thread of its own, and whoever wants the answer waits for a queue,
with a limit, and can be woken.

Guarantees. No wait is longer than the limit, but for the time that the taker of the pieces takes
itself. After `stop` nothing more is given out, and a wait ends at once. The thread touches the
connection and the queue and nothing else; so it may be left alone when it hangs, and it is a
daemon, so that it does not hold up the end of the process.

Rejected: closing the socket of a request that hangs. There is none yet while a name is looked up
or a connection is made, and those that hang are the ones to be left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue

import requests

__all__ = ["ENOUGH", "NoAnswer", "Stalled", "Stopped", "Transfer"]

_PIECE = 1 << 16  # bytes
_AHEAD = 8  # pieces that wait for a slow disk
ENOUGH = 16_384
"""So many bytes within the limit count as progress. Slow is allowed, standing still is not."""


class NoAnswer(Exception):
    """Within the limit no answer began."""


class Stalled(Exception):
    """Within the limit too little of an answer arrived."""


class Stopped(Exception):
    """The transfer was stopped while it ran."""


class Transfer:
    """A request under way, for one thread to wait for and for any thread to stop.

    Args:
        send: sends the request and gives the answer with its body unread. It is to have a
            timeout of its own about as long as `limit`, so that its thread ends some time.
        limit: seconds until the answer begins, and for each next `ENOUGH` bytes.
    """

    def __init__(self, send: Callable[[], requests.Response], limit: float) -> None:
        self._limit = limit
        self._items: Queue[requests.Response | bytes | Exception | None] = Queue(_AHEAD)
        self._left = threading.Event()
        threading.Thread(
            target=self._run, args=(send,), name="psbridge-transfer", daemon=True
        ).start()

    def head(self) -> requests.Response:
        """Wait for the answer to begin; call it once, and first.

        Raises:
            NoAnswer: it did not.
            Stopped: somebody stopped it.
            Exception: whatever `send` raised.
        """
        try:
            item = self._next(time.monotonic() + self._limit)
        except Empty:
            self.stop()
            raise NoAnswer from None
        assert isinstance(item, requests.Response)
        return item

    def pieces(self) -> Iterator[bytes]:
        """Give the body as it arrives.

        Raises:
            Stalled: too little of it arrived in time.
            Stopped: somebody stopped it.
            Exception: whatever reading raised, as at a connection that broke.
        """
        end, arrived = time.monotonic() + self._limit, 0
        while True:
            try:
                piece = self._next(end)
            except Empty:
                self.stop()
                raise Stalled from None
            if piece is None:
                return
            assert isinstance(piece, bytes)
            yield piece
            arrived += len(piece)
            if arrived >= ENOUGH:
                end, arrived = time.monotonic() + self._limit, 0

    def stop(self) -> None:
        """Give nothing out any more, and wake who waits."""
        self._left.set()
        with suppress(Full):  # then nobody waits
            self._items.put_nowait(None)

    def _next(self, end: float) -> requests.Response | bytes | None:
        item = self._items.get(timeout=max(0.0, end - time.monotonic()))
        if self._left.is_set():
            raise Stopped
        if isinstance(item, Exception):
            raise item
        return item

    def _run(self, send: Callable[[], requests.Response]) -> None:
        try:
            with send() as answer:
                self._put(answer)
                # read1 gives what is there, so that little is lost when a connection breaks;
                # urllib3 has it from 2.0 on.
                read = getattr(answer.raw, "read1", answer.raw.read)
                while not self._left.is_set():
                    piece: bytes = read(_PIECE, decode_content=True)
                    self._put(piece or None)
                    if not piece:
                        break
        except Exception as error:
            self._put(error)

    def _put(self, item: requests.Response | bytes | Exception | None) -> None:
        while not self._left.is_set():
            try:
                return self._items.put(item, timeout=0.2)
            except Full:
                pass
        return None
