"""How the table of ``psbridge doctor`` is broken into lines."""

from __future__ import annotations

import sys

import pytest

from psbridge.cli.doctor_table import Check, broken_into_lines, table

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the paths are those of POSIX")

LONG = "/data/" + "/".join(f"folder{number}" for number in range(8))
URL = "https://example.org/v3/index.json"
SPACED = "/home/My Name/power shell"


@pytest.mark.parametrize(
    ("text", "paths", "lines"),
    [
        ("found in /a/b, whole", (), ["found in /a/b, whole"]),
        (f"found in {LONG}", (), ["found in", LONG]),
        ("one two three four five six", (), ["one two three four", "five six"]),
        (f"mine: {SPACED} (from /a b)", (SPACED, "/a b"), ["mine:", SPACED, "(from", "/a b)"]),
        (f"{SPACED}/x is {SPACED}", (SPACED, f"{SPACED}/x"), [f"{SPACED}/x", "is", SPACED]),
        ("a\n\nTo do: b", (), ["a", "", "To do: b"]),
        (f"{URL} is down", (), [URL, "is down"]),
    ],
)  # fmt: skip
def test_no_path_is_broken(text: str, paths: tuple[str, ...], lines: list[str]) -> None:
    assert list(broken_into_lines(text, 20, paths)) == lines


def test_a_long_path_in_a_terminal_is_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    checks = [
        Check("PowerShell", "ok", f"7.6.9, found as PSBRIDGE_PSHOME, in {LONG}"),
        Check("cache", "ok", f"{LONG}/{LONG}"),
    ]
    lines = table(checks, "psbridge works here.").splitlines()
    assert [line.lstrip() for line in lines] == [
        "ok    PowerShell  7.6.9, found as PSBRIDGE_PSHOME, in",
        LONG,
        "ok    cache",
        f"{LONG}/{LONG}",
        "psbridge works here.",
    ]
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 80 - len(LONG), 0, 0, 0]


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_it_has_escape_codes_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = table([Check("PowerShell", "bad", "is not there")], "It does not work.")
    assert ("\x1b" in shown) is not bool(variables)
