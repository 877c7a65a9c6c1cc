"""What is kept on disk: whole or not at all, and for whom the user's umask says."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from psbridge.kept import cache_folder, distrust, keep_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_others_may_read_a_kept_file_as_the_umask_says_and_never_write_it(
    tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        assert keep_file(tmp_path / "a" / "b", b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o644 & ~umask


def test_what_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    taken = tmp_path / "name"
    taken.mkdir()
    assert not keep_file(taken, b"data")
    assert not keep_file(tmp_path / "name" / "x" / ("n" * 300), b"data")
    assert [path.name for path in tmp_path.rglob("*")] == ["name", "x"]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_folders_are_made_for_this_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert keep_file(tmp_path / "a" / "b" / "c", b"data")
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / place).stat().st_mode) for place in ("a", "a/b")} == {0o700}


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("place", ["psbridge", "psbridge/compiled", "psbridge/compiled/key/a.dll"])
def test_what_others_could_have_made_is_not_trusted(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = cache_folder("compiled") / "key" / "a.dll"
    assert distrust(file) is None
    assert keep_file(file, b"data")
    tmp_path.chmod(0o777)  # the folder of all programs is the user's own business
    file.chmod(0o644)
    assert distrust(file) is None
    (tmp_path / place).chmod(0o775)
    assert distrust(file) == f"{tmp_path / place} can be written by other users"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_others_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = cache_folder("compiled") / "key" / "a.dll"
    assert keep_file(file, b"data")
    os.chown(file.parent, 12345, -1)
    assert distrust(file) == f"{file.parent} belongs to another user"
