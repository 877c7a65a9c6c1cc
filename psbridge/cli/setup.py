"""``psbridge setup``: get a PowerShell of our own, and look after those that are there."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..openssl import keep_openssl
from .streams import write

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

# What does another thing than setting up, and the options that have a meaning there.
_OTHER_WORK = {"list": (), "prune": (), "download": ("source", "platform")}
_OPTIONS = ("source", "dest", "force", "no_precompile", "precompile_compiler", "platform")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "setup",
        help="get a PowerShell of psbridge's own from a NuGet feed",
        description="Get a PowerShell from a NuGet feed, lay it out for this user, and compile "
        "ahead what each start would compile otherwise. One that is there already is completed.",
    )
    parser.add_argument(
        "--source",
        metavar="FOLDER|URL|HOST",
        help="a folder of packages, the address of a v3 index, or the host name of a package "
        "gallery; default: PSBRIDGE_NUGET_SOURCE, else what NuGet itself is configured with",
    )
    parser.add_argument(
        "--dest", metavar="DIR", type=Path, help="where to put it; default: this user's data folder"
    )
    parser.add_argument("--force", action="store_true", help="make it anew if it is there already")
    precompiling = parser.add_mutually_exclusive_group()
    precompiling.add_argument(
        "--no-precompile",
        action="store_true",
        help="save the time that precompiling takes, on a machine that lives for one run",
    )
    precompiling.add_argument(
        "--precompile-compiler",
        action="store_true",
        help="precompile the C# compiler, too, for those who use Add-Type a lot",
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--list", action="store_true", help="show psbridge's own copies; get nothing"
    )
    other.add_argument(
        "--prune", action="store_true", help="remove the copies of earlier versions; get nothing"
    )
    other.add_argument(
        "--download",
        metavar="FOLDER",
        type=Path,
        help="only fetch the packages into a folder, for a machine without a network",
    )
    parser.add_argument(
        "--platform", metavar="RID", help="with --download: another platform, such as osx-arm64"
    )
    parser.set_defaults(run=run, error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        0, as everything that goes wrong is an exception.

    Raises:
        EngineError: see `psbridge.setup.install.install`.
    """
    if args.platform and not args.download:
        args.error("--platform needs --download")
    _refuse_what_has_no_meaning(args)
    if args.list:
        return _list()
    if args.prune:
        return _prune()
    # Ctrl-C ends the program while threads transfer files.
    keep_openssl()
    if args.download:
        return _download(args)
    return _set_up(args)


def _refuse_what_has_no_meaning(args: argparse.Namespace) -> None:
    given = [name for name in _OPTIONS if getattr(args, name) not in (None, False)]
    for work, taken in _OTHER_WORK.items():
        if getattr(args, work) and (senseless := [name for name in given if name not in taken]):
            shown = ", ".join(f"--{name.replace('_', '-')}" for name in senseless)
            args.error(f"--{work} goes without {shown}")


def _set_up(args: argparse.Namespace) -> int:
    from ..engine.starting import start
    from ..remote.native import load_remote
    from ..setup.assemblies import is_precompiled
    from ..setup.destination import default_destination
    from ..setup.install import install
    from ..setup.nuget_config import sources
    from ..setup.progress import show_progress

    command = _command(args)
    with show_progress() as progress:
        home = install(
            sources(args.source),
            args.dest,
            force=args.force,
            # Who asks for more than usual wants the usual, whatever the environment says.
            precompiled=False if args.no_precompile else args.precompile_compiler or None,
            compiler=args.precompile_compiler,
            progress=progress,
            command=command,
        )
    # After precompiling: the C# half that this compiles is kept for just this engine's file.
    try:
        engine = start(home)
        load_remote(engine)
    except KeyboardInterrupt:
        print(
            "Interrupted: PowerShell is there, and psbridge's C# half is not compiled. "
            f"`{command}` compiles it, or else the first start does.",
            file=sys.stderr,
        )
        raise
    kind = "precompiled" if is_precompiled(engine.home.engine_dll) else "not precompiled"
    hint = ""
    if home != default_destination().resolve():
        hint = f"; to use it, set PSBRIDGE_PSHOME={home}"
    dotnet, powershell = engine.home.dotnet, engine.home.version
    write(f"PowerShell {powershell} with .NET {dotnet}, {kind}, is in {home}{hint}")
    return 0


def _command(args: argparse.Namespace) -> str:
    """The command line with which a person goes on; a password is not in it."""
    from ..setup.source import redact

    words = ["psbridge", "setup"]
    for name in ("source", "dest", "download", "platform"):
        if value := getattr(args, name):
            words += [f"--{name}", redact(str(value))]
    for name in ("no_precompile", "precompile_compiler"):
        if getattr(args, name):
            words.append(f"--{name.replace('_', '-')}")
    return shlex.join(words)


def _list() -> int:
    from ..setup.own_homes import own_homes

    homes = own_homes()
    for home in homes:
        size, age = home.size() / 1_000_000, _age(time.time() - home.made)
        use = "current" if home.current else "earlier"
        about = f"PowerShell {home.marker.powershell}, .NET {home.marker.dotnet}"
        write(f"{use:<8} {about:<32} {size:>5.0f} MB  {age:<12} {home.path}")
    if not homes:
        write("psbridge has no copy of its own; psbridge setup makes one.")
    return 0


def _prune() -> int:
    from ..setup.own_homes import prune

    nothing = True
    for folder, reason in prune():
        nothing = False
        write(f"{folder} stays: {reason}" if reason else f"{folder} is removed")
    if nothing:
        write("There is nothing to remove.")
    return 0


def _download(args: argparse.Namespace) -> int:
    from ..setup.downloading import download
    from ..setup.nuget_config import sources
    from ..setup.progress import show_progress

    with show_progress() as progress:
        files = download(
            sources(args.source),
            args.download,
            rid=args.platform,
            progress=progress,
            command=_command(args),
        )
    for file in files:
        write(str(file))
    name = args.download.name or str(args.download)
    shown = f'"{name}"' if " " in name else name
    write(f"On the other machine: psbridge setup --source {shown}")
    return 0


def _age(seconds: float) -> str:
    for length, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if (number := int(seconds // length)) >= 1:
            return f"{number} {name}{'s' if number > 1 else ''} old"
    return "new"
