"""The C# half: what pythonnet cannot express, or is too slow at. Source here, compiled once.

Rejected: a binary in the package. It would have to be built for each version of the engine and
could not be read by the people who run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..compiling import CompiledAssembly, SourceFile, load_compiled, sources_in

if TYPE_CHECKING:
    from ..homes import Home

__all__ = ["load_native", "native_sources"]


def native_sources() -> list[SourceFile]:
    """The C# files of this package, in a stable order."""
    return sources_in(__name__)


def load_native(home: Home) -> CompiledAssembly:
    """Load the C# half for an engine that runs in this process; its namespace is ``PSBridge``.

    Raises:
        CompileError: the source does not compile against this engine.
    """
    return load_compiled(native_sources(), name="PSBridge.Native", home=home)
