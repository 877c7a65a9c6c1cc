"""Paths across the border.

To Python on POSIX a path is bytes, decoded by the locale; to .NET it is UTF-8 whatever the locale
is. Where that is not UTF-8, the same file has two texts.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path, PurePath

from ..errors import DeclarationError

__all__ = ["net_path", "path_from_net", "possible_path"]

# Where both sides decode alike: on Windows, and nearly everywhere else.
_ALIKE = sys.platform == "win32" or sys.getfilesystemencoding() == "utf-8"


def net_path(path: PurePath | str) -> str:
    """The text by which .NET knows a path of Python's, or a word of the command line.

    Bytes that are no UTF-8 are halves of surrogate pairs in it, as in Python's own text; .NET can
    hold such a name and cannot open the file.
    """
    text = str.__str__(str(path))
    if _ALIKE:
        return text
    try:
        return os.fsencode(text).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # it is no path on this system, whoever has made it
        return text


def possible_path(path: str | os.PathLike[str]) -> Path:
    """The path, where a file can have it.

    Python itself answers one that no file can have with this or that ValueError, late.

    Raises:
        DeclarationError: it is of no type that a path has.
        FileNotFoundError: no file can.
    """
    try:
        found = Path(path)
    except TypeError:
        raise DeclarationError(f"{path!r} is no path") from None
    try:
        possible = b"\0" not in os.fsencode(found)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise FileNotFoundError(errno.ENOENT, "no file can have this name", ascii(str(found)))
    return found


def path_from_net(text: str) -> Path:
    """The path of Python's for one of .NET's."""
    if _ALIKE:
        return Path(text)
    try:
        return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))
    except UnicodeEncodeError:
        return Path(text)
