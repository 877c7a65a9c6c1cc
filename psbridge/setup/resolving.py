"""Which packages an engine needs, found out from a feed; for ``relock`` only."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import FeedError
from . import versions
from .feeds import Feed
from .frameworks import best_framework, framework_of
from .host_files import runtime_pack
from .layout import host_pack, select
from .lockfile import Pin
from .packages import Dependency, Package, open_package

__all__ = ["ENGINE", "ROSLYN", "Depot", "newest", "resolve"]

ENGINE = "System.Management.Automation"
ROSLYN = "Microsoft.CodeAnalysis.CSharp"

# Only for compiling, with nothing in it that runs: no use to a finished program.
_BUILD_ONLY = frozenset({"microsoft.codeanalysis.analyzers"})


class Depot:
    """The packages of one feed, each fetched and hashed once."""

    def __init__(self, feed: Feed, folder: Path) -> None:
        self.feed = feed
        self._folder = folder
        self._fetched: dict[tuple[str, str], tuple[Pin, Path]] = {}

    @contextmanager
    def open(self, package_id: str, version: str) -> Iterator[Package]:
        """Open a package; see `open_package`."""
        _, file = self._fetch(package_id, version)
        with open_package(file, package_id, version) as package:
            yield package

    def pin(self, package_id: str, version: str) -> Pin:
        """Give size and hash of a package."""
        return self._fetch(package_id, version)[0]

    def _fetch(self, package_id: str, version: str) -> tuple[Pin, Path]:
        key = package_id.lower(), version
        if key not in self._fetched:
            sink = _Measure()
            file = self.feed.fetch(package_id, version, self._folder, sink)
            digest = base64.b64encode(sink.hash.digest()).decode()
            self._fetched[key] = Pin(package_id, version, digest, sink.size), file
        return self._fetched[key]


class _Measure:
    """Measures a package while it arrives; see `Sink`."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self.size, self.hash = 0, hashlib.sha512()

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        self.hash.update(chunk)


def newest(feed: Feed, package_id: str, prefix: str = "") -> str | None:
    """Give the newest version of a package, a release if there is one.

    Args:
        feed: where to look.
        package_id: the package.
        prefix: only versions that begin with this, such as ``10.0.``.
    """
    known = [version for version in feed.versions(package_id) if version.startswith(prefix)]
    releases = [version for version in known if not versions.is_prerelease(version)]
    return (releases or known)[-1] if known else None


def resolve(depot: Depot, rid: str, *, powershell: str, dotnet: str, roslyn: str) -> list[Pin]:
    """Find the packages for a platform.

    The dependencies are followed as NuGet follows them: of all versions asked for the highest
    is taken. Left out is what the runtime has itself, what is for another system, and what has
    no file for this platform.

    Args:
        depot: the packages.
        rid: the platform.
        powershell: the version of the engine.
        dotnet: the version of the runtime and the host.
        roslyn: the version of the compiler.

    Raises:
        FeedError: a package is not in the feed; the platform cannot be locked from it then.
        PackageError: a package cannot be read.
    """
    framework = framework_of(dotnet)
    runtime = runtime_pack(rid)
    with depot.open(runtime, dotnet) as package:
        inbox = {file.target.lower() for file in select(package, rid, framework)}
    pins = [depot.pin(host_pack(rid), dotnet), depot.pin(runtime, dotnet)]

    def left_out(dependency: Dependency) -> bool:
        key = dependency.id.lower()
        other_system = ".runtime.unix" if rid.startswith("win-") else ".runtime.win"
        if key in _BUILD_ONLY or key.endswith(other_system):
            return True
        asked = versions.lowest_allowed(dependency.requirement)
        # As the SDK prunes: the runtime has an assembly of that name and is not older.
        return f"{key}.dll" in inbox and versions.sort_key(asked) <= versions.sort_key(dotnet)

    chosen = {ENGINE.lower(): (ENGINE, powershell), ROSLYN.lower(): (ROSLYN, roslyn)}
    queue = list(chosen)
    while queue:
        with depot.open(*chosen[queue.pop()]) as package:
            asked_for = package.dependencies(lambda groups: best_framework(groups, framework))
        for dependency in asked_for:
            if left_out(dependency):
                continue
            key, version = dependency.id.lower(), _lowest(depot.feed, dependency)
            known = chosen.get(key)
            if known is None or versions.sort_key(version) > versions.sort_key(known[1]):
                chosen[key] = (dependency.id, version)
                queue.append(key)
    for package_id, version in chosen.values():
        with depot.open(package_id, version) as package:
            if select(package, rid, framework):
                pins.append(depot.pin(package_id, version))
    return sorted(pins, key=lambda pin: pin.id.lower())


def _lowest(feed: Feed, dependency: Dependency) -> str:
    lowest = versions.sort_key(versions.lowest_allowed(dependency.requirement))
    for version in feed.versions(dependency.id):
        if versions.sort_key(version) >= lowest:
            return version
    raise FeedError(
        f"{dependency.id} {dependency.requirement} is not in the feed {feed.source.shown}."
    )
