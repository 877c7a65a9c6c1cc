"""The ``pwsh`` executable: .NET's apphost with the name of the application in it.

The dotnet tool's own ``pwsh`` would not do: it is made for one processor, and it looks for .NET
in DOTNET_ROOT and in the machine's folders, not beside itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineError, PackageError

if TYPE_CHECKING:
    from .packages import Package

__all__ = ["read_apphost", "write_executable"]

# What every apphost contains in place of its application's path (SHA-256 of "foobar", in hex);
# the SDK replaces it in the same way.
_PLACEHOLDER = b"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
_APPLICATION = b"pwsh.dll"


def read_apphost(host: Package, rid: str) -> bytes:
    """Take the apphost of a platform out of the host package.

    Raises:
        PackageError: it is not there, or has no room for the name of an application.
    """
    ending = ".exe" if rid.startswith("win-") else ""
    apphost = host.read(f"runtimes/{rid}/native/apphost{ending}")
    if apphost.count(_PLACEHOLDER) != 1:
        raise PackageError(f"The apphost in {host.title} has no placeholder for its application.")
    return apphost


def write_executable(apphost: bytes, folder: Path, rid: str) -> None:
    """Write the ``pwsh`` executable into a home.

    Args:
        apphost: see `read_apphost`.
        folder: the home's folder.
        rid: the platform it is for.

    Raises:
        EngineError: macOS refused to sign it.
        OSError: it cannot be written.
    """
    name = _APPLICATION.ljust(len(_PLACEHOLDER), b"\0")
    file = folder / ("pwsh.exe" if rid.startswith("win-") else "pwsh")
    file.write_bytes(apphost.replace(_PLACEHOLDER, name))
    file.chmod(0o755)
    if rid.startswith("osx-") and sys.platform == "darwin":
        _sign(file)


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
