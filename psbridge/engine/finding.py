"""Where PowerShell is: the places that are looked at, in order."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import EngineError, EngineNotFound, EngineUnsupported
from .homes import ENGINE_DLL, Home, read_home

__all__ = ["EARLIER_COPY", "PSHOME_VARIABLE", "Place", "find", "places"]

EARLIER_COPY = "a copy of our own, made by an earlier psbridge"
"""How such a home is found, in words."""

PSHOME_VARIABLE = "PSBRIDGE_PSHOME"


class Place(NamedTuple):
    """A place that was looked at.

    Attributes:
        name: the place, in words.
        found: what is there, or what is wrong with it, in words.
        home: the home that lies there, where psbridge can use it.
    """

    name: str
    found: str
    home: Home | None


def find(pshome: str | Path | None = None) -> Home:
    """Find PowerShell, without fetching one.

    Args:
        pshome: the folder that has to be used; nothing else is looked at then. The same holds
            for the environment variable PSBRIDGE_PSHOME.

    Raises:
        EngineUnsupported: the folder that was named is no PowerShell of 7.4 or later.
        EngineNotFound: there is none; lists each place.
    """
    if pshome is not None:
        return read_home(_absolute(pshome), "pshome=")
    if named := os.environ.get(PSHOME_VARIABLE):
        try:
            return read_home(_absolute(named), PSHOME_VARIABLE)
        except EngineUnsupported as error:
            raise EngineUnsupported(f"{PSHOME_VARIABLE} names {named}, but {error}") from error
    looked_at = []
    for place in places():
        if place.home is not None:
            return place.home
        looked_at.append((place.name, place.found))
    raise EngineNotFound([(PSHOME_VARIABLE, "not set"), *looked_at])


def places() -> Iterator[Place]:
    """Look at each place in order: PATH, the usual install folders, our own copies."""
    yield _on_path()
    for folder in _install_folders():
        if folder.is_dir():
            yield _look(str(folder), folder)
        else:
            yield Place(str(folder), "not there", None)
    yield own_copy()
    yield from _earlier_copies()


def own_copy() -> Place:
    """Look at the place where ``psbridge setup`` puts our own copy."""
    from ..setup.destination import default_destination

    try:
        folder = default_destination()
    except EngineError as error:  # no packages are pinned for this platform
        return Place("our own copy", str(error), None)
    if not folder.is_dir():
        return Place(f"our own copy, {folder}", "not there", None)
    return _look("our own copy", folder)


def _earlier_copies() -> Iterator[Place]:
    """Look at the copies that an earlier psbridge made: they serve until the new one is there."""
    from ..setup.own_homes import earlier_homes

    for home in earlier_homes():
        yield _look(EARLIER_COPY, home.path)


def _absolute(named: str | Path) -> Path:
    return Path(named).expanduser().absolute()


def _look(name: str, folder: Path) -> Place:
    try:
        home = read_home(folder, name)
    except EngineUnsupported as error:
        return Place(name, str(error), None)
    return Place(name, f"PowerShell {home.version} in {home.path}", home)


def _on_path() -> Place:
    import shutil

    name = "pwsh on PATH"
    program = shutil.which("pwsh")
    if program is None:
        return Place(name, "not there", None)
    real = Path(program).resolve()
    if (real.parent / ENGINE_DLL).is_file():
        return _look(name, real.parent)
    # The dotnet tool puts a small starter on PATH and the program into a store beside it: into
    # a folder for each system, above which lies a pwsh.dll that only chooses, or (the tools for
    # one system) without such a folder.
    tools = sorted(
        real.parent.glob(".store/powershell*/*/powershell*/*/tools/net*/any"), reverse=True
    )
    system = "win" if sys.platform == "win32" else "unix"
    for tool in tools:
        for folder in (tool / system, tool):
            if (folder / ENGINE_DLL).is_file():
                return _look(f"{name} (the dotnet tool)", folder)
    return Place(name, f"{program} is there, but its PowerShell folder cannot be told", None)


def _install_folders() -> list[Path]:
    if sys.platform == "win32":
        roots = [
            Path(os.environ.get("PROGRAMFILES", r"C:\Program Files")) / "PowerShell",
            Path(os.environ.get("LOCALAPPDATA", Path.home())) / "Microsoft" / "PowerShell",
        ]
        return [root / name for root in roots for name in ("7", "7-preview")]
    if sys.platform == "darwin":
        return [
            Path("/usr/local/microsoft/powershell/7"),
            Path("/usr/local/microsoft/powershell/7-preview"),
        ]
    return [
        Path("/opt/microsoft/powershell/7"),
        Path("/opt/microsoft/powershell/7-lts"),
        Path("/opt/microsoft/powershell/7-preview"),
        Path("/snap/powershell/current/opt/powershell"),
    ]
