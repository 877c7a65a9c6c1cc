"""The parser of the ``psbridge`` command, and what it does with errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from .._version import __version__
from ..errors import PsbridgeError
from .streams import CommandParser, flush, open_closed, write_utf8

__all__ = ["main"]

# The commands, in the order in which the help shows them, and the module of each. Only the one that
# is called is imported: what doctor needs takes longer to import than `run 1` takes to start .NET.
_MODULES = {
    "run": "run",
    "pwsh": "pwsh",
    "setup": "setup",
    "build": "build",
    "install-module": "module",
    "module-path": "module",
    "stubs": "stubs",
    "schema": "stubs",
    "doctor": "doctor",
}

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
    open_closed()
    write_utf8()
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
    except PsbridgeError as error:
        code = _failed(error)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    try:
        flush()
    except PsbridgeError as error:
        code = code or _failed(error)
    return code


def _failed(error: PsbridgeError) -> int:
    print(f"psbridge: {error}", file=sys.stderr)
    return 1


def _run(given: Sequence[str]) -> int:
    parser = CommandParser(
        prog="psbridge", description="Python in PowerShell's job system, and the other way round."
    )
    parser.add_argument("--version", action="version", version=f"psbridge {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    called = _MODULES.get(given[0]) if given else None
    for name in [called] if called else dict.fromkeys(_MODULES.values()):
        import_module(f".{name}", __package__).add_parser(subparsers)
    own = _own_words(given)
    parsed, unknown = parser.parse_known_args(given[:own])
    if unknown:
        # By itself argparse says so with the usage of psbridge, which tells nothing of the command.
        owner = subparsers.choices[given[0]] if called else parser
        owner.error(f"unrecognized arguments: {' '.join(unknown)}")
    parsed.rest = given[own:]
    return int(parsed.run(parsed))


def _own_words(words: Sequence[str]) -> int:
    """How many of the words are psbridge's; the rest is for a script, or for pwsh."""
    if words[:1] == ["run"]:
        from .run import own_words

        return 1 + own_words(words[1:])
    return 1 if words[:1] == ["pwsh"] else len(words)
