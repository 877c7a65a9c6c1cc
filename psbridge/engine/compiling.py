"""Compiling C# with the Roslyn that every PowerShell home brings, and keeping what it made.

To be used after .NET has started. Compiling a small file costs about 0.8 s the first time in a
process and 0.06 s after that; loading what was kept costs milliseconds.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import kept
from ..errors import CompileError
from ..terminal import is_terminal, takes_codes
from .paths import net_path, path_from_net

if TYPE_CHECKING:
    from .homes import Home

__all__ = [
    "FIX_CACHE",
    "CompiledAssembly",
    "SourceFile",
    "assembly_key",
    "cache_folder",
    "compile_assembly",
    "kept_assembly",
    "load_compiled",
    "sources_in",
]

# Part of each key: what this module asks of the compiler. Count it up when that changes.
_OPTIONS = "2"

# What to do where others could have put code into the cache.
FIX_CACHE = (
    "remove that folder, or take it and its rights back with chown and chmod go-w; "
    "until then C# is compiled at each start (1 to 2 s)"
)

# The reference set. All of .NET would do and cost 0.35 s more each time.
_FRAMEWORK = (
    "netstandard",
    "System.Collections",
    "System.Collections.Concurrent",
    "System.Collections.Specialized",
    "System.ComponentModel.EventBasedAsync",
    "System.ComponentModel.Primitives",
    "System.Console",
    "System.Diagnostics.Process",
    "System.Linq",
    "System.Linq.Expressions",
    "System.Memory",
    "System.Net.Primitives",
    "System.ObjectModel",
    "System.Private.CoreLib",
    "System.Private.Uri",
    "System.Runtime",
    "System.Runtime.Extensions",
    "System.Runtime.InteropServices",
    "System.Runtime.Loader",
    "System.Runtime.Numerics",
    "System.Security.SecureString",
    "System.Text.Json",
    "System.Text.RegularExpressions",
    "System.Threading",
    "System.Threading.Thread",
)


@dataclass(frozen=True)
class SourceFile:
    """C# source: the name that errors show, and the text."""

    name: str
    text: str


def sources_in(package: str) -> list[SourceFile]:
    """The C# files of a package of ours, in a stable order.

    Args:
        package: its dotted name; it has been imported.
    """
    # Not importlib.resources, which takes longer to import than to start a runspace needs here.
    (folder,) = sys.modules[package].__path__
    shown = package.replace(".", "/")
    return [
        SourceFile(f"{shown}/{path.name}", path.read_text(encoding="utf-8"))
        for path in sorted(Path(folder).glob("*.cs"))
    ]


@dataclass(frozen=True)
class CompiledAssembly:
    """An assembly of ours that is loaded in this process.

    Attributes:
        assembly: the .NET ``Assembly``.
        key: a hash of everything it was made from.
        image: its file, or its bytes where it is in memory only.
    """

    assembly: Any
    key: str
    image: Path | bytes


def compile_assembly(
    sources: Sequence[SourceFile],
    *,
    name: str,
    home: Path,
    references: Iterable[CompiledAssembly] = (),
) -> bytes:
    """Compile C# to an assembly in memory; nullable checks are on and warnings are errors.

    Args:
        sources: the files.
        name: the assembly's name.
        home: the PowerShell home whose Roslyn and engine are used.
        references: assemblies of ours that the sources use.

    Raises:
        CompileError: the source is wrong, and each line names file, line and column; or the home
            has no Roslyn.
    """
    import clr

    for dll in ("Microsoft.CodeAnalysis.dll", "Microsoft.CodeAnalysis.CSharp.dll"):
        try:
            clr.AddReference(net_path(home / dll))
        except Exception as error:
            raise CompileError(f"there is no C# compiler: {home / dll}: {error}") from error
    from Microsoft.CodeAnalysis import (
        DiagnosticSeverity,
        MetadataReference,
        NullableContextOptions,
        OptimizationLevel,
        OutputKind,
        ReportDiagnostic,
        SyntaxTree,
    )
    from Microsoft.CodeAnalysis.CSharp import (
        CSharpCompilation,
        CSharpCompilationOptions,
        CSharpParseOptions,
        CSharpSyntaxTree,
        LanguageVersion,
    )
    from System.Collections.Generic import List
    from System.IO import MemoryStream
    from System.Text import Encoding

    parse_options = CSharpParseOptions(LanguageVersion.Latest)
    trees = List[SyntaxTree]()
    for source in sources:
        trees.Add(
            CSharpSyntaxTree.ParseText(source.text, parse_options, source.name, Encoding.UTF8)
        )
    metadata = List[MetadataReference]()
    for path in _reference_paths(home):
        metadata.Add(MetadataReference.CreateFromFile(net_path(path)))
    for reference in references:
        image = reference.image
        metadata.Add(
            MetadataReference.CreateFromStream(MemoryStream(image))
            if isinstance(image, bytes)
            else MetadataReference.CreateFromFile(net_path(image))
        )
    options = (
        CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
        .WithOptimizationLevel(OptimizationLevel.Release)
        .WithNullableContextOptions(NullableContextOptions.Enable)
        .WithGeneralDiagnosticOption(ReportDiagnostic.Error)
        .WithDeterministic(True)
        .WithAllowUnsafe(True)  # a function of C's is called by its address in `PythonText.cs`
    )
    compilation = CSharpCompilation.Create(name, trees, metadata, options)
    stream = MemoryStream()
    emitted = compilation.Emit(stream)
    if not emitted.Success:
        errors = [d for d in emitted.Diagnostics if d.Severity == DiagnosticSeverity.Error]
        # Roslyn works on several files at once and tells what it finds in any order.
        errors.sort(
            key=lambda d: (d.Location.GetLineSpan().Path or "", d.Location.SourceSpan.Start)
        )
        raise CompileError("\n".join([f"C# does not compile ({name}):", *map(str, errors)]))
    return bytes(stream.ToArray())


def load_compiled(
    sources: Sequence[SourceFile],
    *,
    name: str,
    home: Home,
    references: Sequence[CompiledAssembly] = (),
    notice: str | None = None,
) -> CompiledAssembly:
    """Load the assembly that these sources make with this engine, compiling it where needed.

    What is compiled is kept in `cache_folder` under a name made from the sources, the engine
    and the options, so a change in any of them is another file, and processes that compile at
    once write the same bytes. Where the folder cannot be written, or others could have
    written it, the assembly is loaded from memory; a kept file that is damaged is made again.

    Args:
        sources: the files.
        name: the file's name; the assembly's name is this and a part of the key, so that two
            versions can be loaded in one process.
        home: the engine to compile with and for.
        references: assemblies of ours that the sources use.
        notice: what a user at a terminal is told while it is compiled, for that takes seconds.

    Raises:
        CompileError: the source is wrong; each line names file, line and column.
    """
    from System import BadImageFormatException, UnauthorizedAccessException
    from System.IO import IOException, MemoryStream
    from System.Runtime.Loader import AssemblyLoadContext

    key = assembly_key(sources, name, home, [reference.key for reference in references])
    # The context in which PowerShell looks for assemblies, and later ones of ours for this one.
    context = AssemblyLoadContext.Default
    path = _path(key, name)
    reason = kept.distrust(path)
    if reason is not None:
        warnings.warn(f"{reason}, so no C# is kept there: {FIX_CACHE}", stacklevel=2)
    try:
        if reason is None and path.is_file():
            return CompiledAssembly(context.LoadFromAssemblyPath(net_path(path)), key, path)
    except (OSError, BadImageFormatException, IOException, UnauthorizedAccessException):
        pass  # damaged from outside, for ours are renamed into place whole; or not ours to read
    unique = _unique(name, key)
    with _shown(notice):
        image = compile_assembly(sources, name=unique, home=home.path, references=references)
    if reason is None and kept.keep_file(path, image):
        return CompiledAssembly(context.LoadFromAssemblyPath(net_path(path)), key, path)
    return CompiledAssembly(context.LoadFromStream(MemoryStream(image)), key, image)


def kept_assembly(
    sources: Sequence[SourceFile], *, name: str, home: Home, reference_keys: Sequence[str] = ()
) -> tuple[Path, str] | None:
    """The file in which `load_compiled` has kept what it compiled, and the assembly's name.

    None where it has not. This needs no .NET.

    Args:
        sources: the files.
        name: the file's name.
        home: the engine to compile with and for.
        reference_keys: the keys of the assemblies of ours that the sources use.
    """
    key = assembly_key(sources, name, home, reference_keys)
    path = _path(key, name)
    usable = path.is_file() and kept.distrust(path) is None
    return (path, _unique(name, key)) if usable else None


def cache_folder() -> Path:
    """The folder in which compiled assemblies are kept."""
    return kept.cache_folder("compiled")


def _unique(name: str, key: str) -> str:
    """The assembly's own name: two versions can be loaded in one process."""
    return f"{name}-{key[:8]}"


def _path(key: str, name: str) -> Path:
    return cache_folder() / key[:32] / f"{name}.dll"


def assembly_key(
    sources: Sequence[SourceFile], name: str, home: Home, reference_keys: Sequence[str] = ()
) -> str:
    """A hash of everything that an assembly is made from; see `load_compiled`."""
    engine = home.engine_dll.stat()
    parts = [_OPTIONS, *_FRAMEWORK, name]
    parts += [home.version, str(engine.st_size), str(engine.st_mtime_ns)]
    parts += reference_keys
    for source in sources:
        parts += [source.name, source.text]
    return kept.digest_of(parts)


@contextmanager
def _shown(notice: str | None) -> Iterator[None]:
    """Show a line on the terminal while something lasts; nothing where stderr is none."""
    err = sys.stderr
    if notice is None or err is None or not is_terminal(err):
        yield
        return
    with suppress(OSError, ValueError):
        print(notice, end="", file=err, flush=True)
    try:
        yield
    finally:
        # A terminal without control codes keeps the line.
        end = "\r\x1b[K" if takes_codes(err) else "\n"
        with suppress(OSError, ValueError):
            print(end=end, file=err, flush=True)


def _reference_paths(home: Path) -> list[Path]:
    """Where the reference set lies: beside the engine, or in the machine's .NET."""
    from System import AppContext

    trusted = str(AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")).split(os.pathsep)
    by_name = {path.stem: path for path in map(path_from_net, trusted)}
    by_name["System.Management.Automation"] = home / "System.Management.Automation.dll"
    wanted = (*_FRAMEWORK, "System.Management.Automation")
    return [by_name[name] for name in wanted if name in by_name]
