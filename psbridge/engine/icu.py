"""Whether this machine has ICU, and what to do where it has not.

.NET looks for ICU while it starts and aborts the whole process where there is none, as in slim
containers. Nothing can be caught then, so psbridge looks first, by the same rule as .NET, and
turns on the invariant globalization mode in the environment: the processes that the native
Start-Job starts inherit it and need it just as much.
"""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["INVARIANT", "decide_globalization", "has_icu"]

INVARIANT = "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"

# The versions that .NET tries on Linux, newest first; the newest ICU is below 80 today.
_NEWEST, _OLDEST = 100, 50


def has_icu() -> bool:
    """Tell whether .NET will find ICU. Windows and macOS bring it with the system."""
    if sys.platform in ("win32", "darwin"):
        return True
    override = os.environ.get("CLR_ICU_VERSION_OVERRIDE")
    suffixes = [override] if override else [str(n) for n in range(_NEWEST, _OLDEST - 1, -1)]
    return any(
        _loads(f"libicuuc.so.{suffix}") and _loads(f"libicui18n.so.{suffix}") for suffix in suffixes
    )


def decide_globalization() -> bool:
    """Set the invariant mode where .NET would abort; tell whether it is on.

    To be called before .NET starts. A user's own setting of the variable is left as it is.
    """
    wanted = os.environ.get(INVARIANT)
    if wanted is not None:
        return wanted.lower() in ("1", "true")
    if has_icu():
        return False
    os.environ[INVARIANT] = "1"
    return True


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
