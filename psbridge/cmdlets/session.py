"""The part of a session that takes cmdlets written in Python."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from ..jobs.session import JobSession
from .cmdlet import Cmdlet
from .modules import cmdlets_in, load_module, make_types

__all__ = ["Session"]


class Session(JobSession):
    """PowerShell in this process: one runspace of the engine, with its variables and its jobs.

    Use it as a context manager, or close it. Its methods may be called from any thread; PowerShell
    runs one pipeline at a time.
    """

    def import_module(self, module: str | Path | ModuleType) -> list[str]:
        """Make the cmdlets of a Python module known to this session.

        Args:
            module: a path to a ``.py`` file, a dotted name, or a module that is loaded.

        Returns:
            The names of the cmdlets.

        Raises:
            DeclarationError: there is no such module, or it defines no cmdlet.
            ImportError: there is no module of this name.
        """
        self._check_open()
        if not isinstance(module, ModuleType):
            module = load_module(module)
        name = Path(module.__file__).stem if module.__file__ else module.__name__
        return self._import(name, cmdlets_in(module))

    def import_cmdlets(self, *cmdlets: type[Cmdlet]) -> list[str]:
        """Make cmdlet classes known to this session, wherever they are defined.

        Returns:
            The names of the cmdlets.

        Raises:
            DeclarationError: one of the classes has no verb and noun, or a name is there twice.
        """
        self._check_open()
        return self._import(cmdlets[0].__module__.rpartition(".")[2], list(cmdlets))

    def _import(self, name: str, cmdlets: list[type[Cmdlet]]) -> list[str]:
        made = make_types(self.engine, name, cmdlets)
        if isinstance(made.image, Path):
            script, module = (
                "param($Module) Import-Module -Name $Module -ErrorAction Stop",
                str(made.image),
            )
        else:
            script, module = (
                "param($Module) Import-Module -Assembly $Module -ErrorAction Stop",
                made.assembly,
            )
        self.run(script, Module=module)
        return [cls.declaration.name for cls in cmdlets if cls.declaration is not None]
