"""The part of a session that takes cmdlets written in Python."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..arguments import check_name
from ..engine.paths import net_path
from ..errors import DeclarationError
from ..jobs.session import JobSession
from ..session.opening import SessionOptions

if TYPE_CHECKING:
    from .cmdlet import Cmdlet
    from .function_table import FunctionTable

__all__ = ["CmdletSession"]


class _Imported(NamedTuple):
    """A module of this session: where it is from, its cmdlets, and PowerShell's view of it.

    There is no such view where it has job definitions only.
    """

    source: str
    name: str
    cmdlets: list[type[Cmdlet]]
    net: Any = None

    @property
    def names(self) -> list[str]:
        """The names of the cmdlets."""
        return [cls.declaration.name for cls in self.cmdlets if cls.declaration is not None]


class CmdletSession(JobSession):
    """The part of `Session` that takes cmdlets written in Python."""

    def __init__(self, options: SessionOptions | None = None) -> None:
        """Open a runspace; see `OwnedRunspace`."""
        self._imported: list[_Imported] = []
        self._defined: dict[str, str] = {}  # names of job definitions, and the modules they are of
        self._has_types = False  # whether .NET knows cmdlets of this session
        options = options or SessionOptions()
        super().__init__(options)
        try:
            self._equip(options)
        except BaseException:
            self.close()
            raise

    def _equip(self, options: SessionOptions) -> None:
        """Give the session what it is to have beside PowerShell's own, and then its limits."""
        if options.visible_commands is None:
            for module in options.modules:
                self.import_module(module)
        if options.functions:
            self.functions.update(options.functions)
        if options.language_mode is not None:
            from ..session.runspace import set_language_mode

            set_language_mode(self._runspace, options.language_mode)  # nobody else has it yet

    def import_module(self, module: str | Path | ModuleType) -> list[str]:
        """Make the commands of a module known to this session: one of Python's or PowerShell's.

        Importing a file again after an edit takes the new text.

        Args:
            module: of Python's the path of a ``.py`` file, a dotted name, or a module that is
                loaded; of PowerShell's the path of a ``.psd1``, ``.psm1``, ``.ps1`` or ``.dll``
                file or of a module's folder, or a name. A name that both have is Python's where
                that module has cmdlets or jobs, else PowerShell's.

        Returns:
            The names of the cmdlets and functions.

        Raises:
            DeclarationError: there is no such file, or the Python module defines no cmdlet and no
                job, and PowerShell has none of its name.
            EngineUnsupported: it has job definitions, and this engine takes none.
            ImportError: there is no module of this name, neither Python's nor PowerShell's.
            PowerShellError: PowerShell cannot import it.
        """
        from .modules import names_a_file
        from .powershell_modules import import_powershell_file, is_powershell_file

        self._check_open()
        if isinstance(module, ModuleType):
            return self._import_module(module).names
        if not isinstance(module, PathLike):
            check_name(module, "module")
        if is_powershell_file(module):
            return import_powershell_file(self, module)
        if isinstance(module, str) and not names_a_file(module):
            return self._import_name(module)
        return self._import_module(module).names

    def import_cmdlets(self, *cmdlets: type[Cmdlet] | Callable[..., Any]) -> list[str]:
        """Make cmdlets known to this session, wherever they are defined.

        Args:
            cmdlets: classes, or functions that are decorated with `cmdlet`.

        Returns:
            The names of the cmdlets.

        Raises:
            DeclarationError: one of the classes has no verb and noun, or a name is there twice.
        """
        from .cmdlet import Cmdlet
        from .function import cmdlet_of

        self._check_open()
        if not cmdlets:
            raise TypeError("import_cmdlets needs at least one cmdlet class")
        classes: list[type[Cmdlet]] = []
        for given in cmdlets:
            cls = cmdlet_of(given) or given
            if not (isinstance(cls, type) and issubclass(cls, Cmdlet)):
                raise DeclarationError(f"{given!r} is no cmdlet")
            classes.append(cls)
        name = classes[0].__module__.rpartition(".")[2]
        source = " ".join(sorted(f"{cls.__module__}.{cls.__qualname__}" for cls in classes))
        return self._import(source, name, classes).names

    @property
    def functions(self) -> FunctionTable:
        """Python's functions as commands: ``shell.functions["Get-Double"] = f``."""
        from .function_table import FunctionTable

        return FunctionTable(self)

    def close(self) -> None:
        """Stop what runs in this session and close it; see `JobSession.close`."""
        forget = self._has_types and not self.closed
        super().close()
        if forget:
            from PSBridge import PythonCmdlet, PythonFunctions

            PythonCmdlet.Forget(self._runspace.InstanceId)
            PythonFunctions.Forget(self._runspace.InstanceId)

    def _import_module(self, module: str | Path | ModuleType) -> _Imported:
        from .modules import contents_of, load_module

        self._check_open()
        if not isinstance(module, ModuleType):
            module = load_module(module)
        name = Path(module.__file__).stem if module.__file__ else module.__name__
        source = module.__file__ or name
        found = contents_of(module)
        self._define(source, found.definitions)
        return self._import(source, name, found.cmdlets)

    def _import_name(self, name: str) -> list[str]:
        """Import the module of a name: Python's where it has something, else PowerShell's."""
        from .modules import contents_of, has_contents, load_module
        from .powershell_modules import import_powershell_name

        missing: ModuleNotFoundError | None = None
        try:
            module = load_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # one that the module itself imports
            missing = error
        else:
            # Python finds namespaces of .NET's, too, which are no modules.
            if isinstance(module, ModuleType) and has_contents(module):
                return self._import_module(module).names
        found = import_powershell_name(self, name)
        if found is not None:
            return found
        if missing is None and isinstance(module, ModuleType):
            contents_of(module)  # says that there is nothing in it
        raise ModuleNotFoundError(
            f"there is no module {name!r}, neither Python's nor PowerShell's", name=name
        ) from missing

    def _define(self, source: str, definitions: dict[str, Callable[[], Any]]) -> None:
        """Take the job definitions of a module; those that it had before and has no more go."""
        for name, earlier in list(self._defined.items()):
            if earlier == source and name not in definitions:
                with contextlib.suppress(KeyError):  # somebody has done that
                    self._jobs.undefine(name)
                del self._defined[name]
        for name, make in definitions.items():
            self._jobs.define(name, make)
            self._defined[name] = source

    def _show_help(self, imported: _Imported, file: Path) -> None:
        from PSBridge import CommandHelp

        # Not the cmdlets that the module exports: the runspace has its own view of each.
        for found in self._call("Get-Command", Name=imported.names, CommandType="Cmdlet"):
            CommandHelp.SetFile(found.net, net_path(file))
        CommandHelp.Forget(self._runspace)

    def _withdraw(self, name: str) -> None:
        """Take a cmdlet away; others of its module stay."""
        folded = name.lower()
        for imported in list(self._imported):
            names = [each.lower() for each in imported.names]
            if folded in names:
                left = [cls for cls, each in zip(imported.cmdlets, names, strict=True)
                        if each != folded]  # fmt: skip
                self._import(imported.source, imported.name, left)

    def _import(self, source: str, name: str, cmdlets: list[type[Cmdlet]]) -> _Imported:
        from .modules import make_types

        names = {cls.declaration.name.lower() for cls in cmdlets if cls.declaration is not None}
        # PowerShell refuses a second cmdlet of a name in a module of the same name. So a module
        # that has one of these goes, and its other cmdlets come along into the new one; except
        # where it is the same file, which says by itself what there is.
        for earlier in list(self._imported):
            theirs = {
                cls.declaration.name.lower(): cls for cls in earlier.cmdlets if cls.declaration
            }
            if earlier.source == source or names & theirs.keys():
                self._imported.remove(earlier)
                self._call("Remove-Module", ModuleInfo=earlier.net, Force=True, ErrorAction="Stop")
                if earlier.source != source:
                    cmdlets += [cls for key, cls in theirs.items() if key not in names]
        if not cmdlets:
            return _Imported(source, name, cmdlets)
        self._has_types = True
        made, help_file = make_types(self.engine, self._runspace.InstanceId, name, cmdlets)
        if isinstance(made.image, Path):
            module = {"Name": net_path(made.image)}
        else:
            module = {"Assembly": made.assembly}
        (found,) = self._call("Import-Module", **module, PassThru=True, ErrorAction="Stop")
        imported = _Imported(source, name, cmdlets, found.net)
        if help_file is not None:
            self._show_help(imported, help_file)
        self._imported.append(imported)
        return imported
