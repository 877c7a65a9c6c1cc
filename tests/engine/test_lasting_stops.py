"""Stops that come in moments in which the engine overwrites them, or takes them for failures."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conditions import until

from psbridge import ConversionError, JobHandle, PowerShellError, Session

# Here the clean block is stopped; the engine alone goes on with the loop after it.
LOOP = """
function Use-Thing { end { } clean { if (!$began.IsSet) { $began.Set(); Start-Sleep 60 } } }
while ($true) { Use-Thing }
"""
JOBS = {
    "Start-ThreadJob": "param($began) Start-ThreadJob { $began = $args[0]\n"
    + LOOP
    + "} -ArgumentList $began",
    "ForEach-Object -Parallel": "param($began) 1 | ForEach-Object -AsJob -Parallel {\n"
    "$began = $using:began\n" + LOOP + "}",
}


@pytest.fixture
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def began(shell: Session) -> Any:
    from System.Threading import ManualResetEventSlim

    return ManualResetEventSlim(False)


def test_the_code_of_run_stops(shell: Session, began: Any) -> None:
    errors: list[PowerShellError] = []

    def run() -> None:
        try:
            shell.run("param($began)" + LOOP, began)
        except PowerShellError as error:
            errors.append(error)

    running = threading.Thread(target=run)
    running.start()
    assert began.Wait(30_000)
    shell.stop()
    running.join(30)
    assert not running.is_alive()
    assert len(errors) == 1
    assert shell.run("1") == [1]


@pytest.mark.parametrize("code", JOBS.values(), ids=JOBS)
def test_a_job_that_is_stopped_stops(shell: Session, began: Any, code: str) -> None:
    job = start(shell, code, began)
    job.stop()
    assert job.state == "Stopped"


@pytest.mark.parametrize("code", JOBS.values(), ids=JOBS)
def test_a_job_stops_when_its_session_closes(began: Any, code: str) -> None:
    with Session() as closing:
        job = start(closing, code, began)
    assert job.state == "Stopped"


def test_a_finally_that_a_stop_leads_to_runs_to_its_end(shell: Session, began: Any) -> None:
    job = start(
        shell,
        """param($began) Start-ThreadJob {
            $began = $args[0]
            try { while ($true) { Get-Random | Out-Null; $began.Set() } }
            finally { $began.Reset(); 1..100 | % { Start-Sleep -Milliseconds 5 }; $began.Set() }
        } -ArgumentList $began""",
        began,
    )
    job.stop()
    assert job.state == "Stopped"
    assert began.IsSet


@pytest.fixture
def importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there while a module is imported for its command Get-Endless."""
    began = tmp_path / "began"
    module = tmp_path / "modules" / "Endless"
    module.mkdir(parents=True)
    (module / "Endless.psm1").write_text(
        f"[System.IO.File]::WriteAllText('{began}', 'x'); while ($true) {{ }}"
    )
    (module / "Endless.psd1").write_text(
        "@{ ModuleVersion = '1.0'; RootModule = 'Endless.psm1'; FunctionsToExport = 'Get-Endless' }"
    )
    monkeypatch.setenv("PSModulePath", str(module.parent), prepend=os.pathsep)
    return began


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(lambda shell: shell.start_thread_job("Get-Endless; 1"), id="thread job"),
        pytest.param(lambda shell: shell.start_parallel("Get-Endless; 1", [1]), id="parallel job"),
    ],
)
def test_a_job_that_is_stopped_while_a_module_is_imported_for_a_command_is_stopped(
    shell: Session, importing: Path, start: Callable[[Session], JobHandle]
) -> None:
    for _ in range(20):
        importing.unlink(missing_ok=True)
        job = start(shell)
        until(importing.exists)
        job.stop()
        assert (job.state, str(job.reason)) == ("Stopped", "The pipeline has been stopped.")
        job.remove()


def test_code_that_is_stopped_while_a_module_is_imported_for_a_command_says_so(
    shell: Session, importing: Path
) -> None:
    for _ in range(20):
        importing.unlink(missing_ok=True)
        with ThreadPoolExecutor() as pool:
            running: Future[Any] = pool.submit(shell.run, "Get-Endless; 1")
            until(importing.exists)
            shell.stop()
            with pytest.raises(PowerShellError, match=r"^The pipeline has been stopped\.$"):
                running.result(60)


def start(shell: Session, code: str, began: Any) -> JobHandle:
    shell.run(code, began)
    assert began.Wait(30_000)
    (job,) = shell.jobs
    return job


def test_what_runs_is_looked_up_under_the_engines_lock(shell: Session, began: Any) -> None:
    """Else a pipeline that begins at that moment is null in the list."""
    from System.Reflection import BindingFlags
    from System.Threading import Monitor

    kind = shell._runspace.GetType()
    while kind.Name != "RunspaceBase":
        kind = kind.BaseType
    lock = kind.GetField(
        "_pipelineListLock", BindingFlags.Instance | BindingFlags.NonPublic
    ).GetValue(shell._runspace)

    def run() -> None:
        with pytest.raises(PowerShellError):
            shell.run("param($began) $began.Set(); while ($true) { Start-Sleep 60 }", began)

    running, stopping = threading.Thread(target=run), threading.Thread(target=shell.stop)
    running.start()
    assert began.Wait(30_000)
    Monitor.Enter(lock)
    try:
        stopping.start()
        stopping.join(0.5)
        waited = stopping.is_alive()
    finally:
        Monitor.Exit(lock)
    stopping.join(30)
    running.join(30)
    assert waited
    assert [thread.is_alive() for thread in (running, stopping)] == [False, False]


def test_input_that_is_refused_at_once_stops_what_has_just_begun(shell: Session) -> None:
    for _ in range(150):
        for run in (shell.run, lambda script, input: list(shell.stream(script, input=input))):
            with pytest.raises(ConversionError, match=r"input\[1\]"):
                run("$input", input=[1, object()])
    assert shell.run("1") == [1]
