"""A plain shell (WinRS, `cmd`): commands of /bin/sh, with their standard streams.

`powershell` and `pwsh` are the engine's executable here, so that what clients send encoded runs.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

from . import known_faults
from .settings import Settings
from .shells import Channel, Shell, decoded, kill_group
from .soap import SHELL, Message, new_id

_BLOCK = 4096


class WinRSShell(Shell):
    """Environment, folder, code page, and the commands in it."""

    streams = ("stdout", "stderr")

    def __init__(
        self,
        settings: Callable[[], Settings],
        shell_id: str,
        user: str,
        message: Message,
        programs: Path,
    ):
        """Make a shell.

        Args:
            settings: gives the settings of this moment.
            shell_id: its id.
            user: whose it is.
            message: the Create.
            programs: a folder with what is to be found as `powershell` and `pwsh`.
        """
        super().__init__(settings, shell_id, user, message)
        self._code_page = message.options.get("WINRS_CODEPAGE", "437")
        try:
            codec = "utf-8" if self._code_page == "65001" else f"cp{self._code_page}"
            self._codec = codecs.lookup(codec)
        except LookupError:
            raise known_faults.invalid_parameter() from None
        folder = message.first("Shell", "WorkingDirectory")
        self._folder = None if folder is None else folder.text
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        for variable in message.body.iter(f"{{{SHELL}}}Variable"):
            self._environment[variable.get("Name", "")] = variable.text or ""
        self._running: dict[str, _Command] = {}
        if self._folder:
            self.resource_body = (
                f"<rsp:WorkingDirectory>{escape(self._folder)}</rsp:WorkingDirectory>"
            )

    def command(self, message: Message) -> str:
        element = message.first("CommandLine", "Command")
        if element is None:
            raise known_faults.schema("A Command has a CommandLine with a Command.")
        words = [element.text or ""]
        words += [one.text or "" for one in message.body.iter(f"{{{SHELL}}}Arguments")]
        command = new_id()
        channel = Channel(self.streams)
        with self.changed:
            if self.closed:
                raise known_faults.aborted()
            self.channels[command] = channel
            self.commands_begun += 1
        try:
            running = _Command(self, channel, self._line(message, words))
        except OSError:
            with self.changed:
                del self.channels[command]
            raise known_faults.no_executable() from None
        with self.changed:
            self._running[command] = running
        return (
            f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>"
        )

    def _line(self, message: Message, words: list[str]) -> list[str]:
        if message.options.get("WINRS_SKIP_CMD_SHELL", "").lower() in ("true", "1"):
            found = shutil.which(words[0], path=self._environment["PATH"])
            if found is None:
                raise FileNotFoundError(words[0])
            return [found, *(part for word in words[1:] for part in shlex.split(word))]
        line = " ".join(words)
        if len(line.encode("utf-16-le")) // 2 > self.settings().command_line:
            line = "echo 'The command line is too long.' >&2; exit 1"
        return ["/bin/sh", "-c", re.sub(r"\b(powershell|pwsh)\.exe\b", r"\1", line)]

    def start(self, line: list[str]) -> subprocess.Popen[bytes]:
        """Start a process as this shell does."""
        return subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=self._folder,
            env=self._environment,
            start_new_session=True,
        )

    def recoder(self) -> Callable[[bytes, bool], bytes]:
        """What makes the shell's code page of a program's UTF-8, block by block."""
        if self._code_page == "65001":
            return lambda data, final: data
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return lambda data, final: self._codec.encode(decoder.decode(data, final), "replace")[0]

    def send_to(self, message: Message) -> None:
        stream = message.first("Send", "Stream")
        if stream is None:
            raise known_faults.schema("A Send has a Stream.")
        running = self._command(stream.get("CommandId"))
        data = decoded(stream.text or "")
        if self._code_page != "65001":
            data = self._codec.decode(data, "replace")[0].encode()
        running.write(data, end=stream.get("End", "").lower() in ("true", "1"))

    def signal(self, message: Message) -> None:
        element = message.first("Signal")
        code = message.first("Signal", "Code")
        if element is None or code is None:
            raise known_faults.schema("A Signal has a Code.")
        command = element.get("CommandId")
        running = self._command(command)
        what = (code.text or "").lower()
        if what.endswith("/terminate"):
            running.kill()
            with self.changed:
                name = (command or "").upper()
                self.channels.pop(name).closed = True
                del self._running[name]
                self.changed.notify_all()
        elif what.endswith(("/ctrl_c", "/ctrl_break")):
            running.kill(signal.SIGINT)
        else:
            raise known_faults.invalid_parameter()

    def _command(self, command: str | None) -> _Command:
        if command is None:
            raise known_faults.invalid_parameter()
        with self.changed:
            self.channel(command)
            return self._running[command.upper()]

    def _wanted(self, message: Message) -> str | None:
        command = super()._wanted(message)
        if command is None:
            raise known_faults.invalid_parameter()
        return command

    def close(self) -> None:
        with self.changed:
            self.closed = True
            running = list(self._running.values())
            self.changed.notify_all()
        self.kill()
        for command in running:
            command.join()

    def kill(self) -> None:
        with self.changed:
            running = list(self._running.values())
        for command in running:
            command.kill()

    def processes(self) -> list[int]:
        with self.changed:
            running = list(self._running.values())
        return [command.process.pid for command in running if command.runs()]


class _Command:
    """One command: a process and what it says."""

    def __init__(self, shell: WinRSShell, channel: Channel, line: list[str]):
        self._shell, self._channel = shell, channel
        self._writing = threading.Lock()
        self.process = shell.start(line)
        outputs = zip(shell.streams, (self.process.stdout, self.process.stderr), strict=True)
        self._readers = [
            threading.Thread(target=self._read, args=output, daemon=True) for output in outputs
        ]
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        for thread in (*self._readers, self._waiter):
            thread.start()

    def _read(self, name: str, output: IO[bytes]) -> None:
        recode = self._shell.recoder()
        while True:
            block = output.read(_BLOCK)
            data = recode(block, not block)
            if data:
                with self._shell.changed:
                    self._channel.chunks.append((name, base64.b64encode(data).decode()))
                    self._shell.changed.notify_all()
            if not block:
                output.close()
                return

    def _wait(self) -> None:
        code = self.process.wait()
        self.write(b"", end=True)
        for reader in self._readers:
            reader.join(1)  # a program in the background may hold the pipes
        with self._shell.changed:
            self._channel.exit_code = code if code >= 0 else 128 - code
            self._channel.ended = True
            self._shell.changed.notify_all()

    def write(self, data: bytes, *, end: bool) -> None:
        """Write to its standard input, and close it at the end."""
        standard_input = self.process.stdin
        assert standard_input is not None
        with self._writing, contextlib.suppress(OSError, ValueError):  # it reads no more
            view = memoryview(data)
            while view:
                view = view[standard_input.write(view) or 0 :]
            if end:
                standard_input.close()

    def kill(self, with_signal: int = signal.SIGKILL) -> None:
        """Send it a signal, and all that it has started."""
        if self.runs():
            kill_group(self.process, with_signal)

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def join(self) -> None:
        """Wait for its end."""
        self._waiter.join(5)
