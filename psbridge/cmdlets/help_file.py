"""Keeping the help files of cmdlets where Get-Help can read them.

A file is kept under a hash of what it was made from, so it is made once, a change of a docstring
is another file, and sessions and processes with different texts do not meet.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from ..engine.compiling import SourceFile, cache_folder
from .cmdlet import Cmdlet
from .docstring import texts_of

__all__ = ["help_file"]

# Count it up when the files would be made otherwise.
_FORMAT = "1"


def help_file(source: SourceFile, cmdlets: Sequence[type[Cmdlet]]) -> Path | None:
    """The help file of cmdlets, made where it is not there yet.

    Args:
        source: their C# source, which has all that is declared.
        cmdlets: the classes.

    Returns:
        Its path; None where it cannot be kept.
    """
    digest = hashlib.sha256()
    for part in (_FORMAT, source.text, *(str(_said(cls, texts_of(cls))) for cls in cmdlets)):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    path = cache_folder().parent / "help" / f"{digest.hexdigest()[:32]}-Help.xml"
    if path.is_file():
        return path
    import tempfile

    from .maml import maml_of

    text = maml_of(cmdlets)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    except OSError:
        return None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        return path if path.is_file() else None
    return path


def _said(cls: type[Cmdlet], texts: list[str]) -> list[str]:
    assert cls.declaration is not None
    defaults = [str(getattr(cls, p.attribute, None)) for p in cls.declaration.parameters]
    return [*texts, *defaults]
