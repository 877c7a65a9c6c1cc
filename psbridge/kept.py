"""What psbridge keeps on disk: where, under which name, and whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["cache_folder", "digest_of", "keep_file", "replace_folder"]


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
        path: where; its folders are made.
        data: what is in it.

    Returns:
        Whether it is there now.
    """
    # Not tempfile's: its files are for this user alone, and a cache may be shared.
    temporary = path.with_name(f"{path.name}.{os.urandom(16).hex()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
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
