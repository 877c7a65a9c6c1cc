"""Waiting until something is so, in place of sleeping for as long as it takes mostly."""

from __future__ import annotations

import inspect
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["IMPORT", "is_in", "until"]

# With this a program that a test runs in a process of its own begins, and has them, too.
IMPORT = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
from conditions import is_in, until
"""


def until(condition: Callable[[], object], seconds: float = 30, *, what: str = "") -> None:
    """Wait until a condition holds, and fail where that takes too long.

    Args:
        condition: what is to hold; it is asked again and again.
        seconds: how long to wait: what a busy machine may take, not what is usual.
        what: says what was waited for where the condition's own source does not.
    """
    __tracebackhide__ = True
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds} s: {what or _source(condition)}")
        time.sleep(0.002)


def is_in(thread: threading.Thread, function: str) -> bool:
    """Whether a thread is in a Python function of that name, such as the one that waits."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_name == function:
            return True
        frame = frame.f_back
    return False


def _source(condition: Callable[[], object]) -> str:
    if getattr(condition, "__name__", "") != "<lambda>":
        return repr(condition)
    try:
        return inspect.getsource(condition).strip()
    except OSError:  # code of no file
        return repr(condition)
