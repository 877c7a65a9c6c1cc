"""The C# half of remote jobs: the engine's side of a session on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.compiling import CompiledAssembly, kept_assembly, load_compiled, sources_in
from ...engine.native import native_key
from ...kept import keep_file

if TYPE_CHECKING:
    from ...engine.homes import Home
    from ...engine.starting import Engine

__all__ = ["HELP_FILE", "is_compiled", "load_remote"]

# What Get-Help shows of the cmdlets.
HELP_FILE = Path(__file__).parent / "Help.xml"
_NAME = "PSBridge.Remote"


def load_remote(engine: Engine) -> CompiledAssembly:
    """Load the C# half of remote jobs; its namespace is ``PSBridge.Remote``.

    Raises:
        CompileError: the source does not compile against this engine.
    """
    loaded = load_compiled(
        sources_in(__name__), name=_NAME, home=engine.home, references=[engine.native]
    )
    if isinstance(loaded.image, Path):
        # Where a PowerShell that imports the file looks for its help.
        beside = loaded.image.with_name(f"{loaded.image.name}-Help.xml")
        text = HELP_FILE.read_bytes()
        if not beside.is_file() or beside.stat().st_size != len(text):
            keep_file(beside, text)
    return loaded


def is_compiled(home: Home) -> bool:
    """Whether the C# half of remote jobs is there for an engine already. Starts nothing.

    Raises:
        OSError: its files cannot be looked at.
    """
    keys = [native_key(home)]
    kept = kept_assembly(sources_in(__name__), name=_NAME, home=home, reference_keys=keys)
    return kept is not None
