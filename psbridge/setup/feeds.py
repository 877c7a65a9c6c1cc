"""Where packages come from: a folder of them, or a NuGet v3 feed.

A feed only delivers. Whether what it delivered is the right package is decided by the `Sink`
that every byte goes through.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..errors import FeedError
from . import versions
from .source import Source

__all__ = ["ANOTHER_SOURCE", "Feed", "FolderFeed", "Sink", "open_feed"]

_CHUNK = 1 << 20

ANOTHER_SOURCE = "Name another source:\n  psbridge setup --source FOLDER|URL"
"""The next step where a source will not do."""


class Sink(Protocol):
    """What follows a package's bytes as they arrive."""

    def restart(self) -> None:
        """Forget what arrived: the package comes once more from its start."""

    def add(self, chunk: bytes) -> None:
        """Take the next bytes; an exception stops the transfer."""


class Feed(Protocol):
    """A place that has packages. Ids are compared without letter case."""

    @property
    def source(self) -> Source:
        """The source this feed was made from."""

    def versions(self, package_id: str) -> list[str]:
        """List the versions of a package, the newest last; none if it is not there.

        Raises:
            FeedError: the feed cannot be read.
        """

    def fetch(self, package_id: str, version: str, folder: Path, sink: Sink) -> Path:
        """Get one package as a file.

        Args:
            package_id: in any letter case.
            version: in its normal form.
            folder: where a file may be written, if the feed is elsewhere. What an earlier
                attempt left there unfinished is given to `sink` first and not fetched again.
            sink: is given every byte, in order.

        Returns:
            The file, which lies in `folder` or in the feed itself.

        Raises:
            FeedError: the package is not there, or could not be read or downloaded.
        """

    def close(self) -> None:
        """Close the connections, if there are any."""


def open_feed(source: Source, tell: Callable[[str], None] | None = None) -> Feed:
    """Make the feed for a source; nothing is read or sent yet.

    Args:
        source: what is asked.
        tell: is told what a person who waits wants to know, such as another attempt.

    Raises:
        FeedError: the source cannot be used at all; see `Source.problem`.
    """
    problem = source.problem()
    if problem is not None:
        raise FeedError(
            f"The feed {source.shown} (from {source.origin}) is {problem}.", ANOTHER_SOURCE
        )
    if source.is_url:
        # Here, not above: requests takes a while to import, and a folder does without it.
        from .http_feed import HttpFeed

        return HttpFeed(source, tell)
    return FolderFeed(source)


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
