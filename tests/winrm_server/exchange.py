"""What happens to one request between its bytes and those of its answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import soap
from .gate import Admitted, Gate
from .http_messages import Reply, Request
from .recording import Record, Recorder
from .sealing import protocol_of, seal, unseal
from .soap import Fault
from .wsman import AFFINITY, Answer, Asker

if TYPE_CHECKING:
    from .connection import Connection

SOAP_TYPE = "application/soap+xml;charset=UTF-8"


class Exchange:
    """Takes the requests of one connection through gate, service and back."""

    def __init__(self, connection: Connection, gate: Gate):
        self._connection, self._gate = connection, gate
        self._machine = connection.machine

    def do(self, request: Request) -> None:
        """Do a request and answer it."""
        settings = self._machine.settings()
        record = self._machine.recorder.begin(
            request,
            self._connection.number,
            self._connection.tls,
            settings.recorded_requests,
            settings.recorded_bytes,
        )
        self._machine.changed()
        reply = self._reply(request, record)
        if settings.latency:
            time.sleep(settings.latency)
        self._send(reply, record)

    def _reply(self, request: Request, record: Record) -> Reply:
        if request.target.partition("?")[0].rstrip("/").lower() != "/wsman":
            return Reply(404)
        admitted = self._gate.admit(request)
        if isinstance(admitted, Reply):
            return admitted
        record.user = admitted.user
        if request.method != "POST":
            return Reply(405)
        if not request.body:
            return Reply(200, admitted.headers)
        protocol = protocol_of(request.header("Content-Type"))
        if protocol is None:
            settings = self._machine.settings()
            if not (self._connection.tls or settings.allow_unencrypted):
                return Reply(500, admitted.headers)  # without a word, as Windows does
            return self._answer(request, record, admitted, request.body)
        return self._encrypted(request, record, admitted, protocol)

    def _encrypted(
        self, request: Request, record: Record, admitted: Admitted, protocol: str
    ) -> Reply:
        context = self._gate.context
        record.encrypted = True
        if context is None:
            return Reply(400)
        try:
            envelope = unseal(context, request.body)
        except Exception as error:  # whatever the libraries raise, it is not ours to read
            self._machine.note(f"unsealing: {type(error).__name__}: {error}")
            return Reply(400)
        reply = self._answer(request, record, admitted, envelope)
        if reply.body:
            content_type, reply.body = seal(
                context, reply.body, protocol, spaced=self._machine.settings().spaced_boundary
            )
            reply.headers = [
                *(header for header in reply.headers if header[0] != "Content-Type"),
                ("Content-Type", content_type),
            ]
        return reply

    def _answer(
        self, request: Request, record: Record, admitted: Admitted, envelope: bytes
    ) -> Reply:
        settings = self._machine.settings()
        if settings.max_envelope is not None and len(envelope) > settings.max_envelope:
            return Reply(413, admitted.headers)
        try:
            message = soap.read(envelope)
        except Fault as fault:
            answer = Answer(500, fault.envelope("", with_code=settings.fault_codes))
        else:
            Recorder.understood(record, message, settings.recorded_bytes)
            self._machine.changed()
            asker = Asker(admitted.user, "127.0.0.1", request.cookie(AFFINITY))
            answer = self._machine.service.handle(message, asker)
        headers = [*admitted.headers, ("Content-Type", SOAP_TYPE)]
        if answer.cookie is not None:
            headers.append(("Set-Cookie", f"{AFFINITY}={answer.cookie}; path=/wsman; HttpOnly"))
        return Reply(answer.status, headers, answer.envelope)

    def _send(self, reply: Reply, record: Record) -> None:
        record.status = reply.status
        record.answered = time.monotonic()
        self._machine.changed()
        self._connection.send(reply.to_bytes())
