"""The platforms that a home can be made for, and which of a package's folders fit one."""

from __future__ import annotations

import os
import sys
import sysconfig

__all__ = ["PLATFORMS", "current_rid", "fitting"]

PLATFORMS = ("linux-x64", "linux-arm64", "linux-musl-x64", "osx-arm64", "osx-x64", "win-x64")
"""The runtime identifiers that psbridge makes a home for, where a feed has the packages."""

_FAMILIES = {
    # A musl system is a Linux as well.
    "linux-musl": ("linux-musl", "linux", "unix"),
    "linux": ("linux", "unix"),
    "osx": ("osx", "unix"),
    "win": ("win",),
}


def current_rid() -> str:
    """Give the runtime identifier of this Python process, such as ``linux-x64``.

    It is that of the process and not of the machine, because .NET is loaded into the process: an
    x64 Python on an ARM machine needs the x64 runtime.
    """
    if sys.platform == "win32":
        platform = sysconfig.get_platform()
        return {"win-amd64": "win-x64", "win-arm64": "win-arm64"}.get(platform, "win-x86")
    # Not the module platform, which takes long to import, at each start.
    machine = os.uname().machine.lower()
    if sys.maxsize < 2**32:
        arch = "arm" if machine.startswith(("arm", "aarch")) else "x86"
    else:
        arch = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(machine, machine)
    if sys.platform == "darwin":
        return f"osx-{arch}"
    musl = "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE") or "")
    return f"linux-musl-{arch}" if musl else f"linux-{arch}"


def fitting(rid: str) -> tuple[str, ...]:
    """List the runtime identifiers whose files fit a platform, the most specific first.

    Args:
        rid: such as ``osx-arm64``, which gives osx-arm64, osx, unix-arm64 and unix.
    """
    system, _, arch = rid.rpartition("-")
    return tuple(
        name for family in _FAMILIES.get(system, (system,)) for name in (f"{family}-{arch}", family)
    )
