"""For maintainers: write the lock file anew from a feed.

python -m psbridge.setup.relock --source FOLDER|URL [--powershell 7.6.9] [--check]
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ..errors import EngineError, FeedError
from . import versions
from .feeds import Feed, open_feed
from .frameworks import PLATFORMS, best_framework
from .host_files import runtime_pack
from .lockfile import LOCK_FILE, Lock
from .nuget_config import sources
from .resolving import ENGINE, ROSLYN, Depot, newest, resolve

__all__ = ["main", "make_lock"]


def make_lock(
    feed: Feed, folder: Path, *, powershell: str | None = None, roslyn: str | None = None
) -> tuple[Lock, dict[str, str]]:
    """Choose versions and packages for every platform that the feed has them for.

    Args:
        feed: where the packages are.
        folder: an existing folder for what has to be downloaded.
        powershell: the version of the engine; the newest if None.
        roslyn: the version of the compiler; the newest if None.

    Returns:
        The lock, and for each platform that is not in it the reason.

    Raises:
        FeedError: the feed has no engine, no compiler or no runtime at all.
        PackageError: a package cannot be read.
    """
    depot = Depot(feed, folder)
    powershell = powershell or _needed(feed, ENGINE)
    roslyn = roslyn or _needed(feed, ROSLYN)
    framework = _engine_framework(depot, powershell)
    line = framework.removeprefix("net") + "."
    runtimes = {rid: newest(feed, runtime_pack(rid), line) for rid in PLATFORMS}
    known = [version for version in runtimes.values() if version is not None]
    if not known:
        raise FeedError(
            f"{feed.source.shown} has no .NET {line}* runtime for any of: {', '.join(PLATFORMS)}."
        )
    # One version for all platforms: a program must not behave differently on another system.
    dotnet = max(known, key=versions.sort_key)
    platforms, absent = {}, {}
    for rid in PLATFORMS:
        try:
            platforms[rid] = tuple(
                resolve(depot, rid, powershell=powershell, dotnet=dotnet, roslyn=roslyn)
            )
        except FeedError as error:
            absent[rid] = str(error)
    return Lock(powershell, dotnet, platforms), absent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module.

    Returns:
        0, or 1 after an error or where ``--check`` found a difference.
    """
    parser = argparse.ArgumentParser(
        prog="python -m psbridge.setup.relock",
        description="Write the lock file of the engine's packages anew from a NuGet feed.",
    )
    parser.add_argument("--source", required=True, help="a folder of packages or a v3 index")
    parser.add_argument("--powershell", help="version of the engine; default: the newest")
    parser.add_argument("--roslyn", help="version of the C# compiler; default: the newest")
    parser.add_argument("--check", action="store_true", help="only compare; exit code 1 if unequal")
    parser.add_argument("--output", type=Path, default=LOCK_FILE, help="default: psbridge's own")
    options = parser.parse_args(arguments)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="psbridge-relock-") as folder,
            closing(open_feed(sources(options.source)[0])) as feed,
        ):
            lock, absent = make_lock(
                feed,
                Path(folder),
                powershell=options.powershell,
                roslyn=options.roslyn,
            )
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    for rid, reason in absent.items():
        print(f"{rid} is left out: {reason}", file=sys.stderr)
    if not lock.platforms:
        print("No platform is complete in this feed; nothing is written.", file=sys.stderr)
        return 1
    return _compare(lock, options.output) if options.check else _write(lock, options.output)


def _compare(lock: Lock, file: Path) -> int:
    there = file.read_text(encoding="utf-8") if file.is_file() else ""
    difference = difflib.unified_diff(
        there.splitlines(), lock.to_json().splitlines(), "locked", "in the feed", lineterm="", n=1
    )
    lines = list(difference)
    for line in lines:
        print(line)
    return 1 if lines else 0


def _write(lock: Lock, file: Path) -> int:
    file.write_text(lock.to_json(), encoding="utf-8")
    print(
        f"{file}: PowerShell {lock.powershell}, .NET {lock.dotnet}, "
        f"for {', '.join(sorted(lock.platforms))}"
    )
    return 0


def _needed(feed: Feed, package_id: str) -> str:
    version = newest(feed, package_id)
    if version is None:
        raise FeedError(f"{feed.source.shown} does not have {package_id}.")
    return version


def _engine_framework(depot: Depot, powershell: str) -> str:
    """Find the framework an engine is built for: the newest of its folders."""
    with depot.open(ENGINE, powershell) as package:
        folders = {name.split("/")[3] for name in package.names if name.startswith("runtimes/")}
    best = best_framework(folders, "net999.0")
    if best is None:
        raise FeedError(f"{ENGINE} {powershell} has no assemblies for .NET.")
    return best


if __name__ == "__main__":
    sys.exit(main())
