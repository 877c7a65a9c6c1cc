"""Making an engine of our own: fetched, laid out, precompiled and renamed into place.

Guarantees. Until everything is there, the engine's place holds what it held before. Of several
processes one does the work, and the others wait and find it done. After an error, Ctrl-C or a kill
the packages that were fetched are kept beside the engine's place until the engine is there, and
nothing else but a folder with a name of its own, which the next installation removes.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineError
from .destination import default_destination
from .downloads import interruption
from .home_folder import (
    Marker,
    downloads_beside,
    foreign_files,
    lock_of,
    put_in_place,
    read_marker,
    temporary_beside,
)
from .layout import lay_out
from .lockfile import Pin, PlatformLock, load_lock
from .platforms import current_rid
from .precompile import NO_PRECOMPILE_VARIABLE, pending, precompile
from .progress import Progress, SilentProgress
from .source import Source
from .verified import fetch_all

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["install"]

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# An engine and its packages on disk at the same time, relative to the packages.
_SPACE = 2.8


def install(
    sources: Sequence[Source],
    destination: Path | None = None,
    *,
    force: bool = False,
    precompiled: bool | None = None,
    compiler: bool = False,
    progress: Progress | None = None,
    platform: PlatformLock | None = None,
    command: str = "psbridge setup",
) -> Path:
    """Make an engine, unless it is there already, and precompile what is not yet.

    Args:
        sources: where the packages may come from, in this order.
        destination: the engine's folder; `default_destination` if None.
        force: make it anew even if it is there.
        precompiled: whether to precompile it; by default, unless PSBRIDGE_NO_PRECOMPILE is set.
            Where no crossgen2 is pinned for this platform, nothing is.
        compiler: precompile Roslyn, too.
        progress: is told how far it is.
        platform: the packages; those that psbridge pins for this process's platform if None.
        command: what a person types to go on after an interruption.

    Returns:
        The engine's folder.

    Raises:
        FeedError: no source has a package.
        PackageError: a package is not the pinned one, or there are none for this platform.
        EngineError: the destination holds other files, is in use or cannot be written to, or the
            disk is full; or an engine that is there could not be precompiled. A new engine that
            could not be is complete without, and `progress` is told why.
    """
    platform = platform or load_lock().platform(current_rid())
    if precompiled is None:
        precompiled = not os.environ.get(NO_PRECOMPILE_VARIABLE)
    folder = Path(os.path.realpath((destination or default_destination()).expanduser()))
    work = _Installation(
        folder,
        command,
        platform,
        sources,
        progress or SilentProgress(),
        precompiled=precompiled and platform.crossgen2 is not None,
        compiler=compiler,
    )
    if force or not work.is_done():
        with _explained(folder, platform):
            work.run(force=force)
    return folder


class _Installation:
    """One engine in one folder; see `install`."""

    def __init__(
        self,
        folder: Path,
        command: str,
        platform: PlatformLock,
        sources: Sequence[Source],
        progress: Progress,
        *,
        precompiled: bool,
        compiler: bool,
    ) -> None:
        self.folder = folder
        self.command = command  # with which a person goes on
        self.platform = platform
        self.sources = sources
        self.progress = progress
        self.precompiled = precompiled
        self.compiler = compiler
        self.wanted = Marker(
            platform.powershell.version, platform.dotnet, platform.rid, platform.digest
        )

    def is_done(self) -> bool:
        """Whether the engine is there, and precompiled as far as is wanted."""
        return self._is_there() and not (
            self.precompiled and pending(self.folder, compiler=self.compiler)
        )

    def run(self, *, force: bool) -> None:
        """Make the engine, or precompile the one that is there, when no other process does."""
        before = _identity(self.folder)
        if force or not self._is_there():
            self._refuse_foreign()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        waiting = f"Waiting for another process that is making {self.folder}"
        with _held(lock_of(self.folder), lambda: self.progress.step(waiting)):
            # Another process may have made it while this one waited; even with force, that one
            # is new enough.
            if self._is_there() and (not force or _identity(self.folder) != before):
                if not self.is_done():
                    self._add_precompiled()
            else:
                self._refuse_foreign()
                self._make()

    def _make(self) -> None:
        platform = self.platform
        temporary = temporary_beside(self.folder)
        try:
            with self._downloads() as downloads:
                home = temporary / "home"
                home.mkdir()
                files = fetch_all(
                    platform.pins,
                    self.sources,
                    downloads,
                    self.progress,
                    # A feed that lacks what precompiles makes an engine all the same.
                    dict.fromkeys(self._optional_pins(), self._go_without),
                    self.command,
                )
                self.progress.step(
                    f"Laying out PowerShell {platform.powershell.version} "
                    f"with .NET {platform.dotnet}"
                )
                lay_out(files, home, platform)
                for pin in files.keys() & self._optional_pins():
                    try:
                        self._precompile(home, files[pin], files[platform.runtime], temporary)
                    except EngineError as error:
                        self._go_without(error)
                self.wanted.write(home)
                put_in_place(home, self.folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _add_precompiled(self) -> None:
        """Precompile an engine that is there, file by file, while others may use it."""
        temporary = temporary_beside(self.folder)
        pins = self._optional_pins()
        if self.compiler:
            pins.append(self.platform.runtime)  # for the profile
        try:
            with self._downloads(
                f"Interrupted: what is precompiled stays. `{self.command}` does the rest."
            ) as downloads:
                files = fetch_all(
                    pins, self.sources, downloads, self.progress, command=self.command
                )
                works = pending(self.folder, compiler=self.compiler)
                marker = read_marker(self.folder) or self.wanted
                marker.add(self.folder, [work.target for work in works])
                runtime = files.get(self.platform.runtime)
                self._precompile(self.folder, files[pins[0]], runtime, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @contextmanager
    def _downloads(self, interrupted: str = "") -> Iterator[Path]:
        """The folder of the packages: it goes when the work is done, else it keeps what is there.

        An interruption is followed by the given words, else by what has been kept of the packages.
        """
        folder = downloads_beside(self.folder)
        folder.mkdir(exist_ok=True)
        try:
            yield folder
        except KeyboardInterrupt:
            pins = [*self.platform.pins, *self._optional_pins()]
            self.progress.step(interrupted or interruption(pins, folder, self.command))
            raise
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            with suppress(OSError):
                folder.rmdir()  # where nothing has come

    def _optional_pins(self) -> list[Pin]:
        """The package that precompiles, where it is wanted."""
        crossgen2 = self.platform.crossgen2
        return [crossgen2] if self.precompiled and crossgen2 is not None else []

    def _precompile(
        self, home: Path, crossgen2: Path, runtime: Path | None, temporary: Path
    ) -> None:
        works = pending(home, compiler=self.compiler)
        precompile(works, home, crossgen2, runtime, temporary, self.progress)

    def _go_without(self, error: EngineError) -> None:
        self.progress.step(
            f"Not precompiled, so PowerShell starts more slowly: {error.cause}\n"
            f"Later, this adds it: {self.command}"
        )

    def _is_there(self) -> bool:
        marker = read_marker(self.folder)
        return marker is not None and marker.same_engine(self.wanted)

    def _refuse_foreign(self) -> None:
        """Refuse a destination that has somebody's files in it: they would be lost."""
        folder = self.folder
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
def _held(guard: BaseFileLock, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock, and say so if that means waiting. The system frees it if we are killed."""
    from filelock import Timeout

    try:
        guard.acquire(timeout=0)
    except Timeout:
        waiting()
        guard.acquire()
    try:
        yield
    finally:
        guard.release()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Tell one copy in a folder from the next one in the same folder."""
    try:
        facts = folder.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


@contextmanager
def _explained(folder: Path, platform: PlatformLock) -> Iterator[None]:
    """Turn what the file system says into one message with what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            size = _SPACE * sum(pin.size for pin in platform.pins) / 1_000_000
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
