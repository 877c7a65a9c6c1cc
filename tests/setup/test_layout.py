"""Only this platform's files are laid out, and nothing ever lands outside the folder."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from psbridge.errors import PackageError
from psbridge.setup.layout import lay_out
from psbridge.setup.lockfile import Pin, PlatformLock, load_lock
from psbridge.setup.platforms import PLATFORMS
from psbridge.setup.source import Source

from .conftest import (
    CONFIG,
    RID,
    SYSTEM,
    TOOL,
    SmallEngine,
    host_entries,
    in_feed,
    make_package,
    pin_of,
    runtime_entries,
)

PWSH = "pwsh.exe" if SYSTEM == "win" else "pwsh"


def lay(engine: SmallEngine, folder: Path) -> Path:
    home = folder / "engine"
    home.mkdir()
    platform = engine.make()
    lay_out(files_of(platform, engine.feed), home, platform)
    return home


def files_of(platform: PlatformLock, feed: Path) -> dict[Pin, Path]:
    return {pin: feed / f"{pin.id}.{pin.version}.nupkg" for pin in platform.pins}


def refused(engine: SmallEngine, folder: Path) -> str:
    with pytest.raises(PackageError) as caught:
        lay(engine, folder)
    assert list((folder / "engine").iterdir()) == [], "something was written"
    return str(caught.value)


def names_in(home: Path) -> set[str]:
    return {f.relative_to(home).as_posix() for f in home.rglob("*") if f.is_file()}


def test_what_is_laid_out(engine: SmallEngine, tmp_path: Path) -> None:
    home = lay(engine, tmp_path)
    assert names_in(home) == {
        "Modules/Some/Some.psd1",
        "Some.Library.dll",
        "Special.dll",
        "System.Management.Automation.dll",
        "System.Runtime.dll",
        "createdump",
        "libcoreclr.so",
        "libpsl-native.so",
        "licenses/dotnet/LICENSE.TXT",
        "licenses/dotnet/THIRD-PARTY-NOTICES.TXT",
        PWSH,
        "pwsh.deps.json",
        "pwsh.dll",
        "pwsh.runtimeconfig.json",
        "ref/System.Runtime.dll",
    }
    assert (home / "libpsl-native.so").read_bytes() == b"psl"


def test_files_for_the_platform_before_those_for_all(engine: SmallEngine, tmp_path: Path) -> None:
    prefix = f"{TOOL}/{SYSTEM}"
    engine.tool |= {
        f"{prefix}/Choice.dll": b"all",
        f"{prefix}/runtimes/{SYSTEM}/lib/net10.0/Choice.dll": b"system",
        f"{prefix}/runtimes/{RID}/native/libchoice.so": b"exact",
        f"{prefix}/runtimes/{SYSTEM}/native/libchoice.so": b"family",
    }
    home = lay(engine, tmp_path)
    assert (home / "Choice.dll").read_bytes() == b"system"
    assert (home / "libchoice.so").read_bytes() == b"exact"


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
        "includedFrameworks": [{"name": "Microsoft.NETCore.App", "version": "10.0.15"}],
        "configProperties": {
            "System.Runtime.TieredCompilation": True,
            "System.Runtime.TieredPGO": False,
        },
    }
    deps = json.loads((home / "pwsh.deps.json").read_text())
    target = deps["targets"][deps["runtimeTarget"]["name"]]
    assert set(target) == set(deps["libraries"]) == {"pwsh/7.6.9"}
    assert set(target["pwsh/7.6.9"]["runtime"]) == {f.name for f in home.glob("*.dll")}
    assert set(target["pwsh/7.6.9"]["native"]) == {"libcoreclr.so", "libpsl-native.so"}


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
@pytest.mark.parametrize("of", ["tool", "runtime", "host"])
def test_an_entry_that_leads_outside(
    engine: SmallEngine, tmp_path: Path, of: str, entry: str
) -> None:
    getattr(engine, of)[entry] = b"evil"
    message = refused(engine, tmp_path)
    assert "is refused" in message
    assert repr(entry) in message
    assert "outside" in message


@pytest.mark.parametrize("name", ["Some.Library.dll", "SOME.library.DLL"])
def test_two_files_of_one_name(engine: SmallEngine, tmp_path: Path, name: str) -> None:
    engine.runtime[f"runtimes/{RID}/native/{name}"] = b"another"
    message = refused(engine, tmp_path)
    assert "PowerShell 7.6.9 and Microsoft.NETCore.App.Runtime" in message
    assert "no rule for which one to take" in message


@pytest.mark.parametrize("name", ["pwsh.exe", "psbridge-engine.json", "PWSH.deps.json"])
def test_a_package_may_not_bring_our_own_files(
    engine: SmallEngine, tmp_path: Path, name: str
) -> None:
    engine.runtime[f"runtimes/{RID}/native/{name}"] = b"theirs"
    assert "which psbridge writes itself" in refused(engine, tmp_path)


def test_no_apphost(engine: SmallEngine, tmp_path: Path) -> None:
    engine.host.clear()
    assert f"has no runtimes/{RID}/native/apphost" in refused(engine, tmp_path)


def test_an_apphost_without_room(engine: SmallEngine, tmp_path: Path) -> None:
    engine.host = dict.fromkeys(engine.host, b"no apphost")
    assert "has no placeholder" in refused(engine, tmp_path)


def test_a_package_that_is_no_powershell(engine: SmallEngine, tmp_path: Path) -> None:
    engine.tool.clear()
    assert "is not PowerShell's dotnet tool" in refused(engine, tmp_path)


def test_a_tool_whose_configuration_is_damaged(engine: SmallEngine, tmp_path: Path) -> None:
    engine.tool[f"{TOOL}/{SYSTEM}/pwsh.runtimeconfig.json"] = CONFIG[:-9]
    with pytest.raises(PackageError, match=r"7.6.9 has a pwsh.runtimeconfig.json that cannot be"):
        lay(engine, tmp_path)


def test_a_damaged_package(engine: SmallEngine, tmp_path: Path) -> None:
    platform = engine.make()
    file = files_of(platform, engine.feed)[platform.powershell]
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(PackageError, match=r"PowerShell 7.6.9 is damaged"):
        lay_out(files_of(platform, engine.feed), tmp_path, platform)


def test_a_damaged_entry(engine: SmallEngine, tmp_path: Path) -> None:
    platform = engine.make()
    file = files_of(platform, engine.feed)[platform.powershell]
    name = f"{TOOL}/{SYSTEM}/Damaged.dll"
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, b"a clear content")
    file.write_bytes(file.read_bytes().replace(b"a clear", b"another", 1))
    damaged = PlatformLock.make(
        RID, pin_of(file, "PowerShell", "7.6.9"), platform.runtime, platform.host
    )
    with pytest.raises(PackageError, match=f"PowerShell 7.6.9 is damaged: {name}"):
        lay_out(files_of(damaged, engine.feed), tmp_path / "home", damaged)


# What PowerShell itself brings for each platform: natives and libraries of its own.
OF_A_PLATFORM = {
    "linux-x64": {"libpsl-native.so", "libSystem.IO.Ports.Native.so"},
    "linux-arm64": {"libpsl-native.so", "libSystem.IO.Ports.Native.so"},
    "linux-musl-x64": {"libpsl-native.so", "libSystem.IO.Ports.Native.so"},
    "osx-arm64": {"libpsl-native.dylib", "libSystem.IO.Ports.Native.dylib"},
    "osx-x64": {"libpsl-native.dylib", "libSystem.IO.Ports.Native.dylib"},
    "win-x64": {
        *("pwrshplugin.dll", "PowerShell.Core.Instrumentation.dll", "sni.dll"),
        *("getfilesiginforedist.dll", "microsoft.management.infrastructure.native.unmanaged.dll"),
    },
}


def test_every_platform_is_locked() -> None:
    assert set(load_lock().platforms) == set(PLATFORMS) == set(OF_A_PLATFORM)


@pytest.mark.parametrize("rid", PLATFORMS)
def test_the_real_powershell_is_laid_out_for_every_platform(
    real_feed: Source, tmp_path: Path, rid: str
) -> None:
    # Only this machine's .NET is in the feed, so a small one stands in for it: what is chosen
    # from the tool, which has all platforms, is what is looked at.
    locked = load_lock().platform(rid)
    runtime = make_package(tmp_path, locked.runtime.id, locked.dotnet, runtime_entries(rid))
    host = make_package(tmp_path, locked.host.id, locked.host.version, host_entries(rid))
    platform = PlatformLock.make(rid, locked.powershell, runtime, host)
    files = files_of(platform, tmp_path)
    files[locked.powershell] = in_feed(real_feed, locked.powershell)
    home = tmp_path / "engine"
    home.mkdir()
    lay_out(files, home, platform)

    names = names_in(home)
    windows = rid.startswith("win")
    assert OF_A_PLATFORM[rid] < names
    assert ("pwsh.exe" in names, "pwsh" in names) == (windows, not windows)
    program = (home / ("pwsh.exe" if windows else "pwsh")).read_bytes()
    assert b"pwsh.dll\0" in program
    assert {"pwsh.dll", "System.Management.Automation.dll", "Newtonsoft.Json.dll"} < names
    assert "microsoft.management.infrastructure.dll" in {name.lower() for name in names}
    assert "Modules/PSReadLine/PSReadLine.psd1" in names
    assert "Modules/Microsoft.PowerShell.ThreadJob/Microsoft.PowerShell.ThreadJob.psd1" in names
    assert "ref/System.Runtime.dll" in names
    # What the Windows flavour has from WindowsDesktop elsewhere, and Windows' own configuration.
    assert "System.CodeDom.dll" in names
    assert "System.Security.Cryptography.Pkcs.dll" in names
    assert ("powershell.config.json" in names) == windows
    assert len({name.lower() for name in names}) == len(names)
    assert not [name for name in names if "GlobalTool.Shim" in name or "runtimes/" in name]
    deps = json.loads((home / "pwsh.deps.json").read_text())
    assert deps["runtimeTarget"]["name"].endswith(f"/{rid}")
    assert locked.dotnet in (home / "pwsh.runtimeconfig.json").read_text()
