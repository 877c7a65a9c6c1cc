"""``psbridge stubs`` and ``psbridge schema``: what PowerShell's commands take, for programs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from .streams import write

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run_schema", "run_stubs"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the commands to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "stubs",
        help="write typed stubs of PowerShell's commands for editors and type checkers",
        description="Write a Python package with the commands of PowerShell modules as protocols: "
        "with typing.cast(Commands, shell.commands) editors complete them and type checkers check "
        "what they are given.",
    )
    parser.add_argument(
        "modules",
        nargs="+",
        metavar="MODULE",
        help="the name or path of a module of PowerShell's, or of Python's with cmdlets",
    )
    parser.add_argument(
        "--output",
        "-o",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="the folder to make; its name is the package's",
    )
    parser.set_defaults(run=run_stubs)
    parser = subparsers.add_parser(
        "schema",
        help="write the parameters of PowerShell's commands as JSON schema",
        description="Write a JSON list with an object for each command: its name, what it does, "
        "and its parameters as a JSON schema (draft 2020-12), for programs that let others call "
        "it.",
    )
    parser.add_argument("commands", nargs="+", metavar="COMMAND", help="the command's name")
    parser.add_argument(
        "--module",
        "-m",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module to import before, of PowerShell's or of Python's; may be given again",
    )
    parser.set_defaults(run=run_schema)


def run_stubs(args: argparse.Namespace) -> int:
    """Run ``psbridge stubs``.

    Returns:
        The exit code.

    Raises:
        PsbridgeError: a module or the folder; see `psbridge.powershell.stubs.write_stubs`.
    """
    from ..powershell.stubs import write_stubs
    from ..remote.session import Session

    with Session() as session:
        for module, count in write_stubs(session, args.modules, args.output).items():
            write(f"{module}: {count} {'command' if count == 1 else 'commands'}")
    return 0


def run_schema(args: argparse.Namespace) -> int:
    """Run ``psbridge schema``.

    Returns:
        The exit code.

    Raises:
        PsbridgeError: a module cannot be imported, or there is no such command.
    """
    from ..cmdlets.modules import explained
    from ..powershell.schemas import schemas_of
    from ..remote.session import Session

    with Session() as session:
        for module in args.module:
            with explained(module):
                session.import_module(module)
        write(json.dumps(schemas_of(session, args.commands), indent=2, ensure_ascii=False))
    return 0
