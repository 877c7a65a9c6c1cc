"""A child process on a terminal of its own, for the tests of what is shown there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

__all__ = ["Terminal"]


class Terminal:
    """Python code in a child process whose standard streams are a pseudo-terminal."""

    def __init__(
        self,
        code: str,
        *,
        size: tuple[int, int] = (80, 24),
        stdout: int | None = None,
        cursor: str = "",
        **env: str,
    ) -> None:
        """Start it.

        Args:
            code: the Python code.
            size: the terminal's columns and lines.
            stdout: a descriptor to use for standard output instead of the terminal.
            cursor: what the terminal answers where it is asked for its cursor's place.
            env: variables to set.
        """
        self._cursor = cursor
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code],
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
            env={**plain, "TERM": "xterm-256color", **env},
        )
        os.close(slave)
        self.shown = ""

    def send(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def wait_for(self, text: str, timeout: float = 30) -> None:
        """Wait until something is shown."""
        deadline = time.monotonic() + timeout
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.shown!r}"
            assert self._read(), f"{text!r} is not in {self.shown!r}"

    def wait_for_silence(self, timeout: float = 30) -> None:
        """Wait until the terminal does not show what is typed: a key or a secret is wanted."""
        deadline = time.monotonic() + timeout
        while termios.tcgetattr(self._master)[3] & termios.ECHO:
            assert time.monotonic() < deadline, "what is typed is shown"
            time.sleep(0.01)

    def end(self, timeout: float = 30) -> tuple[int, str]:
        """Wait for the end of the process; its exit code and all that was shown."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._read():
            pass
        code = self.process.wait(max(1, deadline - time.monotonic()))
        os.close(self._master)
        return code, self.shown.replace("\r\n", "\n")

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 1)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the child has closed its side
            return False
        self.shown += data.decode(errors="replace")
        if self._cursor and b"\x1b[6n" in data:
            self.send(self._cursor * data.count(b"\x1b[6n"))
        return bool(data)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
