"""What ``psbridge doctor`` found, as a table for people."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..terminal import is_terminal, takes_styles

__all__ = ["Check", "broken_into_lines", "table"]

_COLOURS = {"ok": "green", "note": "yellow", "bad": "bold red"}
_SMALLEST = 20  # columns beside the names, however narrow the terminal is


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        status: ``"ok"``; ``"note"`` for what limits or could be otherwise, and psbridge works;
            ``"bad"`` where psbridge cannot work.
        found: what was found.
        advice: what to do about it; empty where there is nothing to do.
        paths: the paths in `found`, which may have spaces in them, so that none is broken.
    """

    name: str
    status: Literal["ok", "note", "bad"]
    found: str
    advice: str = ""
    paths: tuple[str, ...] = ()


def table(found: Sequence[Check], verdict: str) -> str:
    """Write a line for each check, and what to do about it below; the verdict comes last.

    On a terminal it is as wide as that, but for longer paths. Elsewhere nothing is wrapped: a
    program, or a person with grep, reads it.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    terminal = is_terminal(sys.stdout)
    shown = io.StringIO()  # whether standard output can be written is not rich's to find out
    console = Console(
        file=shown,
        force_terminal=terminal or None,
        width=None if terminal else 10_000,
        color_system="auto" if takes_styles(sys.stdout) else None,
    )
    margin = 4 + 2 + max(len(check.name) for check in found) + 2
    room = max(console.width - margin, _SMALLEST)
    for check in found:
        head: Text | None = Text.assemble(
            (check.status.ljust(6), _COLOURS[check.status]), check.name.ljust(margin - 6)
        )
        text = check.found + (f"\nTo do: {check.advice}" if check.advice else "")
        for line in broken_into_lines(text, room, check.paths):
            if head is not None and cell_len(line) > room:
                head.rstrip()
                console.print(head, soft_wrap=True)
                head = None
            # A path that is too long goes to the left as far as it has to.
            left = max(0, min(margin, console.width - cell_len(line)))
            console.print((head or Text(" " * left)) + Text(line), soft_wrap=True)
            head = None
    for line in broken_into_lines(verdict, console.width):
        console.print(Text(line), soft_wrap=True)
    return shown.getvalue().removesuffix("\n")


def broken_into_lines(text: str, width: int, paths: Sequence[str] = ()) -> Iterator[str]:
    """Break a text at its spaces, and no word, so that each path can be copied.

    Args:
        text: the text; it may have several lines.
        width: the columns there are. A longer word makes a longer line.
        paths: paths in the text that may have spaces in them. A path stands on a line of its own,
            unless the whole line of the text fits.
    """
    from rich.cells import cell_len

    # The longest first: one path may be the beginning of another.
    known = "|".join(map(re.escape, sorted(filter(None, paths), key=len, reverse=True)))
    word = re.compile(rf"\S*(?:{known})\S*|\S+" if known else r"\S+")
    for line in text.split("\n"):
        if cell_len(line) <= width:
            yield line
            continue
        begun = ""
        for match in word.finditer(line):
            part = match[0]
            alone = " " in part or Path(part.lstrip("('\"")).is_absolute()
            if begun and (alone or cell_len(f"{begun} {part}") > width):
                yield begun
                begun = ""
            begun = f"{begun} {part}".lstrip()
            if alone:
                yield begun
                begun = ""
        if begun:
            yield begun
