"""The C# half: what pythonnet cannot express, or is too slow at. Source here, compiled once.

Rejected: a binary in the package. It would have to be built for each version of the engine and
could not be read by the people who run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..compiling import (
    CompiledAssembly,
    SourceFile,
    assembly_key,
    kept_assembly,
    load_compiled,
    sources_in,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ..homes import Home

__all__ = ["is_compiled", "kept_native", "load_native", "native_key", "native_sources"]

_NAME = "PSBridge.Native"


def native_sources() -> list[SourceFile]:
    """The C# files of this package, in a stable order."""
    return sources_in(__name__)


def load_native(home: Home) -> CompiledAssembly:
    """Load the C# half for an engine that runs in this process; its namespace is ``PSBridge``.

    Raises:
        CompileError: the source does not compile against this engine.
    """
    return load_compiled(
        native_sources(),
        name=_NAME,
        home=home,
        notice=f"psbridge: compiling its C# half for PowerShell {home.version}, once",
    )


def native_key(home: Home) -> str:
    """The key of the C# half for an engine; see `CompiledAssembly`."""
    return assembly_key(native_sources(), _NAME, home)


def is_compiled(home: Home) -> bool:
    """Whether the C# half is there for an engine already. Starts nothing.

    Args:
        home: the engine.

    Raises:
        OSError: its files cannot be looked at.
    """
    return kept_native(home) is not None


def kept_native(home: Home) -> tuple[Path, str] | None:
    """The file of the C# half for an engine, where it has been compiled, and the assembly's name.

    Starts nothing.

    Args:
        home: the engine.

    Raises:
        OSError: its files cannot be looked at.
    """
    return kept_assembly(native_sources(), name=_NAME, home=home)
