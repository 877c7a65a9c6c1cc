"""What downloads leave in their folder: complete packages, and beginnings of packages.

The folder outlives a run, so that a setup that was interrupted goes on from where it was. Nothing
in it is trusted for its name: a file counts only when its size and hash are the pinned ones.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ..errors import FeedError
from . import versions
from .lockfile import Pin

__all__ = [
    "describe_packages",
    "file_name",
    "interruption",
    "kept_bytes",
    "megabytes",
    "open_part",
    "part_of",
    "size_of",
]


def file_name(package_id: str, version: str) -> str:
    """Give the name of a package's file, as NuGet writes it: ``id.version.nupkg``."""
    return f"{package_id}.{versions.normalize(version)}.nupkg".lower()


def part_of(file: Path) -> Path:
    """Give the file that has the beginning of a package until it is complete."""
    return file.with_name(f"{file.name}.part")


def size_of(file: Path) -> int | None:
    """Give the size of a file in bytes, or None if there is none.

    Raises:
        FeedError: a link, a folder or the like is in the way of it.
    """
    try:
        facts = file.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISREG(facts.st_mode):
        return facts.st_size
    kind = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}
    what = kind.get(stat.S_IFMT(facts.st_mode), "no ordinary file")
    raise FeedError(
        f"Something is in the way of a download: {file} is {what}, and psbridge neither follows "
        "nor removes it.",
        f"Move it away, and repeat:\n  {_move(file)}",
    )


def open_part(part: Path) -> BinaryIO:
    """Open the beginning of a package for reading and writing, at its start.

    Raises:
        FeedError: a link, a folder or the like is in the way of it.
        OSError: it cannot be opened or made.
    """
    size_of(part)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(part, flags, 0o666), "r+b")


def kept_bytes(pins: Sequence[Pin], folder: Path) -> int:
    """Count the bytes of packages that are in a folder and will not be fetched again.

    Only names and sizes are looked at; whether the bytes are right shows when they are used.

    Args:
        pins: the packages.
        folder: where they are downloaded to; it need not exist.
    """
    return sum(_kept(pin, folder) for pin in pins)


def interruption(pins: Sequence[Pin], folder: Path, command: str = "psbridge setup") -> str:
    """Say in one line what an interrupted setup has kept, and how to go on.

    Args:
        pins: the packages.
        folder: where they are downloaded to.
        command: what to type in order to go on.
    """
    kept = kept_bytes(pins, folder)
    if not kept:
        return f"Interrupted. `{command}` starts again."
    total = sum(pin.size for pin in pins)
    return (
        f"Interrupted: {megabytes(kept, total)} are kept in {folder}. "
        f"`{command}` goes on from there."
    )


def describe_packages(pins: Sequence[Pin]) -> list[str]:
    """List packages for people who bring them: the name of each file and its size."""
    return [f"{file_name(pin.id, pin.version)} ({megabytes(pin.size)})" for pin in pins]


def megabytes(size: int, total: int | None = None) -> str:
    """Write a number of bytes, or so many of so many, as people read it."""
    return f"{size / 1e6:.1f} MB" if total is None else f"{size / 1e6:.1f} of {total / 1e6:.1f} MB"


def _kept(pin: Pin, folder: Path) -> int:
    file = folder / file_name(pin.id, pin.version)
    for place in (file, part_of(file)):
        try:
            size = size_of(place)
        except (FeedError, OSError):
            continue  # what is in the way is said when it is met
        if size is not None:
            return min(size, pin.size)
    return 0


def _move(file: Path) -> str:
    return f'move "{file}" "{file}.old"' if os.name == "nt" else f"mv '{file}' '{file}.old'"
