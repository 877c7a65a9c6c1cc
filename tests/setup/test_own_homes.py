"""Our own copies, current and earlier: which there are, which serves, which are removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conditions import until

from psbridge.engine.finding import EARLIER_COPY, find, places
from psbridge.setup.destination import default_destination, homes_folder
from psbridge.setup.home_folder import MARKER, Marker, downloads_beside, lock_of
from psbridge.setup.own_homes import earlier_homes, own_homes, prune

from .conftest import RID, SmallEngine
from .installing import Setup


def make(name: str, powershell: str = "7.5.0", *, rid: str = RID, age: int = 0) -> Path:
    """Make a folder that is a finished copy, as far as the marker says."""
    folder = homes_folder() / name
    folder.mkdir(parents=True)
    (folder / "pwsh.dll").write_bytes(b"x" * 1000)
    Marker(powershell, "10.0.1", rid, "some digest").write(folder)
    then = time.time() - age
    os.utime(folder / MARKER, (then, then))
    return folder


def removed() -> dict[str, str | None]:
    return {folder.name: reason for folder, reason in prune()}


def test_there_are_none() -> None:
    assert own_homes() == []
    assert removed() == {}


def test_the_newest_first(tmp_path: Path) -> None:
    make("a", "7.4.9", age=10)
    make("b", "7.4.10", age=500)
    make("c", "7.4.10", age=90)
    (homes_folder() / "no copy").mkdir()
    make(default_destination().name, "7.6.9", age=1000)
    homes = own_homes()
    assert [home.path.name for home in homes] == [default_destination().name, "c", "b", "a"]
    assert [home.current for home in homes] == [True, False, False, False]
    assert homes[0].size() == 1000 + (homes[0].path / MARKER).stat().st_size
    assert [home.path.name for home in earlier_homes()] == ["c", "b", "a"]


def test_an_earlier_one_serves_until_the_new_one_is_there(
    engine_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PSBRIDGE_PSHOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("psbridge.engine.finding._install_folders", list)
    make("other", rid="plan9-x64")
    homes = homes_folder()
    for file in engine_home.glob("pwsh.*"):
        (homes / "other" / file.name).write_bytes(file.read_bytes())
    (homes / "other" / "System.Management.Automation.dll").symlink_to(
        engine_home / "System.Management.Automation.dll"
    )
    assert [place.home for place in places()] == [None, None], "it is for another platform"
    Marker("7.5.0", "10.0.1", RID, "some digest").write(homes / "other")
    found = find()
    assert (found.path, found.found_as) == (homes / "other", EARLIER_COPY)
    default_destination().symlink_to(engine_home)
    assert find().path == default_destination()


def test_pruning_keeps_the_current_one() -> None:
    current, earlier = make(default_destination().name), make("earlier")
    assert removed() == {"earlier": None}
    assert current.is_dir()
    assert not earlier.exists()
    assert removed() == {}


def test_pruning_keeps_the_newest_where_the_current_one_is_not_there() -> None:
    make("old", age=90), make("new"), make("strange", rid="plan9-x64")
    assert removed() == {"old": None, "strange": None}
    assert [home.path.name for home in own_homes()] == ["new"]


def test_pruning_deletes_nobodys_files() -> None:
    make(default_destination().name)
    mine = make("earlier") / "Modules" / "Mine.psm1"
    mine.parent.mkdir()
    mine.touch()
    reason = "it has files that psbridge did not put there, such as Modules/Mine.psm1"
    assert removed() == {"earlier": reason}
    assert mine.is_file()


def test_pruning_leaves_alone_what_another_process_makes() -> None:
    make(default_destination().name)
    earlier = make("earlier")
    downloads_beside(homes_folder() / "gone").mkdir()
    with lock_of(earlier), lock_of(homes_folder() / "gone"):
        assert removed() == {"earlier": "another process is making it"}
    assert removed() == {"earlier": None, ".gone.packages": None}


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux says what a process maps")
def test_pruning_leaves_alone_what_a_process_runs_from() -> None:
    make(default_destination().name)
    earlier = make("earlier")
    code = (
        "import mmap, sys; f = open(sys.argv[1], 'rb')\n"
        "m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ); input()"
    )
    command = [sys.executable, "-c", code, str(earlier / "pwsh.dll")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as user:
        until(lambda: str(earlier) in Path(f"/proc/{user.pid}/maps").read_text())
        assert removed() == {"earlier": f"the process {user.pid} runs from it"}
        user.communicate(b"\n", timeout=30)
    assert removed() == {"earlier": None}


def test_pruning_removes_what_installations_left_but_not_what_will_be_used() -> None:
    wanted = default_destination()
    make("kept")
    for name in (".x.0123456789ab.tmp", ".x.packages", f".{wanted.name}.packages"):
        (homes_folder() / name).mkdir()
    (homes_folder() / ".x.lock").touch()
    assert removed() == {".x.0123456789ab.tmp": None, ".x.packages": None}
    assert downloads_beside(wanted).is_dir()


def test_a_real_installation_is_one(engine: SmallEngine, tmp_path: Path) -> None:
    setup = Setup(engine, tmp_path)
    setup.dest = homes_folder() / setup.platform.folder
    setup.parent = homes_folder()
    setup.here()
    (home,) = own_homes()
    assert (home.path, home.marker.powershell, home.current) == (setup.dest, "7.6.9", False)
