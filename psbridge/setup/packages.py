"""Reading one package: a zip archive with a description (``.nuspec``) in its root."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..errors import PackageError

__all__ = ["Dependency", "Package", "open_package"]

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


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another package that a package asks for."""

    id: str
    requirement: str


class Package:
    """An open package whose entries are all known to stay inside the folder they go to.

    Attributes:
        id: as the lock file or the description writes it.
        version: in its normal form.
        names: the entries that are files, as paths with ``/``.
    """

    __slots__ = ("_archive", "id", "names", "path", "version")

    def __init__(self, archive: zipfile.ZipFile, package_id: str, version: str) -> None:
        self._archive = archive
        self.id = package_id
        self.version = version
        self.path = Path(archive.filename or "")
        for entry in archive.infolist():
            # orig_filename, because filename was already tidied for this platform.
            _refuse_escape(entry.orig_filename, self.title)
        self.names = tuple(e.filename for e in archive.infolist() if not e.is_dir())

    @property
    def title(self) -> str:
        """Id and version, for messages."""
        return f"{self.id} {self.version}"

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read an entry piece by piece.

        Raises:
            PackageError: the entry is damaged; its checksum is compared at the end.
        """
        try:
            with self._archive.open(name) as entry:
                while chunk := entry.read(_CHUNK):
                    yield chunk
        except _DAMAGE as error:
            raise PackageError(f"{self.title} is damaged: {name}: {error}") from error

    def read(self, name: str) -> bytes:
        """Read an entry whole; see `chunks`."""
        return b"".join(self.chunks(name))

    def checksum(self, name: str) -> tuple[int, int]:
        """Give CRC-32 and size of an entry, as the archive states them."""
        entry = self._archive.getinfo(name)
        return entry.CRC, entry.file_size

    def dependencies(self, choose_framework: Callable[[list[str]], str | None]) -> list[Dependency]:
        """List what this package asks for.

        Args:
            choose_framework: picks one of the frameworks that have a group of their own.

        Raises:
            PackageError: the package has no description that can be read.
        """
        root = self._nuspec()
        groups = {
            group.get("targetFramework", ""): list(group.iterfind("{*}dependency"))
            for group in root.iterfind("{*}metadata/{*}dependencies/{*}group")
        }
        chosen = choose_framework(list(groups)) if groups else None
        found = groups[chosen] if chosen is not None else groups.get("", [])
        found = [*found, *root.iterfind("{*}metadata/{*}dependencies/{*}dependency")]
        return [Dependency(d.get("id", ""), d.get("version", "")) for d in found]

    def _nuspec(self) -> ElementTree.Element:
        for name in self.names:
            if "/" not in name and name.lower().endswith(".nuspec"):
                try:
                    return ElementTree.fromstring(self.read(name))
                except ElementTree.ParseError as error:
                    raise PackageError(f"{self.title}: {name} is not sound: {error}") from error
        raise PackageError(f"{self.title} has no .nuspec, so it is not a NuGet package.")


@contextmanager
def open_package(path: Path, package_id: str, version: str) -> Iterator[Package]:
    """Open a package and check every entry's name before any is read.

    Args:
        path: the ``.nupkg`` file.
        package_id: its id, for messages.
        version: its version in normal form, likewise.

    Raises:
        PackageError: it is no archive, or an entry would land outside the folder it goes to.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise PackageError(f"{package_id} {version} is damaged ({path}): {error}") from error
    with archive:
        yield Package(archive, package_id, version)


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
