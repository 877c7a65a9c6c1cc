"""The two files that tell .NET's host what a home is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..errors import PackageError
from .lockfile import PlatformLock

__all__ = ["write_configuration"]


def write_configuration(
    folder: Path,
    platform: PlatformLock,
    original: bytes,
    managed: Iterable[str],
    native: Iterable[str],
) -> None:
    """Write ``pwsh.runtimeconfig.json`` and ``pwsh.deps.json``.

    Without the second the executable, started from its own folder, takes itself for the
    ``dotnet`` command, and then wants to be told which application to run.

    Args:
        folder: the home's folder.
        platform: what the home is made of.
        original: the tool's own ``pwsh.runtimeconfig.json``, which wants a .NET of the machine's.
        managed: the names of all assemblies.
        native: the names of all native libraries.

    Raises:
        PackageError: the tool's configuration is not as expected.
    """
    try:
        options = json.loads(original)["runtimeOptions"]
        properties = options["configProperties"]
    except (ValueError, LookupError, TypeError) as error:
        raise PackageError(
            f"{platform.powershell.title} has a pwsh.runtimeconfig.json that cannot be read: "
            f"{error!r}"
        ) from error
    for name in ("framework", "frameworks", "rollForward", "rollForwardOnNoCandidateFx"):
        options.pop(name, None)
    options["includedFrameworks"] = [{"name": "Microsoft.NETCore.App", "version": platform.dotnet}]
    # A session lives too briefly to earn back what instrumented code costs.
    properties["System.Runtime.TieredPGO"] = False
    _write(folder / "pwsh.runtimeconfig.json", {"runtimeOptions": options})
    version = ".".join(platform.dotnet.split(".")[:2])
    target = f".NETCoreApp,Version=v{version}/{platform.rid}"
    application = f"pwsh/{platform.powershell.version}"
    libraries: dict[str, dict[str, object]] = {
        "runtime": {name: {} for name in sorted(managed)},
        "native": {name: {} for name in sorted(native)},
    }
    _write(
        folder / "pwsh.deps.json",
        {
            "runtimeTarget": {"name": target, "signature": ""},
            "targets": {target: {application: libraries}},
            "libraries": {application: {"type": "project", "serviceable": False, "sha512": ""}},
        },
    )


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
