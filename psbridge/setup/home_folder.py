"""The folder of an engine of our own: recognising it, and changing it without harm.

A finished engine has a marker file, which is written last and lists every file of it. So an
earlier copy can be told from somebody's own folder, and their files in a copy from its own.
"""

from __future__ import annotations

import glob
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineError
from ..kept import replace_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = [
    "MARKER",
    "Marker",
    "downloads_beside",
    "foreign_files",
    "leftovers",
    "lock_of",
    "put_in_place",
    "read_marker",
    "temporary_beside",
    "try_lock",
]

MARKER = "psbridge-engine.json"
"""The name of the marker file."""

_TEMPORARY = ".tmp"
_DOWNLOADS = ".packages"
_LEFTOVER = re.compile(rf"\.(?P<home>.+?)(\.[0-9a-f]{{12}}{_TEMPORARY}|{_DOWNLOADS})")


@dataclass(frozen=True, slots=True)
class Marker:
    """What a finished engine says about itself.

    Attributes:
        powershell: the version of the engine.
        dotnet: the version of the runtime.
        rid: the platform.
        digest: of the lock file it was made from; see `Lock.digest`.
        files: every file in the folder but the marker, as paths with ``/``.
    """

    powershell: str
    dotnet: str
    rid: str
    digest: str
    files: tuple[str, ...] = ()

    def same_engine(self, other: Marker) -> bool:
        """Tell whether both were made from the same packages."""
        return self.digest == other.digest and self.rid == other.rid

    def write(self, folder: Path) -> None:
        """Write the marker of a new engine, with the files that are in the folder now."""
        self._save(folder, _files_in(folder))

    def add(self, folder: Path, files: Iterable[Path]) -> None:
        """Write the marker of a finished engine anew, with files that are to be put into it.

        It comes before the files: one that is listed and not there harms nothing, and one that
        is there and not listed would be somebody's.
        """
        added = {file.relative_to(folder).as_posix() for file in files}
        if not added <= set(self.files):
            self._save(folder, added | set(self.files))

    def _save(self, folder: Path, files: Iterable[str]) -> None:
        content = asdict(self) | {"files": sorted(files)}
        # Renamed, so that a finished engine has a whole marker at any time.
        temporary = folder / f"{MARKER}{_TEMPORARY}"
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        temporary.replace(folder / MARKER)


def read_marker(folder: Path) -> Marker | None:
    """Read the marker of a finished engine; None if the folder is not one."""
    try:
        content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return Marker(
            powershell=str(content["powershell"]),
            dotnet=str(content["dotnet"]),
            rid=str(content["rid"]),
            digest=str(content["digest"]),
            files=tuple(map(str, content["files"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def foreign_files(folder: Path) -> list[str]:
    """List what is in a folder and was not put there by an installation.

    Returns:
        Paths with ``/``; none if the folder is absent, empty, or exactly what was installed.
    """
    marker = read_marker(folder)
    ours = {MARKER, *marker.files} if marker is not None else set()
    return sorted(_files_in(folder) - ours)


def temporary_beside(folder: Path) -> Path:
    """Make an empty folder beside another one, and remove those left by dead processes.

    The caller holds the lock of `folder`, so nobody alive uses what lies there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(f".{glob.escape(folder.name)}.*{_TEMPORARY}"):
        shutil.rmtree(stale, ignore_errors=True)
    temporary = _unused_name(folder)
    temporary.mkdir()  # not mkdtemp: that would shut out other users for good
    return temporary


def downloads_beside(folder: Path) -> Path:
    """Give the folder that keeps an engine's packages until the engine is there."""
    return folder.with_name(f".{folder.name}{_DOWNLOADS}")


def leftovers(folder: Path) -> list[tuple[Path, Path]]:
    """List what installations have left in a folder, each with the engine it was for.

    Some of it may be in use: whoever works on an engine holds its lock.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []  # nothing has been made there
    return [
        (entry, folder / match["home"])
        for entry in entries
        if (match := _LEFTOVER.fullmatch(entry.name)) and entry.is_dir()
    ]


def lock_of(folder: Path) -> BaseFileLock:
    """Give the lock that whoever changes an engine's folder holds; the system frees it, too."""
    from filelock import FileLock

    return FileLock(folder.with_name(f".{folder.name}.lock"))


@contextmanager
def try_lock(folder: Path) -> Iterator[bool]:
    """Hold the lock of an engine's folder, if it is free; tells whether it was."""
    from filelock import Timeout

    try:
        guard = lock_of(folder)
        guard.acquire(timeout=0)
    except (Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        guard.release()


def put_in_place(finished: Path, folder: Path) -> None:
    """Rename a finished folder to its place; what was there is moved aside and removed.

    Raises:
        EngineError: the old copy cannot be moved, as on Windows while a process uses it.
        OSError: another reason against renaming.
    """
    old = _unused_name(folder)
    try:
        replace_folder(finished, folder, old)
    except PermissionError as error:
        if Path(error.filename) != folder:
            raise
        raise EngineError(
            f"The engine in {folder} cannot be replaced: it is in use, or you may not change "
            "it. Close the programs that use psbridge or its pwsh, and try again."
        ) from error
    # What cannot be removed now is removed by the next installation.
    shutil.rmtree(old, ignore_errors=True)


def _files_in(folder: Path) -> set[str]:
    found: set[str] = set()
    for place, folders, files in os.walk(folder):
        inside = Path(place).relative_to(folder)
        # A link to a folder is somebody's too, although there is no file in it to be seen.
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        found.update((inside / name).as_posix() for name in (*files, *links))
    return found


def _unused_name(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{secrets.token_hex(6)}{_TEMPORARY}")
