"""Loading pythonnet into the .NET that starts, and leaving both at exit.

What ``pythonnet.load`` does is done here, but for two things: the file of Python.Runtime may be one
that the home keeps precompiled, and ``pythonnet.unload`` is not called at exit. It costs 0.6 to
1.0 s, which is longer than all the rest of a short program takes.

What unload does, and why it is not needed. CoreCLR is not ended by it and cannot be: its threads
run on in either case, until the process ends. It collects the garbage of both sides up to twenty
times over, takes pythonnet's types out of Python, and frees the handles with which each side keeps
the other's objects alive. All of that is memory, which goes with the process.

What can still happen between pythonnet and Python once exit has begun:

- A thread of .NET's calls Python. Unload does not prevent this: a delegate, or a method that a
  Python class overrides, takes the GIL after it as before, and in a Python that is being finalized
  that hangs or aborts. `PSBridge.Border` prevents it, for everything that is ours, and is closed
  before Python is finalized. Sessions and jobs are ended before that by handlers of theirs.
- .NET's finalizer thread meets an object of Python's. It never calls Python: it puts the reference
  into a queue. That is emptied by whoever makes such an object next, which needs the GIL.
- A thread of .NET's loads an assembly. pythonnet notes its namespaces in a queue of .NET's, too.
- Python deletes objects of .NET's while it is finalized. Their types are slots filled with
  functions of CoreCLR's, which is there as long as the process; they free a handle. pythonnet
  looks whether Python is being finalized, and must find out; see `_FINALIZING_RENAMED`.
- A `__del__` calls .NET while Python is finalized. That works, and fails as it does elsewhere;
  `_keep_interop` sees to the failing.
- .NET says that the process exits (`[Environment]::Exit`, SIGTERM before .NET 10; not the end of
  a Python program). pythonnet's handler would unload then, under threads that use it.
  `PythonRuntime.IgnoreProcessExit` takes it away.
- A daemon thread of Python's is in a call of .NET's. When it comes back it wants the GIL, and
  Python stops it there for good, as it stops each of them.
- A thread of .NET's uses OpenSSL while the C library's exit takes that down, which crashes. It is
  kept up, where nobody has loaded it before (`openssl`); and where somebody has, what runs in a
  session is stopped before (`NativeJobs.cs`).

Not kept: handlers that somebody gives to pythonnet's ``PythonEngine.AddShutdownHandler`` in a
process whose .NET psbridge has started are not called.

Assumption: pythonnet's own names (``_LOADED``, ``_RUNTIME``, ``_LOADER_ASSEMBLY``) tell its
``load``, and so ``import clr``, that it is loaded. A test looks at that.

Rejected:

- ``atexit.unregister(pythonnet.unload)`` after ``pythonnet.load``: does the same for the exit, but
  leaves no choice of the file.
- ``os._exit`` at the end of exit: skips the exit handlers of others and the flushing of files.
- to keep the objects of .NET's alive until the end, so that Python deletes none: leaks are what
  pythonnet's queue has already, and nothing was gained in hundreds of exits.
"""

from __future__ import annotations

import atexit
import contextlib
import struct
import sys
from collections.abc import Callable, Iterator
from importlib.util import LazyLoader, find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import EngineStartError
from .forking import at_exit, is_forked_child

if TYPE_CHECKING:
    from .hostfxr import CoreClr

__all__ = ["close_at_exit", "is_loaded_here", "load_pythonnet", "mend", "odd_paths_hidden"]

# Not so in a PowerShell that hosts Python: there the end of .NET is the end of Python.
_loaded_here = False

_is_mended = False

_INITIALIZE = "Python.Runtime.Loader.Initialize"
_MEND = ("PSBridge.PythonRuntime", "MendFromStart")
# Nothing is compiled with all optimizations until no new method was called for so many milliseconds
# (without this, for a tenth of a second).
_LATE_OPTIMIZATION = ("System.Runtime.TieredCompilation.CallCountingDelayMs", "20000")

# CPython's _Py_IsFinalizing became Py_IsFinalizing here, and pythonnet 3.2 knows the old name only:
# what it frees while Python is finalized aborts then. `PythonRuntime.SeeFinalizing` mends that;
# until it has, and where it cannot, pythonnet is unloaded at exit.
_FINALIZING_RENAMED = (3, 13)

# How long exit waits for .NET threads that are inside Python right now to come out.
_CLOSE_MILLISECONDS = 2_000


def is_loaded_here() -> bool:
    """Whether Python has started .NET, and not the other way round."""
    return _loaded_here


def load_pythonnet(
    entry_dll: Path, dotnet_root: Path, home: Path | None, native: tuple[Path, str] | None = None
) -> None:
    """Start CoreCLR and load pythonnet into it; ``import clr`` works from then on.

    Args:
        entry_dll: the managed program whose configuration decides what is found.
        dotnet_root: the folder with .NET's ``hostfxr``.
        home: the PowerShell home whose precompiled Python.Runtime is taken where it has one.
        native: the C# half's file and assembly name, where it has been compiled.

    Raises:
        EngineStartError: .NET refused; or this Python has no GIL.
    """
    if "free-threading build" in sys.version:
        raise EngineStartError(
            "this Python is a free-threaded build, and pythonnet has none for it: it reads objects "
            "as builds with a GIL lay them out. Use the ordinary build of the same version"
        )
    said: list[str] = []
    try:
        from .hostfxr import CoreClr

        _initialize(CoreClr(entry_dll, dotnet_root, said), home, native)
    except Exception as error:
        why = "\n".join(said) or "A file of .NET beside it may be missing or damaged."
        raise EngineStartError(f".NET did not start with {entry_dll}: {error}\n{why}") from error


def _initialize(runtime: CoreClr, home: Path | None, native: tuple[Path, str] | None) -> None:
    """Do what ``pythonnet.load`` does."""
    global _loaded_here, _is_mended
    from ..setup.python_runtime import precompiled_python_runtime, python_runtime

    if native is None:
        # It is compiled now, which takes seconds, and no method of pythonnet's may be compiled with
        # all optimizations before `mend`: see `PythonRuntime.Replace`.
        runtime.set_property(*_LATE_OPTIMIZATION)
    # First by itself: a .NET that does not start says why once.
    runtime.start()
    assembly = runtime.get_assembly(python_runtime())
    initialize = None
    if home is not None and (precompiled := precompiled_python_runtime(home)).is_file():
        # One that is damaged says so before it has done anything.
        with contextlib.suppress(Exception):
            initialize = runtime.get_assembly(precompiled).get_function(_INITIALIZE)
            assembly = runtime.get_assembly(precompiled)
    initialize = initialize or assembly.get_function(_INITIALIZE)
    if native is not None:
        # One that is damaged is compiled again, and text seen to then.
        with contextlib.suppress(Exception):
            mend = runtime.find_shared(*native, *_MEND)
            functions = _functions()
            _is_mended = mend(struct.pack(f"={len(functions)}q", *functions)) == 0
    pythonnet: Any = _later("pythonnet")
    pythonnet._RUNTIME = runtime
    if initialize(b"") != 0:  # it has written why to stderr
        raise RuntimeError("Failed to initialize Python.Runtime.dll")
    pythonnet._LOADER_ASSEMBLY = assembly
    pythonnet._LOADED = _loaded_here = True
    if sys.version_info >= _FINALIZING_RENAMED:
        atexit.register(_unload)  # the first that is registered, so the last of ours that runs


def _unload() -> None:
    if is_forked_child():
        return
    import pythonnet

    pythonnet.unload()


def _keep_interop(import_now: Callable[[], None]) -> None:
    """Keep the module with whose help pythonnet turns Python's errors into .NET's.

    Python empties the modules that it finds in `sys.modules`, and pythonnet holds this one itself.
    """
    import_now()
    sys.modules.pop("clr.interop", None)


def _later(name: str) -> ModuleType:
    """A module that is imported when it is first asked for something; what is set on it stays.

    pythonnet itself has nothing to do any more but to know that it is loaded, and importing it
    takes a tenth of a short program's time. ``import clr`` is answered by .NET's half from now on.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def mend() -> bool:
    """Let text and errors cross as they are, and types be met by any thread.

    See ``PythonText.cs``, ``PythonErrorText.cs`` and ``KnownTypes.cs``.

    Returns:
        Whether they do. Where another pythonnet keeps things differently, text with half of a
        surrogate pair goes on to abort the process on its way to .NET, and to be a
        UnicodeDecodeError on its way back; and recursion without end that calls .NET to abort it,
        and a signal that comes while an overload is chosen; and two threads that meet a type at
        once to wait for each other for ever.
    """
    global _is_mended
    from PSBridge import PythonRuntime

    if not _is_mended:
        _is_mended = bool(PythonRuntime.Mend(_functions()))
    _is_mended = bool(PythonRuntime.MendDeclaring()) and _is_mended
    PythonRuntime.ImportNow()
    # An error on its way to .NET; what pythonnet has there is made by Python code.
    sys.modules["clr.interop"].PyErr = dict  # type: ignore[attr-defined]
    return _is_mended


@contextlib.contextmanager
def odd_paths_hidden() -> Iterator[None]:
    """Hide from pythonnet what it cannot take yet of sys.path, where it looks before `mend`.

    Folders with names that the locale cannot decode, as in a locale of ASCII. Python finds what is
    in them; pythonnet reads texts of class str itself only.
    """
    hidden: dict[int, str] = {}
    for at, entry in enumerate(sys.path):
        if not _is_whole(entry):
            sys.path[at] = odd = _OddPath(entry)
            hidden[id(odd)] = entry
    try:
        yield
    finally:
        if hidden:
            sys.path[:] = [hidden.get(id(entry), entry) for entry in sys.path]


class _OddPath(str):
    __slots__ = ()


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-16-le")
    except UnicodeEncodeError:
        return False
    return True


def _functions() -> list[int]:
    """The addresses of CPython's functions that ``PythonRuntime.Mend`` works with."""
    import ctypes

    api = ctypes.pythonapi
    functions = (
        api.PyUnicode_AsEncodedString,
        api.PyUnicode_DecodeUTF16,
        api.PyEval_SaveThread,
        api.PyEval_RestoreThread,
        api.PyObject_Str,
        api.PyErr_GivenExceptionMatches,
        api.PyErr_ExceptionMatches,
        api.PyErr_Clear,
        api.PyUnicode_FromString,
        api.PyErr_Fetch,
        api.PyErr_Restore,
        api.Py_DecRef,
        api.Py_AddPendingCall,
    )
    addresses = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions]
    return [*addresses, id(RecursionError), id(BaseException)]


def close_at_exit() -> None:
    """Let nobody call Python any more when it exits, behind the handlers registered after this."""
    from PSBridge import Border, HostProcessPipe, PythonRuntime

    if _loaded_here:
        at_exit(HostProcessPipe.Close)
        PythonRuntime.IgnoreProcessExit()
        if sys.version_info >= _FINALIZING_RENAMED:
            import ctypes

            address = ctypes.cast(ctypes.pythonapi.Py_IsFinalizing, ctypes.c_void_p).value
            if PythonRuntime.SeeFinalizing(address):
                atexit.unregister(_unload)
        at_exit(_keep_interop, PythonRuntime.ImportNow)
    at_exit(Border.Close, _CLOSE_MILLISECONDS)
