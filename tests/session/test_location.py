"""Python's current folder and a session's location: where they agree, and where they do not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from psbridge import Job, JobCmdlet, JobGroup, Parameter, Session

if TYPE_CHECKING:
    from ..conftest import RunPython

LOCATION = "$PWD.ProviderPath"


@pytest.mark.parametrize("name", ["plain", "a [x] b", "a*b", "it's `here`", "é\U0001f40d"])
def test_a_new_session_begins_in_pythons_folder(
    engine_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with Session() as before:
        (elsewhere,) = before.run(LOCATION)
        monkeypatch.chdir(folder)
        with Session() as shell:
            assert shell.run(LOCATION) == [str(folder)]
            shell.run("'text' > file.txt")
            assert (folder / "file.txt").exists()
            assert shell.run("(Get-ChildItem).Name") == ["file.txt"]
            if sys.platform != "win32":
                assert shell.run("/bin/pwd") == [str(folder)]
        # One that is open stays where it is; the process is one.
        assert before.run(f"{LOCATION}; [Environment]::CurrentDirectory") == [
            elsewhere,
            str(folder),
        ]


@pytest.mark.skipif(sys.platform == "win32", reason="a current folder cannot be removed there")
def test_where_pythons_folder_is_gone_a_session_begins_in_temp(
    run_python: RunPython, tmp_path: Path
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    ran = run_python(
        """
import os
from psbridge import Session
os.rmdir(os.getcwd())
with Session() as shell:
    result = shell.run("(Get-Location).Path; (Get-Location).ProviderPath; /bin/echo works")
    print(*result, result.errors)
""",
        cwd=folder,
    )
    temporary = tempfile.gettempdir().rstrip("/") + "/"
    assert (ran.stdout, ran.stderr) == (f"Temp:/ {temporary} works []\n", "")


@pytest.fixture
def inner(shell: Session, tmp_path: Path) -> Path:
    """A folder that the session is in and Python is not."""
    folder = tmp_path / "inner [1]"
    folder.mkdir()
    shell.run("Set-Location -LiteralPath $args[0]", str(folder))
    assert Path.cwd() != folder
    return folder


FROM_LOCATION = {
    "a native program": "/bin/pwd",
    # Start-Process waits for the output of no process that has ended before it looks.
    "Start-Process": (
        "Start-Process /bin/pwd -Wait -RedirectStandardOutput out.txt; "
        "while (-not ($found = Get-Content out.txt)) { Start-Sleep -Milliseconds 20 }; $found"
    ),
    "Start-Job": f"Start-Job {{ {LOCATION} }} | Wait-Job | Receive-Job",
    "a native program in Start-Job": "Start-Job { /bin/pwd } | Wait-Job | Receive-Job",
    "Start-ThreadJob": f"Start-ThreadJob {{ {LOCATION} }} | Wait-Job | Receive-Job",
    "-Parallel": f"1 | ForEach-Object -Parallel {{ {LOCATION} }}",
}


@pytest.mark.skipif(sys.platform == "win32", reason="programs of Unix")
@pytest.mark.parametrize("what", FROM_LOCATION)
def test_what_powershell_starts_is_in_the_sessions_location(
    shell: Session, inner: Path, what: str
) -> None:
    result = shell.run(FROM_LOCATION[what])
    assert (result, result.errors) == ([str(inner)], [])


def test_what_is_not_powershells_is_in_pythons_folder(shell: Session, inner: Path) -> None:
    here = str(Path.cwd())
    assert shell.run("[IO.Path]::GetFullPath('x')") == [str(Path(here, "x"))]
    code = "import os; print(os.getcwd())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == here
    if sys.platform != "win32":
        start = (
            "$start = [Diagnostics.ProcessStartInfo]::new('/bin/pwd')\n"
            "$start.RedirectStandardOutput = $true\n"
            "[Diagnostics.Process]::Start($start).StandardOutput.ReadToEnd().Trim()"
        )
        assert shell.run(start) == [here]


class Where(Job):
    def run(self) -> Any:
        return str(Path.cwd())


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_a_job_is_in_pythons_folder(
    shell: Session,
    inner: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    executor: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    job = shell.start(JobGroup([Where()], executor=executor))
    assert job.result(timeout=60) == [str(tmp_path)]


class GetSeen(JobCmdlet, verb="Get", noun="Seen"):
    """Shows which file a path means."""

    path: Annotated[Path, Parameter(position=0)]
    text: Annotated[str, Parameter(position=1)]

    def process(self) -> Any:
        yield str(self.path)
        yield str(Path(self.text).absolute())


@pytest.mark.parametrize("how", ["Get-Seen a.txt a.txt", "Get-Seen a.txt a.txt -AsJob"])
def test_a_path_parameter_goes_by_the_location_and_a_text_by_pythons_folder(
    shell: Session, inner: Path, how: str
) -> None:
    shell.import_cmdlets(GetSeen)
    code = (
        how
        if "AsJob" not in how
        else f"$job = {how}; Set-Location /; $job | Wait-Job | Receive-Job"
    )
    assert shell.run(code) == [str(inner / "a.txt"), str(Path.cwd() / "a.txt")]


def test_the_two_can_follow_each_other(
    shell: Session, inner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # and back at the end
    os.chdir(shell.resolve_path("."))
    assert Path.cwd() == inner
    os.chdir(tmp_path)
    shell.run("Set-Location -LiteralPath $args[0]", str(Path.cwd()))
    assert shell.run(LOCATION) == [str(tmp_path)]
