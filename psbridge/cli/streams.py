"""The standard streams of the command: those that are closed, and an output that is full.

A command writes with `write`. Where standard output was closed from the start, or whoever read it
has gone, the command goes on in silence. Where it cannot be written, as on a full disk, the command
fails with one line.
"""

from __future__ import annotations

import argparse
import codecs
import io
import os
import sys
from typing import TYPE_CHECKING

from ..errors import PsbridgeError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["CommandParser", "discard", "flush", "open_closed", "write", "write_utf8"]


class CommandParser(argparse.ArgumentParser):
    """A parser whose help and version are written as other output is."""

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        if file is not None and file is sys.stdout:
            write(message, end="")
        else:
            super()._print_message(message, file)


def open_closed() -> None:
    """Open what is closed of the standard streams, on nothing.

    The next file or socket that is opened would get the number, and be read as standard input or
    be written to by a native program.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Gets the lowest number that is free, and is for native programs, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def write_utf8() -> None:
    """Write UTF-8 where the locale knows ASCII only, as PowerShell does."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name == "ascii":
            stream.reconfigure(encoding="utf-8", errors=stream.errors)


def write(text: str, end: str = "\n") -> None:
    """Write a line to standard output, at once.

    Args:
        text: the line.
        end: what follows it.

    Raises:
        PsbridgeError: it cannot be written.
    """
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        discard()
    except OSError as error:
        discard()
        why = error.strerror or error
        raise PsbridgeError(f"standard output cannot be written: {why}") from error


def flush() -> None:
    """Write what others have left in the buffer of standard output.

    Raises:
        PsbridgeError: it cannot be written.
    """
    if sys.stdout is not None and not sys.stdout.closed:
        write("", end="")


def discard() -> None:
    """Drop what standard output still holds, and whatever is written to it from now on.

    What cannot be written stays in Python's buffer; at exit Python would try once more, complain,
    and end with an exit code of its own.
    """
    if sys.stdout is None:
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, sys.stdout.fileno())
    finally:
        os.close(nothing)
