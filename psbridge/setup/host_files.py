"""The files of an engine that are in no package: what makes the folder an application.

A folder with these beside the assemblies is a self-contained .NET application called ``pwsh``,
as an installed PowerShell is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import EngineError, PackageError
from .frameworks import framework_of

__all__ = ["HOST_NAMES", "runtime_pack", "write_configuration", "write_executable"]

HOST_NAMES = frozenset(
    {
        "pwsh",
        "pwsh.exe",
        "pwsh.dll",
        "pwsh.deps.json",
        "pwsh.runtimeconfig.json",
        "psbridge-engine.json",
    }
)
"""Names that no package may bring into the folder."""

# What every apphost contains in place of its application's path (SHA-256 of "foobar", in hex);
# the SDK replaces it in the same way.
_PLACEHOLDER = b"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
_APPLICATION = "pwsh.dll"


def runtime_pack(rid: str) -> str:
    """Name the package that has the .NET runtime of a platform."""
    return f"Microsoft.NETCore.App.Runtime.{rid}"


def write_executable(apphost: bytes, folder: Path, rid: str) -> Path:
    """Write the ``pwsh`` executable.

    Args:
        apphost: the executable from the host package.
        folder: the engine's folder.
        rid: the platform it is for.

    Returns:
        The executable.

    Raises:
        PackageError: it has no room for the name of an application, so it is no apphost.
        EngineError: macOS refused to sign it.
    """
    if apphost.count(_PLACEHOLDER) != 1:
        raise PackageError(f"The apphost for {rid} has no placeholder for its application.")
    name = _APPLICATION.encode().ljust(len(_PLACEHOLDER), b"\0")
    file = folder / ("pwsh.exe" if rid.startswith("win-") else "pwsh")
    file.write_bytes(apphost.replace(_PLACEHOLDER, name))
    file.chmod(0o755)
    if rid.startswith("osx-") and sys.platform == "darwin":
        _sign(file)
    return file


def write_configuration(
    folder: Path,
    rid: str,
    dotnet: str,
    powershell: str,
    managed: Iterable[str],
    native: Iterable[str],
) -> None:
    """Write ``pwsh.runtimeconfig.json`` and ``pwsh.deps.json``.

    Without the second the executable, started from its own folder, takes itself for the
    ``dotnet`` command, and then wants to be told which application to run.

    Args:
        folder: the engine's folder.
        rid: the platform it is for.
        dotnet: the version of the runtime.
        powershell: the version of the engine.
        managed: the names of all assemblies except ``pwsh.dll``.
        native: the names of all native libraries.
    """
    framework = {"name": "Microsoft.NETCore.App", "version": dotnet}
    _write(
        folder / "pwsh.runtimeconfig.json",
        {
            "runtimeOptions": {
                "tfm": framework_of(dotnet),
                "includedFrameworks": [framework],
                # A session lives too briefly to earn back what instrumented code costs: without
                # it a start takes 15 ms less of 350, and long scripts no longer.
                "configProperties": {"System.Runtime.TieredPGO": False},
            }
        },
    )
    target = f".NETCoreApp,Version=v{framework_of(dotnet).removeprefix('net')}"
    pack = f"runtimepack.{runtime_pack(rid)}"
    project, library = f"pwsh/{powershell}", f"{pack}/{dotnet}"
    about = {"serviceable": False, "sha512": ""}
    _write(
        folder / "pwsh.deps.json",
        {
            "runtimeTarget": {"name": f"{target}/{rid}", "signature": ""},
            "compilationOptions": {},
            "targets": {
                target: {},
                f"{target}/{rid}": {
                    project: {"dependencies": {pack: dotnet}, "runtime": {_APPLICATION: {}}},
                    library: {
                        "runtime": {name: {} for name in sorted(managed)},
                        "native": {name: {} for name in sorted(native)},
                    },
                },
            },
            "libraries": {
                project: {"type": "project", **about},
                library: {"type": "runtimepack", **about},
            },
        },
    )


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _sign(file: Path) -> None:
    # The new name broke the signature, and macOS kills what is not signed. "-" signs ad hoc.
    try:
        subprocess.run(
            ["codesign", "--force", "--sign", "-", str(file)],
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise EngineError(f"codesign could not sign {file}: {detail}") from error
