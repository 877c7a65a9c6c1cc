"""What a feed is: a place that delivers packages.

A feed only delivers. Whether what it delivered is the right package is decided by the `Sink`
that every byte goes through.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from .source import Source

__all__ = ["ANOTHER_SOURCE", "REPEAT", "Feed", "Sink"]

ANOTHER_SOURCE = (
    "Name another source, a folder of packages, the address of a v3 index or the host name of a "
    "package gallery:\n  psbridge setup --source FEED"
)
"""The next step where a source will not do."""

REPEAT = "Repeat it later:"
"""How the next step begins where trying again may help; a command follows on the next line."""


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
