"""``psbridge doctor``: what psbridge finds on this machine, and what to do about what is wrong."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

from ..errors import EngineError, EngineNotFound

if TYPE_CHECKING:
    from ..engine.homes import Home

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["Check", "add_parser", "checks", "run"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        status: ``"ok"``; ``"note"`` for what limits or could be otherwise, and psbridge works;
            ``"bad"`` where psbridge cannot work.
        found: what was found.
        advice: what to do about it; empty where there is nothing to do.
    """

    name: str
    status: Literal["ok", "note", "bad"]
    found: str
    advice: str = ""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is found on this machine and what is wrong",
        description="Say what psbridge finds on this machine and what to do about what is wrong. "
        "The exit code is 1 where psbridge cannot work.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        1 where psbridge cannot work, else 0.
    """
    found = list(checks())
    works = all(check.status != "bad" for check in found)
    if args.json:
        print(json.dumps({"works": works, "checks": [asdict(check) for check in found]}, indent=2))
    else:
        _print_table(found)
    return 0 if works else 1


def checks() -> Iterator[Check]:
    """Look at one thing after another; starts the engine where there is one, fetches nothing."""
    yield Check("psbridge", "ok", version("psbridge"))
    yield _python()
    yield _library()
    yield from _packages()
    yield from _sources()
    yield _lock()
    home, looked_at = _engine_places()
    yield from looked_at
    yield _cache()
    yield _globalization()
    if home is not None:
        yield from _engine(home)


def _python() -> Check:
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    return Check("Python", "ok", found)


def _library() -> Check:
    from find_libpython import find_libpython

    name = "Python in PowerShell"
    if (library := find_libpython()) is not None:
        return Check(name, "ok", str(library))
    version = "{}.{}".format(*sys.version_info)
    return Check(
        name,
        "note",
        "this Python has no shared library (libpython), so a plain PowerShell cannot load it",
        f"install your system's package of it, such as libpython{version}",
    )


def _packages() -> Iterator[Check]:
    for name in ("pythonnet", "clr_loader", "pywinrm"):
        try:
            yield Check(name, "ok", version(name))
        except PackageNotFoundError:
            yield Check(name, "bad", "not installed", f"pip install {name}")


def _sources() -> Iterator[Check]:
    from ..setup.nuget_config import sources

    try:
        found = sources(None, None)
    except EngineError as error:
        yield Check("NuGet sources", "note", str(error), "correct the file that it names")
        return
    if not found:
        yield Check("NuGet sources", "note", "none configured; needed only to fetch an engine")
    for source in found:
        name = f"NuGet source {source.name}"
        if (problem := source.problem()) is not None:
            yield Check(name, "note", f"{source.shown} (from {source.origin}): {problem}")
        else:
            yield Check(name, "ok", f"{source.shown} (from {source.origin})")


def _lock() -> Check:
    from ..setup.frameworks import current_rid
    from ..setup.lockfile import load_lock

    try:
        lock = load_lock()
        pins = lock.pins(current_rid())
    except EngineError as error:
        return Check("pinned packages", "note", str(error), "install PowerShell 7.4 or later")
    return Check(
        "pinned packages",
        "ok",
        f"PowerShell {lock.powershell}, .NET {lock.dotnet}: {len(pins)} for {current_rid()}",
    )


def _engine_places() -> tuple[Home | None, list[Check]]:
    from ..engine.finding import find

    name = "PowerShell"
    try:
        home = find()
    except EngineNotFound as error:
        places = [Check("looked at", "note", f"{name}: {found}") for name, found in error.looked_at]
        return None, [*places, _fetchable()]
    except EngineError as error:
        return None, [Check(name, "bad", str(error), "name another folder, or none")]
    kind = "self-contained" if home.self_contained else "for the machine's .NET"
    found = f"{home.version} in {home.path}, {kind} (found: {home.found_as})"
    return home, [Check(name, "ok", found)]


def _fetchable() -> Check:
    from ..setup.frameworks import current_rid
    from ..setup.lockfile import load_lock
    from ..setup.nuget_config import sources

    try:
        usable = [source for source in sources(None, None) if source.problem() is None]
        load_lock().pins(current_rid())
    except EngineError as error:
        return Check("PowerShell", "bad", str(error), _TWO_WAYS)
    if not usable:
        return Check("PowerShell", "bad", "not found, and no source to fetch it from", _TWO_WAYS)
    return Check(
        "PowerShell",
        "note",
        f"not there yet; it is fetched from {usable[0].name} on first use",
        "run psbridge setup to fetch it now",
    )


_TWO_WAYS = (
    "install PowerShell 7.4 or later, or run psbridge setup --source FOLDER|URL with a NuGet feed"
)


def _cache() -> Check:
    from ..engine.compiling import cache_folder

    folder = cache_folder()
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    try:
        # The rights alone do not tell: of a full disk, for example.
        with tempfile.TemporaryFile(dir=there):
            return Check("cache", "ok", str(folder))
    except OSError as error:
        problem = error.strerror
    return Check(
        "cache",
        "note",
        f"{folder} cannot be written: {problem}",
        "C# is compiled at each start (1 to 2 s); make the folder writable, or set XDG_CACHE_HOME",
    )


def _globalization() -> Check:
    from ..engine.icu import INVARIANT, has_icu, is_invariant

    if is_invariant():
        return Check("globalization", "note", f"invariant, as {INVARIANT} says")
    if has_icu():
        return Check("globalization", "ok", "ICU")
    return Check(
        "globalization",
        "note",
        "there is no ICU; .NET runs in its invariant mode, without cultures",
        "install libicu for sorting and formatting by culture",
    )


def _engine(home: Home) -> Iterator[Check]:
    from ..engine.starting import start

    if home.executable.is_file() and os.access(home.executable, os.X_OK):
        yield Check("pwsh program", "ok", str(home.executable))
    else:
        yield Check(
            "pwsh program",
            "note",
            f"{home.executable} is missing",
            "the native Start-Job does not work; jobs written in Python do",
        )
    try:
        start()
    except EngineError as error:
        yield Check("start", "bad", str(error), "see the message")
        return
    import System
    from PSBridge import JobInternals

    yield Check("start", "ok", f".NET {System.Environment.Version}, PowerShell {home.version}")
    if JobInternals.Ordered:
        yield Check("job streams", "ok", "received in the order of writing")
    else:
        yield Check(
            "job streams",
            "note",
            "this engine lacks the ordered path: Receive-Job gives output, then errors, and so on",
            "use -Wait, which keeps the order",
        )


def _print_table(found: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "note": "yellow", "bad": "bold red"}
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
    for check in found:
        status = Text(check.status, style=colours[check.status])
        table.add_row(status, Text(check.name), Text(check.found), Text(check.advice))
    # Without a terminal nothing is wrapped: a program, or a person with grep, reads it.
    console = Console(width=None if sys.stdout.isatty() else 1000)
    console.print(table)
