"""``psbridge setup`` as a command."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from psbridge.cli import setup
from psbridge.errors import FeedError
from psbridge.setup.nuget_config import configured_sources


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    """A parser that has this command."""
    parser = argparse.ArgumentParser()
    setup.add_parser(parser.add_subparsers())
    return parser


def test_a_source_that_is_not_there(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    source, dest = tmp_path / "gone", tmp_path / "engine"
    args = parser.parse_args(["setup", "--source", str(source), "--dest", str(dest)])
    with pytest.raises(FeedError, match=r"gone \(from --source\) is missing"):
        setup.run(args)
    assert not dest.exists()


def test_set_up_in_a_folder(
    parser: argparse.ArgumentParser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[2]
    feed = next(s for s in configured_sources(root) if not s.is_url and s.problem() is None)
    dest = tmp_path / "engine"
    args = parser.parse_args(["setup", "--source", feed.location, "--dest", str(dest)])
    assert setup.run(args) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("PowerShell 7.")
    assert captured.out.endswith(f" is in {dest}; to use it, set PSBRIDGE_PSHOME={dest}\n")
    assert "Fetching" in captured.err
