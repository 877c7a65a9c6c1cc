"""The fragments of PowerShell's remoting protocol, read only so far as a server's plugin must."""

from __future__ import annotations

import re
from collections.abc import Iterator

PIPELINE_STATE = 0x00041006
_HEADER = 21  # object id, fragment id, flags, length
_START, _END = 1, 2
_ENDED = re.compile(rb'N="PipelineState">([345])<')  # Stopped, Completed, Failed


class EndOfPipeline:
    """Watches the fragments of one command for the message that ends it."""

    def __init__(self) -> None:
        self.seen = False
        self._message: bytearray | None = None  # of the message that is being received, if wanted

    def feed(self, data: bytes) -> bool:
        """Read fragments as they come; tell whether the pipeline's last state was among them."""
        for start, end, blob in _fragments(data):
            if start:
                wanted = int.from_bytes(blob[4:8], "little") == PIPELINE_STATE
                self._message = bytearray() if wanted else None
            if self._message is None:
                continue
            self._message += blob
            if end:
                self.seen = self.seen or _ENDED.search(self._message) is not None
                self._message = None
        return self.seen


def _fragments(data: bytes) -> Iterator[tuple[bool, bool, bytes]]:
    at = 0
    while at + _HEADER <= len(data):
        flags = data[at + 16]
        length = int.from_bytes(data[at + 17 : at + _HEADER], "big")
        at += _HEADER
        yield bool(flags & _START), bool(flags & _END), data[at : at + length]
        at += length
