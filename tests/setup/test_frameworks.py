"""The files that fit a platform are those that NuGet would choose."""

from __future__ import annotations

import pytest

from psbridge.setup.frameworks import (
    PLATFORMS,
    best_framework,
    current_rid,
    framework_of,
    rid_fallbacks,
)


@pytest.mark.parametrize(
    ("offered", "best"),
    [
        (["net8.0", "net9.0", "net11.0", "net462"], "net9.0"),
        (["netstandard2.0", "netcoreapp3.1", "netstandard2.1"], "netcoreapp3.1"),
        (["netstandard1.6", "netstandard2.0", "net48"], "netstandard2.0"),
        ([".NETStandard2.0", ".NETFramework4.6.2"], ".NETStandard2.0"),
        (["net8.0", "net10.0-windows7.0"], "net8.0"),
        (["net5.0", "net10.0"], "net10.0"),
        (["net462", "_._", ""], None),
        ([], None),
    ],
)
def test_nearest_framework(offered: list[str], best: str | None) -> None:
    assert best_framework(offered, "net10.0") == best


def test_framework_of_a_runtime() -> None:
    assert framework_of("10.0.14") == "net10.0"


@pytest.mark.parametrize(
    ("rid", "fallbacks"),
    [
        ("linux-x64", ("linux-x64", "linux", "unix-x64", "unix", "any")),
        ("osx-arm64", ("osx-arm64", "osx", "unix-arm64", "unix", "any")),
        ("win-x64", ("win-x64", "win", "any")),
    ],
)
def test_fallbacks_from_the_most_specific(rid: str, fallbacks: tuple[str, ...]) -> None:
    assert rid_fallbacks(rid) == fallbacks


def test_this_platform_has_a_name() -> None:
    assert current_rid() in PLATFORMS
