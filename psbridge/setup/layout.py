"""What goes where: from packages to a folder laid out as an installed PowerShell is.

All files lie flat in the folder. The reference assemblies that an installed PowerShell has in
``ref/`` are in none of the packages, so there is no such folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..errors import PackageError
from . import versions
from .frameworks import best_framework, framework_of, rid_fallbacks
from .host_files import HOST_NAMES, runtime_pack, write_configuration, write_executable
from .lockfile import Pin
from .packages import Package, open_package

__all__ = ["Kind", "PlannedFile", "host_pack", "lay_out", "select"]

_LIBRARY = re.compile(r"\.(dll|exe|so|dylib)", re.IGNORECASE)
_NOTICE = re.compile(r"(licen[cs]e|third-?party-?notices?|notice)(\.(txt|md|rtf))?", re.IGNORECASE)


class Kind(Enum):
    """What a file is to .NET."""

    MANAGED = "managed"
    NATIVE = "native"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One entry of a package and the place it goes to.

    Attributes:
        package: the package it comes from.
        entry: its name in there.
        target: its path in the folder, with ``/``.
        kind: what it is.
        executable: whether it is a program.
    """

    package: Package
    entry: str
    target: str
    kind: Kind
    executable: bool = False


def host_pack(rid: str) -> str:
    """Name the package that has the apphost of a platform."""
    return f"Microsoft.NETCore.App.Host.{rid}"


def select(package: Package, rid: str, framework: str) -> list[PlannedFile]:
    """Choose the files of a package for a platform, as NuGet does.

    Debug symbols, documentation and translated resources are left out, and of the host package
    everything: only its apphost is used, and that becomes another file.

    Args:
        package: the package.
        rid: the platform.
        framework: the target framework of the program, such as ``net10.0``.
    """
    if package.id.lower() == host_pack(rid).lower():
        return []
    return [
        *(
            PlannedFile(package, entry, _name(entry), Kind.MANAGED)
            for entry in _managed(package, rid, framework)
        ),
        *(
            # A native file without an ending is a program: createdump.
            PlannedFile(package, entry, _name(entry), Kind.NATIVE, "." not in _name(entry))
            for entry in _native(package, rid)
        ),
    ]


def lay_out(
    files: Mapping[Pin, Path], folder: Path, *, rid: str, dotnet: str, powershell: str
) -> None:
    """Lay out an engine from its packages, all but ``pwsh.dll``.

    Args:
        files: the packages, checked already.
        folder: an existing, empty folder.
        rid: the platform.
        dotnet: the version of the runtime.
        powershell: the version of the engine.

    Raises:
        PackageError: a package is damaged or has an entry that leads out of the folder, two
            packages have different files of one name, or something that is needed is in none.
            Nothing has been written then, except where damage showed only while unpacking.
        OSError: the folder cannot be written to.
    """
    with ExitStack() as opened:
        packages = [
            opened.enter_context(open_package(path, pin.id, pin.version))
            for pin, path in files.items()
        ]
        framework = framework_of(dotnet)
        found = [file for package in packages for file in select(package, rid, framework)]
        plan = _without_collisions(found, rid)
        apphost = _apphost(packages, rid)
        notices = [notice for package in packages for notice in _notices(package)]
        for file in (*plan, *notices):
            _extract(file, folder)
    write_executable(apphost, folder, rid)
    write_configuration(
        folder,
        rid,
        dotnet,
        powershell,
        managed=[file.target for file in plan if file.kind is Kind.MANAGED],
        native=[file.target for file in plan if file.kind is Kind.NATIVE and not file.executable],
    )


def _managed(package: Package, rid: str, framework: str) -> list[str]:
    prefixes = [f"runtimes/{fallback}/lib/" for fallback in rid_fallbacks(rid)]
    for prefix in (*prefixes, "lib/"):
        inside = [name for name in package.names if name.lower().startswith(prefix)]
        chosen = best_framework({name[len(prefix) :].split("/")[0] for name in inside}, framework)
        if chosen is not None:
            # Directly in the folder: what lies deeper are translated resources.
            start = f"{prefix}{chosen}/".lower()
            return [
                name
                for name in inside
                if name.lower().startswith(start)
                and "/" not in name[len(start) :]
                and name.lower().endswith(".dll")
            ]
    return []


def _native(package: Package, rid: str) -> list[str]:
    for fallback in rid_fallbacks(rid):
        prefix = f"runtimes/{fallback}/native/"
        inside = [
            name
            for name in package.names
            if name.lower().startswith(prefix) and "/" not in name[len(prefix) :]
        ]
        chosen = [
            name
            for name in inside
            if _LIBRARY.fullmatch(Path(name).suffix) or "." not in _name(name)
        ]
        if chosen:
            return chosen
    return []


def _notices(package: Package) -> list[PlannedFile]:
    return [
        PlannedFile(package, name, f"licenses/{package.id}/{name}", Kind.NOTICE)
        for name in package.names
        if _NOTICE.fullmatch(name)
    ]


def _without_collisions(found: Sequence[PlannedFile], rid: str) -> list[PlannedFile]:
    """Keep one file of each name.

    The pinned packages have no file twice. Should a later set have one, the rule is that of the
    SDK, in short: the runtime's own file is taken unless the other package is newer than the
    runtime; everything else is an error, because a wrong choice would show only much later.
    """
    kept: dict[str, PlannedFile] = {}
    for file in found:
        key = file.target.lower()  # a folder on Windows or macOS has one file for both spellings
        if key in HOST_NAMES:
            raise PackageError(
                f"{file.package.title} has a file {file.target}, which psbridge writes itself."
            )
        other = kept.get(key)
        kept[key] = file if other is None else _preferred(other, file, rid)
    return list(kept.values())


def _preferred(first: PlannedFile, second: PlannedFile, rid: str) -> PlannedFile:
    if first.package.checksum(first.entry) == second.package.checksum(second.entry):
        return first
    for mine, other in ((first, second), (second, first)):
        if mine.package.id.lower() == runtime_pack(rid).lower() and (
            versions.sort_key(mine.package.version) >= versions.sort_key(other.package.version)
        ):
            return mine
    raise PackageError(
        f"{first.package.title} and {second.package.title} have different files called "
        f"{second.target}, and psbridge has no rule for which one to take."
    )


def _apphost(packages: Sequence[Package], rid: str) -> bytes:
    name = "apphost.exe" if rid.startswith("win-") else "apphost"
    entry = f"runtimes/{rid}/native/{name}"
    for package in packages:
        if package.id.lower() == host_pack(rid).lower() and entry in package.names:
            return package.read(entry)
    raise PackageError(f"No package has {entry}, which the executable is made from.")


def _extract(file: PlannedFile, folder: Path) -> None:
    target = folder / file.target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        for chunk in file.package.chunks(file.entry):
            stream.write(chunk)
    if file.executable:
        target.chmod(0o755)


def _name(entry: str) -> str:
    return entry.rpartition("/")[2]
