"""The lock file names every package exactly, and nothing unsound is taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from psbridge.errors import PackageError
from psbridge.setup.lockfile import Lock, PlatformLock, load_lock

from .conftest import RID, SmallEngine, make_package


@pytest.fixture
def content(engine: SmallEngine) -> Any:
    """What a sound lock file says."""
    return json.loads(Lock({RID: engine.make()}).to_json())


def save(folder: Path, content: Any) -> Path:
    file = folder / "packages.lock.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_written_and_read_again(engine: SmallEngine, tmp_path: Path) -> None:
    platform = engine.make()
    crossgen2 = make_package(tmp_path, "Crossgen2", "10.0.15")
    parts = platform.powershell, platform.runtime, platform.host
    lock = Lock({RID: platform, "other-x64": PlatformLock.make("other-x64", *parts, crossgen2)})
    file = tmp_path / "lock.json"
    file.write_text(lock.to_json(), encoding="utf-8")
    assert load_lock(file) == lock
    assert len(json.loads(lock.to_json())["packages"]) == 4, "a shared package stands there once"


def test_the_lock_of_this_version_is_sound() -> None:
    for rid, platform in load_lock().platforms.items():
        assert platform.rid == rid
        assert platform.powershell.id == "PowerShell"
        assert platform.runtime.id == f"Microsoft.NETCore.App.Runtime.{rid}"
        assert platform.host.id == f"Microsoft.NETCore.App.Host.{rid}"
        assert platform.dotnet == platform.runtime.version


def test_the_folder_is_named_after_what_is_in_it() -> None:
    # Otherwise a home that is made differently would be taken for the one that is there.
    for rid, platform in load_lock().platforms.items():
        made = PlatformLock.make(
            rid, platform.powershell, platform.runtime, platform.host, platform.crossgen2
        )
        assert made == platform, "run tools/relock.py"


def test_a_platform_that_is_not_locked() -> None:
    with pytest.raises(PackageError) as caught:
        load_lock().platform("plan9-x64")
    message = str(caught.value)
    assert "this platform (plan9-x64)" in message
    assert "linux-x64" in message
    assert "install PowerShell" in message


def test_the_digest_is_that_of_what_is_laid_out(engine: SmallEngine, tmp_path: Path) -> None:
    before = engine.make()
    parts = before.powershell, before.runtime, before.host
    crossgen2 = make_package(tmp_path, "Crossgen2", "10.0.15")
    assert PlatformLock.make(RID, *parts, crossgen2).folder == before.folder
    other = make_package(tmp_path, before.host.id, before.host.version, {"more": b""})
    assert PlatformLock.make(RID, *parts[:2], other).folder != before.folder
    assert PlatformLock.make("other", *parts).folder != before.folder


def first(content: Any) -> Any:
    return next(iter(content["packages"].values()))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda c: c.update(format=1), "its format is not 2"),
        (lambda c: c.pop("packages"), "'packages' is missing"),
        (lambda c: c["packages"].clear(), "is missing"),
        (lambda c: c["platforms"][RID].pop("host"), "'host' is missing"),
        (lambda c: c["platforms"][RID].pop("folder"), "'folder' is missing"),
        (lambda c: c["platforms"][RID].update(folder="../x"), "names no folder"),
        (lambda c: c["platforms"][RID].update(dotnet="9.0.0"), "is not its runtime's version"),
        (lambda c: c["platforms"][RID].update(crossgen2="None/1.0.0"), "is missing"),
        (lambda c: first(c).update(sha512="AAAA"), "is not a SHA-512"),
        (lambda c: first(c).update(sha512="?"), "is not a SHA-512"),
        (lambda c: first(c).update(size="1"), "is not a number of bytes"),
        (lambda c: c["packages"].update({"nothing": first(c)}), "is not a package version"),
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
