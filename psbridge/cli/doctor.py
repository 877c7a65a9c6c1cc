"""``psbridge doctor``: what psbridge finds on this machine, and what to do about what is wrong."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from ..errors import EngineError, EngineNotFound
from .doctor_table import Check, table
from .streams import write

if TYPE_CHECKING:
    from ..engine.homes import Home

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["Check", "add_parser", "checks", "run", "verdict"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is found on this machine and what is wrong",
        description="Say what psbridge finds on this machine and what to do about what is wrong. "
        "The exit code is 1 where psbridge cannot work.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.add_argument(
        "--members",
        action="store_true",
        help="list PowerShell's private members that psbridge uses, and what is without each",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        1 where psbridge cannot work, else 0.

    Raises:
        PsbridgeError: the output cannot be written.
    """
    if args.members:
        write(_listed())
        return 0
    found = list(checks())
    works = all(check.status != "bad" for check in found)
    if args.json:
        told = {
            "works": works,
            "verdict": verdict(found),
            "checks": [
                {name: getattr(check, name) for name in ("name", "status", "found", "advice")}
                for check in found
            ],
        }
        write(json.dumps(told, indent=2))
    else:
        write(table(found, verdict(found)))
    return 0 if works else 1


def _listed() -> str:
    """The private members, one a line."""
    from ..engine.starting import start
    from ..remote.native import load_remote

    load_remote(start())
    from PSBridge import EngineMembers

    return "\n".join(
        f"{'there' if member.IsThere else 'missing':8}{member.Name}; without it {member.Without}"
        for member in EngineMembers.All
    )


def verdict(found: Sequence[Check]) -> str:
    """Say in one sentence what the checks come to."""
    for check in found:
        if check.status == "bad":
            return f"psbridge cannot work here yet, as {check.name} is not right; see what to do."
    started = [check.found for check in found if check.name == "start"]
    if not started:
        return "psbridge can work here: PowerShell is fetched on first use, or by psbridge setup."
    hints = sum(bool(check.advice) for check in found)
    also = ""
    if hints:
        also = f"; {hints} {'note says' if hints == 1 else 'notes say'} what could be better"
    return f"psbridge works here, with {started[0]}{also}."


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
    if home is not None:
        yield _csharp(home)
    yield _globalization()
    if home is not None:
        yield from _engine(home)


def _python() -> Check:
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    return Check("Python", "ok", found, paths=(sys.executable,))


def _library() -> Check:
    from find_libpython import find_libpython

    name = "libpython"
    if (library := find_libpython()) is not None:
        return Check(name, "ok", str(library), paths=(str(library),))
    version = "{}.{}".format(*sys.version_info)
    return Check(
        name,
        "note",
        "this Python has no shared library, so a plain PowerShell cannot load it",
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

    name = "NuGet source"
    try:
        found = sources(None, None)
    except EngineError as error:
        yield Check(name, "note", str(error), "correct the file that it names")
        return
    if not found:
        yield Check(name, "note", "none configured; needed only to fetch PowerShell")
    for source in found:
        paths = (source.shown, source.origin)
        where = f"{source.name}: {source.shown} (from {source.origin})"
        if (problem := source.problem()) is not None:
            yield Check(name, "note", f"{where}: {problem}", paths=paths)
        else:
            yield Check(name, "ok", where, paths=paths)


def _lock() -> Check:
    from ..setup.lockfile import load_lock
    from ..setup.platforms import current_rid

    name = "packages"
    try:
        platform = load_lock().platform(current_rid())
    except EngineError as error:
        return Check(name, "note", str(error), "install PowerShell 7.4 or later")
    megabytes = sum(pin.size for pin in platform.pins) / 1_000_000
    found = f"PowerShell {platform.powershell.version}, .NET {platform.dotnet} for {platform.rid}"
    return Check(name, "ok", f"{found}, {megabytes:.0f} MB")


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
    found = f"{home.version}, {kind}, found as {home.found_as}, in {home.path}"
    return home, [Check(name, "ok", found, paths=(str(home.path),)), *_own_copy(home)]


def _own_copy(home: Home) -> Iterator[Check]:
    """Say what could be done about copies of our own."""
    from ..engine.finding import EARLIER_COPY
    from ..setup.assemblies import is_precompiled
    from ..setup.lockfile import load_lock
    from ..setup.own_homes import earlier_homes
    from ..setup.platforms import current_rid

    if is_precompiled(home.engine_dll):
        yield Check("precompiled", "ok", "yes")
    else:
        platform = load_lock().platforms.get(current_rid())
        can_be = platform is not None and platform.crossgen2 is not None and home.is_own_copy
        yield Check(
            "precompiled",
            "note",
            "no: each start of PowerShell takes twice as long and more",
            "run psbridge setup to precompile it" if can_be else "",
        )
    if home.found_as == EARLIER_COPY:
        yield Check("own copies", "note", EARLIER_COPY, "run psbridge setup to make the new one")
    elif earlier := earlier_homes():
        found = f"{len(earlier)} of earlier versions"
        yield Check("own copies", "note", found, "run psbridge setup --prune to remove them")


def _fetchable() -> Check:
    from ..setup.lockfile import load_lock
    from ..setup.nuget_config import sources
    from ..setup.platforms import current_rid

    try:
        usable = [source for source in sources(None, None) if source.problem() is None]
        load_lock().platform(current_rid())
    except EngineError as error:
        return Check("PowerShell", "bad", str(error), _WAYS)
    if not usable:
        return Check("PowerShell", "bad", "not found, and no source to fetch it from", _WAYS)
    return Check(
        "PowerShell",
        "note",
        f"not there yet; it is fetched from {usable[0].name} on first use",
        "run psbridge setup to fetch it now",
    )


_WAYS = (
    "install PowerShell 7.4 or later, or run psbridge setup --source FEED with a NuGet feed "
    "or the packages that psbridge setup --download has brought"
)


def _cache() -> Check:
    from ..engine.compiling import FIX_CACHE, cache_folder
    from ..kept import distrust

    folder = cache_folder()
    if reason := distrust(folder):
        return Check("cache", "note", reason, FIX_CACHE, (str(folder),))
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    try:
        # The rights alone do not tell: of a full disk, for example.
        with tempfile.TemporaryFile(dir=there):
            return Check("cache", "ok", str(folder), paths=(str(folder),))
    except OSError as error:
        problem = error.strerror
    return Check(
        "cache",
        "note",
        f"{folder} cannot be written: {problem}",
        "C# is compiled at each start (1 to 2 s); make the folder writable, or set XDG_CACHE_HOME",
        (str(folder),),
    )


def _csharp(home: Home) -> Check:
    from ..engine.native import is_compiled
    from ..remote.native import is_compiled as is_remote_compiled

    try:
        if is_compiled(home) and is_remote_compiled(home):
            return Check("C# half", "ok", "compiled")
    except OSError as error:
        return Check("C# half", "note", f"its cache cannot be read: {error.strerror}")
    return Check(
        "C# half",
        "note",
        "was not compiled yet; this start has compiled it, where the cache can be written",
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
    from ..remote.native import load_remote

    if home.executable.is_file() and os.access(home.executable, os.X_OK):
        program = str(home.executable)
        yield Check("pwsh program", "ok", program, paths=(program,))
    else:
        yield Check(
            "pwsh program",
            "note",
            f"{home.executable} is missing",
            "the native Start-Job does not work; jobs written in Python do",
            (str(home.executable),),
        )
    try:
        load_remote(start())
    except EngineError as error:
        yield Check("start", "bad", str(error), "see the message")
        return
    import System

    yield Check("start", "ok", f".NET {System.Environment.Version}, PowerShell {home.version}")
    yield from _members()


def _members() -> Iterator[Check]:
    """Say what this PowerShell has of what is not public in it and psbridge uses."""
    from PSBridge import EngineMembers

    members = list(EngineMembers.All)
    there = sum(member.IsThere for member in members)
    yield Check("private members", "ok", f"{there} of {len(members)} that psbridge uses are there")
    for member in members:
        if not member.IsThere:
            yield Check("private member", "note", f"{member.Name} is missing: {member.Without}")
