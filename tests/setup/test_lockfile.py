"""The lock file names every package exactly, and nothing unsound is taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from psbridge.errors import PackageError
from psbridge.setup.lockfile import load_lock

from .conftest import SmallEngine


@pytest.fixture
def content(engine: SmallEngine) -> Any:
    """What a sound lock file says."""
    return json.loads(engine.lock.to_json())


def save(folder: Path, content: Any) -> Path:
    file = folder / "packages.lock.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_written_and_read_again(engine: SmallEngine, tmp_path: Path) -> None:
    file = tmp_path / "lock.json"
    file.write_text(engine.lock.to_json(), encoding="utf-8")
    assert load_lock(file) == engine.lock


def test_a_shared_package_stands_there_once(content: Any) -> None:
    content["platforms"]["other"] = next(iter(content["platforms"].values()))
    assert len(content["packages"]) == len(content["platforms"]["other"])


def test_the_lock_of_this_version_is_sound() -> None:
    lock = load_lock()
    assert lock.platforms
    for pins in lock.platforms.values():
        assert "System.Management.Automation" in [pin.id for pin in pins]


def test_a_platform_that_is_not_locked() -> None:
    with pytest.raises(PackageError) as caught:
        load_lock().pins("plan9-x64")
    message = str(caught.value)
    assert "this platform (plan9-x64)" in message
    assert "linux-x64" in message
    assert "install PowerShell" in message


def test_the_digest_is_that_of_one_platform(engine: SmallEngine) -> None:
    (rid,) = engine.lock.platforms
    before = engine.lock.digest(rid)
    assert before == engine.lock.digest(rid)
    engine.add("Another.Package", "1.0.0", {})
    assert engine.lock.digest(rid) != before


def first(content: Any) -> Any:
    return next(iter(content["packages"].values()))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda c: c.update(format=2), "its format is not 1"),
        (lambda c: c.pop("packages"), "'packages' is missing"),
        (lambda c: c["packages"].clear(), "is missing"),
        (lambda c: c.update(dotnet="ten"), "'ten' is not a package version"),
        (lambda c: first(c).update(sha512="AAAA"), "is not a SHA-512"),
        (lambda c: first(c).update(sha512="?"), "is not a SHA-512"),
        (lambda c: first(c).update(size="1"), "is not a number of bytes"),
        (lambda c: c["packages"].update({"nothing": first(c)}), "is not a package version"),
        (
            lambda c: next(iter(c["platforms"].values())).extend([next(iter(c["packages"]))]),
            "twice",
        ),
    ],
)
def test_an_unsound_lock_file(content: Any, tmp_path: Path, spoil: Any, what: str) -> None:
    spoil(content)
    file = save(tmp_path, content)
    with pytest.raises(PackageError, match=what) as caught:
        load_lock(file)
    assert str(file) in str(caught.value)


def test_no_lock_file(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot be read: No such file"):
        load_lock(tmp_path / "none.json")
