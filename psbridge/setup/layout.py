"""What goes where: from three packages to a folder laid out as an installed PowerShell is.

The package PowerShell is the dotnet tool: everything of PowerShell's, for every platform at once,
and nothing of .NET. The runtime package is .NET, and the host package has the apphost, which
becomes ``pwsh``. All libraries lie flat in the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ..errors import PackageError
from .configuration import write_configuration
from .executable import read_apphost, write_executable
from .home_folder import MARKER
from .lockfile import Pin, PlatformLock
from .packages import Package, open_package
from .platforms import fitting

__all__ = ["lay_out"]

# What the dotnet tool needs to start, what is written anew, and what no program reads.
_LEFT_OUT = re.compile(
    r"(.*/)?(Microsoft\.PowerShell\.GlobalTool\.Shim\..*|pwsh(\.exe)?|pwsh\.deps\.json"
    r"|pwsh\.runtimeconfig\.json|build\.manifest(\.sig)?|\.signature\.p7s)"
)
_LIBRARY = re.compile(r"[^/]+\.(dll|so|dylib)")
_NOTICE = re.compile(r"(license|third-party-notices)\.txt", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _File:
    """One entry of a package and the place it goes to, a path with ``/``."""

    package: Package
    entry: str
    target: str
    native: bool = False


def lay_out(files: Mapping[Pin, Path], folder: Path, platform: PlatformLock) -> None:
    """Lay out a home from its packages.

    Args:
        files: the packages, checked already.
        folder: an existing, empty folder.
        platform: what the home is made of.

    Raises:
        PackageError: a package is damaged or has an entry that leads out of the folder, two
            files would have one name, or something that is needed is in no package. Nothing has
            been written then, except where damage showed only while unpacking.
        OSError: the folder cannot be written to.
    """
    rid = platform.rid
    with ExitStack() as opened:
        tool, runtime, host = (
            opened.enter_context(open_package(files[pin], pin.title)) for pin in platform.pins
        )
        root = _root(tool)
        apphost = read_apphost(host, rid)
        plan = _without_collisions([*_tool_files(tool, root, rid), *_runtime_files(runtime, rid)])
        for file in plan:
            target = folder / file.target
            file.package.extract(file.entry, target)
            if file.native and "." not in target.name:
                target.chmod(0o755)  # a program: createdump
        configuration = tool.read(f"{root}{_flavour(rid)}/pwsh.runtimeconfig.json")
    write_executable(apphost, folder, rid)
    libraries = [file for file in plan if _LIBRARY.fullmatch(file.target)]
    write_configuration(
        folder,
        platform,
        configuration,
        managed=[file.target for file in libraries if not file.native],
        native=[file.target for file in libraries if file.native],
    )


def _root(tool: Package) -> str:
    """Find the folder that has a flavour for each family of systems: ``tools/net10.0/any/``."""
    for name in tool.names:
        if name.endswith("/unix/pwsh.dll"):
            return name.removesuffix("unix/pwsh.dll")
    raise PackageError(f"{tool.title} has no pwsh.dll, so it is not PowerShell's dotnet tool.")


def _flavour(rid: str) -> str:
    return "win" if rid.startswith("win-") else "unix"


def _tool_files(tool: Package, root: str, rid: str) -> Iterable[_File]:
    """Choose PowerShell's files for a platform.

    The tool has what differs between platforms in ``runtimes/``; there the most specific folder
    that fits wins, also over a file of that name at the top.
    """
    ranks = {name: rank for rank, name in enumerate(fitting(rid))}
    at_the_top = len(ranks)
    found: dict[str, tuple[int, _File]] = {}

    def offer(rank: int, file: _File) -> None:
        key = file.target.lower()
        if key not in found or rank < found[key][0]:
            found[key] = rank, file

    # The Windows flavour relies on the WindowsDesktop framework for some libraries. The other
    # flavour brings them, so it fills the gaps: after everything of the first one, and with
    # libraries alone.
    flavours = ["win", "unix"] if _flavour(rid) == "win" else ["unix"]
    for fallback, flavour in enumerate(flavours):
        later = fallback * (at_the_top + 1)
        prefix = f"{root}{flavour}/"
        for entry in tool.names:
            inner = entry.removeprefix(prefix)
            if inner == entry or _LEFT_OUT.fullmatch(inner):
                continue
            if inner.startswith("runtimes/"):
                _, of, kind, *_, name = inner.split("/")
                if of in ranks:
                    offer(later + ranks[of], _File(tool, entry, name, kind == "native"))
            elif not fallback or _LIBRARY.fullmatch(inner):
                offer(later + at_the_top, _File(tool, entry, inner))
    return [file for _, file in found.values()]


def _runtime_files(runtime: Package, rid: str) -> Iterable[_File]:
    """Choose the files of .NET itself."""
    ours = re.compile(rf"runtimes/{re.escape(rid)}/(lib/[^/]+/(?=[^/]+\.dll$)|native/)([^/]+)")
    for entry in runtime.names:
        if match := ours.fullmatch(entry):
            yield _File(runtime, entry, match[2], match[1] == "native/")
        elif _NOTICE.fullmatch(entry):
            yield _File(runtime, entry, f"licenses/dotnet/{entry}")


def _without_collisions(files: Iterable[_File]) -> list[_File]:
    """Check that each file has a name of its own.

    The pinned packages have no name twice. Should a later set have one, it takes a decision,
    because a wrong choice would show only much later.
    """
    ours = {"pwsh", "pwsh.exe", "pwsh.deps.json", "pwsh.runtimeconfig.json", MARKER}
    plan: dict[str, _File] = {}
    for file in files:
        key = file.target.lower()  # a folder on Windows or macOS has one file for both spellings
        if key in ours:
            raise PackageError(
                f"{file.package.title} has a file {file.target}, which psbridge writes itself."
            )
        if key in plan:
            raise PackageError(
                f"{plan[key].package.title} and {file.package.title} both have a file called "
                f"{file.target}, and psbridge has no rule for which one to take."
            )
        plan[key] = file
    return list(plan.values())
