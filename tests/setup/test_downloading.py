"""Fetching only: the packages of a platform in a folder, which then is a feed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge.errors import EngineError, FeedError, PackageError
from psbridge.setup.downloading import download
from psbridge.setup.install import install
from psbridge.setup.lockfile import Lock, PlatformLock
from psbridge.setup.progress import SilentProgress
from psbridge.setup.source import Source

from .conftest import RID, SmallEngine, WebFeed, make_package


@pytest.fixture
def platform(engine: SmallEngine, monkeypatch: pytest.MonkeyPatch) -> PlatformLock:
    """A small engine's packages, which are what is locked."""
    made = engine.make()
    crossgen2 = make_package(engine.feed, "Crossgen2", "10.0.15")
    platform = PlatformLock.make(RID, made.powershell, made.runtime, made.host, crossgen2)
    lock = Lock({RID: platform, "other": PlatformLock.make("other", *made.pins)})
    monkeypatch.setattr("psbridge.setup.downloading.load_lock", lambda: lock)
    return platform


def fetch(engine: SmallEngine, folder: Path, rid: str | None = None) -> list[str]:
    files = download([engine.source], folder, progress=SilentProgress(), rid=rid)
    assert [file.parent for file in files] == [folder] * len(files)
    return [file.name for file in files]


def test_the_folder_is_a_feed(engine: SmallEngine, platform: PlatformLock, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    names = fetch(engine, folder)
    assert names == [
        "powershell.7.6.9.nupkg",
        f"microsoft.netcore.app.runtime.{RID}.10.0.15.nupkg".lower(),
        f"microsoft.netcore.app.host.{RID}.10.0.15.nupkg".lower(),
        "crossgen2.10.0.15.nupkg",
    ]
    assert fetch(engine, folder) == names, "it can be repeated"
    assert fetch(engine, tmp_path / "other", "other") == names[:3]
    brought = Source("brought", str(folder), "a test")
    home = install([brought], tmp_path / "home", platform=platform, precompiled=False)
    assert (home / "pwsh.dll").is_file()


@pytest.mark.usefixtures("platform")
def test_what_goes_wrong(engine: SmallEngine, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"this platform \(plan9\)"):
        fetch(engine, tmp_path / "folder", "plan9")
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"cannot be written to .*file"):
        fetch(engine, tmp_path / "file")
    (engine.feed / "PowerShell.7.6.9.nupkg").unlink()
    with pytest.raises(FeedError):
        fetch(engine, tmp_path / "folder")


@pytest.mark.usefixtures("platform")
def test_a_folder_that_nothing_came_into_is_not_left(
    engine: SmallEngine, serve: Callable[..., WebFeed], tmp_path: Path
) -> None:
    web = serve(engine.feed)
    web.behaviours["nupkg"] = lambda handler: handler.answer(404)
    gone = Source("gone", str(tmp_path / "gone"), "a test")
    for source in (gone, web.source()):
        with pytest.raises(FeedError):
            download([source], tmp_path / "deep" / "folder", progress=SilentProgress())
        assert not (tmp_path / "deep").exists()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    with pytest.raises(FeedError):
        download([gone], theirs / "folder", progress=SilentProgress())
    with pytest.raises(FeedError):
        download([gone], theirs, progress=SilentProgress())
    assert not list(theirs.iterdir())


@pytest.mark.usefixtures("platform")
def test_a_folder_that_something_came_into_stays(
    engine: SmallEngine, serve: Callable[..., WebFeed], tmp_path: Path
) -> None:
    web = serve(engine.feed)
    folder = tmp_path / "deep" / "folder"
    web.behaviours["powershell.7.6.9.nupkg"] = lambda handler: handler.package(
        (engine.feed / "PowerShell.7.6.9.nupkg").read_bytes(), upto=100_000
    )
    with pytest.raises(FeedError) as caught:
        download([web.source()], folder, progress=SilentProgress(), command="psbridge setup -x")
    assert str(caught.value).splitlines()[1:] == [
        "What has arrived is kept; this goes on from there:",
        "  psbridge setup -x",
    ]
    assert (folder / "powershell.7.6.9.nupkg.part").stat().st_size == 100_000
