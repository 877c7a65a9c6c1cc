"""``psbridge run``: run PowerShell code with cmdlets written in Python."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.paths import net_path
from .streams import discard

if TYPE_CHECKING:
    from ..remote.session import Session
    from ..session import Console

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "own_words", "run"]

# What pwsh gives for a script file that is not there.
_NO_FILE = 64
_STANDARD_INPUT = "-"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser of ``psbridge``."""
    parser = subparsers.add_parser(
        "run",
        usage="psbridge run [-h] [-m FILE|NAME] (-f FILE | COMMAND | -) [ARGUMENT ...]",
        help="run PowerShell code, with cmdlets written in Python",
        description="Run PowerShell code in this process and show what PowerShell shows. "
        "Everything behind FILE or COMMAND is the script's. "
        "The exit code is 0, 1 where the code failed, or what it gives to exit.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--module",
        "-m",
        action="append",
        default=[],
        metavar="FILE|NAME",
        help="a Python file, or a module of Python's or PowerShell's, whose commands the code can "
        "use; may be given again",
    )
    parser.add_argument(
        "--file", "-f", metavar="FILE", help="a script file; its arguments follow it"
    )
    parser.add_argument(
        "command",
        nargs="?",
        metavar="COMMAND",
        help="the PowerShell code; with - it is read from standard input, command by command",
    )
    parser.set_defaults(run=run)


def own_words(words: Sequence[str]) -> int:
    """How many of the words behind ``psbridge run`` are psbridge's: the rest are the script's.

    What follows the file or the command belongs to the script whatever it looks like, which
    argparse cannot be told: it looks for options everywhere.
    """
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("-m", "--module"):
            at += 2
        elif word in ("-f", "--file"):
            return min(at + 2, len(words))
        elif word.startswith("--file=") or (word.startswith("-f") and word[2:3] not in ("", "-")):
            return at + 1
        elif word == "--":
            return min(at + 2, len(words))
        elif word == _STANDARD_INPUT or not word.startswith("-"):
            return at + 1
        else:
            at += 1
    return len(words)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        PsbridgeError: the engine, or a module's declarations.
        KeyboardInterrupt: Ctrl-C; the code has been stopped then.
    """
    from_input = _STANDARD_INPUT in (args.file, args.command)
    if args.file is None and args.command is None:
        return _refuse("run needs a command, -f FILE, or - for standard input", 2)
    # A file's name stays Python's; code and arguments are text, in UTF-8 whatever the locale is.
    args.rest = [net_path(word) for word in args.rest]
    args.command = args.command and net_path(args.command)
    if from_input and args.rest:
        return _refuse("commands from standard input take no arguments", 2)
    if args.file is not None and not from_input and (problem := _file_problem(Path(args.file))):
        return _refuse(problem, _NO_FILE)

    from ..remote.session import Session
    from ..session import Console

    # Where standard input is no terminal, a prompt takes its next line, as in pwsh.
    console = Console(interactive=sys.stdin is not None)
    with Session(console=console) as session:
        if args.module:
            # What declares cmdlets takes long to import.
            from ..cmdlets.modules import explained

        for module in args.module:
            with explained(module):
                session.import_module(module)
        succeeded = _show(session, console, args, from_input)
        code = session.exit_code
    if console.broken or console.failure is not None:
        discard()
    if console.failure is not None:
        return 1  # PowerShell has shown the reason, whatever the code has made of it
    if code is not None:
        return code
    return 0 if succeeded else 1


def _show(session: Session, console: Console, args: argparse.Namespace, from_input: bool) -> bool:
    if from_input:
        return _show_lines(session, console)
    if args.file is not None:
        return session.show_file(Path(args.file), args.rest, standard_input=True)
    from PSBridge import CommandText

    if args.rest and not CommandText.TakesArguments(args.command):
        # Code that can do nothing with arguments is the beginning of a command, as for pwsh -c.
        return session.show(" ".join([args.command, *args.rest]), standard_input=True)
    return session.show(args.command, args.rest, standard_input=True)


def _show_lines(session: Session, console: Console) -> bool:
    """Run the commands on standard input, each as soon as it is whole.

    A line that is whole runs at once. One that is not begins a block, which ends with an empty
    line, where it is whole, or with the input. What follows is left for whoever reads it: for a
    prompt, or for a program that a command starts.
    """
    from PSBridge import CommandText

    succeeded, block = True, ""
    while session.exit_code is None and not (console.broken or console.failure):
        line = console.read_line()
        block += line
        if line.strip() and (block != line or CommandText.IsIncomplete(block)):
            continue
        if block.strip() and (not line or not CommandText.IsIncomplete(block)):
            succeeded = session.show(block.rstrip("\r\n"))
            block = ""
        if not line:
            break
    return succeeded


def _file_problem(path: Path) -> str | None:
    try:
        if path.is_dir():
            return f"{path} is a folder, and no script file"
        with path.open("rb"):
            return None
    except FileNotFoundError:
        return f"there is no script file {path}"
    except OSError as error:
        return f"the script file {path} cannot be read: {error.strerror}"


def _refuse(why: str, code: int) -> int:
    print(f"psbridge: {why}", file=sys.stderr)
    return code
