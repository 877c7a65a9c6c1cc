"""How far it is, shown on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest

from psbridge.setup.progress import LineProgress, Progress, TerminalProgress, show_progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def play(progress: Progress) -> None:
    with progress:
        progress.begin("Fetching 2 packages", 2, 3_000_000)
        progress.advanced("One 1.0.0", 1_000_000)
        progress.advanced("One 1.0.0", -1_000_000)
        progress.advanced("One 1.0.0", 2_000_000)
        progress.finished("One 1.0.0")
        progress.advanced("Two 1.0.0", 1_000_000)
        progress.finished("Two 1.0.0")
        progress.step("Laying out")


def test_plain_lines() -> None:
    stream = io.StringIO()
    progress = show_progress(stream)
    assert isinstance(progress, LineProgress)
    play(progress)
    assert stream.getvalue().splitlines() == [
        "Fetching 2 packages, 3.0 MB",
        "  1/2 One 1.0.0 (2.0 MB)",
        "  2/2 Two 1.0.0 (1.0 MB)",
        "Laying out",
    ]


def test_a_bar_on_a_terminal() -> None:
    stream = Terminal()
    progress = show_progress(stream)
    assert isinstance(progress, TerminalProgress)
    play(progress)
    assert "3.0/3.0 MB" in stream.getvalue()
    assert "Laying out" in stream.getvalue()


def test_what_is_said_above_the_bar_is_said_as_it_is() -> None:
    stream = Terminal()
    text = f"No answer from https://[::1]:9/[red]{'x' * 200}; trying again (2 of 3)"
    with show_progress(stream) as progress:
        progress.begin("Fetching 1 package", 1, 10)
        progress.step(text)
    assert text in stream.getvalue()


def test_what_is_slow_is_imported_only_when_used() -> None:
    code = (
        "import sys, psbridge.setup.install\n"
        "print(sorted({'rich', 'requests', 'filelock', 'platformdirs'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    play(show_progress(stream))
    assert "\x1b" not in stream.getvalue()
    assert "  1/2 One 1.0.0 (2.0 MB)" in stream.getvalue()


def test_a_bar_has_no_styles_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    style = re.compile(r"\x1b\[[0-9;]*m")
    monkeypatch.delenv("NO_COLOR", raising=False)
    play(show_progress(coloured := Terminal()))
    monkeypatch.setenv("NO_COLOR", "1")
    play(show_progress(plain := Terminal()))
    assert style.search(coloured.getvalue())
    assert not style.search(plain.getvalue())
    assert "Two 1.0.0" in plain.getvalue()
