"""Only fetching the packages of a platform, for a machine that has no network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import EngineError
from .downloads import file_name, kept_bytes, part_of
from .lockfile import Pin, load_lock
from .platforms import current_rid
from .progress import Progress
from .source import Source
from .verified import fetch_all

__all__ = ["download"]

_LOCK = ".psbridge.lock"


def download(
    sources: Sequence[Source],
    folder: Path,
    *,
    progress: Progress,
    rid: str | None = None,
    command: str = "psbridge setup --download FOLDER",
) -> list[Path]:
    """Put the packages that a platform needs into a folder, which then is a feed.

    Args:
        sources: where the packages may come from, in this order.
        folder: the folder; it is made, and packages that are there already are kept. Where
            nothing has come into it, what was made is removed again.
        progress: is told how far it is.
        rid: the platform; that of this process if None.
        command: what a person types to repeat it.

    Returns:
        The packages' files.

    Raises:
        FeedError: no source has a package.
        PackageError: a package is not the pinned one, or there are none for this platform.
        EngineError: the folder cannot be written.
    """
    from filelock import FileLock

    platform = load_lock().platform(rid or current_rid())
    pins = [*platform.pins, *([platform.crossgen2] if platform.crossgen2 else [])]
    folder = folder.expanduser().absolute()
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK), _clean(folder, pins):
            files = fetch_all(pins, sources, folder, progress, command=command)
            for pin, file in files.items():
                target = folder / file_name(pin.id, pin.version)
                if not target.exists():  # it lies in a folder feed
                    shutil.copyfile(file, part_of(target))
                    part_of(target).replace(target)
    except OSError as error:
        raise EngineError(f"The packages cannot be written to {folder}: {error}") from error
    finally:
        with suppress(OSError):  # what has something in it stays
            for place in made:
                place.rmdir()
    return [folder / file_name(pin.id, pin.version) for pin in pins]


@contextmanager
def _clean(folder: Path, pins: Sequence[Pin]) -> Iterator[None]:
    """Leave nothing in a folder that nothing has come into.

    The lock is held meanwhile: the files are nobody else's. Who waits for it finds it free, and
    perhaps no folder, and says so.
    """
    try:
        yield
    except BaseException:
        if not kept_bytes(pins, folder):
            empty = [part_of(folder / file_name(pin.id, pin.version)) for pin in pins]
            for file in (*empty, folder / _LOCK):
                with suppress(OSError):  # Windows removes no file that is open, as the lock is
                    file.unlink()
        raise
