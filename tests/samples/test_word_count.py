"""The sample, on real files."""

from pathlib import Path

import pytest

from psbridge import Session

SAMPLE = Path(__file__).parents[2] / "samples" / "word_count.py"


@pytest.fixture
def shell_with(shell: Session) -> Session:
    shell.import_module(SAMPLE)
    return shell


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("ein Wörtchen\nund noch eins\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("zwei wörter", encoding="latin-1")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "c.txt").write_text("not counted", encoding="utf-8")
    return tmp_path


def test_it_counts_lines_and_words(shell_with: Session, texts: Path) -> None:
    (count,) = shell_with.run("Get-WordCount $args[0]", texts / "a.txt")
    assert count == {"Path": str(texts / "a.txt"), "Lines": 2, "Words": 5}


@pytest.mark.parametrize("tail", ["", " -AsJob | Wait-Job | Receive-Job"])
def test_a_file_that_cannot_be_read_loses_none_of_the_others(
    shell_with: Session, texts: Path, tail: str
) -> None:
    script = f"Get-WordCount $args[0], nowhere.txt, $args[1]{tail}"
    result = shell_with.run(script, texts, texts / "a.txt")
    assert [count["Words"] for count in result] == [5, 5]
    ids = [error.error_id.partition(",")[0] for error in result.errors]
    assert ids == ["UnicodeDecodeError", "FileNotFoundError"]


def test_wildcards_are_allowed(shell_with: Session, texts: Path) -> None:
    found = shell_with.run("Get-WordCount $args[0] -Encoding latin-1", texts / "*.txt")
    assert [Path(count["Path"]).name for count in found] == ["a.txt", "b.txt"]
    result = shell_with.run("Get-WordCount $args[0]", texts / "*.none")
    assert [error.error_id.partition(",")[0] for error in result.errors] == ["FileNotFoundError"]


def test_the_encoding_is_the_user_s(shell_with: Session, texts: Path) -> None:
    result = shell_with.run("Get-WordCount $args[0] -Encoding latin-1", texts / "b.txt")
    assert [count["Words"] for count in result] == [2]


def test_names_come_down_the_pipeline(shell_with: Session, texts: Path) -> None:
    script = "$args | Get-WordCount | ForEach-Object Words"
    assert shell_with.run(script, texts / "a.txt", texts / "a.txt") == [5, 5]
