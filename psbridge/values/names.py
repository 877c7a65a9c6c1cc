"""Names of PowerShell's members, whose letter case does not matter."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["fold", "is_special", "nearest"]


def fold(name: str) -> str:
    """A name as PowerShell compares it: letter by letter, and not as any language would."""
    if name.isascii():
        return name.upper()
    return "".join(upper if len(upper := letter.upper()) == 1 else letter for letter in name)


def is_special(name: str) -> bool:
    """Whether Python itself, or a library of it, asks for it: that is no member of an object's."""
    return name.startswith("__") and name.endswith("__")


def nearest(name: str, names: Iterable[str]) -> str:
    """What to add to the message that there is no such name: those that look like it."""
    if len(name) > _LONGEST:
        return ""
    import difflib  # only a mistake needs it

    by_fold = {fold(known): known for known in names}
    found = difflib.get_close_matches(fold(name), by_fold, n=3, cutoff=0.6)
    return f"; near it: {', '.join(by_fold[one] for one in found)}" if found else ""


# No name is as long, and to look for what is near such a text takes seconds.
_LONGEST = 200
