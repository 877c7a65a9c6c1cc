"""Getting pinned packages: from the first source that has them, and none but the pinned ones."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from ..errors import FeedError, PackageError
from .feeds import Feed, open_feed
from .lockfile import Pin
from .progress import Progress
from .source import Source, sources_for

__all__ = ["fetch_all"]

_THREADS = 4


def fetch_all(
    pins: Sequence[Pin], sources: Sequence[Source], folder: Path, progress: Progress
) -> Mapping[Pin, Path]:
    """Get packages, several at once, each compared with its pin as it arrives.

    Args:
        pins: the packages.
        sources: where to look, in this order.
        folder: an existing folder for what has to be downloaded.
        progress: is told about every byte.

    Returns:
        The file of each package, in `folder` or in a folder feed.

    Raises:
        FeedError: no source has one of them; the message has each source's reason.
        PackageError: a source had another package under the same name.
        OSError: a download could not be written.
    """
    if not sources:
        raise FeedError(
            "No NuGet feed is configured, so no engine can be fetched. Name one with "
            "`psbridge setup --source FOLDER|URL` or in a nuget.config."
        )
    supply = _Supply(sources, folder, progress)
    plural = "package" if len(pins) == 1 else "packages"
    size = sum(pin.size for pin in pins)
    progress.begin(f"Fetching {len(pins)} {plural}", len(pins), size)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="psbridge-fetch")
    try:
        waiting = {pool.submit(supply.fetch, pin): pin for pin in pins}
        done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        return {pin: future.result() for future, pin in waiting.items()}
    finally:
        # After an error or Ctrl-C the other transfers stop at their next piece, so that leaving
        # does not take as long as a download.
        supply.stop()
        pool.shutdown(cancel_futures=True)
        supply.close()


class _Supply:
    """The feeds, opened once each, and what was wrong with those that cannot be."""

    def __init__(self, sources: Sequence[Source], folder: Path, progress: Progress) -> None:
        self._sources = sources
        self._folder = folder
        self._progress = progress
        self._stopped = threading.Event()
        self._feeds: dict[Source, Feed | FeedError] = {}
        for source in sources:
            try:
                self._feeds[source] = open_feed(source)
            except FeedError as error:
                self._feeds[source] = error

    def stop(self) -> None:
        """Make every transfer that still runs end with an exception."""
        self._stopped.set()

    def close(self) -> None:
        """Close the feeds."""
        for feed in self._feeds.values():
            if not isinstance(feed, FeedError):
                feed.close()

    def fetch(self, pin: Pin) -> Path:
        """Get one package from the first source that has it."""
        reasons: list[str] = []
        refused = False
        for source in sources_for(pin.id, self._sources):
            feed = self._feeds[source]
            try:
                if isinstance(feed, FeedError):
                    raise feed
                check = _Check(pin, feed.source, self._progress, self._stopped)
                file = feed.fetch(pin.id, pin.version, self._folder, check)
                check.finish()
            except PackageError as error:
                # Another source may have the right one; being wrong is what to report, though.
                refused = True
                reasons.append(str(error))
            except FeedError as error:
                reasons.append(str(error))
            else:
                self._progress.finished(pin.title)
                return file
        if not reasons:
            reasons.append("the package source mapping names no source for it")
        listed = "".join(f"\n  - {reason}" for reason in reasons)
        if refused:
            raise PackageError(f"{pin.title} is not the package that is pinned:{listed}")
        raise FeedError(f"{pin.title} was found in none of the feeds:{listed}")


class _Check:
    """Compares a package with its pin while it arrives; see `Sink`."""

    def __init__(
        self, pin: Pin, source: Source, progress: Progress, stopped: threading.Event
    ) -> None:
        self._pin = pin
        self._source = source
        self._progress = progress
        self._stopped = stopped
        self._size = 0
        self._hash = hashlib.sha512()

    def restart(self) -> None:
        """Begin anew."""
        self._progress.advanced(self._pin.title, -self._size)
        self._size = 0
        self._hash = hashlib.sha512()

    def add(self, chunk: bytes) -> None:
        """Take the next bytes, unless there are too many already."""
        if self._stopped.is_set():
            raise FeedError("The transfer was stopped.")
        self._size += len(chunk)
        if self._size > self._pin.size:
            self._refuse(f"is larger than the pinned {self._pin.size:,} bytes")
        self._hash.update(chunk)
        self._progress.advanced(self._pin.title, len(chunk))

    def finish(self) -> None:
        """Compare size and hash."""
        if self._size != self._pin.size:
            self._refuse(f"has {self._size:,} bytes instead of {self._pin.size:,}")
        if base64.b64encode(self._hash.digest()).decode() != self._pin.sha512:
            self._refuse("has another SHA-512 than the lock file")

    def _refuse(self, what: str) -> None:
        raise PackageError(f"{self._pin.title} from {self._source.shown} {what}; it is not used.")
