"""Where the PowerShell module PSBridge is, and putting it where PowerShell looks."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import PsbridgeError
from ..kept import replace_folder

__all__ = ["MODULE", "install_module", "module_path", "new_folder", "user_modules"]

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
    target = (folder or user_modules()).expanduser().absolute() / MODULE
    if target.exists() and not (target / f"{MODULE}.psd1").is_file():
        raise PsbridgeError(f"{target} is there and is no module {MODULE}; move it away first")
    with new_folder(target) as made:
        shutil.copytree(
            module_path() / MODULE,
            made,
            ignore=shutil.ignore_patterns("__pycache__"),
            dirs_exist_ok=True,
        )
        (made / "interpreter.txt").write_text(sys.executable + "\n", encoding="utf-8")
    return target


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Make a folder whole or not at all: give an empty one, which is renamed when it is full.

    Args:
        target: the folder; one that is there is replaced.

    Raises:
        PsbridgeError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
            made = Path(temporary, "new")
            made.mkdir()
            yield made
            replace_folder(made, target, Path(temporary, "old"))
    except OSError as error:
        raise PsbridgeError(f"{target} cannot be written: {error}") from error
