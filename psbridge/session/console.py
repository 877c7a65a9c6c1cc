"""Where a host shows what PowerShell has to show: text streams, with or without a terminal."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import select
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

__all__ = ["Console"]

_SIZE_WITHOUT_TERMINAL = (120, 50)
# How often progress is drawn at most, and how often a question looks whether it is still wanted.
_PROGRESS_SECONDS = 0.05
_QUESTION_SECONDS = 0.1
_CLEAR_LINE = "\r\x1b[K"
# What PowerShell's formatter puts into text for terminals.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;.*?\x1b\\")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
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
        # None in a process without standard streams; what is written is dropped then.
        self._out: TextIO | None = out if out is not None else sys.stdout
        self._err: TextIO | None = err if err is not None else sys.stderr
        self.interactive = (
            _is_terminal(sys.stdin) and _is_terminal(self._err)
            if interactive is None
            else interactive
        )
        colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.colours = colours and _is_terminal(self._out)
        self._err_colours = colours and _is_terminal(self._err)
        self.broken = False  # whether the reader of the output has gone
        self._progress_shown = False
        self._progress_due = 0.0
        self._questions_refused = threading.Event()
        self._lock = threading.RLock()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines; without a terminal, those that PowerShell assumes."""
        return _size(self._out)

    def write(self, text: str) -> None:
        """Write output, without its colours where they are not wanted.

        Output that nobody reads any more is dropped, and `broken` says so.
        """
        text = text if self.colours else _COLOUR.sub("", text)
        with self._lock:
            self.hide_progress()
            if not _write(self._out, text):
                self.broken = True

    def write_error(self, text: str) -> None:
        """Write a line of an error."""
        self._write_line_to_err(text, _RED)

    def write_note(self, text: str) -> None:
        """Write a warning, a verbose or a debug message."""
        self._write_line_to_err(text, _YELLOW)

    def show_progress(self, text: str) -> None:
        """Show a line of progress in place of the one before; nothing without a terminal."""
        if not _is_terminal(self._err):
            return
        from rich.cells import set_cell_size

        with self._lock:
            if self._progress_shown and time.monotonic() < self._progress_due:
                return
            self._progress_due = time.monotonic() + _PROGRESS_SECONDS
            columns, _ = _size(self._err)
            line = set_cell_size(_CONTROL.sub(" ", _COLOUR.sub("", text)), columns - 1)
            _write(self._err, _CLEAR_LINE + line.rstrip())
            self._progress_shown = True

    def hide_progress(self) -> None:
        """Take the line of progress away."""
        with self._lock:
            if self._progress_shown:
                self._progress_shown = False
                _write(self._err, _CLEAR_LINE)

    def ask(self, prompt: str) -> str:
        """Ask the user for a line.

        Raises:
            EOFError: there is no more input, or no answer is wanted any more.
        """
        self.hide_progress()
        with self._lock:
            _write(self._err, prompt)
        line = self._read_line()
        if not line:
            raise EOFError("standard input has ended")
        return line.rstrip("\r\n")

    def ask_secret(self, prompt: str) -> str:
        """Ask the user for a line that is not shown.

        Raises:
            EOFError: there is no more input, or no answer is wanted any more.
        """
        if os.name == "nt" and _is_terminal(sys.stdin):
            self.hide_progress()
            return getpass.getpass(prompt, self._err)
        with _without_echo(sys.stdin):
            answer = self.ask(prompt)
        with self._lock:
            _write(self._err, "\n")
        return answer

    def refuse_questions(self) -> None:
        """Let `ask` raise, also where it is waiting: its pipeline is to stop.

        A thread that stayed in a read would take the user's next line, and Python cannot end
        while one is in there.
        """
        self._questions_refused.set()

    def allow_questions(self) -> None:
        """Let `ask` ask again."""
        self._questions_refused.clear()

    def _read_line(self) -> str:
        if sys.stdin is None:
            return ""
        if os.name != "nt" and _is_terminal(sys.stdin):
            # A terminal hands over whole lines, so none is left in Python's buffer unseen.
            while not select.select([sys.stdin], [], [], _QUESTION_SECONDS)[0]:
                if self._questions_refused.is_set():
                    raise EOFError("the question was taken back")
        return sys.stdin.readline()

    def _write_line_to_err(self, text: str, colour: str) -> None:
        if not self._err_colours:
            text = _COLOUR.sub("", text)
        elif "\x1b" not in text:
            text = f"{colour}{text}{_RESET}"
        with self._lock:
            self.hide_progress()
            _write(self._err, text + "\n")


def _write(stream: TextIO | None, text: str) -> bool:
    """Write to a stream; tell whether there is still somebody who reads it."""
    if stream is None:
        return True
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = getattr(stream, "encoding", None) or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        return False
    except ValueError:
        if not stream.closed:
            raise
        return False
    return True


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _size(stream: TextIO | None) -> tuple[int, int]:
    if stream is not None and _is_terminal(stream):
        with contextlib.suppress(OSError):
            columns, lines = os.get_terminal_size(stream.fileno())
            # A terminal that nobody has given a size says 0.
            if columns > 0 and lines > 0:
                return columns, lines
    return _SIZE_WITHOUT_TERMINAL


@contextlib.contextmanager
def _without_echo(stream: TextIO | None) -> Iterator[None]:
    """Let a terminal not show what is typed."""
    if stream is None or not _is_terminal(stream):
        yield
        return
    import termios

    before = termios.tcgetattr(stream)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(stream, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(stream, termios.TCSAFLUSH, before)
