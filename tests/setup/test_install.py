"""An installation: where it is made, what it is made from, and what it never touches."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge.errors import EngineError, FeedError, PackageError
from psbridge.setup.home_folder import read_marker
from psbridge.setup.install import default_destination, install
from psbridge.setup.lockfile import load_lock
from psbridge.setup.source import Source

from .conftest import RID, SmallEngine, WebFeed, make_package, write_console
from .installing import Setup


@pytest.fixture
def setup(engine: SmallEngine, tmp_path: Path) -> Setup:
    """A small engine that can be installed."""
    return Setup(engine, tmp_path)


def test_installed(setup: Setup) -> None:
    assert setup.here() == setup.dest
    marker = read_marker(setup.dest)
    assert marker is not None
    assert (marker.powershell, marker.dotnet, marker.rid) == ("7.6.9", "10.0.14", RID)
    assert marker.digest == setup.engine.lock.digest(RID)
    assert {"pwsh.dll", "System.Management.Automation.dll"} < set(marker.files)
    assert setup.left() == []


def test_installed_twice_is_installed_once(setup: Setup) -> None:
    setup.here()
    (setup.engine.feed / "Some.Library.1.0.0.nupkg").unlink()
    assert setup.here() == setup.dest
    with pytest.raises(FeedError, match=r"The folder .* does not have Some.Library 1.0.0"):
        setup.here(force=True)
    assert read_marker(setup.dest), "the old copy was lost"


def test_force_replaces_the_copy(setup: Setup) -> None:
    setup.here()
    before = (setup.dest / "pwsh.dll").stat().st_ino, setup.dest.stat().st_ino
    setup.here(force=True)
    assert ((setup.dest / "pwsh.dll").stat().st_ino, setup.dest.stat().st_ino) != before
    assert setup.left() == []


def test_an_earlier_copy_is_replaced(setup: Setup) -> None:
    setup.here()
    setup.engine.add("New.Library", "1.0.0", {"lib/net8.0/New.Library.dll": b"new"})
    setup.here()
    assert (setup.dest / "New.Library.dll").is_file()
    assert setup.left() == []


def test_the_default_place(setup: Setup) -> None:
    lock = setup.engine.lock
    place = install([setup.engine.source], lock=lock, build=write_console)
    assert place == default_destination(lock)
    assert place.name == f"7.6.9-{RID}-{lock.digest(RID)[:8]}"


@pytest.mark.parametrize("force", [False, True])
def test_somebodys_files_are_never_deleted(setup: Setup, force: bool) -> None:
    setup.dest.mkdir(parents=True)
    (setup.dest / "thesis.txt").write_text("years of work")
    with pytest.raises(EngineError, match=r"has files that are not an engine's \(thesis.txt\)"):
        setup.here(force=force)
    assert (setup.dest / "thesis.txt").read_text() == "years of work"
    assert setup.left() == []


def test_nor_those_in_an_earlier_copy(setup: Setup) -> None:
    setup.here()
    mine = setup.dest / "Modules/Mine/Mine.psm1"
    mine.parent.mkdir(parents=True)
    mine.write_text("function Get-Mine {}")
    with pytest.raises(EngineError, match=r"Modules/Mine/Mine.psm1"):
        setup.here(force=True)
    assert mine.is_file()


def test_an_empty_folder_is_as_good_as_none(setup: Setup) -> None:
    setup.dest.mkdir(parents=True)
    setup.here()
    assert read_marker(setup.dest)


def test_a_file_in_the_place(setup: Setup) -> None:
    setup.parent.mkdir()
    setup.dest.touch()
    with pytest.raises(EngineError, match="is a file; the engine needs a folder"):
        setup.here()


def test_no_feed(setup: Setup) -> None:
    with pytest.raises(FeedError, match="No NuGet feed is configured"):
        setup.here(sources=[])
    assert not setup.dest.exists()


def test_another_source_is_asked(setup: Setup, serve: Callable[..., WebFeed]) -> None:
    spare = setup.folder / "spare"
    spare.mkdir()
    missing = setup.engine.feed / "Some.Library.1.0.0.nupkg"
    missing.rename(spare / missing.name)
    gone = Source("gone", str(setup.folder / "gone"), "a test")
    setup.here(sources=[gone, setup.engine.source, serve(spare).source()])
    assert read_marker(setup.dest)


def test_every_source_and_its_reason(setup: Setup, serve: Callable[..., WebFeed]) -> None:
    (setup.engine.feed / "Some.Library.1.0.0.nupkg").unlink()
    gone = Source("gone", str(setup.folder / "gone"), "my.config")
    off = Source("off", "https://off.invalid", "my.config", disabled=True)
    web = serve(setup.engine.feed)
    with pytest.raises(FeedError) as caught:
        setup.here(sources=[gone, off, setup.engine.source, web.source()])
    message = str(caught.value)
    assert message.startswith("No feed has the package Some.Library 1.0.0:\n")
    assert "gone (from my.config) is missing" in message
    assert "is disabled" in message
    assert f"The folder {setup.engine.feed} does not have" in message
    assert "(status 404)" in message
    assert setup.left() == []


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"short", "has 5 bytes instead of"), (b"x" * 1_000_000, "is larger than the pinned")],
)
@pytest.mark.parametrize("over_http", [False, True])
def test_a_wrong_package(
    setup: Setup, serve: Callable[..., WebFeed], content: bytes, what: str, over_http: bool
) -> None:
    (setup.engine.feed / "Some.Library.1.0.0.nupkg").write_bytes(content)
    source = serve(setup.engine.feed).source() if over_http else setup.engine.source
    with pytest.raises(PackageError, match=what) as caught:
        setup.here(sources=[source])
    assert "Some.Library 1.0.0 is not the package that is pinned" in str(caught.value)
    assert source.shown in str(caught.value)
    assert not setup.dest.exists()
    assert setup.left() == []


def test_a_package_with_the_right_size_and_another_hash(setup: Setup) -> None:
    file = setup.engine.feed / "Some.Library.1.0.0.nupkg"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    with pytest.raises(PackageError, match="has another SHA-512 than the lock file"):
        setup.here()


def test_a_good_source_after_a_bad_one(setup: Setup) -> None:
    bad = setup.folder / "bad"
    make_package(bad, "Some.Library", "1.0.0", {"other": b"content"})
    setup.here(sources=[Source("bad", str(bad), "a test"), setup.engine.source])
    assert read_marker(setup.dest)


def test_a_console_that_does_not_compile(setup: Setup) -> None:
    # The real build step, on a home in which .NET cannot start.
    with pytest.raises(EngineError, match="could not be compiled"):
        install([setup.engine.source], setup.dest, lock=setup.engine.lock)
    assert not setup.dest.exists()
    assert setup.left() == []


def test_the_real_engine(real_feed: Source, tmp_path: Path) -> None:
    home = install([real_feed], tmp_path / "engine")
    marker = read_marker(home)
    assert marker is not None
    assert marker.powershell == load_lock().powershell
    for folder in (home, tmp_path):
        done = subprocess.run(
            [home / "pwsh", "-Command", "1 + 1; $PSVersionTable.PSVersion.ToString()"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.split() == ["2", marker.powershell], done.stderr
