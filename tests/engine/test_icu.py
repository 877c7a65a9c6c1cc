"""A machine without ICU, which .NET cannot start on as it is.

ICU is hidden from a process by a folder of empty files with its names, which the loader finds
first and stops at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..conftest import RunPython

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system itself has ICU")

INVARIANT = "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"
MESSAGE = "Couldn't find a valid ICU package"


@pytest.fixture(scope="module")
def without_icu(own_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What hides ICU, in the environment of a process, and chooses the engine."""
    folder = tmp_path_factory.mktemp("empty")
    majors, parts = range(50, 101), range(1, 6)
    versions = [
        *(f"{major}" for major in majors),
        *(f"{major}.{minor}" for major in majors for minor in parts),
        *(f"{major}.{minor}.{patch}" for major in majors for minor in parts for patch in parts),
    ]
    for version in versions:
        for name in ("libicuuc.so", "libicui18n.so"):
            (folder / f"{name}.{version}").touch()
    others = os.environ.get("LD_LIBRARY_PATH")
    return {
        "LD_LIBRARY_PATH": os.pathsep.join([str(folder), *([others] if others else [])]),
        "PSBRIDGE_PSHOME": str(own_copy),
        INVARIANT: "",
    }


def test_the_hiding_works(own_copy: Path, without_icu: dict[str, str]) -> None:
    """The control: without psbridge's help .NET aborts here."""
    done = subprocess.run(
        [own_copy / "pwsh", "-Command", "1 + 1"],
        env={**os.environ, **without_icu},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode < 0
    assert MESSAGE in done.stderr


def test_a_session_and_the_jobs_of_other_processes(
    run_python: RunPython, without_icu: dict[str, str]
) -> None:
    done = run_python(
        """
import os
import psbridge

with psbridge.Session() as shell:
    print(shell.engine.invariant_globalization, os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"])
    print(shell.run("[cultureinfo]::GetCultureInfo('').Name; 'ä' -eq 'Ä'; 1 + 1"))
    print(shell.run("Start-Job { 1 + 1 } | Receive-Job -Wait"))
""",
        env=without_icu,
    )
    assert done.stdout.splitlines() == ["True 1", "['', True, 2]", "[2]"]
    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_says_so(run_python: RunPython, without_icu: dict[str, str]) -> None:
    done = run_python(
        "import sys; from psbridge.cli import main; sys.exit(main(['doctor', '--json']))",
        env=without_icu,
    )
    assert (done.returncode, done.stderr) == (0, "")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["globalization"]["status"] == "note"
    assert "there is no ICU; .NET runs in its invariant mode" in checks["globalization"]["found"]
    assert "libicu" in checks["globalization"]["advice"]
    assert checks["start"]["status"] == "ok"


def test_a_user_who_forbids_the_invariant_mode_gets_an_error_and_no_abort(
    run_python: RunPython, without_icu: dict[str, str]
) -> None:
    done = run_python(
        """
import psbridge
try:
    psbridge.Session()
except psbridge.EngineStartError as error:
    print(error)
""",
        env={**without_icu, INVARIANT: "false"},
    )
    assert done.stdout.splitlines() == [
        f"there is no ICU on this machine, and {INVARIANT}=false forbids .NET to run without: "
        "install libicu, or remove the variable"
    ]
    assert (done.returncode, done.stderr) == (0, "")
    done = run_python(
        "import sys; from psbridge.cli import main; sys.exit(main(['doctor']))",
        env={**without_icu, INVARIANT: "0"},
    )
    assert done.returncode == 1
    assert f"{INVARIANT}=0 forbids" in done.stdout


@pytest.mark.parametrize(("setting", "invariant"), [("1", True), ("TRUE", True), ("0", False)])
def test_where_there_is_icu_the_users_setting_counts(
    run_python: RunPython, own_copy: Path, setting: str, invariant: bool
) -> None:
    done = run_python(
        f"""
import os
import psbridge
with psbridge.Session() as shell:
    from System.Globalization import CultureInfo, CultureTypes
    print(shell.engine.invariant_globalization, os.environ["{INVARIANT}"])
    print(len(CultureInfo.GetCultures(CultureTypes.AllCultures)) > 1)
""",
        env={"PSBRIDGE_PSHOME": str(own_copy), INVARIANT: setting},
    )
    assert done.stdout.splitlines() == [f"{invariant} {setting}", str(not invariant)]
    assert (done.returncode, done.stderr) == (0, "")


def test_where_there_is_icu_nothing_is_set(run_python: RunPython, own_copy: Path) -> None:
    done = run_python(
        f"""
import os
import psbridge
with psbridge.Session() as shell:
    print(shell.engine.invariant_globalization, repr(os.environ.get("{INVARIANT}")))
""",
        env={"PSBRIDGE_PSHOME": str(own_copy), INVARIANT: ""},
    )
    assert done.stdout.splitlines() == ["False ''"]
    assert (done.returncode, done.stderr) == (0, "")
