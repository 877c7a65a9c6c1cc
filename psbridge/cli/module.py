"""``psbridge install-module`` and ``psbridge module-path``: PSBridge for a plain PowerShell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .streams import write

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "install", "show_path"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the commands to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "install-module",
        help="put the module PSBridge where PowerShell looks",
        description="Copy the PowerShell module PSBridge to where PowerShell looks for modules. "
        "There it starts the Python that runs this command.",
    )
    parser.add_argument(
        "--path",
        type=Path,
        metavar="FOLDER",
        help="a folder of PSModulePath; by default the user's own",
    )
    parser.set_defaults(run=install)
    parser = subparsers.add_parser(
        "module-path",
        help="say where the module PSBridge is",
        description="Print the folder that has the PowerShell module PSBridge in it, for "
        "PSModulePath.",
    )
    parser.set_defaults(run=show_path)


def install(args: argparse.Namespace) -> int:
    """Run ``psbridge install-module``.

    Returns:
        The exit code.

    Raises:
        PsbridgeError: it cannot be written there.
    """
    from ..powershell.module_folder import install_module

    write(str(install_module(args.path)))
    return 0


def show_path(args: argparse.Namespace) -> int:
    """Run ``psbridge module-path``.

    Returns:
        The exit code.
    """
    from ..powershell.module_folder import module_path

    write(str(module_path()))
    return 0
