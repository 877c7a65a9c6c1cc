"""What a machine has seen: every request, as it came."""

from __future__ import annotations

import base64
import threading
import time
from collections import deque
from dataclasses import dataclass, fields
from typing import Any

from .http_messages import Request
from .soap import Message


@dataclass
class Record:
    """One request. `body` is what was on the wire, `envelope` what it was when decrypted."""

    number: int
    time: float
    connection: int
    tls: bool
    method: str
    target: str
    head: bytes
    headers: list[tuple[str, str]]
    body: bytes
    length: int  # of the body
    encrypted: bool = False
    envelope: bytes | None = None
    action: str | None = None
    message_id: str | None = None
    shell: str | None = None
    command: str | None = None
    user: str | None = None
    injected: int | None = None  # the number of the fault that was done to it
    status: int | None = None  # of the answer
    answered: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As it goes to the test."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in ("head", "body", "envelope"):
            if values[name] is not None:
                values[name] = base64.b64encode(values[name]).decode()
        return values


class Recorder:
    """Keeps the records, up to a number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: deque[Record] = deque()
        self._number = 0

    def begin(self, request: Request, connection: int, tls: bool, most: int, size: int) -> Record:
        """Keep a request that has come."""
        with self._lock:
            self._number += 1
            record = Record(
                number=self._number,
                time=time.monotonic(),
                connection=connection,
                tls=tls,
                method=request.method,
                target=request.target,
                head=request.head,
                headers=request.headers,
                body=request.body[:size],
                length=len(request.body),
            )
            self._records.append(record)
            while len(self._records) > most:
                self._records.popleft()
        return record

    @staticmethod
    def understood(record: Record, message: Message, size: int) -> None:
        """Add what the request says."""
        record.envelope = message.envelope[:size]
        record.action, record.message_id = message.action, message.message_id
        record.shell, record.command = message.shell_id, message.command_id

    def records(self) -> list[Record]:
        """All that are kept, in their order."""
        with self._lock:
            return list(self._records)

    def clear(self) -> None:
        """Forget them; the numbers go on."""
        with self._lock:
            self._records.clear()
