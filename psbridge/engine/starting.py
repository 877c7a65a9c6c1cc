"""Starting .NET and the engine in this process, once.

Guarantees: one runtime a process, started by whichever thread asks first while the others wait;
nothing starts at import; at exit .NET is kept from calling into a Python that is going away.

Assumption: CoreCLR cannot be unloaded or started twice, so what was started stays until the
process ends, and a second home is an error rather than a surprise.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineStartError
from .icu import decide_globalization

if TYPE_CHECKING:
    from .compiling import CompiledAssembly
    from .homes import Home

__all__ = ["Engine", "load_runtime", "start", "started"]

# What hostfxr answers where this process already has a .NET that it did not start for us.
_HOST_INVALID_STATE = 0x800080A3

_start = threading.Lock()
_engine: Engine | None = None


class Engine:
    """The running engine: which home it is from, and the C# half that belongs to it."""

    def __init__(
        self, home: Home, native: CompiledAssembly, *, invariant_globalization: bool
    ) -> None:
        self.home = home
        self.native = native
        self.invariant_globalization = invariant_globalization

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
    """
    global _engine
    with _start:
        if _engine is not None:
            if pshome is not None and Path(pshome).resolve() != _engine.home.path.resolve():
                raise EngineStartError(
                    f"this process already runs PowerShell from {_engine.home.path}; "
                    f"a process has one engine, so {pshome} needs a process of its own"
                )
            return _engine
        from .providing import provide

        home = provide(pshome)
        invariant = load_runtime(home.entry_dll, _dotnet_root(home))
        import clr

        clr.AddReference(str(home.engine_dll))
        from .native import load_native

        native = load_native(home)
        from PSBridge import Border

        # Registered after pythonnet's own handler, so it runs before it.
        atexit.register(Border.Close, _CLOSE_MILLISECONDS)
        _engine = Engine(home, native, invariant_globalization=invariant)
        return _engine


# How long exit waits for .NET threads that are inside Python right now to come out.
_CLOSE_MILLISECONDS = 2_000


def load_runtime(entry_dll: Path, dotnet_root: Path) -> bool:
    """Start CoreCLR and pythonnet in this process.

    Args:
        entry_dll: the managed program whose ``.runtimeconfig.json`` and ``.deps.json`` decide
            which .NET and which assemblies are found. It is not run.
        dotnet_root: the folder with .NET's ``hostfxr``; the program's own where it is
            self-contained.

    Returns:
        Whether the invariant globalization mode is on (see `icu`).

    Raises:
        EngineStartError: another .NET runtime is loaded already, or .NET refused.
    """
    import pythonnet

    loaded = pythonnet.get_runtime_info()
    if loaded is not None:
        raise EngineStartError(
            f"another .NET runtime ({loaded.kind}) is already loaded in this process by "
            "pythonnet or chosen for it, and .NET cannot be loaded twice. Start psbridge "
            "before anything else imports clr or calls pythonnet.set_runtime."
        )
    invariant = decide_globalization()
    # A library must not report its users' doings: PowerShell's telemetry is for those who ask.
    os.environ.setdefault("POWERSHELL_TELEMETRY_OPTOUT", "1")
    try:
        import clr_loader

        runtime = clr_loader.get_coreclr(entry_dll=entry_dll, dotnet_root=dotnet_root)
        pythonnet.load(runtime)
    except Exception as error:
        raise EngineStartError(_explain(error, entry_dll)) from error
    return invariant


def _explain(error: Exception, entry_dll: Path) -> str:
    code = getattr(error, "hresult", None)
    if code is not None and code & 0xFFFFFFFF == _HOST_INVALID_STATE:
        return (
            "another .NET runtime is already loaded in this process, and .NET cannot be "
            "loaded twice. Start psbridge before the library that loads it, or in a process "
            "of its own."
        )
    return f".NET did not start with {entry_dll}: {error}"


def _dotnet_root(home: Home) -> Path:
    if home.self_contained:
        return home.path
    import clr_loader

    try:
        return Path(clr_loader.find_dotnet_root())
    except Exception as error:
        raise EngineStartError(
            f"PowerShell in {home.path} needs .NET {home.dotnet} on this machine, and no .NET "
            "was found: set DOTNET_ROOT to its folder, or put `dotnet` on PATH"
        ) from error
