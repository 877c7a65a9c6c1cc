"""Where a host shows what PowerShell has to show: text streams, with or without a terminal."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import select
import sys
import threading
from typing import TextIO

from ..terminal import is_terminal, takes_codes, takes_styles, without_styles
from ..values.text import HALF_PAIR

__all__ = ["Console"]

_SIZE_WITHOUT_TERMINAL = (120, 50)
# How often a question looks whether it is still wanted.
_QUESTION_SECONDS = 0.1
_CLEAR_LINE = "\r\x1b[K"
_CONTROL = re.compile(r"(?!\x1b\[[0-9;]*m)[\x00-\x1f\x7f-\x9f]+")
_RED, _YELLOW, _RESET = "\x1b[31;1m", "\x1b[33;1m", "\x1b[0m"


class Console:
    """Standard output, error and input, as PowerShell's own console host uses them.

    Output goes to standard output; errors, warnings, verbose and debug messages, questions and
    progress go to standard error, so that output can be piped on. Colours and progress are for
    terminals only; NO_COLOR turns colours off, and TERM=dumb both. Safe to use from several
    threads.

    Attributes:
        interactive: whether there is somebody to ask.
        colours: whether output has colours.
        broken: whether the reader of the output has gone.
        failure: what has kept output from being written, such as a full disk; else None.
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
            interactive: whether to read answers from standard input where PowerShell prompts; by
                default where standard input and error are terminals.
        """
        # None in a process without standard streams; what is written is dropped then.
        self._out: TextIO | None = out if out is not None else sys.stdout
        self._err: TextIO | None = err if err is not None else sys.stderr
        self.interactive = (
            is_terminal(sys.stdin) and is_terminal(self._err)
            if interactive is None
            else interactive
        )
        self.colours = takes_styles(self._out)
        self._err_colours = takes_styles(self._err)
        self._err_terminal = takes_codes(self._err)
        self._out_terminal = takes_codes(self._out)
        self.broken = False
        self.failure: OSError | None = None
        self._progress_lines = 0  # how many are shown
        self._begun = ""  # the line that the cursor stands in, on a terminal
        self._questions_refused = threading.Event()
        self._lock = threading.RLock()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines; without a terminal, those that PowerShell assumes."""
        return _size(self._out)

    @property
    def shows_progress(self) -> bool:
        """Whether there is a terminal to show progress on."""
        return self._err_terminal

    @property
    def progress_colours(self) -> bool:
        """Whether progress has colours."""
        return self._err_colours

    def size_of(self, stream: str) -> tuple[int, int]:
        """Columns and lines of the terminal behind ``"out"`` or ``"err"``."""
        return _size(self._err if stream == "err" else self._out)

    def write(self, text: str) -> None:
        """Write output, without its colours where they are not wanted.

        Output that nobody reads any more is dropped, and `broken` says so.

        Raises:
            OSError: it cannot be written, as on a full disk; `failure` has the first one.
        """
        text = text if self.colours else without_styles(text)
        with self._lock:
            self.hide_progress()
            if self._out_terminal:
                _, newline, rest = text.rpartition("\n")
                self._begun = rest if newline else self._begun + rest
            try:
                if not _write(self._out, text):
                    self.broken = True
            except OSError as error:
                self.failure = self.failure or error
                raise

    def write_error(self, text: str) -> None:
        """Write a line of an error."""
        self._write_line_to_err(text, _RED)

    def write_note(self, text: str) -> None:
        """Write a warning, a verbose or a debug message."""
        self._write_line_to_err(text, _YELLOW)

    def write_control(self, sequence: str) -> None:
        """Write an escape sequence to the terminal that output goes to; nothing without one."""
        if self._out_terminal:
            with self._lock:
                self.hide_progress()
                _write(self._out, sequence)

    def write_indicator(self, sequence: str) -> None:
        """Write an escape sequence to the terminal that progress goes to."""
        if self._err_terminal:
            with self._lock:
                _write(self._err, sequence)

    def show_progress(self, text: str) -> None:
        """Show lines of progress in place of those before; nothing without a terminal.

        Args:
            text: the lines. Without colours each is cut to the terminal's width; with them, it
                has to fit.
        """
        if not self._err_terminal:
            return
        with self._lock:
            drawn = self._taking_progress_away()
            lines = text.split("\n") if text else []
            if lines:
                # Below a line that has been begun, which stays.
                drawn += "\r\n" if self._begun else _CLEAR_LINE
                drawn += "\r\n".join(map(self._fitted, lines))
            self._progress_lines = len(lines)
            if drawn:
                _write(self._err, drawn)

    def hide_progress(self) -> None:
        """Take the lines of progress away."""
        with self._lock:
            if self._progress_lines:
                _write(self._err, self._taking_progress_away())
                self._progress_lines = 0

    def ask(self, prompt: str) -> str:
        """Ask the user for a line.

        Raises:
            EOFError: there is no more input, or no answer is wanted any more.
        """
        self._show_question(prompt)
        line = self.read_line()
        if not line:
            raise EOFError("standard input has ended")
        return line.rstrip("\r\n")

    def ask_secret(self, prompt: str) -> str:
        """Ask the user for a line that is not shown.

        Raises:
            EOFError: there is no more input, or no answer is wanted any more.
        """
        stdin = sys.stdin
        if stdin is None or not is_terminal(stdin):
            answer = self.ask(prompt)
        elif os.name == "nt":
            self.hide_progress()
            return getpass.getpass(prompt, self._err)
        else:
            from . import keyboard

            with keyboard.without_echo(stdin.fileno()):
                answer = self.ask(prompt)
        with self._lock:
            _write(self._err, "\n")
        return answer

    def ask_key(self) -> str | None:
        """Wait for a key; None where there is no keyboard.

        Returns:
            A character, or the sequence that begins with Escape that the key sends.

        Raises:
            EOFError: there is no more input, or no key is wanted any more.
        """
        if (keys := self._keyboard()) is None:
            return None
        from . import keyboard

        self.hide_progress()
        return keyboard.read_key(keys, self._questions_refused.is_set)

    def key_waits(self) -> bool:
        """Whether a key has been typed that nobody has read."""
        from . import keyboard

        keys = self._keyboard()
        return keys is not None and keyboard.key_waits(keys)

    def drop_keys(self) -> None:
        """Forget the keys that nobody has read."""
        from . import keyboard

        if (keys := self._keyboard()) is not None:
            keyboard.drop_keys(keys)

    def cursor(self) -> tuple[int, int] | None:
        """The cursor's column and line, from 0; None where no terminal can say it."""
        keys = self._keyboard()
        if keys is None or not self._out_terminal:
            return None
        from . import keyboard

        return keyboard.cursor_position(keys, lambda sequence: _write(self._out, sequence))

    def refuse_questions(self) -> None:
        """Let `ask` raise, also where it is waiting: its pipeline is to stop.

        A thread that stayed in a read would take the user's next line, and Python cannot end
        while one is in there.
        """
        self._questions_refused.set()

    def allow_questions(self) -> None:
        """Let `ask` ask again."""
        self._questions_refused.clear()

    def _keyboard(self) -> int | None:
        """The descriptor of the terminal that is typed on."""
        if os.name == "nt" or sys.stdin is None or not is_terminal(sys.stdin):
            return None
        return sys.stdin.fileno() if self.interactive else None

    def _show_question(self, prompt: str) -> None:
        if not self._err_colours:
            prompt = without_styles(prompt)
        with self._lock:
            self.hide_progress()
            self._begun = ""  # the answer ends the line
            _write(self._err, prompt)

    def read_line(self) -> str:
        """Read a line of standard input with its end; empty at the end of the input.

        What follows the line is left for whoever reads next, a native program too.

        Raises:
            EOFError: no line is wanted any more.
        """
        stdin = sys.stdin
        if stdin is None or stdin.closed:
            return ""
        if is_terminal(stdin):
            if os.name != "nt":
                # A terminal hands over whole lines, so none is left in Python's buffer unseen.
                self._wait_for_input(stdin.fileno())
            return stdin.readline()
        try:
            descriptor = stdin.fileno()
        except OSError:  # text in memory
            return stdin.readline()
        # Byte by byte, as shells do: nothing behind the line is taken.
        line = bytearray()
        while not line.endswith(b"\n"):
            if os.name != "nt":
                self._wait_for_input(descriptor)
            byte = os.read(descriptor, 1)
            if not byte:
                break
            line += byte
        return line.decode(errors="replace")

    def _wait_for_input(self, descriptor: int) -> None:
        while not select.select([descriptor], [], [], _QUESTION_SECONDS)[0]:
            if self._questions_refused.is_set():
                raise EOFError("the question was taken back")

    def _taking_progress_away(self) -> str:
        """What takes the lines of progress away and puts the cursor where it was before."""
        if not self._progress_lines:
            return ""
        away = _CLEAR_LINE + "\x1b[A\x1b[K" * (self._progress_lines - 1)
        if not self._begun:
            return away
        from rich.cells import cell_len

        columns, _ = _size(self._out)
        return f"{away}\x1b[A\x1b[{cell_len(without_styles(self._begun)) % columns + 1}G"

    def _fitted(self, line: str) -> str:
        if self._err_colours:
            return _CONTROL.sub(" ", line)
        from rich.cells import set_cell_size

        columns, _ = _size(self._err)
        return set_cell_size(_CONTROL.sub(" ", without_styles(line)), columns - 1).rstrip()

    def _write_line_to_err(self, text: str, colour: str) -> None:
        if not self._err_colours:
            text = without_styles(text)
        elif "\x1b" not in text:
            text = f"{colour}{text}{_RESET}"
        with self._lock:
            self.hide_progress()
            if self._err_terminal:
                self._begun = ""
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
            text = HALF_PAIR.sub("\ufffd", text)
            stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        return False
    except ValueError:
        if not stream.closed:
            raise
        return False
    return True


def _size(stream: TextIO | None) -> tuple[int, int]:
    if stream is not None and is_terminal(stream):
        with contextlib.suppress(OSError):
            columns, lines = os.get_terminal_size(stream.fileno())
            # A terminal that nobody has given a size says 0.
            if columns > 0 and lines > 0:
                return columns, lines
    return _SIZE_WITHOUT_TERMINAL
