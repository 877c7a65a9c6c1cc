"""Starting CoreCLR through hostfxr, the library with which .NET starts programs.

What is here is as much of `clr_loader` as a start needs, on ctypes, with the methods by which
pythonnet knows a runtime. clr_loader itself reads the declarations of three runtimes with a parser
of C at each start, which takes as long as CoreCLR does to start; to import it at all costs a third
of that.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clr_loader import RuntimeInfo

__all__ = ["Assembly", "CoreClr"]

# hostfxr's char_t: UTF-16 on Windows, UTF-8 elsewhere.
_text: Any = ctypes.c_wchar_p if sys.platform == "win32" else ctypes.c_char_p

# hostfxr_delegate_type.
_LOAD_ASSEMBLY_AND_GET_FUNCTION_POINTER = 5
_GET_FUNCTION_POINTER = 6
_LOAD_ASSEMBLY = 7

_ErrorWriter = ctypes.CFUNCTYPE(None, _text)
_LoadAndGet = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    *(_text, _text, _text, _text, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)),
)
_Get = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    *(_text, _text, _text, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)),
)
_Load = ctypes.CFUNCTYPE(ctypes.c_int32, _text, ctypes.c_void_p, ctypes.c_void_p)
# Called with the GIL released, as all of ctypes' functions of C are; .NET takes it in there.
_EntryPoint = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, ctypes.c_int32)


class _Parameters(ctypes.Structure):
    """hostfxr_initialize_parameters."""

    _fields_ = (("size", ctypes.c_size_t), ("host_path", _text), ("dotnet_root", _text))


class CoreClr:
    """The CoreCLR of this process, which starts when it is told to or a function is asked for.

    Guarantee: what hostfxr has to say about a failure does not go to stderr.
    Assumption: a process has one of these; CoreCLR starts once and never ends before it.
    """

    def __init__(self, entry_dll: Path, dotnet_root: Path, said: list[str]) -> None:
        """Read how a program is to be started; it is not run.

        Args:
            entry_dll: the managed program whose ``.runtimeconfig.json`` and ``.deps.json`` decide
                which .NET and which assemblies are found.
            dotnet_root: the folder with .NET's ``hostfxr``.
            said: takes what hostfxr says, now and later.

        Raises:
            RuntimeError: there is no hostfxr.
            Exception: it refuses; one of clr_loader's, with .NET's name for the reason.
        """
        self._handle: ctypes.c_void_p | None = None  # first, as shutdown may be called in any case
        self._said = said
        self._load_and_get: Callable[..., int] | None = None
        self._writer = _ErrorWriter(self._note)
        self._library = _load_library(dotnet_root)
        self._library.hostfxr_set_error_writer.restype = ctypes.c_void_p
        self._library.hostfxr_set_error_writer.argtypes = [ctypes.c_void_p]
        handle = ctypes.c_void_p()
        parameters = _Parameters(
            size=ctypes.sizeof(_Parameters), host_path=None, dotnet_root=_encode(str(dotnet_root))
        )
        arguments = (_text * 1)(_encode(str(entry_dll)))
        self._call(
            self._library.hostfxr_initialize_for_dotnet_command_line,
            *(1, arguments, ctypes.byref(parameters), ctypes.byref(handle)),
        )
        self._handle = handle

    def set_property(self, name: str, value: str) -> None:
        """Set a property of CoreCLR's, as its ``.runtimeconfig.json`` does; before it starts.

        Raises:
            Exception: hostfxr refuses; one of clr_loader's, with .NET's name for the reason.
        """
        set_value = self._library.hostfxr_set_runtime_property_value
        self._call(set_value, self._handle, _encode(name), _encode(value))

    def start(self) -> None:
        """Start CoreCLR, unless it has started.

        Raises:
            Exception: it refuses; one of clr_loader's, with .NET's name for the reason.
        """
        self._loader()

    def get_assembly(self, path: str | os.PathLike[str]) -> Assembly:
        """An assembly by its path; it is loaded when a function of it is asked for."""
        return Assembly(self, Path(path))

    def info(self) -> RuntimeInfo:
        """What pythonnet.get_runtime_info shows."""
        from clr_loader import RuntimeInfo

        started = self._load_and_get is not None
        return RuntimeInfo("CoreCLR", "<undefined>", started, self._handle is None, {})

    def shutdown(self) -> None:
        """Close the handle of hostfxr; CoreCLR runs on."""
        if self._handle is not None:
            self._library.hostfxr_close(self._handle)
            self._handle = None

    def find(self, path: Path, kind: str, name: str) -> Callable[[bytes, int], int]:
        """A static function ``int F(IntPtr, int)``; starts CoreCLR and loads its assembly.

        Args:
            path: the assembly.
            kind: the full name of the type.
            name: the function's name.

        Raises:
            Exception: there is none, or .NET did not start.
        """
        found = ctypes.c_void_p()
        self._call(
            self._loader(),
            *(_encode(str(path)), _encode(f"{kind}, {path.stem}"), _encode(name)),
            *(None, None, ctypes.byref(found)),
        )
        return _EntryPoint(found.value or 0)

    def find_shared(
        self, path: Path, assembly: str, kind: str, name: str
    ) -> Callable[[bytes], int]:
        """A static function ``int F(IntPtr, int)`` of an assembly that all others see.

        Those of `find` have a load context of their own, as plug-ins have.

        Args:
            path: the assembly's file.
            assembly: its name.
            kind: the full name of the type.
            name: the function's name.

        Raises:
            Exception: there is none, or .NET did not start.
        """
        load = _Load(self._delegate(_LOAD_ASSEMBLY))
        get = _Get(self._delegate(_GET_FUNCTION_POINTER))
        found = ctypes.c_void_p()
        self._call(load, _encode(str(path)), None, None)
        self._call(
            get,
            *(_encode(f"{kind}, {assembly}"), _encode(name)),
            *(None, None, None, ctypes.byref(found)),
        )
        function = _EntryPoint(found.value or 0)
        return lambda data: int(function(data, len(data)))

    def _loader(self) -> Callable[..., int]:
        if self._load_and_get is None:
            self._load_and_get = _LoadAndGet(
                self._delegate(_LOAD_ASSEMBLY_AND_GET_FUNCTION_POINTER)
            )
        return self._load_and_get

    def _delegate(self, kind: int) -> int:
        """The address of one of hostfxr's functions that need CoreCLR; starts it."""
        found = ctypes.c_void_p()
        self._call(
            self._library.hostfxr_get_runtime_delegate, self._handle, kind, ctypes.byref(found)
        )
        return found.value or 0

    def _call(self, function: Callable[..., int], *arguments: Any) -> None:
        set_writer = self._library.hostfxr_set_error_writer
        before = set_writer(self._writer)
        try:
            code = function(*arguments)
        finally:
            set_writer(before)
        if code < 0:
            from clr_loader.util import check_result

            check_result(code)  # raises, with .NET's name for it

    def _note(self, message: Any) -> None:
        self._said.append(
            message if isinstance(message, str) else message.decode("utf-8", "replace")
        )


class Assembly:
    """An assembly whose static functions can be called."""

    def __init__(self, runtime: CoreClr, path: Path) -> None:
        self._runtime = runtime
        self._path = path

    def get_function(self, name: str, func: str | None = None) -> Callable[[bytes], int]:
        """A function ``int F(IntPtr, int)``, which takes bytes.

        Args:
            name: the full name of its type, with its own behind a dot where ``func`` is None.
            func: its name.

        Raises:
            Exception: there is none, or .NET did not start.
        """
        if func is None:
            name, _, func = name.rpartition(".")
        function = self._runtime.find(self._path, name, func)
        return lambda data: int(function(data, len(data)))


def _load_library(dotnet_root: Path) -> ctypes.CDLL:
    """The newest hostfxr of a machine's .NET, or the one of a self-contained program."""
    name = {"win32": "hostfxr.dll", "darwin": "libhostfxr.dylib"}.get(sys.platform, "libhostfxr.so")
    versions = sorted((dotnet_root / "host" / "fxr").glob(f"*/{name}"), key=_version, reverse=True)
    reasons = []
    for path in (*versions, dotnet_root / name):
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            reasons.append(str(error))
    raise RuntimeError(
        "\n".join([f"Could not find a suitable hostfxr library in {dotnet_root}.", *reasons])
    )


def _version(library: Path) -> list[int]:
    """The version of a hostfxr, which its folder names; a preview counts as its release."""
    numbers = library.parent.name.partition("-")[0].split(".")
    return [int(number) for number in numbers if number.isdecimal()]


def _encode(text: str) -> str | bytes:
    return text if sys.platform == "win32" else os.fsencode(text)
