"""Precompiling with the real crossgen2: whole or not at all, stopped at once, started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conditions import until

from psbridge.errors import EngineError
from psbridge.setup.assemblies import is_precompiled
from psbridge.setup.lockfile import load_lock
from psbridge.setup.packages import open_package
from psbridge.setup.precompile import COMPILER, Work, pending, precompile
from psbridge.setup.progress import LineProgress, SilentProgress
from psbridge.setup.source import Source

from .conftest import RID, in_feed, make_package

pytestmark = pytest.mark.skipif(RID != "linux-x64", reason="crossgen2 is pinned for linux-x64")

SMALL = "Microsoft.PowerShell.Security.dll"
BIG = "System.Management.Automation.dll"


@pytest.fixture(scope="module")
def plain(real_feed: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few of PowerShell's assemblies as its package has them."""
    folder = tmp_path_factory.mktemp("plain")
    pin = load_lock().platform(RID).powershell
    with open_package(in_feed(real_feed, pin), pin.title) as package:
        for name in (SMALL, BIG, "pwsh.dll", *COMPILER):
            package.extract(f"tools/net10.0/any/unix/{name}", folder / name)
    return folder


@pytest.fixture
def home(own_copy: Path, plain: Path, tmp_path: Path) -> Path:
    """A home whose assemblies are links to our own copy's, but for those that are plain."""
    folder = tmp_path / "linked"
    folder.mkdir()
    for dll in own_copy.glob("*.dll"):
        (folder / dll.name).symlink_to(dll)
    for dll in plain.iterdir():
        (folder / dll.name).unlink()
        shutil.copy(dll, folder / dll.name)
    return folder


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def packages(real_feed: Source) -> tuple[Path, Path]:
    """The packages of crossgen2 and of .NET."""
    platform = load_lock().platform(RID)
    assert platform.crossgen2 is not None
    return in_feed(real_feed, platform.crossgen2), in_feed(real_feed, platform.runtime)


def at(home: Path, *names: str) -> list[Work]:
    return [Work(home / name, home / name) for name in names]


def test_an_assembly_says_whether_it_is_precompiled(plain: Path, own_copy: Path) -> None:
    assert not is_precompiled(plain / BIG)
    assert is_precompiled(own_copy / "System.Private.CoreLib.dll")
    for other in ("System.Runtime.dll", "libcoreclr.so", "pwsh.deps.json", "gone.dll", "ref"):
        assert not is_precompiled(own_copy / other)


def test_what_is_pending_is_what_is_not_done_yet(home: Path) -> None:
    names = {work.source.name for work in pending(home)}
    assert {SMALL, BIG, "pwsh.dll", "Python.Runtime.dll"} <= names
    assert not names & set(COMPILER)
    assert set(COMPILER) < {work.source.name for work in pending(home, compiler=True)}


def test_in_place_and_beside(
    home: Path, temporary: Path, packages: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (home / SMALL).read_bytes()
    works = [*at(home, SMALL), Work(home / "pwsh.dll", home / "beside" / "pwsh.dll")]
    precompile(works, home, packages[0], None, temporary, LineProgress(sys.stdout))
    assert is_precompiled(home / SMALL)
    assert (home / SMALL).read_bytes() != before
    assert is_precompiled(home / "beside" / "pwsh.dll")
    assert not is_precompiled(home / "pwsh.dll")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("Precompiling 2 assemblies, ")
    assert sorted(line.split()[0] for line in rest) == ["1/2", "2/2"]


def test_the_compiler_by_its_profile(
    home: Path, temporary: Path, packages: tuple[Path, Path]
) -> None:
    name = COMPILER[0]
    before = (home / name).stat().st_size
    works = [work for work in pending(home, compiler=True) if work.source.name == name]
    precompile(works, home, *packages, temporary, SilentProgress())
    assert is_precompiled(home / name)
    # All of it would be nearly three times as long.
    assert before < (home / name).stat().st_size < 2 * before


def test_what_is_no_assembly(home: Path, temporary: Path, packages: tuple[Path, Path]) -> None:
    (home / "pwsh.dll").write_bytes(b"no assembly")
    with pytest.raises(EngineError, match=r"crossgen2 failed at pwsh.dll \(exit code 1\): .+"):
        precompile(at(home, "pwsh.dll"), home, packages[0], None, temporary, SilentProgress())
    assert (home / "pwsh.dll").read_bytes() == b"no assembly"


def test_a_failure_ends_what_else_runs(
    home: Path, temporary: Path, packages: tuple[Path, Path]
) -> None:
    (home / "pwsh.dll").write_bytes(b"no assembly")
    works = at(home, BIG, "pwsh.dll")
    with pytest.raises(EngineError, match=r"at pwsh\.dll"):
        precompile(works, home, packages[0], None, temporary, SilentProgress())
    assert not is_precompiled(home / BIG)
    assert not children_of(temporary)


@pytest.mark.parametrize("takes_it", ["the main thread", "another thread"])
def test_ctrl_c_ends_it_at_once(
    home: Path, temporary: Path, packages: tuple[Path, Path], takes_it: str
) -> None:
    def interrupt() -> None:
        until(lambda: bool(children_of(temporary)))
        if takes_it == "the main thread":
            os.kill(os.getpid(), signal.SIGINT)
        else:
            # As the kernel does on a busy machine, where the main thread has one to look at.
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        precompile(at(home, BIG), home, packages[0], None, temporary, SilentProgress())
    thread.join()
    assert not is_precompiled(home / BIG)
    assert not children_of(temporary)
    # And what was interrupted can be begun again.
    assert [work.source.name for work in pending(home)].count(BIG) == 1


def test_ctrl_c_while_its_thread_is_started_leaves_no_process(
    home: Path, temporary: Path, packages: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine: the pool does not know that thread yet, and does not wait for it."""
    start = threading.Thread.start
    seen, children = threading.Event(), []
    released = threading.Event()

    class Held(SilentProgress):
        def advanced(self, name: str, size: int) -> None:
            seen.set()
            released.wait(30)

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        assert seen.wait(30)
        children.extend(children_of(temporary))
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: False)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        precompile(at(home, BIG), home, packages[0], None, temporary, Held())
    (child,) = children
    assert not Path(f"/proc/{child}").exists()
    released.set()


def children_of(temporary: Path) -> list[int]:
    """The processes that run a program from a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program = (process / "exe").readlink()
        except OSError:
            continue
        if program.is_relative_to(temporary):
            found.append(int(process.name))
    return found


def test_a_disk_that_is_too_full_is_seen_before_anything_is_done(
    home: Path, temporary: Path, packages: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(temporary)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(EngineError, match="the disk has 1 MB left, and 60 are needed"):
        precompile(at(home, SMALL), home, packages[0], None, temporary, SilentProgress())
    assert list(temporary.iterdir()) == []


def test_a_crossgen2_that_cannot_run_here(home: Path, temporary: Path, tmp_path: Path) -> None:
    tools = ("crossgen2", "libclrjit_unix_x64_x64.so", "libjitinterface_x64.so")
    entries = {f"tools/{name}": b"\x7fELF nonsense" for name in tools}
    make_package(tmp_path, "Crossgen2", "1.0.0", entries)
    broken = tmp_path / "Crossgen2.1.0.0.nupkg"
    with pytest.raises(EngineError, match="crossgen2 cannot run here: Exec format error"):
        precompile(at(home, SMALL), home, broken, None, temporary, SilentProgress())


def test_no_more_processes_than_cores(
    home: Path, temporary: Path, packages: tuple[Path, Path]
) -> None:
    done = subprocess.run(
        ["taskset", "-c", "0", sys.executable, "-c",
         "from psbridge.setup.precompile import _cores; print(_cores())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "1\n"
