"""The sample, on a real tree."""

import hashlib
from pathlib import Path

import pytest

from psbridge import Session

SAMPLE = Path(__file__).parents[2] / "samples" / "tree_hash.py"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in (("a.txt", "one"), ("inner/b.txt", "two"), ("inner/c.bin", "three")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("tail", ["", " -AsJob | Wait-Job | Receive-Job"])
def test_it_hashes_every_file(shell: Session, tree: Path, tail: str) -> None:
    shell.import_module(SAMPLE)
    found = shell.run(f"Get-TreeHash $args[0]{tail}", tree)
    expected = [hashlib.sha256(word).hexdigest().upper() for word in (b"one", b"two", b"three")]
    assert [each["Hash"] for each in found] == expected
    assert [each["Length"] for each in found] == [3, 3, 5]


def test_the_filter_and_the_algorithm_are_the_user_s(shell: Session, tree: Path) -> None:
    shell.import_module(SAMPLE)
    found = shell.run("Get-TreeHash $args[0] -Filter *.bin -Algorithm MD5", tree)
    assert [each["Hash"] for each in found] == [hashlib.md5(b"three").hexdigest().upper()]


def test_each_tree_has_a_child_and_a_missing_one_harms_none(shell: Session, tree: Path) -> None:
    shell.import_module(SAMPLE)
    script = (
        "$j = $args | Get-TreeHash -AsJob; $null = Wait-Job $j; $j.ChildJobs.Count; Receive-Job $j"
    )
    result = shell.run(script, tree / "inner", tree / "nowhere", tree / "a.txt")
    assert result[0] == 3
    assert len(result[1:]) == 3
    assert [error.category for error in result.errors] == ["ObjectNotFound"]
