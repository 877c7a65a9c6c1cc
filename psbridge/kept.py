"""What psbridge keeps on disk: where, under which name, and whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["cache_folder", "digest_of", "distrust", "keep_file", "replace_folder"]


def cache_folder(kind: str) -> Path:
    """The folder in which things of a kind are kept that can be made again."""
    import platformdirs

    return platformdirs.user_cache_path("psbridge", appauthor=False).absolute() / kind


def digest_of(parts: Iterable[str]) -> str:
    """A hash of texts, with where each of them ends."""
    import hashlib

    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def keep_file(path: Path, data: bytes) -> bool:
    """Write a file whose name says what is in it.

    Args:
        path: where; its folders are made, for this user alone. Others may read the file, as the
            umask says, and never write it.
        data: what is in it.

    Returns:
        Whether it is there now.
    """
    # Not tempfile's: its files are for this user alone, and a cache may be shared.
    temporary = path.with_name(f"{path.name}.{os.urandom(16).hex()}.tmp")
    try:
        _make_private(path.parent)
        new = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o644)
        with os.fdopen(new, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        # On Windows a file that another process has loaded cannot be replaced, nor need it be.
        with suppress(OSError):
            return path.read_bytes() == data
        return False
    return True


def distrust(path: Path) -> str | None:
    """Why somebody else may have made what is kept at a path, which is in a `cache_folder`.

    Whoever can write to what is loaded as code is this user. Not checked: the folder in which all
    programs of a user keep things; and Windows, where a user's folders are the user's.

    Returns:
        The reason, with the place; None where only this user can have made it.
    """
    if os.name == "nt":
        return None
    top = cache_folder("").parent
    for place in (path, *path.parents):
        if place == top:
            break
        for look in (place.lstat, place.stat):
            try:
                found = look()
            except OSError:
                continue  # it is not there, and so nobody's
            if found.st_uid != os.geteuid():
                return f"{place} belongs to another user"
            if not stat.S_ISLNK(found.st_mode) and found.st_mode & _OTHERS_WRITE:
                return f"{place} can be written by other users"
    return None


_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


_BINARY: int = getattr(os, "O_BINARY", 0)  # Windows'


def _make_private(folder: Path) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def replace_folder(finished: Path, folder: Path, aside: Path) -> None:
    """Rename a finished folder to its place.

    Args:
        finished: the new one.
        folder: its place.
        aside: where what was there is put; it comes back where the new one cannot be renamed.

    Raises:
        OSError: one of the two cannot be renamed; the error names it.
    """
    replaces = folder.exists()
    if replaces:
        folder.rename(aside)
    try:
        finished.rename(folder)
    except OSError:
        if replaces:
            aside.rename(folder)
        raise
