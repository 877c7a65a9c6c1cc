"""The C# half: what pythonnet cannot express, or is too slow at. Source here, compiled once.

Rejected: a binary in the package. It would have to be built for each version of the engine and
could not be read by the people who run it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from ..compiling import CompiledAssembly, SourceFile, load_compiled

if TYPE_CHECKING:
    from ..homes import Home

__all__ = ["load_native", "native_sources"]


def native_sources() -> list[SourceFile]:
    """The C# files of this package, in a stable order."""
    found = [entry for entry in files(__name__).iterdir() if entry.name.endswith(".cs")]
    return [
        SourceFile(f"psbridge/engine/native/{entry.name}", entry.read_text(encoding="utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
    ]


def load_native(home: Home) -> CompiledAssembly:
    """Load the C# half for an engine that runs in this process; its namespace is ``PSBridge``.

    Raises:
        CompileError: the source does not compile against this engine.
    """
    return load_compiled(native_sources(), name="PSBridge.Native", home=home)
