"""What is kept on disk: whole or not at all, and for whom the user's umask says."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from psbridge.kept import keep_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_kept_file_has_the_mode_of_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert keep_file(tmp_path / "a" / "b", b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o666 & ~umask


def test_what_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    taken = tmp_path / "name"
    taken.mkdir()
    assert not keep_file(taken, b"data")
    assert not keep_file(tmp_path / "name" / "x" / ("n" * 300), b"data")
    assert [path.name for path in tmp_path.rglob("*")] == ["name", "x"]
