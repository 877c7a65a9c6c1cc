"""The C# half of remote jobs: the engine's side of a session on another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.compiling import CompiledAssembly, load_compiled, sources_in

if TYPE_CHECKING:
    from ...engine.starting import Engine

__all__ = ["load_remote"]

_NAME = "PSBridge.Remote"


def load_remote(engine: Engine) -> CompiledAssembly:
    """Load the C# half of remote jobs; its namespace is ``PSBridge.Remote``.

    Raises:
        CompileError: the source does not compile against this engine.
    """
    return load_compiled(
        sources_in(__name__), name=_NAME, home=engine.home, references=[engine.native]
    )
