"""A shell of the PowerShell endpoint: the engine's own `pwsh -s` behind it.

The endpoint carries in WSMan messages the same PSRP fragments that the engine reads and writes in
lines. They pass through as they are, in base64.
"""

from __future__ import annotations

import base64
import contextlib
import re
import time
from collections import Counter
from collections.abc import Callable

from . import known_faults
from .engine_process import Engines
from .psrp import EndOfPipeline
from .settings import Settings
from .shells import Channel, Shell, decoded
from .soap import POWERSHELL, Fault, Message, new_id

NIL = "00000000-0000-0000-0000-000000000000"
_PACKET = re.compile(rb"<(\w+)(?: Stream='\w+')? PSGuid='([^']+)'\s*(?:/>|>([^<]*)<)")
_ACKNOWLEDGED = 60.0  # seconds
_CLOSED = 1.0  # seconds that the engine may take to close its session; then it is killed


class PowerShellShell(Shell):
    """One session of an engine, and the fragments that go in and out."""

    streams = ("stdout",)

    def __init__(
        self,
        settings: Callable[[], Settings],
        shell_id: str,
        user: str,
        message: Message,
        first: str,
        engines: Engines,
        configuration_file: str | None,
    ):
        super().__init__(settings, shell_id, user, message)
        self.channels[None] = Channel(self.streams)
        self._pipelines: dict[str, EndOfPipeline] = {}
        self._acknowledged: Counter[tuple[str, str]] = Counter()  # tag and id
        self._asked: Counter[tuple[str, str]] = Counter()
        self._engines = engines
        self._process = engines.take(configuration_file)
        self._process.belong_to(self)
        # Not waited for: a Create is answered before the process is up, as on Windows.
        self._put("DataAck", NIL, f"<Data Stream='Default' PSGuid='{NIL}'>{first}</Data>")

    # From the process.

    def packets(self, lines: list[bytes]) -> None:
        with self.changed:
            for line in lines:
                self._packet(line)
            self.changed.notify_all()

    def ended(self, code: int) -> None:
        with self.changed:
            self.exit_code = code
            self.changed.notify_all()

    def _packet(self, line: bytes) -> None:
        found = _PACKET.match(line)
        if found is None:
            return  # what a program has printed past PowerShell
        tag, guid, data = found[1].decode(), found[2].decode().lower(), found[3]
        if tag != "Data":
            self._acknowledged[tag, guid] += 1
            if tag == "SignalAck" and (channel := self.channels.get(guid.upper())) is not None:
                # The last state of a pipeline that was stopped before it began never comes.
                channel.ends_at = time.monotonic() + self.settings().stop_grace
            return
        channel = self.channels.get(None if guid == NIL else guid.upper())
        if channel is None or channel.ended:
            return
        channel.chunks.append(("stdout", data.decode()))
        pipeline = self._pipelines.get(guid)
        if pipeline is not None and pipeline.feed(base64.b64decode(data)):
            channel.ended = True

    # To the process.

    def _put(self, tag: str, guid: str, line: str) -> None:
        """Write a packet that is answered with this acknowledgement."""
        with self.changed:
            if self.exit_code is not None:  # the process may be another shell's by now
                raise known_faults.host_process_ended()
            self._asked[tag, guid] += 1
        try:
            self._process.write(line)
        except OSError:
            raise known_faults.host_process_ended() from None

    def _await(self, tag: str, guid: str, seconds: float = _ACKNOWLEDGED) -> bool:
        """Wait for all acknowledgements of a kind: the engine does packets side by side."""
        with self.changed:
            self.changed.wait_for(
                lambda: self._has(tag, guid) or self.exit_code is not None, seconds
            )
            return self._has(tag, guid)

    def _has(self, tag: str, guid: str) -> bool:
        return self._acknowledged[tag, guid] >= self._asked[tag, guid]

    def _data(self, guid: str, data: str, stream: str = "Default") -> None:
        self._await("DataAck", guid)  # of the data before
        self._put("DataAck", guid, f"<Data Stream='{stream}' PSGuid='{guid}'>{data}</Data>")
        self._await("DataAck", guid)
        if self.exit_code is not None:
            raise known_faults.host_process_ended()

    # The operations.

    def command(self, message: Message) -> str:
        line = message.first("CommandLine")
        arguments = message.first("CommandLine", "Arguments")
        if line is None or arguments is None or not arguments.text:
            raise known_faults.schema("A Command has a CommandLine with Arguments.")
        given = line.get("CommandId") or new_id()
        command, guid = given.upper(), given.lower()
        with self.changed:
            if command in self.channels:
                raise known_faults.invalid_parameter()
            self.channels[command] = Channel(self.streams)
            self._pipelines[guid] = EndOfPipeline()
            self.commands_begun += 1
        self._put("CommandAck", guid, f"<Command PSGuid='{guid}' />")
        self._await("CommandAck", guid)
        self._data(guid, arguments.text)
        shown = given if self.settings().shell_id_case else command
        return f"<rsp:CommandResponse><rsp:CommandId>{shown}</rsp:CommandId></rsp:CommandResponse>"

    def send_to(self, message: Message) -> None:
        stream = message.first("Send", "Stream")
        if stream is None:
            raise known_faults.schema("A Send has a Stream.")
        command = stream.get("CommandId")
        with self.changed:
            self.channel(command)
        kinds = {"stdin": "Default", "pr": "PromptResponse"}
        name = stream.get("Name", "")
        if name not in kinds:
            raise known_faults.invalid_parameter()
        decoded(stream.text or "")
        self._data((command or NIL).lower(), stream.text or "", kinds[name])

    def signal(self, message: Message) -> None:
        signal = message.first("Signal")
        code = message.first("Signal", "Code")
        if signal is None or code is None:
            raise known_faults.schema("A Signal has a Code.")
        command = signal.get("CommandId")
        with self.changed:
            self.channel(command)
        if command is None:
            raise known_faults.invalid_parameter()
        what, guid = (code.text or "").lower(), command.lower()
        if what.endswith("/terminate"):
            self._put("CloseAck", guid, f"<Close PSGuid='{guid}' />")
            self._await("CloseAck", guid)
            with self.changed:
                self._forget(command.upper())
        elif what.endswith(("/crtl_c", "/ctrl_c")):
            self._put("SignalAck", guid, f"<Signal PSGuid='{guid}' />")
            self._await("SignalAck", guid)
        else:
            raise known_faults.invalid_parameter()

    def _forget(self, command: str) -> None:
        channel = self.channels.pop(command, None)
        if channel is not None:
            channel.closed = True
        guid = command.lower()
        self._pipelines.pop(guid, None)
        for tag in ("CommandAck", "DataAck", "SignalAck", "CloseAck"):
            del self._acknowledged[tag, guid], self._asked[tag, guid]
        self.changed.notify_all()

    def close(self) -> None:
        running = self.commands()
        with self.changed:
            self.closed = True
            self.changed.notify_all()
            # A Signal that the process still does while its session closes can end the process,
            # after its acknowledgement, and that would be the next shell's.
            is_quiet = all(self._has(*asked) for asked in self._asked)
        with contextlib.suppress(Fault):
            for command in running:
                guid = command.lower()
                self._put("CloseAck", guid, f"<Close PSGuid='{guid}' />")
            self._put("CloseAck", NIL, f"<Close PSGuid='{NIL}' />")
            if self._await("CloseAck", NIL, _CLOSED):
                self.ended(0)
                most = self.settings().kept_processes if is_quiet else 0
                if self._engines.give_back(self._process, most):
                    return
        self._process.kill()
        self._process.join()

    def kill(self) -> None:
        if self.exit_code is None:
            self._process.kill()

    def processes(self) -> list[int]:
        return [self._process.pid] if self._process.code is None else []

    def errors(self) -> list[str]:
        """What the process has said on standard error."""
        return list(self._process.errors)


def first_fragment(message: Message) -> str | None:
    """What a Create brings for the engine."""
    shell = message.first("Shell")
    found = None if shell is None else shell.find(f"{{{POWERSHELL}}}creationXml")
    return None if found is None else found.text
