"""The lock file is what a feed gives, and keeps what the feed lacks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from psbridge.errors import FeedError
from psbridge.setup.feeds import open_feed
from psbridge.setup.lockfile import LOCK_FILE, Lock, load_lock
from psbridge.setup.nuget_config import configured_sources
from psbridge.setup.platforms import PLATFORMS
from psbridge.setup.source import Source

from ..setup.conftest import TOOL, host_entries, make_package, runtime_entries

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def relock() -> ModuleType:
    """The tool, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("relock", ROOT / "tools" / "relock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_feed(folder: Path, rids: tuple[str, ...], versions: tuple[str, ...]) -> Source:
    for version in ("7.6.9", "7.10.0", "7.11.0-rc.1"):
        make_package(folder, "PowerShell", version, {f"{TOOL}/unix/pwsh.dll": b"x"})
    for rid in rids:
        for version in (*versions, "9.0.99", "11.0.0"):
            pack = "Microsoft.NETCore.App"
            make_package(folder, f"{pack}.Runtime.{rid}", version, runtime_entries(rid))
            make_package(folder, f"{pack}.Host.{rid}", version, host_entries(rid))
    make_package(folder, "Microsoft.NETCore.App.Crossgen2.linux-x64", versions[0])
    return Source("feed", str(folder), "a test")


def test_the_newest_that_fits(relock: ModuleType, tmp_path: Path) -> None:
    source = make_feed(tmp_path / "feed", PLATFORMS, ("10.0.9", "10.0.15", "10.0.16-rc.1"))
    lock = relock.make_lock(open_feed(source), tmp_path, Lock({}))
    assert set(lock.platforms) == set(PLATFORMS)
    for rid, platform in lock.platforms.items():
        assert platform.powershell.version == "7.10.0"
        assert (platform.dotnet, platform.host.version) == ("10.0.15", "10.0.15")
        assert (platform.crossgen2 is not None) == (rid == "linux-x64")
        assert platform.folder.startswith(f"7.10.0-{rid}-")
    older = relock.make_lock(open_feed(source), tmp_path, Lock({}), "7.6.9")
    assert {p.powershell.version for p in older.platforms.values()} == {"7.6.9"}


def test_a_platform_that_the_feed_lacks_keeps_what_is_locked(
    relock: ModuleType, tmp_path: Path
) -> None:
    source = make_feed(tmp_path / "feed", ("linux-x64",), ("10.0.15",))
    locked = load_lock()
    lock = relock.make_lock(open_feed(source), tmp_path, locked)
    assert lock.platform("win-x64").runtime == locked.platform("win-x64").runtime
    assert lock.platform("win-x64").powershell.version == "7.10.0"
    assert lock.platform("win-x64").folder != locked.platform("win-x64").folder
    with pytest.raises(FeedError, match=r"has no .NET 10.0.\* for linux-arm64; none is locked"):
        relock.make_lock(open_feed(source), tmp_path, Lock({}))


def test_the_lock_file_is_what_the_feed_gives() -> None:
    feed = next(s for s in configured_sources(ROOT) if not s.is_url and s.problem() is None)
    before = LOCK_FILE.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "relock.py", "--source", feed.location, "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert LOCK_FILE.read_text(encoding="utf-8") == before
