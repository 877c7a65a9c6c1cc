"""Versions are compared and written as NuGet does."""

from __future__ import annotations

import pytest

from psbridge.setup import versions


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("10.0.14", "10.0.14"),
        ("10.0.14.0", "10.0.14"),
        ("1.2.3.4", "1.2.3.4"),
        ("1.0", "1.0.0"),
        ("01.2.03", "1.2.3"),
        ("7.6.9-RC.1+build.5", "7.6.9-rc.1"),
        ("7.6.9+abc", "7.6.9"),
    ],
)
def test_normal_form(written: str, normal: str) -> None:
    assert versions.normalize(written) == normal


@pytest.mark.parametrize("text", ["", "x", "1.2.3.4.5", "1..2", "1.0-", "Extra.1.0.0"])
def test_what_is_no_version(text: str) -> None:
    assert not versions.is_version(text)
    with pytest.raises(ValueError, match="is not a package version"):
        versions.normalize(text)


def test_order() -> None:
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.2",
        "1.0.0-alpha.10",
        "1.0.0-beta",
        "1.0.0",
        "1.0.0.1",
        "1.10.0",
    ]
    shuffled = [*ordered[3:], *ordered[:3]]
    assert sorted(shuffled, key=versions.sort_key) == ordered
