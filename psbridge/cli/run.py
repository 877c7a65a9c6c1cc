"""``psbridge run``: run PowerShell code with cmdlets written in Python."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "run",
        help="run PowerShell code, with cmdlets written in Python",
        description="Run PowerShell code in this process and show what PowerShell shows. "
        "The exit code is 0, 1 where the code failed, or what it gives to exit.",
    )
    parser.add_argument(
        "--module",
        "-m",
        action="append",
        default=[],
        metavar="FILE|NAME",
        help="a Python file or module whose cmdlets the code can use; may be given again",
    )
    parser.add_argument("script", metavar="CODE", help="the PowerShell code")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        PsbridgeError: the engine, or a module's declarations.
        KeyboardInterrupt: Ctrl-C; the code has been stopped then.
    """
    from ..cmdlets import Session
    from ..session import Console

    console = Console()
    with Session(console=console) as session:
        for module in args.module:
            if not _import(session, module):
                return 1
        succeeded = session.show(args.script)
        code = session.exit_code
    console.hide_progress()
    if console.broken:
        # Whoever read the output has gone. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if code is not None:
        return code
    return 0 if succeeded else 1


def _import(session: object, module: str) -> bool:
    from ..cmdlets import Session
    from ..errors import PsbridgeError

    assert isinstance(session, Session)
    try:
        session.import_module(module)
    except PsbridgeError:
        raise
    except Exception as error:
        # The user's own mistake: the frames of psbridge and of the import system say nothing.
        trace = error.__traceback__
        while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        lines = traceback.format_exception(type(error), error, trace)
        print(f"psbridge: {module} cannot be loaded\n{''.join(lines)}", end="", file=sys.stderr)
        return False
    return True


def _is_ours(file: str) -> bool:
    parts = Path(file).parts
    return (
        Path(file).is_relative_to(_PACKAGE) or "importlib" in parts or file.startswith("<frozen ")
    )


_PACKAGE = Path(__file__).parents[1]
