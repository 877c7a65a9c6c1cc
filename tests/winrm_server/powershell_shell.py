"""A shell of the PowerShell endpoint: the engine's own `pwsh -s` behind it.

The engine speaks PSRP fragments in lines on its standard input and output, as for PowerShell's own
Start-Job; the endpoint carries the same fragments in WSMan messages. They pass through as they
are, in base64.
"""

from __future__ import annotations

import base64
import contextlib
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable

from . import known_faults
from .psrp import EndOfPipeline
from .settings import Settings
from .shells import Channel, Shell, kill_group
from .soap import POWERSHELL, Message, new_id

NIL = "00000000-0000-0000-0000-000000000000"
_PACKET = re.compile(rb"<(\w+)(?: Stream='\w+')? PSGuid='([^']+)'\s*(?:/>|>([^<]*)<)")
_ACKNOWLEDGED = 60.0  # seconds


class PowerShellShell(Shell):
    """One `pwsh -s`, and the fragments that go in and out."""

    streams = ("stdout",)

    def __init__(
        self,
        settings: Callable[[], Settings],
        shell_id: str,
        user: str,
        message: Message,
        first: str,
        pwsh: str,
    ):
        super().__init__(settings, shell_id, user, message)
        self.channels[None] = Channel(self.streams)
        self._pipelines: dict[str, EndOfPipeline] = {}
        self._acknowledged: set[tuple[str, str]] = set()
        self._writing = threading.Lock()
        self.errors: deque[str] = deque(maxlen=20)  # what the process has said on standard error
        self._process = subprocess.Popen(
            [pwsh, "-s", "-NoLogo", "-NoProfile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._threads = [
            threading.Thread(target=work, name=f"{work.__name__} {shell_id}", daemon=True)
            for work in (self._read, self._read_errors)
        ]
        for thread in self._threads:
            thread.start()
        # Not waited for: a Create is answered before the process is up, as on Windows.
        self._put(f"<Data Stream='Default' PSGuid='{NIL}'>{first}</Data>")

    # From the process.

    def _read(self) -> None:
        output = self._process.stdout
        assert output is not None
        rest = bytearray()
        while block := output.read(1 << 16):
            rest += block
            if b"\n" in block:
                *lines, last = rest.split(b"\n")
                rest = bytearray(last)
                with self.changed:
                    for line in lines:
                        self._packet(bytes(line))
                    self.changed.notify_all()
        code = self._process.wait()
        with self.changed:
            self.exit_code = code
            self.changed.notify_all()

    def _packet(self, line: bytes) -> None:
        found = _PACKET.match(line)
        if found is None:
            if line.strip():
                self.errors.append(line.decode(errors="replace"))
            return
        tag, guid, data = found[1].decode(), found[2].decode().lower(), found[3]
        if tag != "Data":
            self._acknowledged.add((tag, guid))
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

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.errors.append(line.decode(errors="replace").rstrip())

    # To the process.

    def _put(self, line: str) -> None:
        assert self._process.stdin is not None
        data = memoryview(line.encode() + b"\n")
        with self._writing:
            try:
                while data:
                    data = data[self._process.stdin.write(data) or 0 :]
            except (OSError, ValueError):
                raise known_faults.host_process_ended() from None

    def _await(self, tag: str, guid: str, seconds: float = _ACKNOWLEDGED) -> bool:
        """Wait for an acknowledgement: packets that must not overtake one another need it."""
        with self.changed:
            self.changed.wait_for(
                lambda: (tag, guid) in self._acknowledged or self.exit_code is not None, seconds
            )
            there = (tag, guid) in self._acknowledged
            self._acknowledged.discard((tag, guid))
            return there

    def _data(self, guid: str, data: str, stream: str = "Default") -> None:
        self._put(f"<Data Stream='{stream}' PSGuid='{guid}'>{data}</Data>")
        if not self._await("DataAck", guid) and self.exit_code is not None:
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
        self._put(f"<Command PSGuid='{guid}' />")
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
            self._put(f"<Close PSGuid='{guid}' />")
            self._await("CloseAck", guid)
            with self.changed:
                self._forget(command.upper())
        elif what.endswith(("/crtl_c", "/ctrl_c")):
            self._put(f"<Signal PSGuid='{guid}' />")
            self._await("SignalAck", guid)
        else:
            raise known_faults.invalid_parameter()

    def _forget(self, command: str) -> None:
        channel = self.channels.pop(command, None)
        if channel is not None:
            channel.closed = True
        self._pipelines.pop(command.lower(), None)
        self.changed.notify_all()

    def close(self) -> None:
        running = self.commands()
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        with contextlib.suppress(Exception):
            for command in running:
                self._put(f"<Close PSGuid='{command.lower()}' />")
            self._put(f"<Close PSGuid='{NIL}' />")
            self._await("CloseAck", NIL, 1.0)
        self.kill()
        for thread in self._threads:
            thread.join(5)  # a program that left the process's group may hold the pipes

    def kill(self) -> None:
        kill_group(self._process)
        with self._writing, contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def processes(self) -> list[int]:
        return [] if self.exit_code is not None else [self._process.pid]


def first_fragment(message: Message) -> str | None:
    """What a Create brings for the engine."""
    shell = message.first("Shell")
    found = None if shell is None else shell.find(f"{{{POWERSHELL}}}creationXml")
    return None if found is None else found.text
