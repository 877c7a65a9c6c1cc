"""The engine's `pwsh -s` as a process, and those that are kept for the next shell.

The engine speaks PSRP fragments in lines on its standard input and output, as for PowerShell's own
Start-Job. When a session ends, the process takes another one: that costs a tenth of a new process.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections import deque
from typing import Protocol

from .shells import kill_group


class Owner(Protocol):
    """Who gets what a process says."""

    def packets(self, lines: list[bytes]) -> None:
        """Lines of its standard output have come."""

    def ended(self, code: int) -> None:
        """It has ended."""


class EngineProcess:
    """One process and its threads."""

    def __init__(self, pwsh: str, configuration_file: str | None):
        self.configuration_file = configuration_file
        self.errors: deque[str] = deque(maxlen=20)  # what it has said on standard error
        self.code: int | None = None
        self._owner: Owner | None = None
        self._owning = threading.Lock()
        self._writing = threading.Lock()
        command = [pwsh, "-s", "-NoLogo", "-NoProfile"]
        if configuration_file is not None:
            command += ["-ConfigurationFile", configuration_file]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._threads = [
            threading.Thread(target=work, name=f"{work.__name__} {self.pid}", daemon=True)
            for work in (self._read, self._read_errors)
        ]
        for thread in self._threads:
            thread.start()

    def belong_to(self, owner: Owner | None) -> None:
        """Give what it says to somebody else from now on."""
        with self._owning:
            self._owner = owner
            if owner is not None and self.code is not None:
                owner.ended(self.code)

    def _read(self) -> None:
        output = self._process.stdout
        assert output is not None
        rest = b""
        blocks = []
        while block := output.read(1 << 16):
            blocks.append(block)
            if b"\n" not in block:
                continue
            *lines, rest = b"".join(blocks).split(b"\n")
            blocks = [rest]
            with self._owning:
                if self._owner is not None:
                    self._owner.packets(lines)
        output.close()
        code = self._process.wait()
        with self._owning:
            self.code = code
            if self._owner is not None:
                self._owner.ended(code)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.errors.append(line.decode(errors="replace").rstrip())
        self._process.stderr.close()

    def write(self, line: str) -> None:
        """Write a line.

        Raises:
            OSError: the process has ended.
        """
        assert self._process.stdin is not None
        data = memoryview(line.encode() + b"\n")
        with self._writing:
            try:
                while data:
                    data = data[self._process.stdin.write(data) or 0 :]
            except ValueError as error:  # it is closed
                raise BrokenPipeError(str(error)) from None

    def kill(self) -> None:
        """End it without a word, and all that it has started."""
        if self.code is None:  # or the id may be another process's
            kill_group(self._process, signal.SIGKILL)
        with self._writing, contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def join(self) -> None:
        """Wait for its end."""
        for thread in self._threads:
            thread.join(5)  # a program that left the process's group may hold the pipes


class Engines:
    """Starts processes, and keeps some that were used."""

    def __init__(self, pwsh: str):
        self._pwsh = pwsh
        self._lock = threading.Lock()
        self._idle: list[EngineProcess] = []
        self._closed = False

    def take(self, configuration_file: str | None) -> EngineProcess:
        """A process for a session of the configuration that a file describes, or the usual one."""
        with self._lock:
            self._idle = [process for process in self._idle if process.code is None]
            for process in reversed(self._idle):
                if process.configuration_file == configuration_file:
                    self._idle.remove(process)
                    return process
        return EngineProcess(self._pwsh, configuration_file)

    def give_back(self, process: EngineProcess, most: int) -> bool:
        """Keep a process whose session has ended, unless so many are kept already."""
        with self._lock:
            if self._closed or process.code is not None or len(self._idle) >= most:
                return False
            process.belong_to(None)
            self._idle.append(process)
            return True

    def close(self) -> None:
        """End those that are kept."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.kill()
        for process in idle:
            process.join()
