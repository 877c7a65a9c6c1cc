"""The parser of the ``psbridge`` command, and what it does with errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from ..errors import PsbridgeError
from . import build, doctor, module, pwsh, run, setup

__all__ = ["main"]

# What shells report for a process that Ctrl-C has ended.
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line without the program's name; that of the process by default.

    Returns:
        The exit code: 0, 1 where something failed, 2 for a wrong command line, 130 after Ctrl-C,
        or what a script gave to ``exit``.
    """
    parser = argparse.ArgumentParser(
        prog="psbridge", description="Python in PowerShell's job system, and the other way round."
    )
    parser.add_argument("--version", action="version", version=f"psbridge {version('psbridge')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (run, pwsh, setup, build, module, doctor):
        command.add_parser(subparsers)
    words = list(sys.argv[1:] if arguments is None else arguments)
    own = _own_words(words)
    parsed = parser.parse_args(words[:own])
    parsed.rest = words[own:]
    try:
        return int(parsed.run(parsed))
    except PsbridgeError as error:
        print(f"psbridge: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _own_words(words: Sequence[str]) -> int:
    """How many of the words are psbridge's; the rest is for a script, or for pwsh."""
    if words[:1] == ["run"]:
        return 1 + run.own_words(words[1:])
    return 1 if words[:1] == ["pwsh"] else len(words)
