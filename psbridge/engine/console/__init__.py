"""The console program ``pwsh`` of our own copy of PowerShell.

The engine's packages bring no console host, and the native Start-Job needs one: it starts
``$PSHOME/pwsh -s``. Ours is C# source in this package. It is compiled to ``pwsh.dll`` when our
copy is made, with the Roslyn of that very copy, so that no binary of ours is shipped and it always
fits the engine beside it.

.NET has to run for that, from a home that is not finished, and in a process that may want
another home afterwards; so it is done in a process of its own:
``python -m psbridge.engine.console FOLDER``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..compiling import SourceFile, compile_assembly, sources_in
from ..starting import load_runtime

__all__ = ["console_sources", "make_console"]


def console_sources() -> list[SourceFile]:
    """The C# files of this package, in a stable order."""
    return sources_in(__name__)


def make_console(home: Path) -> None:
    """Compile ``pwsh.dll`` into a home that has everything else. Starts .NET in this process.

    Raises:
        EngineStartError: .NET does not start from this home.
        CompileError: the source does not compile against this engine.
        OSError: the home cannot be read or written.
    """
    with _stand_in_entry(home) as entry:
        load_runtime(entry, home)
    image = compile_assembly(console_sources(), name="pwsh", home=home, executable=True)
    (home / "pwsh.dll").write_bytes(image)


@contextmanager
def _stand_in_entry(home: Path) -> Iterator[Path]:
    """An entry program for .NET as long as there is no ``pwsh.dll``.

    Any managed DLL will do, the engine too, where a runtime configuration of its own name lies
    beside it. .NET reads that only while it starts.
    """
    entry = home / "System.Management.Automation.dll"
    config = entry.with_suffix(".runtimeconfig.json")
    shutil.copyfile(home / "pwsh.runtimeconfig.json", config)
    try:
        yield entry
    finally:
        config.unlink(missing_ok=True)
