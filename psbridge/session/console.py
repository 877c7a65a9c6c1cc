"""Where a host shows what PowerShell has to show: text streams, with or without a terminal."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import sys
import threading
from typing import TextIO

__all__ = ["Console"]

_WIDTH_WITHOUT_TERMINAL = 120
_CLEAR_LINE = "\r\x1b[K"
# What PowerShell's formatter puts into text for terminals.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;.*?\x1b\\")
_RED, _YELLOW, _RESET = "\x1b[31;1m", "\x1b[33;1m", "\x1b[0m"


class Console:
    """Standard output, error and input, as PowerShell's own console host uses them.

    Output goes to standard output; errors, warnings, verbose and debug messages and progress go
    to standard error, so that output can be piped on. Colours and progress are for terminals
    only, and NO_COLOR turns colours off. Safe to use from several threads.

    Attributes:
        interactive: whether there is somebody to ask.
        colours: whether output has colours.
        broken: whether the reader of the output has gone.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        err: TextIO | None = None,
        *,
        interactive: bool | None = None,
    ) -> None:
        """Use the given streams.

        Args:
            out: where output goes; standard output by default.
            err: where the rest goes; standard error by default.
            interactive: whether to ask the user where PowerShell prompts; by default where
                standard input and error are terminals.
        """
        self._out = out if out is not None else sys.stdout
        self._err = err if err is not None else sys.stderr
        self.interactive = (
            sys.stdin is not None and sys.stdin.isatty() and self._err.isatty()
            if interactive is None
            else interactive
        )
        colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.colours = colours and self._out.isatty()
        self._err_colours = colours and self._err.isatty()
        self.broken = False  # whether the reader of the output has gone
        self._progress_shown = False
        self._lock = threading.RLock()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines; without a terminal, those that PowerShell assumes."""
        if not self._out.isatty():
            return _WIDTH_WITHOUT_TERMINAL, 50
        size = shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 50))
        return size.columns, size.lines

    def write(self, text: str) -> None:
        """Write output, without its colours where they are not wanted."""
        self._write(self._out, text if self.colours else _COLOUR.sub("", text))

    def write_error(self, text: str) -> None:
        """Write a line of an error."""
        self._write_line_to_err(text, _RED)

    def write_note(self, text: str) -> None:
        """Write a warning, a verbose or a debug message."""
        self._write_line_to_err(text, _YELLOW)

    def show_progress(self, text: str) -> None:
        """Show a line of progress in place of the one before; nothing without a terminal."""
        if not self._err.isatty():
            return
        columns = shutil.get_terminal_size().columns
        with self._lock:
            self._err.write(_CLEAR_LINE + text[: columns - 1])
            self._err.flush()
            self._progress_shown = True

    def hide_progress(self) -> None:
        """Take the line of progress away."""
        with self._lock:
            if self._progress_shown:
                self._err.write(_CLEAR_LINE)
                self._err.flush()
                self._progress_shown = False

    def ask(self, prompt: str) -> str:
        """Ask the user for a line.

        Raises:
            EOFError: there is no more input.
        """
        self.hide_progress()
        with self._lock:
            self._err.write(prompt)
            self._err.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError("standard input has ended")
        return line.rstrip("\r\n")

    def ask_secret(self, prompt: str) -> str:
        """Ask the user for a line that is not shown."""
        self.hide_progress()
        return getpass.getpass(prompt, self._err)

    def _write_line_to_err(self, text: str, colour: str) -> None:
        if not self._err_colours:
            text = _COLOUR.sub("", text)
        elif "\x1b" not in text:
            text = f"{colour}{text}{_RESET}"
        self._write(self._err, text + "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        with self._lock:
            self.hide_progress()
            try:
                try:
                    stream.write(text)
                except UnicodeEncodeError:
                    encoding = stream.encoding or "ascii"
                    stream.write(text.encode(encoding, "replace").decode(encoding))
                stream.flush()
            except BrokenPipeError:
                self.broken = True
