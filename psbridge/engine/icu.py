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
from collections.abc import Iterator

from ..errors import EngineStartError

__all__ = ["INVARIANT", "decide_globalization", "has_icu", "is_invariant"]

INVARIANT = "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"

# .NET 10 has given the variable its second name.
_OVERRIDES = ("CLR_ICU_VERSION_OVERRIDE", "DOTNET_ICU_VERSION_OVERRIDE")


def has_icu() -> bool:
    """Tell whether .NET will find ICU. Windows and macOS bring it with the system."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(
        _loads(f"libicuuc.so.{version}") and _loads(f"libicui18n.so.{version}")
        for version in _versions()
    )


def is_invariant() -> bool:
    """Tell whether the environment asks for the invariant mode."""
    return os.environ.get(INVARIANT, "").lower() in ("1", "true")


def decide_globalization() -> bool:
    """Set the invariant mode where .NET would abort; tell whether it is on.

    To be called before .NET starts. A user's own setting of the variable is left as it is.

    Raises:
        EngineStartError: there is no ICU, and the user's setting forbids to go without.
    """
    if is_invariant():
        return True
    if has_icu():
        return False
    if os.environ.get(INVARIANT, "").lower() in ("0", "false"):
        raise EngineStartError(
            f"there is no ICU on this machine, and {INVARIANT}={os.environ[INVARIANT]} forbids "
            ".NET to run without: install libicu, or remove the variable"
        )
    os.environ[INVARIANT] = "1"
    return True


def _versions() -> Iterator[str]:
    """The endings of file names that .NET on Linux tries, in its order."""
    majors, parts = range(90, 49, -1), range(5, 0, -1)
    for prefix in ("", "suse"):
        yield from (prefix + os.environ[name] for name in _OVERRIDES if os.environ.get(name))
        yield from (f"{prefix}{major}" for major in majors)
        yield from (f"{prefix}{major}.{minor}" for major in majors for minor in parts)
        yield from (
            f"{prefix}{major}.{minor}.{patch}"
            for major in majors
            for minor in parts
            for patch in parts
        )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
