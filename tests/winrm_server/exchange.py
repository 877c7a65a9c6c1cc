"""What happens to one request between its bytes and those of its answer."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from . import soap
from .faults import Effect
from .gate import Admitted, Gate
from .http_messages import Reply, Request
from .injecting import REQUEST
from .recording import Record, Recorder
from .sealing import protocol_of, seal, unseal
from .soap import Fault, Message
from .wsman import AFFINITY, Answer, Asker

if TYPE_CHECKING:
    from .connection import Connection

SOAP_TYPE = "application/soap+xml;charset=UTF-8"
NOTHING = Effect()


class Exchange:
    """Takes the requests of one connection through gate, service and back."""

    def __init__(self, connection: Connection, gate: Gate):
        self._connection, self._gate = connection, gate
        self._machine = connection.machine
        self._effect = NOTHING  # on the request that is being done

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
        self._effect = NOTHING
        reply = self._injected(REQUEST, record)
        if self._effect is NOTHING:
            reply = self._reply(request, record)
        elif self._effect.done:
            done = self._reply(request, record)
            reply = reply or done
        self._connection.pause(settings.latency + self._effect.late)
        self._send(reply or Reply(200), record)

    def _injected(self, on: str, record: Record, message: Message | None = None) -> Reply | None:
        """Begin the effect that a rule has for this request; give the answer that it has."""
        shell, command = record.shell, record.command
        rule = self._machine.rules.due(on, shell, command)
        if rule is None:
            return None
        self._effect = effect = rule.effect
        record.injected = rule.number
        self._machine.changed()
        self._connection.pause(effect.before)
        if effect.status is None:
            return None
        body = base64.b64decode(effect.body)
        relates = "" if message is None else escape(message.message_id)
        body = body.replace(b"{relates}", relates.encode())
        if effect.raw:
            return Reply(int(body.split(b" ", 2)[1]), raw=body)
        headers = list(effect.headers)
        if effect.soap:
            headers.append(("Content-Type", SOAP_TYPE))
        return Reply(effect.status, headers, body)

    def _reply(self, request: Request, record: Record) -> Reply:
        if request.path.rstrip("/").lower() != self._path():
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

    def _path(self) -> str:
        return self._machine.settings().path.rstrip("/").lower()

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
        if reply.body and reply.header("Content-Type") == SOAP_TYPE:
            content_type, reply.body = seal(
                context, reply.body, protocol, spaced=self._machine.settings().spaced_boundary
            )
            others = [header for header in reply.headers if header[0] != "Content-Type"]
            reply.headers = [*others, ("Content-Type", content_type)]
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
            unread = fault.envelope("", with_code=settings.fault_codes)
            return Reply(500, [*admitted.headers, ("Content-Type", SOAP_TYPE)], unread)
        Recorder.understood(record, message, settings.recorded_bytes)
        self._machine.changed()
        before = self._effect
        instead = self._injected(message.action, record, message)
        if self._effect is before or self._effect.done:
            asker = Asker(admitted.user, "127.0.0.1", request.cookie(AFFINITY))
            answer = self._machine.service.handle(message, asker)
            if instead is None:
                return self._of(answer, admitted)
        if instead is not None and self._effect.soap:
            instead.headers += admitted.headers  # it comes from the service, not from a proxy
        return instead or Reply(200)

    def _of(self, answer: Answer, admitted: Admitted) -> Reply:
        headers = [*admitted.headers, ("Content-Type", SOAP_TYPE)]
        if answer.cookie is not None:
            headers.append(
                ("Set-Cookie", f"{AFFINITY}={answer.cookie}; path={self._path()}; HttpOnly")
            )
        return Reply(answer.status, headers, answer.envelope)

    def _send(self, reply: Reply, record: Record) -> None:
        effect = self._effect
        data = reply.to_bytes()
        if effect.cut is not None:
            data = data[: effect.cut]
        if data:
            record.status = reply.status
            if effect.drip is not None:
                self._drip(data, effect.drip)
            else:
                self._connection.send(data)
        record.answered = time.monotonic()
        self._machine.changed()
        if effect.end == "hang":
            self._connection.wait_for_end()
        if effect.end != "keep":
            self._connection.abandon(reset=effect.end == "reset")

    def _drip(self, data: bytes, seconds: float) -> None:
        for at in range(len(data)):
            self._connection.send(data[at : at + 1])
            self._connection.pause(seconds)
