"""Keeping the help files of cmdlets where Get-Help can read them.

A file is kept under a hash of what it was made from, so it is made once, a change of a docstring
is another file, and sessions and processes with different texts do not meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...engine.compiling import SourceFile
from ...kept import cache_folder, digest_of, keep_file
from ..cmdlet import Cmdlet
from .docstring import default_text, texts_of

__all__ = ["help_file"]

# Count it up when the files would be made otherwise.
_FORMAT = "4"


def help_file(source: SourceFile, cmdlets: Sequence[type[Cmdlet]]) -> Path | None:
    """The help file of cmdlets, made where it is not there yet.

    Args:
        source: their C# source, which has all that is declared.
        cmdlets: the classes.

    Returns:
        Its path; None where it cannot be kept.
    """
    said = [str([*texts_of(cls), *_defaults(cls)]) for cls in cmdlets]
    digest = digest_of([_FORMAT, source.text, *said])
    path = cache_folder("help") / f"{digest[:32]}-Help.xml"
    if _is_whole(path):
        return path
    from .maml import maml_of

    return path if keep_file(path, maml_of(cmdlets).encode()) else None


def _is_whole(path: Path) -> bool:
    """Whether a file is there and was not cut off since; ours are renamed into place whole."""
    try:
        return path.read_bytes().rstrip().endswith(b"</helpItems>")
    except OSError:
        return False


def _defaults(cls: type[Cmdlet]) -> list[str]:
    assert cls.declaration is not None
    return [default_text(getattr(cls, p.attribute, None)) for p in cls.declaration.parameters]
