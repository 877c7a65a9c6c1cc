"""Which escape codes a stream takes: one answer for all that is shown.

NO_COLOR turns off what makes text look different, colours and all other styles; TERM=dumb says that
there is nothing but text.
"""

from __future__ import annotations

import os
import re
from typing import TextIO

__all__ = ["is_terminal", "takes_codes", "takes_styles", "without_styles"]

# What PowerShell's formatter puts into text for terminals.
_STYLE = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;.*?\x1b\\")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def takes_codes(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal whose cursor can be moved."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def takes_styles(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that is to have colours and other styles."""
    return takes_codes(stream) and not os.environ.get("NO_COLOR")


def without_styles(text: str) -> str:
    """A text without the escape sequences of colours, styles and links."""
    return _STYLE.sub("", text)
