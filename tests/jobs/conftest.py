"""What the tests of jobs have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from six_kinds import KINDS

from psbridge import Job, JobHandle, Session, WinRM
from psbridge.engine.compiling import SourceFile, load_compiled
from tests.winrm_server.fixtures import PASSWORD, USER

SOURCE = Path(__file__).with_name("NaiveJobs.cs")


@pytest.fixture(scope="session")
def naive_jobs() -> Any:
    """The namespace of NaiveJobs.cs: jobs of somebody else's."""
    with Session() as shell:
        source = SourceFile(f"tests/jobs/{SOURCE.name}", SOURCE.read_text("utf-8"))
        load_compiled([source], name="PSBridge.Tests.NaiveJobs", home=shell.engine.home)
    import PSBridge.Tests

    return PSBridge.Tests


Starter = Callable[..., JobHandle]

# What jobs of all kinds do, in PowerShell or in Python.
SCRIPTS = {
    "records": "'a'; Write-Warning w; 'b'; Write-Error e; Write-Verbose v -Verbose; "
    "Write-Information i; 'c'",
    "late": "while (-not (Test-Path '{go}')) { Start-Sleep -Milliseconds 20 }; 'a'; "
    "Write-Warning w; 'b'; Write-Error e; Write-Verbose v -Verbose; Write-Information i; 'c'",
    "progress": "while (-not (Test-Path '{go}')) { Start-Sleep -Milliseconds 20 }; 'a'; "
    "Write-Progress Counting half -PercentComplete 40; 'b'; Write-Progress Counting done "
    "-PercentComplete 100; 'c'",
    "many": "foreach ($n in 1..200) { Write-Warning $n; Write-Verbose $n -Verbose; $n; "
    "if ($n % 40 -eq 0) { Start-Sleep -Milliseconds 50 } }",
    "verbose": "'a'; Write-Verbose v1 -Verbose; Write-Debug d1 -Debug; while (-not (Test-Path "
    "'{go}')) { Start-Sleep -Milliseconds 20 }; Write-Verbose v2 -Verbose; 'b'",
    "fail": "'a'; throw 'no more'",
    "wait": "'a'; while (-not (Test-Path '{go}')) { Start-Sleep -Milliseconds 20 }; 'b'",
    "hang": "'a'; while ($true) { Start-Sleep -Milliseconds 20 }",
}


class Doing(Job):
    """Does in Python what one of the scripts does."""

    def __init__(self, what: str, go: Path) -> None:
        super().__init__()
        self.what = what
        self.go = go

    def run(self) -> Iterator[str]:
        while self.what in ("late", "progress") and not self.go.exists():
            self.check_stop()
        yield "a"
        if self.what in ("records", "late"):
            self.write_warning("w")
            yield "b"
            self.write_error("e")
            self.write_verbose("v")
            self.write_information("i")
            yield "c"
        elif self.what == "progress":
            self.write_progress("Counting", "half", percent=40)
            yield "b"
            self.write_progress("Counting", "done", percent=100)
            yield "c"
        elif self.what == "fail":
            raise ValueError("no more")
        else:
            while self.what == "hang" or not self.go.exists():
                self.check_stop()
            yield "b"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of job in turn."""
    return str(request.param)


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file for which the jobs of "wait" wait."""
    return tmp_path / "go"


@pytest.fixture
def start(shell: Session, kind: str, go: Path, request: pytest.FixtureRequest) -> Starter:
    """Starts a job of the kind."""

    def begin(what: str) -> JobHandle:
        if kind == "python":
            return shell.start(Doing(what, go))
        script = SCRIPTS[what].replace("{go}", str(go))
        if kind == "process":
            return shell.start_job(script)
        if kind == "remote":
            machine = request.getfixturevalue("machine")
            target = WinRM(
                machine.host, port=machine.port, auth="ntlm", username=USER, password=PASSWORD
            )
            return shell.start_remote(script, [target])
        code = {
            "thread": f"Start-ThreadJob {{ {script} }}",
            "parallel": f"1 | ForEach-Object -Parallel {{ {script} }} -AsJob",
            "event": f"Register-EngineEvent -SourceIdentifier go -Action {{ {script} }}; "
            "$null = New-Event go",
        }[kind]
        (found,) = shell.run(code)
        job = shell.jobs[found.Name]
        if kind == "event":
            # Its action has run by now, and it never ends by itself.
            shell.run("Unregister-Event go")
        return job

    return begin
