"""An installation: where it is made, what it is made from, and what it never touches."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from psbridge.errors import EngineError, FeedError, PackageError
from psbridge.setup.assemblies import is_precompiled
from psbridge.setup.destination import default_destination
from psbridge.setup.home_folder import read_marker
from psbridge.setup.install import install
from psbridge.setup.lockfile import load_lock
from psbridge.setup.precompile import NO_PRECOMPILE_VARIABLE, pending
from psbridge.setup.python_runtime import precompiled_python_runtime
from psbridge.setup.source import Source

from .conftest import RID, SYSTEM, TOOL, SmallEngine, WebFeed, make_package
from .installing import Setup


@pytest.fixture
def setup(engine: SmallEngine, tmp_path: Path) -> Setup:
    """A small engine that can be installed."""
    return Setup(engine, tmp_path)


def test_installed(setup: Setup) -> None:
    assert setup.here() == setup.dest
    marker = read_marker(setup.dest)
    assert marker is not None
    assert (marker.powershell, marker.dotnet, marker.rid) == ("7.6.9", "10.0.15", RID)
    assert marker.digest == setup.platform.digest
    assert {"pwsh.dll", "Modules/Some/Some.psd1"} < set(marker.files)
    assert setup.left() == []


def test_installed_twice_is_installed_once(setup: Setup) -> None:
    setup.here()
    setup.package("powershell").unlink()
    assert setup.here() == setup.dest
    with pytest.raises(FeedError, match=r"The folder .* does not have PowerShell 7.6.9"):
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
    setup.engine.tool[f"{TOOL}/{SYSTEM}/New.Library.dll"] = b"new"
    setup.here(platform=setup.engine.make())
    assert (setup.dest / "New.Library.dll").is_file()
    assert setup.left() == []


def test_the_default_place(setup: Setup) -> None:
    place = install([setup.engine.source], platform=setup.platform)
    assert place == default_destination()
    assert place.name == load_lock().platform(RID).folder


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
    assert setup.here() == setup.dest, "a copy that is there serves, whatever is in it"


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
    missing = setup.package("host")
    missing.rename(spare / missing.name)
    gone = Source("gone", str(setup.folder / "gone"), "a test")
    setup.here(sources=[gone, setup.engine.source, serve(spare).source()])
    assert read_marker(setup.dest)


def test_every_source_and_its_reason(setup: Setup, serve: Callable[..., WebFeed]) -> None:
    setup.package("host").unlink()
    gone = Source("gone", str(setup.folder / "gone"), "my.config")
    off = Source("off", "https://off.invalid", "my.config", disabled=True)
    web = serve(setup.engine.feed)
    with pytest.raises(FeedError) as caught:
        setup.here(sources=[gone, off, setup.engine.source, web.source()])
    message = str(caught.value)
    assert message.startswith(
        f"No feed has the package Microsoft.NETCore.App.Host.{RID} 10.0.15:\n"
    )
    assert "gone (from my.config) is missing" in message
    assert "is disabled" in message
    assert f"The folder {setup.engine.feed} does not have" in message
    assert "(status 404)" in message
    assert not setup.dest.exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"short", "has 5 bytes instead of"), (b"x" * 1_000_000, "is larger than the pinned")],
)
@pytest.mark.parametrize("over_http", [False, True])
def test_a_wrong_package(
    setup: Setup, serve: Callable[..., WebFeed], content: bytes, what: str, over_http: bool
) -> None:
    setup.package("powershell").write_bytes(content)
    source = serve(setup.engine.feed).source() if over_http else setup.engine.source
    with pytest.raises(PackageError, match=what) as caught:
        setup.here(sources=[source])
    assert "PowerShell 7.6.9" in str(caught.value)
    assert source.shown in str(caught.value)
    assert not setup.dest.exists()


def test_a_package_with_the_right_size_and_another_hash(setup: Setup) -> None:
    file = setup.package("powershell")
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    with pytest.raises(PackageError, match="has another SHA-512 than the lock file"):
        setup.here()


def test_a_good_source_after_a_bad_one(setup: Setup) -> None:
    bad = setup.folder / "bad"
    make_package(bad, "PowerShell", "7.6.9", {"other": b"content"})
    setup.here(sources=[Source("bad", str(bad), "a test"), setup.engine.source])
    assert read_marker(setup.dest)


def test_an_engine_is_complete_without_being_precompiled(
    setup: Setup, real_feed: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The real crossgen2 is in no feed; then it is there, and refuses what is no assembly.
    from psbridge.setup.progress import LineProgress

    crossgen2 = load_lock().platform("linux-x64").crossgen2
    assert crossgen2 is not None
    platform = replace(setup.platform, crossgen2=crossgen2)
    for sources in ([setup.engine.source], [setup.engine.source, real_feed]):
        progress = LineProgress(sys.stdout)
        install(sources, setup.dest, platform=platform, force=True, progress=progress)
        said = capsys.readouterr().out
        assert "Not precompiled, so PowerShell starts more slowly: " in said
        assert "Later, this adds it: psbridge setup\n" in said
        assert read_marker(setup.dest)
        assert setup.left() == []


@pytest.mark.skipif(RID != "linux-x64", reason="crossgen2 is pinned for linux-x64")
def test_the_real_engine(
    real_feed: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First as it comes, then precompiled while it is used; a third time nothing is done."""
    monkeypatch.setenv(NO_PRECOMPILE_VARIABLE, "1")
    home = install([real_feed], tmp_path / "engine")
    marker = read_marker(home)
    assert marker is not None
    assert marker.powershell == load_lock().platform(RID).powershell.version
    engine_dll, ours = home / "System.Management.Automation.dll", precompiled_python_runtime(home)
    assert (is_precompiled(engine_dll), ours.exists()) == (False, False)
    everything = "1 + 1; $PSVersionTable.PSVersion.ToString(); (Get-Command).Count -gt 250"
    with subprocess.Popen(
        [home / "pwsh", "-NoProfile", "-Command", f"$null = [Console]::ReadLine(); {everything}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        monkeypatch.delenv(NO_PRECOMPILE_VARIABLE)
        assert install([real_feed], home) == home
        assert pending(home) == []
        assert is_precompiled(engine_dll)
        assert is_precompiled(ours)
        said, _ = running.communicate("go on\n", timeout=60)
        assert said.split() == ["2", marker.powershell, "True"]
    changed = engine_dll.stat().st_mtime_ns
    assert install([], home) == home, "a feed is wanted although nothing is to be done"
    assert engine_dll.stat().st_mtime_ns == changed
    for folder in (home, tmp_path):
        done = subprocess.run(
            [home / "pwsh", "-NoProfile", "-Command", everything],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.split() == ["2", marker.powershell, "True"], done.stderr
    (home / "mine.txt").touch()
    with pytest.raises(EngineError, match=r"an engine's \(mine.txt\)"):
        install([real_feed], home, force=True)
