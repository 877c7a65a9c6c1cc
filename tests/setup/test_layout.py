"""Only this platform's files are laid out, and nothing ever lands outside the folder."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from psbridge.errors import PackageError
from psbridge.setup.layout import lay_out

from .conftest import RID, SYSTEM, SmallEngine, apphost_entry, make_package, pin_of

PWSH = "pwsh.exe" if SYSTEM == "win" else "pwsh"


def lay(engine: SmallEngine, folder: Path) -> Path:
    home = folder / "engine"
    home.mkdir()
    files = {pin: engine.feed / f"{pin.id}.{pin.version}.nupkg" for pin in engine.pins}
    lay_out(files, home, rid=RID, dotnet="10.0.14", powershell="7.6.9")
    return home


def refused(engine: SmallEngine, folder: Path) -> str:
    with pytest.raises(PackageError) as caught:
        lay(engine, folder)
    assert list((folder / "engine").iterdir()) == [], "something was written"
    return str(caught.value)


def test_what_is_laid_out(engine: SmallEngine, tmp_path: Path) -> None:
    home = lay(engine, tmp_path)
    runtime = f"licenses/Microsoft.NETCore.App.Runtime.{RID}"
    assert {f.relative_to(home).as_posix() for f in home.rglob("*") if f.is_file()} == {
        "Microsoft.CodeAnalysis.CSharp.dll",
        "Some.Library.dll",
        "System.Management.Automation.dll",
        "System.Runtime.dll",
        "createdump",
        "libcoreclr.so",
        f"{runtime}/LICENSE.TXT",
        f"{runtime}/THIRD-PARTY-NOTICES.TXT",
        PWSH,
        "pwsh.deps.json",
        "pwsh.runtimeconfig.json",
    }
    assert (home / "Some.Library.dll").read_bytes() == b"net8"


def test_files_for_the_platform_before_those_for_all(engine: SmallEngine, tmp_path: Path) -> None:
    engine.add(
        "Choice",
        "1.0.0",
        {
            "lib/net10.0/Choice.dll": b"all",
            f"runtimes/{SYSTEM}/lib/net8.0/Choice.dll": b"system",
            f"runtimes/{RID}/native/libchoice.so": b"exact",
            f"runtimes/{SYSTEM}/native/libchoice.so": b"family",
            f"runtimes/{RID}/native/header.h": b"header",
            f"runtimes/{RID}/native/build.manifest": b"manifest",
        },
    )
    home = lay(engine, tmp_path)
    assert (home / "Choice.dll").read_bytes() == b"system"
    assert (home / "libchoice.so").read_bytes() == b"exact"
    assert not (home / "header.h").exists()
    assert not (home / "build.manifest").exists()


def test_the_executable(engine: SmallEngine, tmp_path: Path) -> None:
    file = lay(engine, tmp_path) / PWSH
    assert file.read_bytes() == b"\x7fELF..." + b"pwsh.dll".ljust(64, b"\0") + b"..."
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o755
        assert (file.parent / "createdump").stat().st_mode & 0o111
        assert not (file.parent / "libcoreclr.so").stat().st_mode & 0o111


def test_the_configuration(engine: SmallEngine, tmp_path: Path) -> None:
    home = lay(engine, tmp_path)
    config = json.loads((home / "pwsh.runtimeconfig.json").read_text())
    assert config["runtimeOptions"] == {
        "tfm": "net10.0",
        "includedFrameworks": [{"name": "Microsoft.NETCore.App", "version": "10.0.14"}],
        "configProperties": {"System.Runtime.TieredPGO": False},
    }
    deps = json.loads((home / "pwsh.deps.json").read_text())
    target = deps["targets"][deps["runtimeTarget"]["name"]]
    assert set(target) == set(deps["libraries"])
    pack = target[f"runtimepack.Microsoft.NETCore.App.Runtime.{RID}/10.0.14"]
    assert set(pack["runtime"]) == {f.name for f in home.glob("*.dll")}
    assert set(pack["native"]) == {"libcoreclr.so"}


@pytest.mark.parametrize(
    "entry",
    [
        "../evil.dll",
        "lib/net8.0/../../../evil.dll",
        "/etc/evil.dll",
        "C:/evil.dll",
        "C:evil.dll",
        "lib\\net8.0\\..\\evil.dll",
        "..\\evil.dll",
        f"runtimes/{RID}/native/..",
    ],
)
def test_an_entry_that_leads_outside(engine: SmallEngine, tmp_path: Path, entry: str) -> None:
    engine.add("Evil.Package", "6.6.6", {entry: b"evil"})
    message = refused(engine, tmp_path)
    assert "Evil.Package 6.6.6 is refused" in message
    assert repr(entry) in message
    assert "outside" in message


@pytest.mark.parametrize("name", ["Some.Library.dll", "SOME.library.DLL"])
def test_two_different_files_of_one_name(engine: SmallEngine, tmp_path: Path, name: str) -> None:
    engine.add("Other", "2.0.0", {f"lib/net8.0/{name}": b"different"})
    message = refused(engine, tmp_path)
    assert "Some.Library 1.0.0 and Other 2.0.0 have different files" in message


def test_two_equal_files_are_one(engine: SmallEngine, tmp_path: Path) -> None:
    engine.add("Other", "2.0.0", {"lib/net8.0/Some.Library.dll": b"net8"})
    assert (lay(engine, tmp_path) / "Some.Library.dll").read_bytes() == b"net8"


def test_the_runtimes_own_file_is_taken(engine: SmallEngine, tmp_path: Path) -> None:
    engine.add("System.Runtime", "4.3.0", {"lib/net8.0/System.Runtime.dll": b"older"})
    assert (lay(engine, tmp_path) / "System.Runtime.dll").read_bytes() == b"runtime"


def test_unless_the_other_is_newer(engine: SmallEngine, tmp_path: Path) -> None:
    engine.add("System.Runtime", "11.0.0", {"lib/net8.0/System.Runtime.dll": b"newer"})
    assert "no rule for which one to take" in refused(engine, tmp_path)


def test_a_package_may_not_bring_our_own_files(engine: SmallEngine, tmp_path: Path) -> None:
    engine.add("Other", "2.0.0", {"lib/net8.0/pwsh.dll": b"theirs"})
    assert "which psbridge writes itself" in refused(engine, tmp_path)


def test_no_apphost(engine: SmallEngine, tmp_path: Path) -> None:
    engine.pins = [pin for pin in engine.pins if ".Host." not in pin.id]
    assert "No package has" in refused(engine, tmp_path)


def test_an_apphost_without_room(engine: SmallEngine, tmp_path: Path) -> None:
    host = next(pin for pin in engine.pins if ".Host." in pin.id)
    make_package(engine.feed, host.id, host.version, {apphost_entry(): b"no apphost"})
    with pytest.raises(PackageError, match="has no placeholder"):
        lay(engine, tmp_path)


def test_a_damaged_package(engine: SmallEngine, tmp_path: Path) -> None:
    file = engine.feed / "Some.Library.1.0.0.nupkg"
    file.write_bytes(file.read_bytes()[:-30])
    assert "Some.Library 1.0.0 is damaged" in refused(engine, tmp_path)


def test_a_damaged_entry(engine: SmallEngine, tmp_path: Path) -> None:
    name = "lib/net8.0/Damaged.dll"
    file = engine.feed / "Damaged.1.0.0.nupkg"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"a clear content")
    file.write_bytes(file.read_bytes().replace(b"a clear", b"another", 1))
    engine.pins.append(pin_of(file, "Damaged", "1.0.0"))
    with pytest.raises(PackageError, match=f"Damaged 1.0.0 is damaged: {name}"):
        lay(engine, tmp_path)
