"""Reading one package, which is a zip archive."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import PackageError

__all__ = ["Package", "open_package"]

_CHUNK = 1 << 20
# Everything that zipfile and zlib raise on an archive that is not sound.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Package:
    """An open package whose entries are all known to stay inside the folder they go to.

    Attributes:
        title: id and version, for messages.
        names: the entries that are files, as paths with ``/``.
    """

    __slots__ = ("_archive", "names", "title")

    def __init__(self, archive: zipfile.ZipFile, title: str) -> None:
        self._archive = archive
        self.title = title
        for entry in archive.infolist():
            # orig_filename, because filename was already tidied for this platform.
            _refuse_escape(entry.orig_filename, title)
        self.names = tuple(e.filename for e in archive.infolist() if not e.is_dir())

    def extract(self, name: str, target: Path) -> None:
        """Write an entry to a file, whose folders are made.

        Raises:
            PackageError: there is no such entry, or it is damaged; its checksum is compared.
            OSError: the file cannot be written.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            for chunk in self._chunks(name):
                stream.write(chunk)

    def read(self, name: str) -> bytes:
        """Read an entry whole; see `extract`."""
        return b"".join(self._chunks(name))

    def _chunks(self, name: str) -> Iterator[bytes]:
        if name not in self.names:
            raise PackageError(f"{self.title} has no {name}.")
        try:
            with self._archive.open(name) as entry:
                while chunk := entry.read(_CHUNK):
                    yield chunk
        except _DAMAGE as error:
            raise PackageError(f"{self.title} is damaged: {name}: {error}") from error


@contextmanager
def open_package(path: Path, title: str) -> Iterator[Package]:
    """Open a package and check every entry's name before any is read.

    Args:
        path: the ``.nupkg`` file.
        title: its id and version, for messages.

    Raises:
        PackageError: it is no archive, or an entry would land outside the folder it goes to.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise PackageError(f"{title} is damaged ({path}): {error}") from error
    with archive:
        yield Package(archive, title)


def _refuse_escape(name: str, package: str) -> None:
    outside = (
        name.startswith("/")
        or "\\" in name
        or "\0" in name
        or ":" in name  # a drive, or a second stream of a file on Windows
        or ".." in name.split("/")
    )
    if outside:
        raise PackageError(
            f"{package} is refused: its entry {name!r} would land outside the folder it goes to."
        )
