"""Where .NET is for a home, and what the environment has to say before it starts.

Both are the same for the engine in this process and for the home's own pwsh.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineStartError

if TYPE_CHECKING:
    from .homes import Home

__all__ = ["prepare_environment", "root_of_dotnet"]


def prepare_environment() -> bool:
    """Set the variables that .NET and PowerShell read when they start.

    Returns:
        Whether the invariant globalization mode is on (see `icu`).

    Raises:
        EngineStartError: there is no ICU, and the user's setting forbids to go without.
    """
    from .icu import decide_globalization

    invariant = decide_globalization()
    # A library must not report its users' doings: PowerShell's telemetry is for those who ask.
    os.environ.setdefault("POWERSHELL_TELEMETRY_OPTOUT", "1")
    return invariant


def root_of_dotnet(home: Home) -> Path:
    """The folder with the .NET that a home needs: itself, or the machine's.

    Raises:
        EngineStartError: it needs the machine's, and there is none.
    """
    if home.self_contained:
        return home.path
    for folder in _dotnet_folders():
        if (folder / "host" / "fxr").is_dir():
            # For the programs that the native Start-Job starts.
            os.environ["DOTNET_ROOT"] = str(folder)
            return folder
    raise EngineStartError(
        f"PowerShell in {home.path} needs .NET {home.dotnet} on this machine, and no .NET "
        "was found: set DOTNET_ROOT to its folder, or put `dotnet` on PATH"
    )


def _dotnet_folders() -> Iterator[Path]:
    import shutil

    if named := os.environ.get("DOTNET_ROOT"):
        yield Path(named).absolute()
    if command := shutil.which("dotnet"):
        yield Path(command).resolve().parent
    if sys.platform == "win32":
        yield Path(os.environ.get("PROGRAMFILES", r"C:\Program Files")) / "dotnet"
    elif sys.platform == "darwin":
        yield Path("/usr/local/share/dotnet")
    else:
        yield from map(Path, ("/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet"))
