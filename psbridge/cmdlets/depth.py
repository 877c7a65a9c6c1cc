"""How deep cmdlets that call one another may be in Python.

A cmdlet whose script calls a cmdlet, and so on, takes about eight of Python's calls a level, so
Python's recursion limit is reached after a hundred and twenty, wherever that is: in the author's
code, in ours, or in pythonnet's. PowerShell's own error for this (CallDepthOverflow) comes first,
where a cmdlet gets its hooks and nothing has been done yet.

Rejected: raising Python's limit. It is the program's, and `sys.setrecursionlimit` is how a program
asks for more. What the native stack has left is looked at by ``Border.CheckDepth`` in any case.
"""

from __future__ import annotations

import sys

__all__ = ["has_room"]

# Enough for the hook, for what it calls of ours, and for describing its error.
_CALLS = 150


def has_room() -> bool:
    """Whether Python's recursion limit leaves room for a cmdlet's hooks on this thread."""
    try:
        _descend(min(_CALLS, sys.getrecursionlimit() // 4))
    except RecursionError:
        return False
    return True


def _descend(calls: int) -> None:
    if calls:
        _descend(calls - 1)
