"""``python -m psbridge.engine.console FOLDER``: compile ``pwsh.dll`` into a half-made home."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ...errors import EngineError
from . import make_console

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Run the command; one line on stderr says what went wrong, a compile error a line each."""
    if len(arguments) != 1:
        print("usage: python -m psbridge.engine.console FOLDER", file=sys.stderr)
        return 2
    home = Path(arguments[0]).absolute()
    try:
        make_console(home)
    except (EngineError, OSError) as error:
        print(f"psbridge: cannot make {home / 'pwsh.dll'}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
