"""PowerShell's own modules, where a session is to import a module of either kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.paths import net_path, possible_path
from ..errors import DeclarationError, PowerShellError
from .modules import names_a_file

if TYPE_CHECKING:
    from .session import CmdletSession

__all__ = ["import_powershell_file", "import_powershell_name", "is_powershell_file"]

# In the order in which PowerShell looks for them in a folder.
_SUFFIXES = (".psd1", ".psm1", ".cdxml", ".dll", ".ps1")
_NOT_FOUND = "Modules_ModuleNotFound"


def is_powershell_file(module: str | Path) -> bool:
    """Whether a module is given by a path that PowerShell imports: a file's, or a folder's."""
    if Path(module).suffix.lower() in _SUFFIXES:
        # Microsoft.PowerShell.dll could be a name; nobody has one.
        return True
    if isinstance(module, str) and not names_a_file(module):
        return False
    try:
        return possible_path(module).expanduser().is_dir()
    except FileNotFoundError:
        return False


def import_powershell_file(session: CmdletSession, module: str | Path) -> list[str]:
    """Import a module's file or folder, its text as it is now; gives the commands' names.

    Raises:
        DeclarationError: there is no such file.
        PowerShellError: PowerShell cannot import it.
    """
    try:
        path = possible_path(module).expanduser().resolve()
    except FileNotFoundError as error:
        raise DeclarationError(f"there is no module {str(module)!r}: {error.strerror}") from error
    if not path.exists():
        raise DeclarationError(f"there is no module {module}: {path} is not a file")
    # PowerShell finds none in a folder with brackets in its name. Where there are versions of the
    # module in it, it chooses.
    inner = (path / f"{path.name}{suffix}" for suffix in _SUFFIXES)
    found = next(filter(Path.is_file, inner), path) if path.is_dir() else path
    return _import(session, Name=_literal(net_path(found)), Force=True)


def import_powershell_name(session: CmdletSession, name: str) -> list[str] | None:
    """Import a module that PowerShell finds by its name; gives the commands' names.

    Returns:
        None where there is no such module.

    Raises:
        PowerShellError: PowerShell cannot import it.
    """
    try:
        return _import(session, Name=_literal(name))
    except PowerShellError as error:
        if error.error_id.partition(",")[0] == _NOT_FOUND:
            return None
        raise


def _import(session: CmdletSession, **parameters: object) -> list[str]:
    found = session._call("Import-Module", **parameters, PassThru=True, ErrorAction="Stop")
    return sorted({name for module in found for name in _names(module.net)})


def _names(module: Any) -> list[str]:
    return [*module.ExportedCmdlets.Keys, *module.ExportedFunctions.Keys]


def _literal(name: str) -> str:
    """A name or a path with nothing in it that PowerShell takes for a wildcard."""
    return "".join(f"`{letter}" if letter in "*?[]`" else letter for letter in name)
