"""Where our own copies lie: the one that this psbridge wants, and those of earlier ones.

Each has a folder named after what it is made of, so a newer psbridge makes another one beside it,
and the earlier one stays usable until the new one is there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import versions
from .destination import homes_folder
from .home_folder import (
    MARKER,
    Marker,
    downloads_beside,
    foreign_files,
    leftovers,
    read_marker,
    temporary_beside,
    try_lock,
)
from .lockfile import load_lock
from .platforms import current_rid

__all__ = ["OwnHome", "earlier_homes", "own_homes", "prune"]


@dataclass(frozen=True, slots=True)
class OwnHome:
    """A finished copy of ours.

    Attributes:
        path: its folder.
        marker: what it says about itself.
        made: when it was made, in seconds since the epoch.
        current: whether it is the one that this psbridge wants.
    """

    path: Path
    marker: Marker
    made: float
    current: bool

    def size(self) -> int:
        """The bytes that its files take."""
        return sum(file.lstat().st_size for file in self.path.rglob("*") if file.is_file())


def own_homes() -> list[OwnHome]:
    """List the finished copies in their folder, the newest first."""
    folder, platform = homes_folder(), load_lock().platforms.get(current_rid())
    wanted = platform.folder if platform is not None else ""
    found = [
        OwnHome(path, marker, (path / MARKER).stat().st_mtime, path.name == wanted)
        for path in _folders_in(folder)
        if (marker := read_marker(path)) is not None
    ]
    return sorted(found, key=_newness, reverse=True)


def earlier_homes() -> list[OwnHome]:
    """List the copies for this platform that an earlier psbridge made, the newest first."""
    return [home for home in own_homes() if not home.current and home.marker.rid == current_rid()]


def prune() -> Iterator[tuple[Path, str | None]]:
    """Remove the copies that this psbridge does not want, and what installations left behind.

    Where the wanted one is not there yet, the newest of the others stays, and so do the packages
    that were fetched for the wanted one. What another process works on stays, and so does a copy
    with files that psbridge did not put there.

    Returns:
        Each folder when it has been dealt with, and the reason where it was not removed.
    """
    homes = own_homes()
    kept = [home.path for home in homes if home.current] or [h.path for h in earlier_homes()[:1]]
    for home in homes:
        if home.path not in kept:
            yield home.path, _remove(home.path)
    wanted = load_lock().platforms.get(current_rid())
    for folder, home_path in leftovers(homes_folder()):
        if wanted is None or folder != downloads_beside(homes_folder() / wanted.folder):
            with try_lock(home_path) as locked:
                if locked:
                    shutil.rmtree(folder, ignore_errors=True)
                    yield folder, "it cannot be removed" if folder.exists() else None


def _remove(home: Path) -> str | None:
    """Remove a copy; gives the reason where it stays."""
    with try_lock(home) as locked:
        if not locked:
            return "another process is making it"
        if user := _user_of(home):
            return f"the process {user} runs from it"
        if foreign := foreign_files(home):
            return f"it has files that psbridge did not put there, such as {foreign[0]}"
        try:
            # Renamed first, so that a copy that is half removed is not taken for one.
            aside = temporary_beside(home)
            home.rename(aside / home.name)
            shutil.rmtree(aside)
        except OSError as error:
            return f"it cannot be removed: {error.strerror}"
    return None


def _user_of(home: Path) -> int | None:
    """A process that has loaded files of a copy, where the system tells: on Linux.

    What it has not loaded yet, it would miss. Windows does not let go of such a folder anyway.
    """
    inside = f" {home.resolve()}{os.sep}"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if inside in (process / "maps").read_text(errors="replace"):
                return int(process.name)
        except OSError:
            continue  # it has ended, or is another user's
    return None


def _newness(home: OwnHome) -> tuple[object, float]:
    try:
        return versions.sort_key(home.marker.powershell), home.made
    except ValueError:
        return versions.sort_key("0.0"), home.made


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and path.name[:1] != "."]
    except OSError:
        return []  # nothing has been made yet, or nobody may look
