"""Packages in a folder."""

from __future__ import annotations

from pathlib import Path

from ..errors import FeedError
from . import versions
from .feed import ANOTHER_SOURCE, Sink
from .source import Source

__all__ = ["FolderFeed"]

_CHUNK = 1 << 20


class FolderFeed:
    """Packages in a folder: ``ID.VERSION.nupkg`` in it, or ``ID/VERSION/ID.VERSION.nupkg``."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._folder = Path(source.location)
        self._entries: list[Path] | None = None

    def versions(self, package_id: str) -> list[str]:
        """List the versions of a package; see `Feed`."""
        return sorted(self._find(package_id), key=versions.sort_key)

    def fetch(self, package_id: str, version: str, folder: Path, sink: Sink) -> Path:
        """Read a package where it lies; see `Feed`."""
        file = self._find(package_id).get(versions.normalize(version))
        if file is None:
            raise FeedError(
                f"The folder {self._folder} does not have {package_id} {version}.", ANOTHER_SOURCE
            )
        sink.restart()
        try:
            with file.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    sink.add(chunk)
        except OSError as error:
            raise FeedError(
                f"The file {file} cannot be read: {error.strerror}.", ANOTHER_SOURCE
            ) from error
        return file

    def close(self) -> None:
        """Do nothing: nothing stays open."""

    def _find(self, package_id: str) -> dict[str, Path]:
        """Find the files of a package, by version."""
        wanted = package_id.lower()
        if self._entries is None:
            self._entries = self._list(self._folder)
        found: dict[str, Path] = {}
        for entry in self._entries:
            name = entry.name.lower()
            if name == wanted:
                for folder in self._list(entry):
                    _keep(found, folder.name, self._nupkg(folder, wanted))
            elif name.startswith(f"{wanted}.") and name.endswith(".nupkg"):
                _keep(found, name[len(wanted) + 1 : -len(".nupkg")], entry)
        return found

    def _nupkg(self, folder: Path, wanted: str) -> Path | None:
        if not versions.is_version(folder.name):
            return None
        name = f"{wanted}.{folder.name.lower()}.nupkg"
        return next((file for file in self._list(folder) if file.name.lower() == name), None)

    def _list(self, folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except NotADirectoryError:
            return []
        except OSError as error:
            raise FeedError(
                f"The feed folder {folder} cannot be read: {error.strerror}.", ANOTHER_SOURCE
            ) from error


def _keep(found: dict[str, Path], version: str, file: Path | None) -> None:
    # What follows the id may belong to a longer id: Some.Package is not Some.Package.Extra.
    if file is not None and versions.is_version(version):
        found.setdefault(versions.normalize(version), file)
