"""``psbridge run``: run PowerShell code with cmdlets written in Python."""

from __future__ import annotations

import argparse
import os
import sys
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
    from ..cmdlets.modules import explained
    from ..session import Console

    console = Console()
    with Session(console=console) as session:
        for module in args.module:
            with explained(module):
                session.import_module(module)
        succeeded = session.show(args.script)
        code = session.exit_code
    console.hide_progress()
    if console.broken:
        # Whoever read the output has gone. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if code is not None:
        return code
    return 0 if succeeded else 1
