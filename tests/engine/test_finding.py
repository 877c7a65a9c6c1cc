"""The places where PowerShell is looked for, and their order.

A home is told from its files, so a home here is the few files that are looked at, with a version
of its own written into the engine's. Only the usual install folders, which lie outside of any
test's reach, are other ones than a user's.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge import EngineNotFound, EngineUnsupported
from psbridge.engine import finding
from psbridge.engine.finding import find
from psbridge.engine.homes import ENGINE_DLL
from psbridge.engine.providing import provide
from psbridge.setup.destination import default_destination
from psbridge.setup.downloads import describe_packages
from psbridge.setup.lockfile import LOCK_FILE, load_lock
from psbridge.setup.platforms import current_rid

SIGNATURE = b"\xbd\x04\xef\xfe\x00\x00\x01\x00"
PROGRAM = "pwsh.exe" if sys.platform == "win32" else "pwsh"
SYSTEM = "win" if sys.platform == "win32" else "unix"

MakeHome = Callable[..., Path]


@pytest.fixture(scope="module")
def engine_bytes(own_copy: Path) -> bytes:
    return (own_copy / ENGINE_DLL).read_bytes()


@pytest.fixture
def make_home(own_copy: Path, engine_bytes: bytes) -> MakeHome:
    """Make a home of a version in a folder."""

    def make(folder: Path, version: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        major, minor, patch = map(int, version.split("."))
        data = bytearray(engine_bytes)
        at = data.rindex(SIGNATURE) + len(SIGNATURE)
        struct.pack_into("<II", data, at, major << 16 | minor, patch << 16)
        (folder / ENGINE_DLL).write_bytes(data)
        for name in ("pwsh.dll", "pwsh.runtimeconfig.json"):
            shutil.copyfile(own_copy / name, folder / name)
        make_program(folder / PROGRAM)
        return folder

    return make


@pytest.fixture(autouse=True)
def machine(own_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine and a user that have nothing."""
    root = tmp_path / "machine"
    for name in ("HOME", "USERPROFILE", "APPDATA", "NUGET_COMMON_APPLICATION_DATA"):
        monkeypatch.setenv(name, str(root / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(root / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(root / "data"))
    monkeypatch.setenv("PATH", str(root / "bin"))
    for name in ("PSBRIDGE_PSHOME", "PSBRIDGE_NUGET_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    folders = [root / "opt" / "7", root / "opt" / "7-preview"]
    monkeypatch.setattr(finding, "_install_folders", lambda: folders)
    (root / "bin").mkdir(parents=True)
    (root / "home").mkdir()
    monkeypatch.chdir(root / "home")
    return root


def make_program(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\nexit 1\n")
    file.chmod(0o755)
    return file


def looked_at() -> dict[str, str]:
    with pytest.raises(EngineNotFound) as raised:
        find()
    return dict(raised.value.looked_at)


# --- the order -----------------------------------------------------------------------------------


def test_order(machine: Path, make_home: MakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    named = make_home(machine / "named", "7.9.1")
    variable = make_home(machine / "variable", "7.9.2")
    on_path = make_home(machine / "on path", "7.9.3")
    monkeypatch.setenv("PATH", f"{machine / 'bin'}{os.pathsep}{on_path}")
    monkeypatch.setenv("PSBRIDGE_PSHOME", str(variable))
    installed = make_home(machine / "opt" / "7", "7.9.4")
    preview = make_home(machine / "opt" / "7-preview", "7.9.5")
    ours = make_home(default_destination(), "7.9.6")

    home = find(named)
    assert (home.version, home.path, home.found_as) == ("7.9.1", named, "pshome=")
    home = find()
    assert (home.version, home.path, home.found_as) == ("7.9.2", variable, "PSBRIDGE_PSHOME")
    monkeypatch.setenv("PSBRIDGE_PSHOME", "")  # the same as not being set
    home = find()
    assert (home.version, home.path, home.found_as) == ("7.9.3", on_path, "pwsh on PATH")
    shutil.rmtree(on_path)
    home = find()
    assert (home.version, home.path, home.found_as) == ("7.9.4", installed, str(installed))
    shutil.rmtree(installed)
    assert (find().version, find().path) == ("7.9.5", preview)
    shutil.rmtree(preview)
    home = find()
    assert (home.version, home.path, home.found_as) == ("7.9.6", ours, "our own copy")
    shutil.rmtree(ours)
    assert len(looked_at()) == 5


def test_the_usual_install_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    folders = finding._install_folders()
    assert len(folders) >= 2
    assert all(folder.is_absolute() for folder in folders)
    if sys.platform == "linux":
        assert folders[0] == Path("/opt/microsoft/powershell/7")


# --- a folder that is named ----------------------------------------------------------------------


def test_a_named_folder_is_the_only_one(
    machine: Path, make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_home(default_destination(), "7.9.6")
    gone = machine / "gone"
    with pytest.raises(EngineUnsupported, match="gone is not a folder"):
        find(gone)
    with pytest.raises(EngineUnsupported, match="gone is not a folder"):
        provide(gone)
    monkeypatch.setenv("PSBRIDGE_PSHOME", str(gone))
    expected = f"PSBRIDGE_PSHOME names {gone}, but {gone} is not a folder"
    for look in (find, provide):
        with pytest.raises(EngineUnsupported) as raised:
            look()
        assert str(raised.value) == expected


def test_a_named_folder_with_an_old_powershell(
    machine: Path, make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_home(default_destination(), "7.9.6")
    old = make_home(machine / "old", "7.2.24")
    problem = f"PowerShell 7.2.24 in {old} is older than 7.4"
    with pytest.raises(EngineUnsupported) as raised:
        find(old)
    assert str(raised.value) == problem
    monkeypatch.setenv("PSBRIDGE_PSHOME", str(old))
    with pytest.raises(EngineUnsupported) as raised:
        find()
    assert str(raised.value) == f"PSBRIDGE_PSHOME names {old}, but {problem}"


def test_a_named_folder_may_be_relative(machine: Path, make_home: MakeHome) -> None:
    home = make_home(machine / "home" / "mine", "7.9.1")
    assert find("mine").path == home
    assert find("~/mine").path == home


# --- pwsh on PATH --------------------------------------------------------------------------------


def test_a_link_on_path(machine: Path, make_home: MakeHome) -> None:
    home = make_home(machine / "somewhere", "7.9.3")
    (machine / "second").symlink_to(home / PROGRAM)
    (machine / "bin" / PROGRAM).symlink_to(machine / "second")
    assert find().path == home


@pytest.mark.parametrize(
    ("package", "below"),
    [("powershell", SYSTEM), ("powershell", ""), (f"powershell.{sys.platform}.x64", "")],
)
@pytest.mark.parametrize("linked", [False, True])
def test_the_dotnet_tool(
    machine: Path, make_home: MakeHome, package: str, below: str, linked: bool
) -> None:
    tools = machine / "home" / ".dotnet" / "tools" if linked else machine / "bin"
    starter = make_program(tools / PROGRAM)
    if linked:
        (machine / "bin" / PROGRAM).symlink_to(starter)
    folder = tools / ".store" / package / "7.9.3" / package / "7.9.3" / "tools/net10.0/any"
    home = make_home(folder / below, "7.9.3")
    if below:
        (folder / "pwsh.dll").write_bytes(b"the program that chooses one for the system")
    found = find()
    assert (found.path, found.found_as) == (home, "pwsh on PATH (the dotnet tool)")


def test_a_program_without_its_folder(machine: Path, make_home: MakeHome) -> None:
    program = make_program(machine / "bin" / PROGRAM)
    assert looked_at()["pwsh on PATH"] == (
        f"{program} is there, but its PowerShell folder cannot be told"
    )
    home = make_home(machine / "opt" / "7", "7.9.4")
    assert find().path == home


def test_an_old_program_on_path_does_not_end_the_search(machine: Path, make_home: MakeHome) -> None:
    old = make_home(machine / "old", "7.2.24")
    (machine / "bin" / PROGRAM).symlink_to(old / PROGRAM)
    assert looked_at()["pwsh on PATH"] == f"PowerShell 7.2.24 in {old} is older than 7.4"
    ours = make_home(default_destination(), "7.9.6")
    assert find().path == ours


# --- nothing -------------------------------------------------------------------------------------


def test_an_engine_that_is_nowhere(machine: Path, make_home: MakeHome) -> None:
    old = make_home(machine / "old", "7.3.0")
    (machine / "bin" / PROGRAM).symlink_to(old / PROGRAM)
    damaged = machine / "opt" / "7"
    damaged.mkdir(parents=True)
    with pytest.raises(EngineNotFound) as raised:
        provide()
    assert str(raised.value).splitlines() == [
        "No PowerShell engine was found.",
        "Looked at:",
        "  - PSBRIDGE_PSHOME: not set",
        f"  - pwsh on PATH: PowerShell 7.3.0 in {old} is older than 7.4",
        f"  - {damaged}: there is no {ENGINE_DLL} in {damaged}",
        f"  - {machine / 'opt' / '7-preview'}: not there",
        f"  - our own copy, {default_destination()}: not there",
        "  - NuGet sources: none configured",
        "Three ways to get one:",
        "  1. Install PowerShell 7.4 or later, so that `pwsh` is on PATH, "
        "or name its folder in PSBRIDGE_PSHOME.",
        "  2. Name a NuGet feed: a folder of packages, the site of a package gallery, "
        "or the address of a v3 index:",
        "       psbridge setup --source FEED",
        "  3. Bring the packages from a machine that has a feed.",
        "     They are, for this platform:",
        *(f"       {name}" for name in describe_packages(load_lock().platform(current_rid()).pins)),
        f"     Their hashes are in {LOCK_FILE}.",
        "     There, and then here:",
        "       psbridge setup --download FOLDER",
        "       psbridge setup --source FOLDER",
    ]


def test_sources_that_cannot_be_used_are_listed(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSBRIDGE_NUGET_SOURCE", str(machine / "feed"))
    with pytest.raises(EngineNotFound) as raised:
        provide()
    name, problem = raised.value.looked_at[-1]
    assert name == f"NuGet source {machine / 'feed'}"
    assert problem == "missing: there is no such folder"
