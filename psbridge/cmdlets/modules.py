"""Python modules as PowerShell modules: loading them and making their .NET types."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ..engine.compiling import CompiledAssembly, load_compiled
from ..engine.paths import possible_path
from ..engine.starting import Engine
from ..errors import DeclarationError, PsbridgeError, traceback_text
from ..jobs.definition import definitions_in
from ..jobs.places.file_modules import forget, remember
from .cmdlet import Cmdlet, JobCmdlet
from .declaration import Declaration
from .function import cmdlet_of
from .help.help_file import help_file
from .source import NAMESPACE, class_name, source_of

__all__ = [
    "Contents",
    "MadeTypes",
    "contents_of",
    "explained",
    "has_contents",
    "load_module",
    "make_types",
    "names_a_file",
    "refuse_twins",
]

# What was imported by its name here, and is loaded anew when it is imported again.
_loaded_names: set[str] = set()
_PACKAGE = Path(__file__).parents[1]


def load_module(module: str | Path) -> ModuleType:
    """Load a Python module by its file or by its name.

    Args:
        module: a path to a ``.py`` file, or a dotted name that can be imported.

    Raises:
        DeclarationError: there is no such file, or it is no Python.
        ImportError: there is no module of this name. What the module itself raises while it is
            loaded passes as it is, and nothing of the module stays behind.
    """
    if isinstance(module, str) and not names_a_file(module):
        return _load_name(module)
    try:
        path = possible_path(module).expanduser().resolve()
    except FileNotFoundError as error:
        raise DeclarationError(f"there is no module {str(module)!r}: {error.strerror}") from error
    if not path.is_file():
        raise DeclarationError(f"there is no module {module}: {path} is not a file")
    # The name has to be the file's alone: two files of one name are two modules.
    name = f"{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise DeclarationError(f"{path} is no Python module")
    loaded = importlib.util.module_from_spec(spec)
    with _anew(name):
        sys.modules[name] = loaded
        known = remember(name, path)
        try:
            spec.loader.exec_module(loaded)
        except BaseException:
            if not known:
                forget(name)
            raise
    return loaded


def names_a_file(module: str) -> bool:
    """Whether a module is given by the path of a file, and not by its dotted name."""
    return module.endswith(".py") or re.search(r"[/\\]", module) is not None


def _load_name(name: str) -> ModuleType:
    with _anew(name) if name in _loaded_names else nullcontext():
        importlib.invalidate_caches()
        try:
            loaded = importlib.import_module(name)
        except UnicodeEncodeError as error:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name) from error
    _loaded_names.add(name)
    return loaded


@contextmanager
def _anew(name: str) -> Iterator[None]:
    """Load a module once more; the one that was there comes back where that fails."""
    before = sys.modules.pop(name, None)
    if cached := getattr(before, "__cached__", None):
        # Python takes it for the file's where that has the same size and was written in the same
        # second: too coarse for an edit that is tried at once.
        with suppress(OSError):
            Path(cached).unlink(missing_ok=True)
    try:
        yield
    except BaseException:
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before
        raise


@contextmanager
def explained(module: str) -> Iterator[None]:
    """Tell a user what a module of theirs raised while it was loaded.

    Args:
        module: its file or name.

    Raises:
        DeclarationError: with the traceback in its text, from the frames of the user's own files
            on. What is ours passes as it is.
    """
    try:
        yield
    except PsbridgeError:
        raise
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and _is_inner(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        lines = traceback_text(error, trace).rstrip()
        raise DeclarationError(f"{module} cannot be loaded\n{lines}") from error


def _is_inner(file: str) -> bool:
    """Whether a file is psbridge's or the import system's, whose frames say nothing here."""
    path = Path(file)
    return path.is_relative_to(_PACKAGE) or "importlib" in path.parts or file.startswith("<frozen ")


class Contents(NamedTuple):
    """What a module has for PowerShell, in the order of its text.

    Attributes:
        cmdlets: its cmdlets.
        definitions: its job definitions, by name.
    """

    cmdlets: list[type[Cmdlet]]
    definitions: dict[str, Callable[[], Any]]


def contents_of(module: ModuleType) -> Contents:
    """What a module has for PowerShell.

    Raises:
        DeclarationError: it has nothing, or a job definition twice.
    """
    found = _contents_in(module)
    if not any(found):
        name = Path(module.__file__).name if module.__file__ else module.__name__
        raise DeclarationError(
            f"{name} defines no cmdlet with verb= and noun=, and no job with @job_definition"
        )
    return found


def has_contents(module: ModuleType) -> bool:
    """Whether a module has anything for PowerShell.

    Raises:
        DeclarationError: it has a job definition twice.
    """
    return any(_contents_in(module))


def _contents_in(module: ModuleType) -> Contents:
    return Contents(_cmdlets_in(module), definitions_in(module))


def _cmdlets_in(module: ModuleType) -> list[type[Cmdlet]]:
    values = [cmdlet_of(value) or value for value in vars(module).values()]
    return [
        value
        for value in {id(value): value for value in values}.values()
        if isinstance(value, type)
        and issubclass(value, Cmdlet)
        and value.__module__ == module.__name__
        and "declaration" in vars(value)
    ]


def refuse_twins(cmdlets: Iterable[type[Cmdlet]]) -> None:
    """Refuse cmdlets of the same name.

    Raises:
        DeclarationError: names it.
    """
    seen: set[str] = set()
    for cls in cmdlets:
        if cls.declaration is not None:
            if cls.declaration.name.lower() in seen:
                raise DeclarationError(f"{cls.declaration.name} is there twice")
            seen.add(cls.declaration.name.lower())


class MadeTypes(NamedTuple):
    """What has been made of cmdlets.

    Attributes:
        assembly: their .NET types.
        help: the file with their help; None where it cannot be kept.
    """

    assembly: CompiledAssembly
    help: Path | None


def make_types(
    engine: Engine, runspace: Any, name: str, cmdlets: Sequence[type[Cmdlet]]
) -> MadeTypes:
    """Make the .NET types of cmdlets and connect each with its Python class.

    Args:
        engine: the running engine.
        runspace: the InstanceId of the runspace that is to know them.
        name: the name that PowerShell's module gets.
        cmdlets: the classes.

    Raises:
        DeclarationError: two of them have the same name.
    """
    from PSBridge import PythonCmdlet
    from System import Action

    from .functions import register_functions
    from .running import attach, piped

    refuse_twins(cmdlets)
    declared: list[tuple[Declaration, bool]] = []
    for cls in cmdlets:
        if cls.declaration is None or "declaration" not in vars(cls):
            raise DeclarationError(f"{cls.__qualname__} has no verb= and noun= of its own")
        for other, _ in declared:
            if class_name(other).lower() == class_name(cls.declaration).lower():
                raise DeclarationError(
                    f"{cls.declaration.name} and {other.name} make .NET types of one name, "
                    f"{class_name(other)}; put them into modules of their own"
                )
        declared.append((cls.declaration, issubclass(cls, JobCmdlet)))
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name) or "cmdlets"
    source = source_of(name, declared)
    assembly = load_compiled([source], name=safe, home=engine.home, references=[engine.native])
    for cls in cmdlets:
        assert cls.declaration is not None
        net_type = assembly.assembly.GetType(f"{NAMESPACE}.{class_name(cls.declaration)}", True)
        PythonCmdlet.Register(
            runspace, net_type, Action[PythonCmdlet](partial(attach, cls, piped(cls)))
        )
        register_functions(runspace, cls.declaration)
    return MadeTypes(assembly, help_file(source, cmdlets))
