"""Where the PowerShell module PSBridge is, and putting it where PowerShell looks."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from ..errors import PsbridgeError

__all__ = ["MODULE", "install_module", "module_path", "user_modules"]

MODULE = "PSBridge"


def module_path() -> Path:
    """The folder that has the module in it, to be put into PSModulePath."""
    return Path(__file__).parent


def user_modules() -> Path:
    """The folder in which PowerShell looks for a user's own modules.

    See PowerShell's page about_PSModulePath.
    """
    if sys.platform == "win32":
        import platformdirs

        return platformdirs.user_documents_path() / "PowerShell" / "Modules"
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "powershell" / "Modules"


def install_module(folder: Path | None = None) -> Path:
    """Copy the module to where PowerShell looks; it starts the interpreter that runs this.

    One that was there before is replaced, whole or not at all.

    Args:
        folder: a folder of PSModulePath; None is the user's own.

    Returns:
        The module's folder.

    Raises:
        PsbridgeError: it cannot be written, or what is there under its name is not it.
    """
    folder = (folder or user_modules()).expanduser().absolute()
    target = folder / MODULE
    if target.exists() and not (target / f"{MODULE}.psd1").is_file():
        raise PsbridgeError(f"{target} is there and is no module {MODULE}; move it away first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{MODULE}-", dir=folder) as temporary:
            made, old = Path(temporary, "new"), Path(temporary, "old")
            shutil.copytree(
                module_path() / MODULE, made, ignore=shutil.ignore_patterns("__pycache__")
            )
            (made / "interpreter.txt").write_text(sys.executable + "\n", encoding="utf-8")
            if target.exists():
                target.rename(old)
            made.rename(target)
    except OSError as error:
        raise PsbridgeError(f"{target} cannot be written: {error}") from error
    return target
