"""An installation is there whole or not at all, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import psbridge
from psbridge.engine.getting import (
    Lock,
    Source,
    default_destination,
    install,
    load_lock,
    read_marker,
)
from psbridge.errors import EngineError, FeedError, PackageError

from .conftest import RID, SmallEngine, WebFeed, make_package, write_console

CHILD = """
import sys, time
from pathlib import Path
from psbridge.engine.getting import Source, install, load_lock, LineProgress
lock, feed, dest, hold, limit, force = sys.argv[1:]
if limit != "0":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
def build(folder):
    (folder / "pwsh.dll").write_bytes(b"console")
    if hold:
        Path(hold).touch()
        while Path(hold).exists():
            time.sleep(0.02)
source = Source("small", feed, "a test")
install([source], Path(dest), force=bool(force), lock=load_lock(Path(lock)), build=build,
        progress=LineProgress(sys.stdout))
"""

posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")


class Setup:
    """Installs a small engine, in this process or in others."""

    def __init__(self, engine: SmallEngine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.parent = folder / "engines"
        self.dest = self.parent / "one"
        self.hold = folder / "hold"

    def here(
        self,
        *,
        force: bool = False,
        sources: Sequence[Source] | None = None,
        lock: Lock | None = None,
        build: Callable[[Path], None] = write_console,
    ) -> Path:
        """Install in this process."""
        chosen = [self.engine.source] if sources is None else sources
        lock = lock or self.engine.lock
        return install(chosen, self.dest, force=force, lock=lock, build=build)

    def elsewhere(self, *, hold: bool = False, limit: int = 0, force: bool = False) -> Child:
        """Install in another process, which waits before its last step if it is held."""
        lock = self.folder / "lock.json"
        lock.write_text(self.engine.lock.to_json(), encoding="utf-8")
        package = Path(str(psbridge.__path__[0])).parent
        arguments = [lock, self.engine.feed, self.dest, self.hold if hold else "", limit]
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, *map(str, arguments), "yes" if force else ""],
            env={**os.environ, "PYTHONPATH": str(package)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def left(self) -> list[str]:
        """What is beside the engine's place, except for the lock and the engine itself."""
        return sorted({f.name for f in self.parent.iterdir()} - {".one.lock", "one"})


Child = subprocess.Popen[str]


@pytest.fixture
def setup(engine: SmallEngine, tmp_path: Path) -> Setup:
    """A small engine that can be installed."""
    return Setup(engine, tmp_path)


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def finish(child: Child) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


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
    with pytest.raises(FeedError, match="found in none of the feeds"):
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
    assert message.startswith("Some.Library 1.0.0 was found in none of the feeds:")
    assert "gone (from my.config) is missing" in message
    assert "is disabled" in message
    assert f"is not in the folder {setup.engine.feed}" in message
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


@posix
def test_a_full_disk(setup: Setup) -> None:
    # A limit on the size of files fails as a full disk does, and needs no administrator.
    code, _, err = finish(setup.elsewhere(limit=100_000))
    assert code == 1
    assert "EngineError: There is no room for the engine in" in err
    assert "--dest" in err
    assert not setup.dest.exists()
    assert setup.left() == []


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without rights for a while, if this is the administrator."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folders(tmp_path: Path) -> None:
    """Let everybody into the folders of this test."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        if folder.owner() == tmp_path.owner():
            folder.chmod(0o755)


@posix
@pytest.mark.usefixtures("open_folders")
def test_a_feed_folder_that_may_not_be_read(setup: Setup) -> None:
    setup.parent.mkdir(mode=0o777)
    setup.parent.chmod(0o777)
    install([], setup.here(), lock=setup.engine.lock)  # everything that is lazy is imported now
    setup.dest = setup.parent / "two"
    setup.engine.feed.chmod(0o000)
    try:
        with nobody(), pytest.raises(FeedError, match=r"cannot be read: .*ermission") as caught:
            setup.here()
    finally:
        setup.engine.feed.chmod(0o755)
    assert str(setup.engine.feed) in str(caught.value)


@posix
@pytest.mark.usefixtures("open_folders")
def test_a_place_that_may_not_be_written(setup: Setup) -> None:
    setup.here()
    setup.parent.chmod(0o555)
    setup.dest = setup.parent / "two"
    try:
        with nobody(), pytest.raises(EngineError, match="You may not write to") as caught:
            setup.here()
    finally:
        setup.parent.chmod(0o755)
    assert "--dest" in str(caught.value)


@pytest.mark.parametrize("force", [False, True])
def test_two_processes_at_once(setup: Setup, force: bool) -> None:
    first = setup.elsewhere(hold=True, force=force)
    until(setup.hold.exists)
    second = setup.elsewhere(force=force)
    assert second.stdout is not None
    assert "Waiting for another process" in second.stdout.readline()
    assert not setup.dest.exists()
    setup.hold.unlink()
    assert finish(first)[0] == 0
    code, out, err = finish(second)
    assert (code, err) == (0, "")
    assert "Fetching" not in out, "the second one did the work again"
    assert read_marker(setup.dest)
    assert setup.left() == []


@posix
def test_killed_in_the_middle(setup: Setup) -> None:
    child = setup.elsewhere(hold=True)
    until(setup.hold.exists)
    child.kill()
    finish(child)
    assert not setup.dest.exists()
    assert len(setup.left()) == 1
    setup.here()
    assert read_marker(setup.dest)
    assert setup.left() == []


@posix
def test_interrupted_in_the_middle(setup: Setup) -> None:
    child = setup.elsewhere(hold=True)
    until(setup.hold.exists)
    child.send_signal(signal.SIGINT)
    code, _, err = finish(child)
    assert code != 0
    assert "KeyboardInterrupt" in err
    assert not setup.dest.exists()
    assert setup.left() == []


@posix
def test_interrupted_in_a_download(setup: Setup, serve: Callable[..., WebFeed]) -> None:
    web = serve(setup.engine.feed)

    def interrupt(handler: object) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return False

    web.behaviours["system.management.automation"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        setup.here(sources=[web.source()])
        time.sleep(1)  # the signal may come just after it
    assert [name for name in setup.left() if name.endswith(".tmp")] == []


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
