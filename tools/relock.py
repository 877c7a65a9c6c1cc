"""For maintainers: write the lock file of our own copy anew from a NuGet feed.

python tools/relock.py --source FOLDER|URL [--powershell 7.6.9] [--check]

It takes the newest PowerShell, and for each platform the newest runtime, host and crossgen2 of its
.NET. A platform that the feed has no runtime or host for keeps those that are locked.
"""

from __future__ import annotations

import argparse
import base64
import difflib
import hashlib
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from psbridge.errors import EngineError, FeedError, PackageError
from psbridge.setup import versions
from psbridge.setup.feed import Feed
from psbridge.setup.feeds import open_feed
from psbridge.setup.lockfile import LOCK_FILE, Lock, Pin, PlatformLock, load_lock
from psbridge.setup.nuget_config import sources
from psbridge.setup.packages import open_package
from psbridge.setup.platforms import PLATFORMS

__all__ = ["main", "make_lock"]

_PACK = "Microsoft.NETCore.App"


class _Depot:
    """A feed whose packages are measured, each once."""

    def __init__(self, feed: Feed, folder: Path) -> None:
        self.feed = feed
        self.folder = folder
        self.size = 0

    def newest(self, package_id: str, prefix: str = "") -> Pin | None:
        """Pin the newest version that begins so, a release if there is one; None if none is."""
        known = [text for text in self.feed.versions(package_id) if text.startswith(prefix)]
        releases = [text for text in known if not versions.is_prerelease(text)]
        return self.pin(package_id, (releases or known)[-1]) if known else None

    def pin(self, package_id: str, version: str) -> Pin:
        """Pin a package as the feed has it."""
        self.file = self.feed.fetch(package_id, version, self.folder, self)
        digest = base64.b64encode(self._hash.digest()).decode()
        return Pin(package_id, version, digest, self.size)

    def restart(self) -> None:
        """Begin to measure; see `Sink`."""
        self.size, self._hash = 0, hashlib.sha512()

    def add(self, chunk: bytes) -> None:
        """Measure; see `Sink`."""
        self.size += len(chunk)
        self._hash.update(chunk)


def make_lock(feed: Feed, folder: Path, locked: Lock, powershell: str | None = None) -> Lock:
    """Choose the packages of every platform.

    Args:
        feed: where the packages are.
        folder: an existing folder for what has to be downloaded.
        locked: what is locked now; kept where the feed lacks a platform.
        powershell: the version of PowerShell; the newest if None.

    Raises:
        FeedError: the feed has no PowerShell, or a platform is neither in it nor locked.
        PackageError: the package PowerShell cannot be read.
    """
    depot = _Depot(feed, folder)
    tool = depot.pin("PowerShell", powershell) if powershell else depot.newest("PowerShell")
    if tool is None:
        raise FeedError(f"{feed.source.shown} does not have PowerShell.")
    line = _line_of_dotnet(depot.file, tool)
    platforms = {}
    for rid in PLATFORMS:
        earlier = locked.platforms.get(rid)
        runtime = depot.newest(f"{_PACK}.Runtime.{rid}", line)
        host = depot.newest(f"{_PACK}.Host.{rid}", line)
        if runtime is not None and host is not None:
            crossgen2 = depot.newest(f"{_PACK}.Crossgen2.{rid}", line)
        elif earlier is not None and earlier.dotnet.startswith(line):
            runtime, host, crossgen2 = earlier.runtime, earlier.host, earlier.crossgen2
        else:
            raise FeedError(f"{feed.source.shown} has no .NET {line}* for {rid}; none is locked.")
        platforms[rid] = PlatformLock.make(rid, tool, runtime, host, crossgen2)
    return Lock(platforms)


def _line_of_dotnet(file: Path, tool: Pin) -> str:
    """Tell which .NET a PowerShell is built for: ``10.0.``, as its folders are named."""
    with open_package(file, tool.title) as package:
        for name in package.names:
            if match := re.match(r"tools/net(\d+\.\d+)/any/unix/pwsh\.dll$", name):
                return f"{match[1]}."
    raise PackageError(f"{tool.title} has no pwsh.dll, so it is not PowerShell's dotnet tool.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 after an error, or where ``--check`` found a difference."""
    parser = argparse.ArgumentParser(description="Write the lock file anew from a NuGet feed.")
    parser.add_argument("--source", required=True, help="a folder of packages or a v3 index")
    parser.add_argument("--powershell", help="version of PowerShell; default: the newest")
    parser.add_argument("--check", action="store_true", help="only compare; exit code 1 if unequal")
    options = parser.parse_args(arguments)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="psbridge-relock-") as folder,
            closing(open_feed(sources(options.source)[0])) as feed,
        ):
            lock = make_lock(feed, Path(folder), load_lock(), options.powershell)
    except EngineError as error:
        print(error.cause, file=sys.stderr)
        return 1
    before, after = LOCK_FILE.read_text(encoding="utf-8"), lock.to_json()
    for text in difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1):
        print(text)
    if options.check:
        return int(before != after)
    LOCK_FILE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
