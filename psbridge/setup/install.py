"""Making an engine of our own: fetched, laid out, completed and renamed into place.

Guarantees. Until everything is there, the engine's place holds what it held before. Of several
processes one does the work, and the others wait and find it done. After an error nothing is
left; after a kill a folder with a name of its own is left, which the next installation removes.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineError
from .frameworks import current_rid
from .home_folder import (
    MARKER,
    Marker,
    foreign_files,
    put_in_place,
    read_marker,
    temporary_beside,
)
from .layout import lay_out
from .lockfile import Lock, load_lock
from .progress import Progress, SilentProgress
from .source import Source
from .verified import fetch_all

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["build_console", "default_destination", "install"]

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def default_destination(lock: Lock | None = None, rid: str | None = None) -> Path:
    """Give the folder of our own copy, whether or not it is there.

    Its name has the versions and a part of the lock's digest in it, so that a newer psbridge
    makes a new one and an older one keeps working.

    Raises:
        PackageError: the lock file has no packages for this platform.
    """
    from platformdirs import user_data_path

    lock, rid = lock or load_lock(), rid or current_rid()
    name = f"{lock.powershell}-{rid}-{lock.digest(rid)[:8]}"
    return user_data_path("psbridge", appauthor=False) / "engine" / name


def install(
    sources: Sequence[Source],
    destination: Path | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    lock: Lock | None = None,
    rid: str | None = None,
    build: Callable[[Path], None] | None = None,
) -> Path:
    """Make an engine, unless it is there already.

    Args:
        sources: where the packages may come from, in this order.
        destination: the engine's folder; `default_destination` if None.
        force: make it anew even if it is there.
        progress: is told how far it is.
        lock: the packages; psbridge's own lock file if None.
        rid: the platform; that of this process if None.
        build: completes the folder with ``pwsh.dll``; `build_console` if None.

    Returns:
        The engine's folder.

    Raises:
        FeedError: no source has a package.
        PackageError: a package is not the pinned one, or there are none for this platform.
        EngineError: the destination holds other files, is in use or cannot be written to, the
            disk is full, or the console program could not be compiled.
    """
    from filelock import FileLock

    lock, rid = lock or load_lock(), rid or current_rid()
    wanted = Marker(lock.powershell, lock.dotnet, rid, lock.digest(rid))
    folder = Path(os.path.realpath((destination or default_destination(lock, rid)).expanduser()))
    progress = progress or SilentProgress()
    if not force and _is_there(folder, wanted):
        return folder
    before = _identity(folder)
    with _explained(folder, lock, rid):
        _refuse_foreign(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        guard = FileLock(folder.with_name(f".{folder.name}.lock"))
        with _held(guard, f"Waiting for another process that is making {folder}", progress):
            # Another process may have made it while this one waited; even with force, that one
            # is new enough.
            if _is_there(folder, wanted) and (not force or _identity(folder) != before):
                return folder
            _refuse_foreign(folder)
            _make(folder, sources, lock, wanted, progress, build or build_console)
    return folder


def build_console(folder: Path) -> None:
    """Have ``pwsh.dll`` compiled in a folder that is complete but for it.

    A process of its own does it: it has to load .NET from the folder, and a process can load
    .NET but once.

    Raises:
        EngineError: it failed; the message has what it printed.
    """
    command = [sys.executable, "-m", "psbridge.engine.console", str(folder)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode != 0 or not (folder / "pwsh.dll").is_file():
        printed = done.stderr.strip() or f"exit code {done.returncode}, and nothing printed"
        raise EngineError(f"The console program of the engine could not be compiled: {printed}")


def _make(
    folder: Path,
    sources: Sequence[Source],
    lock: Lock,
    wanted: Marker,
    progress: Progress,
    build: Callable[[Path], None],
) -> None:
    temporary = temporary_beside(folder)
    try:
        downloads, home = temporary / "packages", temporary / "home"
        downloads.mkdir()
        home.mkdir()
        files = fetch_all(lock.pins(wanted.rid), sources, downloads, progress)
        progress.step(f"Laying out PowerShell {lock.powershell} with .NET {lock.dotnet}")
        lay_out(files, home, rid=wanted.rid, dotnet=lock.dotnet, powershell=lock.powershell)
        progress.step("Compiling its console program")
        build(home)
        wanted.write(home)
        put_in_place(home, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _held(guard: BaseFileLock, text: str, progress: Progress) -> Iterator[None]:
    """Hold a lock, and say so if that means waiting. The system frees it if we are killed."""
    from filelock import Timeout

    try:
        guard.acquire(timeout=0)
    except Timeout:
        progress.step(text)
        guard.acquire()
    try:
        yield
    finally:
        guard.release()


def _is_there(folder: Path, wanted: Marker) -> bool:
    marker = read_marker(folder)
    return marker is not None and marker.same_engine(wanted)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Tell one copy in a folder from the next one in the same folder."""
    try:
        facts = (folder / MARKER).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _refuse_foreign(folder: Path) -> None:
    """Refuse a destination that has somebody's files in it: they would be lost."""
    if folder.exists() and not folder.is_dir():
        raise EngineError(f"{folder} is a file; the engine needs a folder.")
    foreign = foreign_files(folder)
    if foreign:
        shown = ", ".join(foreign[:3]) + (" and more" if len(foreign) > 3 else "")
        raise EngineError(
            f"{folder} has files that are not an engine's ({shown}), and psbridge deletes "
            "nobody's files. Choose an empty folder with --dest, or move them away."
        )


@contextmanager
def _explained(folder: Path, lock: Lock, rid: str) -> Iterator[None]:
    """Turn what the file system says into one message with what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            # Downloads and what is unpacked from them lie there at the same time.
            size = 2.5 * sum(pin.size for pin in lock.pins(rid)) / 1_000_000
            raise EngineError(
                f"There is no room for the engine in {folder.parent} ({error.strerror}); making "
                f"it takes about {size:.0f} MB. Free some, or choose a folder elsewhere with "
                "`psbridge setup --dest DIR`."
            ) from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise EngineError(
                f"You may not write to {error.filename or folder.parent} ({error.strerror}), "
                f"which the engine in {folder} needs. Choose a folder of your own with "
                "`psbridge setup --dest DIR`."
            ) from error
        raise EngineError(f"The engine in {folder} could not be made: {error}") from error
