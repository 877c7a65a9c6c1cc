"""Which of a package's files fit a platform: target frameworks and runtime identifiers.

A package has its assemblies once for each target framework (``lib/net8.0``), and for some
runtime identifiers besides (``runtimes/unix/lib/net8.0``). NuGet takes exactly one of those
folders: the most specific runtime identifier that has a framework the program can load, and in
it the nearest framework.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterable

__all__ = ["PLATFORMS", "best_framework", "current_rid", "framework_of", "rid_fallbacks"]

PLATFORMS = ("linux-x64", "linux-arm64", "osx-arm64", "osx-x64", "win-x64")
"""The runtime identifiers that psbridge makes an engine for, where a feed has the packages."""

_FAMILIES = {
    # The longest path first: a musl system is a Linux as well.
    "linux-musl": ("linux-musl", "linux", "unix"),
    "linux": ("linux", "unix"),
    "osx": ("osx", "unix"),
    "win": ("win",),
}
_FRAMEWORK = re.compile(r"\.?(netstandard|netcoreapp|net)v?(\d+)\.(\d+)", re.IGNORECASE)


def current_rid() -> str:
    """Give the runtime identifier of this Python process, such as ``linux-x64``.

    It is that of the process and not of the machine, because .NET is loaded into the process: an
    x64 Python on an ARM machine needs the x64 runtime.
    """
    platform = sysconfig.get_platform()
    if sys.platform == "win32":
        return {"win-amd64": "win-x64", "win-arm64": "win-arm64"}.get(platform, "win-x86")
    import platform as machine_facts

    machine = machine_facts.machine().lower()
    if sys.maxsize < 2**32:
        arch = "arm" if machine.startswith(("arm", "aarch")) else "x86"
    else:
        arch = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(machine, machine)
    if sys.platform == "darwin":
        return f"osx-{arch}"
    musl = "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE") or "")
    return f"linux-musl-{arch}" if musl else f"linux-{arch}"


def rid_fallbacks(rid: str) -> tuple[str, ...]:
    """List the runtime identifiers whose files fit a platform, the most specific first.

    Args:
        rid: such as ``osx-arm64``, which gives osx-arm64, osx, unix-arm64, unix and any.
    """
    system, _, arch = rid.rpartition("-")
    fallbacks: list[str] = []
    for family in _FAMILIES.get(system, (system,)):
        fallbacks += [f"{family}-{arch}", family]
    return (*fallbacks, "any")


def framework_of(version: str) -> str:
    """Give the target framework of a .NET version: ``10.0.14`` is ``net10.0``."""
    major, minor = version.split(".")[:2]
    return f"net{major}.{minor}"


def best_framework(frameworks: Iterable[str], target: str) -> str | None:
    """Choose the framework nearest to the target among those that it can load.

    Args:
        frameworks: names as folders have them (``netstandard2.0``) or as package
            descriptions do (``.NETStandard2.0``).
        target: the program's own, such as ``net10.0``.

    Returns:
        One of the given names as it was given, or None if none fits. Frameworks of the .NET
        Framework (``net462``) and of one platform (``net8.0-windows``) do not.
    """
    limit = _rank(target)
    ranked = [(rank, name) for name in frameworks if (rank := _rank(name)) is not None]
    fitting = [(rank, name) for rank, name in ranked if limit is not None and rank <= limit]
    return max(fitting)[1] if fitting else None


def _rank(framework: str) -> tuple[int, int, int] | None:
    match = _FRAMEWORK.fullmatch(framework)
    if match is None:
        return None
    kind, major, minor = match[1].lower(), int(match[2]), int(match[3])
    if kind == "net" and major < 5:
        return None  # the .NET Framework, written as .NET numbers are: net4.8
    if kind == "net" or (kind == "netcoreapp" and major >= 5):
        return 2, major, minor
    return (1 if kind == "netcoreapp" else 0), major, minor
