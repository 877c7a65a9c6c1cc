"""What a PowerShell home is: the folder that PowerShell itself calls ``$PSHOME``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineUnsupported
from ..setup.assemblies import file_version

__all__ = ["ENGINE_DLL", "OLDEST_SUPPORTED", "Home", "read_home"]

OLDEST_SUPPORTED = (7, 4)

ENGINE_DLL = "System.Management.Automation.dll"


@dataclass(frozen=True)
class Home:
    """A folder with a PowerShell engine that psbridge can load.

    Attributes:
        path: the folder; becomes ``$PSHOME``.
        version: PowerShell's version, such as ``"7.6.9"``.
        self_contained: whether .NET lies in the same folder (an installed PowerShell, our own
            copy) or is the machine's (the dotnet tool).
        dotnet: the .NET version that its runtime configuration names.
        found_as: in words, how it was found.
    """

    path: Path
    version: str
    self_contained: bool
    dotnet: str
    found_as: str

    @property
    def entry_dll(self) -> Path:
        """The managed program whose configuration decides what .NET loads."""
        return self.path / "pwsh.dll"

    @property
    def engine_dll(self) -> Path:
        """The engine's assembly."""
        return self.path / ENGINE_DLL

    @property
    def executable(self) -> Path:
        """The program that the native Start-Job starts."""
        return self.path / ("pwsh.exe" if sys.platform == "win32" else "pwsh")

    @property
    def is_own_copy(self) -> bool:
        """Whether ``psbridge setup`` made this folder."""
        from ..setup.home_folder import MARKER

        return (self.path / MARKER).is_file()


def read_home(path: Path, found_as: str) -> Home:
    """Say what PowerShell lies in a folder, without starting it.

    Args:
        path: the folder.
        found_as: in words, how the folder was found; kept in the result.

    Raises:
        EngineUnsupported: there is none that psbridge can load; the message says why.
    """
    engine_dll = path / ENGINE_DLL
    if not path.is_dir():
        raise EngineUnsupported(f"{path} is not a folder")
    if not engine_dll.is_file():
        raise EngineUnsupported(f"there is no {ENGINE_DLL} in {path}")
    try:
        version = file_version(engine_dll)
    except OSError as error:
        raise EngineUnsupported(f"{engine_dll} cannot be read: {error.strerror}") from error
    if version is None:
        raise EngineUnsupported(f"{engine_dll} has no version; the file may be damaged")
    text = ".".join(map(str, version))
    if version[:2] < OLDEST_SUPPORTED:
        oldest = ".".join(map(str, OLDEST_SUPPORTED))
        raise EngineUnsupported(f"PowerShell {text} in {path} is older than {oldest}")
    for name in ("pwsh.dll", "pwsh.runtimeconfig.json"):
        if not (path / name).is_file():
            raise EngineUnsupported(f"PowerShell {text} in {path} has no {name}")
    self_contained, dotnet = _frameworks(path / "pwsh.runtimeconfig.json")
    return Home(path, text, self_contained, dotnet, found_as)


def _frameworks(config: Path) -> tuple[bool, str]:
    """Read a runtimeconfig.json: is it self-contained, and for which .NET."""
    try:
        options = json.loads(config.read_text(encoding="utf-8-sig"))["runtimeOptions"]
        included = options.get("includedFrameworks")
        frameworks = included or options.get("frameworks") or [options["framework"]]
        return bool(included), str(frameworks[0]["version"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise EngineUnsupported(f"{config} cannot be read: {error!r}") from error
