"""``psbridge setup``: get an engine from a NuGet feed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "setup",
        help="get a PowerShell engine from a NuGet feed",
        description="Get a PowerShell engine from a NuGet feed and lay it out for this user.",
    )
    parser.add_argument(
        "--source",
        metavar="FOLDER|URL",
        help="a folder of packages or the address of a v3 index; "
        "default: PSBRIDGE_NUGET_SOURCE, else what NuGet itself is configured with",
    )
    parser.add_argument(
        "--dest", metavar="DIR", type=Path, help="where to put it; default: this user's data folder"
    )
    parser.add_argument("--force", action="store_true", help="make it anew if it is there already")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        0, as everything that goes wrong is an exception.

    Raises:
        EngineError: see `psbridge.setup.install.install`.
    """
    from ..setup.home_folder import read_marker
    from ..setup.install import default_destination, install
    from ..setup.nuget_config import sources
    from ..setup.progress import show_progress

    with show_progress() as progress:
        home = install(sources(args.source), args.dest, force=args.force, progress=progress)
    marker = read_marker(home)
    versions = (
        f"PowerShell {marker.powershell} with .NET {marker.dotnet}" if marker else "An engine"
    )
    hint = ""
    if home != default_destination().resolve():
        hint = f"; to use it, set PSBRIDGE_PSHOME={home}"
    print(f"{versions} is in {home}{hint}")
    return 0
