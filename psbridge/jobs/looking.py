"""What all ways to look at jobs have in common: texts, colours and times."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..terminal import without_styles
from ..values.text import HALF_PAIR

__all__ = [
    "COLOURS",
    "TERMINAL_COLOURS",
    "duration",
    "one_line",
    "tally",
]

# Of PowerShell's states, for pages. Any other one is as Running.
COLOURS = {
    "NotStarted": "#9e9e9e",
    "Running": "#1e88e5",
    "Completed": "#43a047",
    "Failed": "#e53935",
    "Stopped": "#6d4c41",
    "Blocked": "#8e24aa",
    "Suspended": "#f9a825",
    "Suspending": "#f9a825",
    "Disconnected": "#f57c00",
    "Stopping": "#6d4c41",
    "AtBreakpoint": "#8e24aa",
}
# The same for terminals, which have eight that can be relied on.
TERMINAL_COLOURS = {
    "NotStarted": "dim",
    "Running": "cyan",
    "Completed": "green",
    "Failed": "bold red",
    "Stopped": "yellow",
    "Stopping": "yellow",
    "Blocked": "magenta",
    "AtBreakpoint": "magenta",
    "Suspended": "blue",
    "Suspending": "blue",
    "Disconnected": "yellow",
}

# Sequences of terminals: CSI, then those with a text (OSC, DCS and so on), then the short ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
# What is no character to be seen: controls, ends of lines, what changes the direction of all that
# follows it, and halves of pairs.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff"
    "\ufff9-\ufffb\ufffe\uffff]+"
)


def one_line(text: str, encoding: str = "utf-8") -> str:
    """A text of somebody else's as one line that does nothing to a terminal or a page.

    Args:
        text: anything.
        encoding: of where it is shown; what that has no character for is a question mark.
    """
    text = _UNSEEN.sub(" ", _ESCAPES.sub("", without_styles(text))).strip()
    text = HALF_PAIR.sub("\ufffd", text)
    if encoding.lower().replace("-", "") == "utf8":
        return text
    return text.encode(encoding, "replace").decode(encoding)


def duration(seconds: float) -> str:
    """A length of time as clocks show it: ``0:07``, ``12:30``, ``3:00:00``."""
    minutes, seconds_left = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"


def tally(counts: Iterable[tuple[str, int]]) -> str:
    """How many jobs are in which state: ``2 Failed, 3 Running``."""
    return ", ".join(f"{count:,} {state}" for state, count in counts)
