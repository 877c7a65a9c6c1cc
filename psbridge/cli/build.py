"""``psbridge build``: a PowerShell module of cmdlets written in Python."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .streams import write

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "build",
        help="make a PowerShell module of cmdlets written in Python",
        description="Make the folder of a PowerShell module: a manifest, with which PowerShell "
        "lists the cmdlets and loads them when they are called, help, and a loader that starts "
        "Python. It needs the module PSBridge, see install-module.",
    )
    parser.add_argument(
        "modules",
        nargs="+",
        metavar="FILE|NAME",
        help="a Python file, which is copied, or the name of an installed module",
    )
    parser.add_argument(
        "--output",
        "-o",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="the folder to make; its name is the module's",
    )
    parser.add_argument(
        "--version",
        type=_version,
        help="the module's version; by default the __version__ of the Python module",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        PsbridgeError: a module or the folder; see `psbridge.powershell.building.build_module`.
    """
    from ..powershell.building import build_module

    names = build_module(args.modules, args.output, version=args.version)
    write(f"{args.output}: {', '.join(names)}")
    return 0


def _version(text: str) -> str:
    from ..powershell.building import is_version

    if not is_version(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no version such as 1.2.3")
    return text
