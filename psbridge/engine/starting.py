"""Starting .NET and the engine in this process, once.

Guarantees: one runtime a process, started by whichever thread asks first while the others wait;
nothing starts at import, and what only a start needs is imported by it; at exit .NET is kept
from calling into a Python that is going away.

Assumption: CoreCLR cannot be unloaded or started twice, so what was started stays until the
process ends, and a second home is an error rather than a surprise.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineNotFound, EngineStartError
from .dotnet import prepare_environment, root_of_dotnet
from .environment import set_for_net_only, unite
from .forking import at_exit, check_process, guard_forks
from .paths import net_path, possible_path

if TYPE_CHECKING:
    from .compiling import CompiledAssembly
    from .homes import Home

__all__ = ["Engine", "adopt", "load_runtime", "start", "started"]

_start = threading.Lock()
_loaded: tuple[Home, bool] | None = None  # what .NET has been started from, and its globalization
_engine: Engine | None = None


class Engine:
    """The running engine: which home it is from, and the C# half that belongs to it."""

    def __init__(
        self,
        home: Home,
        native: CompiledAssembly,
        *,
        invariant_globalization: bool,
        is_mended: bool,
    ) -> None:
        self.home = home
        self.native = native
        self.invariant_globalization = invariant_globalization
        self.is_mended = is_mended

    def __repr__(self) -> str:
        return f"<Engine PowerShell {self.home.version} from {self.home.path}>"


def started() -> Engine | None:
    """The running engine, or None where none has been started in this process."""
    return _engine


def start(pshome: str | Path | None = None) -> Engine:
    """Start .NET, the engine and the C# half, or return the one that runs.

    Args:
        pshome: the folder of the PowerShell to load; None follows the search order.

    Raises:
        EngineNotFound: there is no engine, and none could be fetched.
        EngineStartError: another .NET runtime or another engine is in this process already,
            or .NET did not start.
        CompileError: the C# half does not compile against this engine.
        ForkedProcessError: this is a forked child of a process in which .NET runs.
    """
    global _loaded
    from .loading import odd_paths_hidden

    check_process()
    if pshome is not None:
        try:
            pshome = possible_path(pshome)
        except FileNotFoundError as error:
            raise EngineNotFound([("pshome=", str(error))]) from error
    with _start, odd_paths_hidden():
        if _loaded is None:
            from .native import kept_native
            from .providing import provide

            home = provide(pshome)
            root, native = root_of_dotnet(home), kept_native(home)
            _loaded = home, load_runtime(home.entry_dll, root, home.path, native)
        else:
            _refuse_another(_loaded[0], pshome)
        return _engine or _complete(*_loaded)


def adopt(pshome: str | Path) -> Engine:
    """Take the engine that runs Python inside it, loading the C# half.

    Args:
        pshome: the folder of that PowerShell.

    Raises:
        EngineUnsupported: it is older than 7.4.
        CompileError: the C# half does not compile against this engine.
    """
    global _loaded
    from .homes import read_home

    check_process()
    guard_forks()
    with _start:
        if _loaded is None:
            _loaded = read_home(Path(pshome), "the PowerShell that Python runs in"), False
        _refuse_another(_loaded[0], pshome)
        return _engine or _complete(*_loaded, hosted=True)


def _complete(home: Home, invariant: bool, *, hosted: bool = False) -> Engine:
    """Load the engine and the C# half; where something fails the next call goes on from here."""
    global _engine
    native = _load_engine(home)
    from .loading import close_at_exit, mend

    # First: what follows has text in it.
    is_mended = mend()
    unite(net_leads=hosted)
    close_at_exit()
    _engine = Engine(home, native, invariant_globalization=invariant, is_mended=is_mended)
    return _engine


def load_runtime(
    entry_dll: Path,
    dotnet_root: Path,
    home: Path | None = None,
    native: tuple[Path, str] | None = None,
) -> bool:
    """Start CoreCLR and pythonnet in this process.

    Args:
        entry_dll: the managed program whose ``.runtimeconfig.json`` and ``.deps.json`` decide
            which .NET and which assemblies are found. It is not run.
        dotnet_root: the folder with .NET's ``hostfxr``; the program's own where it is
            self-contained.
        home: the PowerShell home whose precompiled Python.Runtime is taken where it has one.
        native: the C# half's file and assembly name, where it has been compiled.

    Returns:
        Whether the invariant globalization mode is on (see `icu`).

    Raises:
        EngineStartError: another .NET runtime is loaded already, or .NET refused.
    """
    if _coreclr_is_loaded():
        raise EngineStartError(
            "a .NET runtime is already loaded in this process, by something else or by a start "
            "that failed, and a process can have only one. Start psbridge before the library "
            "that loads .NET, or in a process of its own."
        )
    # Who has not imported pythonnet has chosen nothing.
    pythonnet = sys.modules.get("pythonnet")
    chosen = pythonnet and pythonnet.get_runtime_info()
    if chosen:
        raise EngineStartError(
            f"another .NET runtime ({chosen.kind}) has been chosen for this process with "
            "pythonnet.set_runtime, and a process can have only one. Start psbridge before that."
        )
    guard_forks()
    invariant = prepare_environment()
    from .loading import load_pythonnet

    load_pythonnet(entry_dll, dotnet_root, home, native)
    return invariant


def _refuse_another(home: Home, pshome: str | Path | None) -> None:
    if pshome is not None and Path(pshome).expanduser().resolve() != home.path.resolve():
        raise EngineStartError(
            f"this process already runs PowerShell from {home.path}; "
            f"a process has one engine, so {pshome} needs a process of its own"
        )


def _load_engine(home: Home) -> CompiledAssembly:
    """Load the engine and the C# half into the .NET that runs."""
    import clr

    _see_to_user_folders()
    try:
        clr.AddReference(net_path(home.engine_dll))
    except Exception as error:
        raise EngineStartError(f"{home.engine_dll} cannot be loaded: {error}") from error
    from .native import load_native

    return load_native(home)


def _see_to_user_folders() -> None:
    """Help PowerShell where it cannot make its folders for caches and modules.

    It copes by itself where it lacks the permission. Any other reason, such as a file system that
    is read-only, it takes so badly that an exception on a thread of its own ends the process.
    Only .NET's environment is changed, which the processes of Start-Job inherit, not Python's.
    """
    home = os.environ.get("HOME")
    if sys.platform == "win32" or not home:
        return  # without HOME it takes temporary folders
    data = f"{home}/.local/share"
    if not os.environ.get("XDG_DATA_HOME") and not _can_make(Path(data, "powershell/Modules")):
        # The same folder as without the variable, but one that is named it does not make.
        set_for_net_only("XDG_DATA_HOME", data)
    cache = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    if not _can_make(Path(cache, "powershell")):
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="psbridge-cache-")
        at_exit(shutil.rmtree, folder, True)
        set_for_net_only("XDG_CACHE_HOME", folder)


def _can_make(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True


def _coreclr_is_loaded() -> bool:
    """Whether CoreCLR is in this process already, whoever has loaded it.

    A second one from another folder would load, and even run for a while, side by side with the
    first: two garbage collectors that do not know of each other's threads and signals.
    """
    import ctypes

    if sys.platform == "win32":
        return bool(ctypes.windll.kernel32.GetModuleHandleW("coreclr.dll"))
    ending = "dylib" if sys.platform == "darwin" else "so"
    try:
        # Only looks among what is loaded.
        ctypes.CDLL(f"libcoreclr.{ending}", mode=os.RTLD_NOLOAD)
    except OSError:
        return False
    return True
