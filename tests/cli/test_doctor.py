"""``psbridge doctor``: what it says about a machine, and its exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from psbridge.setup.lockfile import load_lock
from psbridge.setup.nuget_config import configured_sources
from psbridge.setup.packages import open_package
from psbridge.setup.platforms import current_rid

from ..setup.conftest import in_feed

if TYPE_CHECKING:
    from ..conftest import RunPython

ROOT = Path(__file__).parents[2]
PROGRAM = "pwsh.exe" if sys.platform == "win32" else "pwsh"

# No install folders: a developer's machine may have a PowerShell there.
DOCTOR = """
import sys
from psbridge.cli import main
from psbridge.engine import finding
finding._install_folders = lambda: []
sys.exit(main(["doctor", *{arguments!r}]))
"""


class Doctor:
    """Runs the command on a machine and for a user that have nothing, unless told otherwise."""

    def __init__(self, run_python: RunPython, root: Path) -> None:
        self._run_python = run_python
        self.folder = root / "work"
        self.home = root / "home"
        for folder in (self.folder, self.home):
            folder.mkdir()
        self.env = {
            **dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(self.home)),
            "NUGET_COMMON_APPLICATION_DATA": str(self.home),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "PATH": str(root),
            "PSBRIDGE_PSHOME": "",
            "PSBRIDGE_NUGET_SOURCE": "",
        }

    def table(self, **env: str) -> tuple[int, str]:
        done = self._run_python(
            DOCTOR.format(arguments=()), env={**self.env, **env}, cwd=self.folder
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    def checks(self, **env: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        """The exit code, and the checks by name."""
        done = self._run_python(
            DOCTOR.format(arguments=("--json",)), env={**self.env, **env}, cwd=self.folder
        )
        assert done.stderr == ""
        told = json.loads(done.stdout)
        assert told["works"] is (done.returncode == 0)
        assert told["verdict"].startswith("psbridge ")
        checks: dict[str, list[dict[str, Any]]] = {}
        for check in told["checks"]:
            assert check.keys() == {"name", "status", "found", "advice"}
            assert check["status"] in ("ok", "note", "bad")
            # What is bad is never left without advice, nor is what is well given any.
            assert bool(check["advice"]) or check["status"] != "bad"
            assert not (check["advice"] and check["status"] == "ok")
            checks.setdefault(check["name"], []).append(check)
        return done.returncode, checks

    def nothing_made(self) -> bool:
        return not list(self.home.iterdir())


@pytest.fixture
def doctor(run_python: RunPython, tmp_path: Path) -> Doctor:
    return Doctor(run_python, tmp_path)


@pytest.fixture(scope="module")
def cache() -> str:
    """The folder of the caches here, so that not every test has to compile the C# half."""
    from psbridge.engine.compiling import cache_folder

    return str(cache_folder().parents[1])


def test_a_machine_where_all_is_well(doctor: Doctor, own_copy: Path, cache: str) -> None:
    env = {"PSBRIDGE_PSHOME": str(own_copy), "XDG_CACHE_HOME": cache}
    doctor.checks(**env)  # compiles the C# half where nobody has yet, and says so
    code, checks = doctor.checks(**env)
    assert code == 0
    assert {name for name, found in checks.items() if found[0]["status"] == "ok"} >= {
        *("psbridge", "Python", "pythonnet", "clr_loader", "pywinrm", "packages"),
        *("PowerShell", "cache", "pwsh program", "start", "private members"),
    }
    version = json.loads((own_copy / "psbridge-engine.json").read_text())
    assert checks["PowerShell"][0]["found"] == (
        f"{version['powershell']}, self-contained, found as PSBRIDGE_PSHOME, in {own_copy}"
    )
    assert checks["start"][0]["found"] == (
        f".NET {version['dotnet']}, PowerShell {version['powershell']}"
    )
    code, table = doctor.table(**env)
    assert code == 0
    assert "\x1b" not in table
    *lines, verdict = table.splitlines()
    for name, found in checks.items():
        assert any(
            line.split()[0] == found[0]["status"]
            and f" {name} " in line
            and found[0]["found"] in line
            for line in lines
        )
    assert verdict.startswith(
        f"psbridge works here, with .NET {version['dotnet']}, PowerShell {version['powershell']}"
    )


def test_a_machine_that_has_nothing(doctor: Doctor) -> None:
    code, checks = doctor.checks()
    assert code == 1
    assert [check["found"].rpartition(": ")[2] for check in checks["looked at"]] == [
        "not set",
        "not there",
        "not there",
    ]
    (check,) = checks["PowerShell"]
    assert check["status"] == "bad"
    assert check["found"] == "not found, and no source to fetch it from"
    assert "install PowerShell 7.4 or later" in check["advice"]
    assert "psbridge setup --source" in check["advice"]
    assert "start" not in checks
    code, table = doctor.table()
    assert code == 1
    assert "bad" in table
    assert table.splitlines()[-1] == (
        "psbridge cannot work here yet, as PowerShell is not right; see what to do."
    )
    assert doctor.nothing_made()


def test_an_engine_that_can_be_fetched_is_not(doctor: Doctor) -> None:
    feed = doctor.folder / "feed"
    feed.mkdir()
    code, checks = doctor.checks(PSBRIDGE_NUGET_SOURCE=str(feed))
    assert code == 0
    (check,) = checks["PowerShell"]
    assert check["status"] == "note"
    assert check["found"] == f"not there yet; it is fetched from {feed} on first use"
    assert "psbridge setup" in check["advice"]
    assert doctor.table(PSBRIDGE_NUGET_SOURCE=str(feed))[1].splitlines()[-1] == (
        "psbridge can work here: PowerShell is fetched on first use, or by psbridge setup."
    )
    assert doctor.nothing_made()


def test_a_feed_folder_that_is_not_there(doctor: Doctor) -> None:
    config = doctor.folder / "nuget.config"
    config.write_text(
        '<configuration><packageSources><add key="mine" value="../gone" /></packageSources>'
        "</configuration>"
    )
    code, checks = doctor.checks()
    assert code == 1
    (check,) = checks["NuGet source"]
    assert check["status"] == "note"
    assert check["found"] == (
        f"mine: {doctor.folder.parent / 'gone'} (from {config}): missing: there is no such folder"
    )
    assert checks["PowerShell"][0]["status"] == "bad"


def test_a_configuration_of_nuget_that_is_damaged(doctor: Doctor) -> None:
    (doctor.folder / "nuget.config").write_text("<configuration>")
    code, checks = doctor.checks()
    assert code == 1
    (check,) = checks["NuGet source"]
    assert check["status"] == "note"
    assert "nuget.config" in check["found"]
    assert check["advice"] == "correct the file that it names"


def test_a_named_folder_without_powershell(doctor: Doctor) -> None:
    code, checks = doctor.checks(PSBRIDGE_PSHOME=str(doctor.folder))
    assert code == 1
    (check,) = checks["PowerShell"]
    assert check["status"] == "bad"
    assert check["found"].startswith(f"PSBRIDGE_PSHOME names {doctor.folder}, but there is no ")


def test_a_cache_that_cannot_be_written(doctor: Doctor, own_copy: Path) -> None:
    file = doctor.folder / "file"
    file.touch()
    code, checks = doctor.checks(PSBRIDGE_PSHOME=str(own_copy), XDG_CACHE_HOME=str(file))
    assert code == 0
    (check,) = checks["cache"]
    assert check["status"] == "note"
    assert "cannot be written: " in check["found"]
    assert "XDG_CACHE_HOME" in check["advice"]
    assert checks["start"][0]["status"] == "ok"


def test_a_home_without_its_program(doctor: Doctor, own_copy: Path, cache: str) -> None:
    code, checks = doctor.checks(
        PSBRIDGE_PSHOME=str(linked(own_copy, doctor.folder / "home", PROGRAM)),
        XDG_CACHE_HOME=cache,
    )
    assert code == 0
    (check,) = checks["pwsh program"]
    assert check["status"] == "note"
    assert check["advice"] == "the native Start-Job does not work; jobs written in Python do"


@pytest.mark.skipif(sys.platform != "linux", reason="the library's name")
def test_an_engine_that_does_not_start(doctor: Doctor, own_copy: Path) -> None:
    home = linked(own_copy, doctor.folder / "home", "libcoreclr.so")
    code, checks = doctor.checks(PSBRIDGE_PSHOME=str(home))
    assert code == 1
    (check,) = checks["start"]
    assert check["status"] == "bad"
    assert check["found"].startswith(f".NET did not start with {home / 'pwsh.dll'}: ")
    assert "private members" not in checks


def linked(home: Path, folder: Path, without: str) -> Path:
    """Make a home of the same files but one."""
    folder.mkdir()
    for file in home.iterdir():
        if file.name in ("pwsh.dll", "libhostpolicy.so", "libhostfxr.so"):
            # .NET's host follows links to find what lies beside it.
            (folder / file.name).write_bytes(file.read_bytes())
        elif file.name != without:
            (folder / file.name).symlink_to(file)
    return folder


def test_it_is_a_command(own_copy: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "psbridge", "doctor"],
        env={**os.environ, "PSBRIDGE_PSHOME": str(own_copy)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "PSBRIDGE_PSHOME" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_it_fits_a_terminal_of_80_columns_and_ends_with_the_verdict(
    own_copy: Path, tmp_path: Path
) -> None:
    from ..session.terminal import Terminal

    code = "import sys; from psbridge.cli import main; sys.exit(main(['doctor']))"
    file = tmp_path / "a file that is no folder"
    file.touch()
    exit_code, shown = Terminal(
        code, size=(80, 24), PSBRIDGE_PSHOME=str(own_copy), XDG_CACHE_HOME=str(file)
    ).end(60)
    assert exit_code == 0, shown
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    # A path that is longer is alone on its line, for the terminal to wrap.
    assert all(len(line) <= 80 or line.startswith("/") for line in lines)
    last = max(index for index, line in enumerate(lines) if line.startswith("psbridge "))
    assert " ".join(line.strip() for line in lines[last:]).endswith(".")
    assert str(own_copy) in [line.strip() for line in lines]
    assert str(file / "psbridge" / "compiled") in [line.strip() for line in lines]


def test_a_home_that_is_not_precompiled(
    doctor: Doctor, own_copy: Path, cache: str, tmp_path: Path
) -> None:
    pin = load_lock().platform(current_rid()).powershell
    feed = next(s for s in configured_sources(ROOT) if not s.is_url and s.problem() is None)
    home = linked(own_copy, doctor.folder / "home", "System.Management.Automation.dll")
    with open_package(in_feed(feed, pin), pin.title) as package:
        name = "System.Management.Automation.dll"
        package.extract(f"tools/net10.0/any/unix/{name}", home / name)
    code, checks = doctor.checks(PSBRIDGE_PSHOME=str(home), XDG_CACHE_HOME=cache)
    assert code == 0
    (check,) = checks["precompiled"]
    assert check["status"] == "note"
    assert check["found"].startswith("no: ")
    assert check["advice"] == "run psbridge setup to precompile it"


def test_copies_of_earlier_versions(doctor: Doctor, own_copy: Path, cache: str) -> None:
    marker = json.loads((own_copy / "psbridge-engine.json").read_text())
    earlier = doctor.home / "data" / "psbridge" / "engine" / "earlier"
    earlier.mkdir(parents=True)
    (earlier / "psbridge-engine.json").write_text(json.dumps(marker | {"powershell": "7.5.0"}))
    env = {"PSBRIDGE_PSHOME": str(own_copy), "XDG_CACHE_HOME": cache}
    (check,) = doctor.checks(**env)[1]["own copies"]
    assert (check["status"], check["found"]) == ("note", "1 of earlier versions")
    assert "setup --prune" in check["advice"]
