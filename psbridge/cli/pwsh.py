"""``psbridge pwsh``: the pwsh program of the PowerShell that psbridge uses."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.homes import Home

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "pwsh",
        add_help=False,  # all arguments are pwsh's, -h too
        help="start the pwsh of the PowerShell that psbridge uses; all arguments are its own",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Become that pwsh; on Windows, which has no such thing, start it and wait.

    Returns:
        Its exit code.

    Raises:
        PsbridgeError: there is no PowerShell, and none could be fetched.
    """
    from ..engine.dotnet import prepare_environment
    from ..engine.providing import provide

    home = provide()
    prepare_environment()
    command = [*_program(home), *args.rest]
    if sys.platform == "win32":
        # Ctrl-C goes to both; pwsh decides what comes of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.run(command, check=False).returncode
    # Python ignores these, and what is ignored stays so, for pwsh's children as well.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    return os.execv(command[0], command)


def _program(home: Home) -> list[str]:
    """The program of a home, which may need the machine's .NET, or be a .dll for it."""
    from ..engine.dotnet import root_of_dotnet

    dotnet_root = root_of_dotnet(home)
    if home.executable.is_file():
        return [str(home.executable)]
    name = "dotnet.exe" if sys.platform == "win32" else "dotnet"
    return [str(dotnet_root / name), str(home.entry_dll)]
