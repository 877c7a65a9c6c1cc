"""A NuGet v3 feed over HTTPS.

requests is here anyway, as pywinrm needs it, so it is used for this as well. What it does beyond
the standard library: proxies, certificate bundles, and credentials that are not sent on to
another host after a redirect. Attempts are counted here and not by its pool, for people see them,
and a download goes on where it broke off.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ..errors import FeedError
from . import versions
from .downloads import file_name, open_part, part_of, size_of
from .feed import Sink
from .galleries import is_index, usual_places
from .http_client import HttpClient, Patience
from .http_errors import FeedTrouble
from .source import Source, redact
from .transfer import ENOUGH

__all__ = ["HttpFeed"]

_CHUNK = 1 << 20
_LARGEST_LIST = 1 << 25  # bytes of JSON
_RESOURCE = "PackageBaseAddress/3.0.0"


class HttpFeed:
    """Packages behind the address of a v3 service index, or of the site that has it; see `Feed`.

    Safe to use from several threads: the index is read once, under a lock, and what requests
    shares between threads then is its connection pool, which is made for that.

    Args:
        source: the feed.
        tell: is told what a person who waits wants to know, such as another attempt.
        patience: how long the feed is waited for.
    """

    def __init__(
        self,
        source: Source,
        tell: Callable[[str], None] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._client = HttpClient(source, tell or (lambda _text: None), patience or Patience())
        self._host = urlsplit(source.location).netloc
        self._lock = threading.Lock()
        self._base: str | None = None
        self._failure: FeedError | None = None

    @property
    def source(self) -> Source:
        """The source this feed was made from, with the address of its index once it is found."""
        return self._client.source

    def versions(self, package_id: str) -> list[str]:
        """List the versions of a package; see `Feed`."""
        what = f"the versions of {package_id}"
        address = f"{self._packages()}{package_id.lower()}/index.json"
        try:
            listed = self._json(address, what).get("versions")
        except FeedTrouble as trouble:
            if trouble.status == 404:
                return []
            raise
        if not isinstance(listed, list):
            raise FeedTrouble(f"The feed {self.source.shown} gave no list for {what}.")
        known = {versions.normalize(text) for text in map(str, listed) if versions.is_version(text)}
        return sorted(known, key=versions.sort_key)

    def fetch(self, package_id: str, version: str, folder: Path, sink: Sink) -> Path:
        """Download a package into a folder; see `Feed`.

        What is there already, under the name of the package and ``.part``, is not fetched again.
        """
        name = file_name(package_id, version)
        number = versions.normalize(version).lower()
        address = f"{self._packages()}{package_id.lower()}/{number}/{name}"
        file, what = folder / name, f"{package_id} {version}"
        part = part_of(file)
        failed, farthest = 0, size_of(part) or 0
        while True:
            try:
                self._go_on(address, what, part, sink)
                break
            except FeedTrouble as trouble:
                size = size_of(part) or 0
                if size >= farthest + ENOUGH:
                    failed, farthest = 0, size
                failed += 1
                try:
                    self._client.again(trouble, failed)
                except FeedTrouble as final:
                    if final.everywhere:
                        self._failure = final  # so that the next package does not wait for it
                    raise
        return part.replace(file)

    def close(self) -> None:
        """Close the connections and stop the transfers that run; see `Feed`."""
        self._client.close()

    def _go_on(self, address: str, what: str, part: Path, sink: Sink) -> None:
        """Download the rest of a package: all of it, if the feed does not give the rest alone."""
        sink.restart()
        with open_part(part) as stream:
            have = 0
            while chunk := stream.read(_CHUNK):
                sink.add(chunk)
                have += len(chunk)
            if have and self._receive(address, what, have, sink, stream):
                return
            self._receive(address, what, 0, sink, stream)

    def _receive(self, address: str, what: str, have: int, sink: Sink, stream: BinaryIO) -> bool:
        """Download a package from a byte on; gives False if the feed cannot begin there."""
        with self._client.ask(address, what, have) as answer:
            if answer.status not in ((200, 206, 416) if have else (200,)):
                raise answer.refusal()
            if have and not (answer.status == 206 and answer.continues(have)):
                sink.restart()
                stream.seek(0)
                stream.truncate()
                if answer.status != 200:
                    return False
            for piece in answer.pieces():
                sink.add(piece)
                stream.write(piece)
        return True

    def _packages(self) -> str:
        """Find, once, the address that packages are under."""
        with self._lock:
            # A feed that is down is asked once, not once a package.
            if self._failure is not None:
                raise self._failure
            if self._base is None:
                try:
                    self._base = self._find_index()
                except FeedError as failure:
                    self._failure = failure
                    raise
            return self._base

    def _find_index(self) -> str:
        if problem := self.source.credentials_problem:
            raise FeedTrouble(f"The feed {self.source.shown}: {problem}.")
        address = self.source.location
        if is_index(address):
            return self._read_index(address, self._client.patience.attempts)
        end = time.monotonic() + self._client.patience.longest
        down: set[str] = set()
        tried: list[tuple[str, FeedTrouble]] = []
        for place in usual_places(address):
            host = urlsplit(place).netloc
            if host in down or time.monotonic() > end:
                continue
            try:
                # The first one shows whether the site answers; the others are guesses.
                base = self._read_index(place, 1 if tried else self._client.patience.attempts)
            except FeedTrouble as trouble:
                if trouble.silent and host == self._host:
                    raise  # the other places would take as long
                if trouble.everywhere:
                    down.add(host)
                tried.append((place, trouble))
                continue
            self._found(place)
            return base
        raise self._nowhere(tried)

    def _read_index(self, address: str, attempts: int) -> str:
        what = "its service index"
        resources = self._json(address, what, attempts).get("resources")
        for resource in resources if isinstance(resources, list) else ():
            if isinstance(resource, dict) and _RESOURCE in _as_list(resource.get("@type")):
                base = str(resource.get("@id", ""))
                return base if base.endswith("/") else f"{base}/"
        raise FeedTrouble(
            f"{self.source.shown} is no NuGet v3 feed: its index names no {_RESOURCE}.",
            brief="no NuGet v3 index",
        )

    def _found(self, place: str) -> None:
        """Go on with the index that was found at a site."""
        if urlsplit(place).netloc != urlsplit(self.source.location).netloc:
            self._client.forget_credentials()  # they were given for the site that was named
        if place != self.source.location:
            self._client.tell(f"The feed of {self.source.shown} is {redact(place)}")
        self._client.source = replace(self.source, location=place)

    def _nowhere(self, tried: list[tuple[str, FeedTrouble]]) -> FeedError:
        troubles = [trouble for _, trouble in tried]
        locked = [trouble for trouble in troubles if trouble.status in (401, 403)]
        if locked or all(trouble.everywhere for trouble in troubles):
            return (locked or troubles)[0]
        listed = "".join(f"\n  - {redact(place)}: {trouble.brief}" for place, trouble in tried)
        return FeedTrouble(
            f"No NuGet feed was found at {self.source.shown} (from {self.source.origin}). "
            f"Tried:{listed}",
            "Name the address of its v3 index:\n"
            f"  psbridge setup --source {redact(self.source.location).rstrip('/')}/.../index.json",
        )

    def _json(self, address: str, what: str, attempts: int | None = None) -> dict[str, Any]:
        failed = 0
        # A place that is a guess may be on another host than the credentials are for.
        guess = self._base is None and urlsplit(address).netloc != self._host
        while True:
            try:
                with self._client.ask(address, what, anonymous=guess) as answer:
                    if answer.status != 200:
                        raise answer.refusal()
                    text = b""
                    for piece in answer.pieces():
                        text += piece
                        if len(text) > _LARGEST_LIST:
                            break
                break
            except FeedTrouble as trouble:
                failed += 1
                self._client.again(trouble, failed, attempts)
        try:
            content = json.loads(text)
        except ValueError as error:
            raise FeedTrouble(
                f"The feed {self.source.shown} did not give {what} as JSON; a v3 feed is wanted.",
                brief="no NuGet v3 index",
            ) from error
        return content if isinstance(content, dict) else {}


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
