"""Messages between this process and one where work is done."""

from __future__ import annotations

import pytest

from psbridge import StopRequested
from psbridge.jobs.places.messages import Sender


class Interrupted:
    """A channel in whose midst the thread that sends is interrupted, once."""

    def __init__(self) -> None:
        self.sent = b""

    def send_bytes(self, data: bytes, /) -> None:
        self.sent += data[:2]
        if data == b"first":
            raise StopRequested
        self.sent += data[2:]

    def recv_bytes(self) -> bytes:
        return b""

    def poll(self, seconds: float, /) -> bool:
        return False


def test_nothing_is_sent_after_a_message_that_was_cut_off() -> None:
    channel = Interrupted()
    send = Sender(channel)
    send(b"before")
    for message in (b"first", b"second"):
        with pytest.raises(StopRequested):
            send(message)
    assert channel.sent == b"beforefi"
