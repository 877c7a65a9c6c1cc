"""Making a PowerShell module of Python files: a manifest, a loader, help. No engine is needed.

The manifest names the cmdlets, so PowerShell lists them, and loads the module when one is called,
before any Python runs. The loader is what starts Python.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ..cmdlets.help.maml import maml_of
from ..cmdlets.modules import (
    contents_of,
    explained,
    load_module,
    names_a_file,
    refuse_twins,
)
from ..errors import DeclarationError, PsbridgeError
from .module_folder import new_folder

__all__ = ["build_module", "is_version"]

_MADE_BY = "# Made by psbridge build, which replaces this folder when it is run again."
_OF_NAMES = uuid.UUID("3b1f6f4c-8f39-4f0e-9d52-5a0f4f7a6c10")

_LOADER = """{made_by}

if (-not (Get-Module -Name PSBridge)) {{
    try {{
        Import-Module -Name PSBridge -Global -ErrorAction Stop
    }} catch {{
        throw "{name} is written in Python and needs the PowerShell module PSBridge; where " +
            "psbridge is installed, 'psbridge install-module' puts it where PowerShell looks. $_"
    }}
}}
foreach ($module in {modules}) {{
    Import-PythonModule -Name $module -ErrorAction Stop
}}
Export-ModuleMember -Cmdlet * -Alias *
"""

_MANIFEST = """{made_by}
@{{
    RootModule = {root}
    ModuleVersion = {version}
    GUID = {guid}
    Description = {description}
    PowerShellVersion = '7.4'
    CompatiblePSEditions = @('Core')
    CmdletsToExport = @({cmdlets})
    AliasesToExport = @({aliases})
    FunctionsToExport = @()
    VariablesToExport = @()
}}
"""


def build_module(modules: Sequence[str], folder: Path, *, version: str | None = None) -> list[str]:
    """Make the folder of a PowerShell module that has the cmdlets of Python modules.

    Args:
        modules: Python files, which are copied, or dotted names, which the interpreter has to have
            where the module is used.
        folder: the module's folder, whose name is the module's; one that this has made before is
            replaced.
        version: its version; the ``__version__`` of the first module by default, or 0.0.1.

    Returns:
        The names of the cmdlets.

    Raises:
        PsbridgeError: the folder is something else's, or cannot be written.
        DeclarationError: a module cannot be loaded, or has no cmdlet and no job definition, or two
            have a cmdlet of one name.
    """
    folder = folder.expanduser().absolute()
    name = folder.name
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise PsbridgeError(f"{name!r} is no name for a PowerShell module: letters, digits and ._-")
    _check_is_free(folder)
    loaded = []
    for module in modules:
        with explained(module):
            loaded.append(load_module(module))
    cmdlets = [cls for module in loaded for cls in contents_of(module).cmdlets]
    refuse_twins(cmdlets)
    declared = [cls.declaration for cls in cmdlets if cls.declaration is not None]
    names = [declaration.name for declaration in declared]
    aliases = [alias for declaration in declared for alias in declaration.alias]
    files = _files(modules)
    with new_folder(folder) as made:
        for file in files.values():
            shutil.copyfile(file, made / file.name)
        loader = _LOADER.format(
            made_by=_MADE_BY,
            name=name,
            modules=", ".join(
                f"\"$PSScriptRoot/{_escaped(files[module].name)}\"" if module in files
                else _quoted(module)
                for module in modules
            ),
        )  # fmt: skip
        manifest = _MANIFEST.format(
            made_by=_MADE_BY,
            root=_quoted(f"{name}.psm1"),
            version=_quoted(version or _version(loaded[0])),
            guid=_quoted(str(uuid.uuid5(_OF_NAMES, name))),
            description=_quoted(_description(loaded, name)),
            cmdlets=", ".join(map(_quoted, names)),
            aliases=", ".join(map(_quoted, aliases)),
        )
        (made / f"{name}-Help.xml").write_text(maml_of(cmdlets), encoding="utf-8")
        (made / f"{name}.psm1").write_text(loader, encoding="utf-8")
        (made / f"{name}.psd1").write_text(manifest, encoding="utf-8-sig")
    return names


def _check_is_free(folder: Path) -> None:
    manifest = folder / f"{folder.name}.psd1"
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        try:
            ours = manifest.read_text(encoding="utf-8-sig").startswith(_MADE_BY)
        except (OSError, ValueError):
            ours = False
        if not ours:
            raise PsbridgeError(f"{folder} is there and was not made by psbridge build")


def _files(modules: Sequence[str]) -> dict[str, Path]:
    files = {
        module: Path(module).expanduser().resolve() for module in modules if names_a_file(module)
    }
    names = [file.name.lower() for file in files.values()]
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"two files are called {name}; a module has one of each name")
    return files


def _version(module: ModuleType) -> str:
    version = getattr(module, "__version__", None)
    return version if isinstance(version, str) and is_version(version) else "0.0.1"


def is_version(text: str) -> bool:
    """Whether a text is what PowerShell takes for a module's version, such as 1.2.3."""
    return re.fullmatch(r"\d+(\.\d+){1,3}", text) is not None


def _description(modules: Sequence[ModuleType], name: str) -> str:
    lines = [(module.__doc__ or "").strip().partition("\n")[0] for module in modules]
    return " ".join(filter(None, lines)) or f"{name}: cmdlets written in Python."


def _quoted(text: str) -> str:
    """A text in PowerShell's single quotes."""
    return "'" + re.sub(r"(['\u2018\u2019\u201a\u201b])", r"\1\1", text) + "'"


def _escaped(text: str) -> str:
    """A text inside PowerShell's double quotes."""
    return re.sub(r'([`$"\u201c\u201d\u201e])', r"`\1", text)
