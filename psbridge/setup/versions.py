"""Package versions as NuGet reads them: compared, and written in one normal form."""

from __future__ import annotations

import re

__all__ = ["is_prerelease", "is_version", "normalize", "sort_key"]

_VERSION = re.compile(
    r"(?P<numbers>\d+(?:\.\d+){0,3})"
    r"(?:-(?P<labels>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z.-]+)?"
)


def is_version(text: str) -> bool:
    """Tell whether the text is a version at all."""
    return _VERSION.fullmatch(text) is not None


def normalize(version: str) -> str:
    """Write a version the way feeds do: ``10.0.14.0+abc`` is ``10.0.14``.

    Args:
        version: two to four numbers, with prerelease labels and metadata if any.

    Returns:
        Three numbers, or four if the last is not 0; lower case; without metadata.

    Raises:
        ValueError: the text is not a version.
    """
    numbers, labels = _parts(version)
    shown = numbers if numbers[3] else numbers[:3]
    return ".".join(map(str, shown)) + (f"-{labels}" if labels else "")


def is_prerelease(version: str) -> bool:
    """Tell whether the version has prerelease labels, as ``1.0.0-rc.1`` has."""
    return bool(_parts(version)[1])


def sort_key(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[int, int, str], ...]]:
    """Give a key that orders versions: numbers first, and a prerelease before its release.

    Raises:
        ValueError: the text is not a version.
    """
    numbers, labels = _parts(version)
    # Numeric labels sort before words, and by value: rc.9 before rc.10.
    keys = tuple(
        (0, int(label), "") if label.isdigit() else (1, 0, label)
        for label in (labels.split(".") if labels else ())
    )
    return numbers, not labels, keys


def _parts(version: str) -> tuple[tuple[int, ...], str]:
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        raise ValueError(f"{version!r} is not a package version")
    numbers = [int(number) for number in match["numbers"].split(".")]
    return tuple(numbers + [0] * (4 - len(numbers))), (match["labels"] or "").lower()
