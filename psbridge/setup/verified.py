"""Getting pinned packages: from the first source that has them, and none but the pinned ones."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import FeedError, PackageError, ways_to_an_engine
from ..waiting import completed
from .downloads import describe_packages, file_name, kept_bytes, megabytes, part_of, size_of
from .feed import ANOTHER_SOURCE, REPEAT, Feed
from .feeds import open_feed
from .lockfile import Pin
from .progress import Progress
from .source import Source, sources_for

__all__ = ["fetch_all"]

_GO_ON = "What has arrived is kept; this goes on from there:"
_THREADS = 4
_CHUNK = 1 << 20


def fetch_all(
    pins: Sequence[Pin],
    sources: Sequence[Source],
    folder: Path,
    progress: Progress,
    optional: Mapping[Pin, Callable[[FeedError], None]] | None = None,
    command: str = "",
) -> Mapping[Pin, Path]:
    """Get packages, several at once, each compared with its pin as it arrives.

    Ctrl-C and errors leave in `folder` what has arrived, and the next call goes on from there,
    from whichever source: the pin decides. One process at a time may use the folder.

    Args:
        pins: the packages.
        sources: where to look, in this order.
        folder: an existing folder for what has to be downloaded; it may hold what earlier calls
            left there.
        progress: is told about every byte, those that were there already too.
        optional: packages that it goes without where no source has them, and what is told then.
        command: what a person types to repeat it; by default, `psbridge setup` with the source.

    Returns:
        The file of each package, in `folder` or in a folder feed.

    Raises:
        FeedError: no source has one of them; the message has each source's reason.
        PackageError: a source had another package under the same name. Beginnings of packages
            are thrown away then.
        OSError: a download could not be written.
    """
    optional = optional or {}
    wanted = [*pins, *optional]
    total = sum(pin.size for pin in wanted)
    kept = kept_bytes(wanted, folder)
    if not sources and kept_bytes(pins, folder) < sum(pin.size for pin in pins):
        raise _no_feed(pins)
    plural = "package" if len(wanted) == 1 else "packages"
    progress.begin(f"Fetching {len(wanted)} {plural}", len(wanted), total)
    if kept:
        progress.step(f"{megabytes(kept, total)} are here already")
    supply = _Supply(pins, sources, folder, progress, command)
    try:
        return _fetch_at_once(wanted, supply, optional)
    except PackageError:
        # What a source that lies has begun would spoil what the next one sends.
        for pin in wanted:
            part_of(folder / file_name(pin.id, pin.version)).unlink(missing_ok=True)
        raise


def _fetch_at_once(
    pins: Sequence[Pin], supply: _Supply, optional: Mapping[Pin, Callable[[FeedError], None]]
) -> Mapping[Pin, Path]:
    """Fetch packages side by side; when this is left, nothing is transferred any more."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="psbridge-fetch")
    found: dict[Pin, Path] = {}
    try:
        waiting = {pool.submit(supply.fetch, pin): pin for pin in pins}
        for future in completed(waiting):
            pin = waiting[future]
            try:
                found[pin] = future.result()
            except FeedError as error:
                if pin not in optional:
                    raise
                optional[pin](error)
    finally:
        # After an error or Ctrl-C the other transfers stop at once: no thread of the pool ever
        # waits for a network itself, but for a queue that `stop` wakes.
        supply.stop()
        pool.shutdown(cancel_futures=True)
    return found


class _Supply:
    """The feeds, opened once each, and what was wrong with those that cannot be."""

    def __init__(
        self,
        pins: Sequence[Pin],
        sources: Sequence[Source],
        folder: Path,
        progress: Progress,
        command: str,
    ) -> None:
        self._command = command
        self._pins = pins
        self._sources = sources
        self._folder = folder
        self._progress = progress
        self._stopped = threading.Event()
        self._feeds: dict[Source, Feed | FeedError] = {}
        for source in sources:
            try:
                self._feeds[source] = open_feed(source, progress.step)
            except FeedError as error:
                self._feeds[source] = error

    def stop(self) -> None:
        """Make every transfer that still runs end with an exception, and close the feeds."""
        self._stopped.set()
        for feed in self._feeds.values():
            if not isinstance(feed, FeedError):
                feed.close()

    def fetch(self, pin: Pin) -> Path:
        """Get one package: what is kept of it, and the rest from the first source that has it."""
        file = self._kept(pin) or self._fetched(pin)
        self._progress.finished(pin.title)
        return file

    def _kept(self, pin: Pin) -> Path | None:
        """Give the file in the folder if it is complete and right; remove it if it is wrong."""
        file = self._folder / file_name(pin.id, pin.version)
        part = part_of(file)
        size, beginning = size_of(file), size_of(part)
        if size is None and (beginning or 0) >= pin.size:
            part.replace(file)  # interrupted in its last moment
        elif size is None:
            return None
        check = _Check(pin, str(self._folder), self._progress, self._stopped)
        try:
            with file.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    check.add(chunk)
            check.finish()
        except PackageError:
            check.restart()
            file.unlink()
            self._progress.step(f"{file} is not the package that is pinned; fetching it again")
            return None
        return file

    def _fetched(self, pin: Pin) -> Path:
        """Get a package from the first source that has it."""
        reasons: list[FeedError | PackageError] = []
        for source in sources_for(pin.id, self._sources):
            feed = self._feeds[source]
            try:
                if isinstance(feed, FeedError):
                    raise feed
                return self._from(feed, pin)
            except (FeedError, PackageError) as error:
                # Another source may have the right one.
                reasons.append(error)
        if not self._sources:
            raise _no_feed(self._pins)
        raise _nowhere(pin, reasons, self._next_step)

    def _next_step(self, step: str) -> str:
        """Say of a step that repeats it what is true here: what is kept, and what to type."""
        if not step.startswith(REPEAT):
            return step
        kept = kept_bytes(self._pins, self._folder)
        command = self._command or step.removeprefix(REPEAT).strip()
        return f"{_GO_ON if kept else REPEAT}\n  {command}"

    def _from(self, feed: Feed, pin: Pin) -> Path:
        part = part_of(self._folder / file_name(pin.id, pin.version))
        for again in (True, False):
            check = _Check(pin, feed.source.shown, self._progress, self._stopped)
            kept = size_of(part) or 0
            try:
                file = feed.fetch(pin.id, pin.version, self._folder, check)
                check.finish()
            except PackageError:
                mixed = kept or check.starts > 1
                check.restart()
                for place in (part, part.with_suffix("")):
                    place.unlink(missing_ok=True)
                # Of two halves that do not fit, the one that was there may be the wrong one.
                if again and mixed:
                    self._progress.step(f"What was kept of {pin.title} does not fit; it comes anew")
                    continue
                raise
            except FeedError:
                check.restart()  # what has arrived counts for the next source that goes on
                raise
            return file
        raise AssertionError("the second attempt returns or raises")


def _no_feed(pins: Sequence[Pin]) -> FeedError:
    return FeedError(
        "No NuGet feed is configured, so no engine can be fetched.",
        ways_to_an_engine(describe_packages(pins)),
    )


def _nowhere(
    pin: Pin, reasons: Sequence[FeedError | PackageError], made_true: Callable[[str], str]
) -> FeedError | PackageError:
    """Put together why no source gave a package: the cause first, and what to do at the end."""
    wrong = [reason for reason in reasons if isinstance(reason, PackageError)]
    kind = PackageError if wrong else FeedError
    causes = list(dict.fromkeys(reason.cause for reason in reasons))
    steps = list(dict.fromkeys(reason.next_step for reason in reasons))
    next_step = made_true(steps[0]) if len(steps) == 1 and steps[0] else ANOTHER_SOURCE
    if not causes:
        return FeedError(
            f"No source is mapped to {pin.title}: the package source mapping names none for it.",
            ANOTHER_SOURCE,
        )
    if len(causes) == 1:
        return kind(causes[0], next_step)
    listed = "".join("\n  - " + cause.replace("\n", "\n    ") for cause in causes)
    if wrong:
        return kind(f"No feed has the package that is pinned, {pin.title}:{listed}", next_step)
    return kind(f"No feed has the package {pin.title}:{listed}", next_step)


class _Check:
    """Compares a package with its pin while it arrives; see `Sink`."""

    def __init__(self, pin: Pin, place: str, progress: Progress, stopped: threading.Event) -> None:
        self._pin = pin
        self._place = place
        self._progress = progress
        self._stopped = stopped
        self.starts = 0
        self._size = 0
        self._hash = hashlib.sha512()

    def restart(self) -> None:
        """Begin anew."""
        self.starts += 1
        self._progress.advanced(self._pin.title, -self._size)
        self._size = 0
        self._hash = hashlib.sha512()

    def add(self, chunk: bytes) -> None:
        """Take the next bytes, unless there are too many already."""
        if self._stopped.is_set():
            raise FeedError("The transfer was stopped.")
        if self._size + len(chunk) > self._pin.size:
            self._refuse(f"it is larger than the pinned {self._pin.size:,} bytes")
        self._size += len(chunk)
        self._hash.update(chunk)
        self._progress.advanced(self._pin.title, len(chunk))

    def finish(self) -> None:
        """Compare size and hash."""
        if self._size != self._pin.size:
            self._refuse(f"it has {self._size:,} bytes instead of {self._pin.size:,}")
        if base64.b64encode(self._hash.digest()).decode() != self._pin.sha512:
            self._refuse("it has another SHA-512 than the lock file")

    def _refuse(self, what: str) -> None:
        raise PackageError(
            f"A wrong package from {self._place}: {self._pin.title} is not the package that is "
            f"pinned: {what}. It is not used.",
            ANOTHER_SOURCE,
        )
