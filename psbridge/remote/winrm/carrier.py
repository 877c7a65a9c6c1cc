"""A session carried over WinRM to a machine's PowerShell endpoint."""

from __future__ import annotations

import threading
import time
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

from ..carrying import Carrier, FanOut
from .connection import Connection
from .connections import Connections
from .errors import Fault, LogonRefused, NoAnswer, NotSent, NotWinRM, RequestError, TimedOut
from .messages import Envelope, Messages
from .packets import Packet, acknowledgement, data_packet, read_packet
from .receiving import GONE, Listener, Lost

if TYPE_CHECKING:
    from .target import WinRM


class WinRMCarrier(Carrier):
    def __init__(self, transport: Any, target: WinRM, fan_out: FanOut) -> None:
        super().__init__(transport)
        self._target = target
        cookies = CookieJar()
        self._connections = Connections(lambda: Connection(target, cookies, fan_out))
        self._commands: dict[str, _Command] = {}
        self._shell_listener: Listener | None = None
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._may_exist = False
        self._opened = False

    def begin(self) -> None:
        threading.Thread(
            target=self._run, name=f"psbridge carries {self._target.location}", daemon=True
        ).start()

    def end(self) -> None:
        self._over.set()

    def _run(self) -> None:
        try:
            with self._connections.one() as self._line:
                self._messages = Messages(
                    self._line.header, str(self.transport.Id), self._target.configuration, "Session"
                )
                try:
                    while (line := self.transport.Take(-1)) is not None:
                        self._carry(read_packet(line))
                except RequestError as error:
                    self.fail(str(error), error.code)
                finally:
                    self._clean_up()
        finally:
            self._connections.close()
            self.finished()

    def _request(self, envelope: Envelope, seconds: float = 60.0) -> Any:
        return self._line.send(envelope, answer_within=seconds)

    def _carry(self, packet: Packet) -> None:
        kind, command = packet.kind, packet.command
        if kind == "Data":
            if command is None and not self._opened:
                self._create(packet.data)
            elif command is not None and command not in self._commands:
                self._begin_command(command, packet.data)
            else:
                self._request(self._messages.send(command, packet.data, answer=packet.answers))
        elif kind == "Signal" and command is not None:
            running = self._commands.get(command)
            if running is not None:
                running.signalled = True
                self._request(self._messages.stop(command))
                with self._lock:
                    if not running.ended:
                        running.acknowledge = True
                        return
        elif kind == "Close" and command is not None:
            running = self._commands.pop(command, None)
            if running is not None:
                running.listener.expect_end()
                try:
                    self._request(self._messages.terminate(command))
                except Fault as fault:
                    if fault.code not in GONE:
                        raise
                running.listener.leave(1.0)
        elif kind == "Close":
            self._clean_up()
        self.transport.Feed(acknowledgement(kind, command))

    def _create(self, fragments: str) -> None:
        self._may_exist = True
        self._request(
            self._messages.create(fragments, self._target.open_timeout), self._target.open_timeout
        )
        self._opened = True
        self._shell_listener = self._listen(None)
        self._shell_listener.start()

    def _begin_command(self, command: str, fragments: str) -> None:
        self._request(self._messages.command(command, fragments))
        listener = self._listen(command)
        self._commands[command] = _Command(listener)
        listener.start()

    def _listen(self, command: str | None) -> Listener:
        return Listener(
            self._connections,
            self._messages,
            command,
            poll=self._target.operation_timeout,
            hear=lambda fragments: self.transport.Feed(data_packet(command, fragments)),
            ended=self._has_ended,
        )

    def _has_ended(self, listener: Listener, error: Exception | None) -> None:
        if error is not None:
            self.fail(str(error.__cause__ or error), getattr(error, "code", 0))
            return
        running = self._commands.get(listener.command or "")
        if running is not None:
            if running.signalled:
                pass
            with self._lock:
                running.ended = True
                owed = running.acknowledge
            if owed:
                self.transport.Feed(acknowledgement("Signal", listener.command))

    def _clean_up(self) -> None:
        if not self._may_exist:
            return
        self._may_exist = False
        listeners = [c.listener for c in self._commands.values()]
        if self._shell_listener:
            listeners.append(self._shell_listener)
        for listener in listeners:
            listener.expect_end()
        try:
            self._request(self._messages.delete(), 5)
        except RequestError:
            pass
        for listener in listeners:
            listener.leave(2)


class _Command:
    def __init__(self, listener):
        self.listener = listener
        self.signalled = False
        self.acknowledge = False
        self.ended = False
