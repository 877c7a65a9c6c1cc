"""The sample whose class derives from the .NET type, with PowerShell's own job cmdlets."""

from __future__ import annotations

import gc
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from psbridge import DeclarationError, JobFailed, JobHandle, JobStopped, PowerShellError, Session

if TYPE_CHECKING:
    from ..conftest import RunPython

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "bare_metal_job.py"

Follow = Callable[..., JobHandle]


@pytest.fixture(scope="module")
def follow_file() -> Any:
    """The class; .NET takes it once."""
    with Session():
        return runpy.run_path(str(SAMPLE))["follow_file_class"]()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n", encoding="utf-8")
    return path


@pytest.fixture
def follow(shell: Session, follow_file: Any) -> Iterator[Follow]:
    """Starts to follow a file, up to a line that says "end"."""
    handles: list[JobHandle] = []

    def start(path: Path, *, begin: bool = True) -> JobHandle:
        job = follow_file(path, "end")
        handles.append(shell.jobs.add(job))
        if begin:
            job.start()
        return handles[-1]

    yield start
    for handle in handles:
        handle.net.StopJob()


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def call(shell: Session, script: str, *handles: JobHandle) -> Any:
    """Run a script with the jobs in $jobs."""
    return shell.run(f"param($jobs) {script}", jobs=[handle.net for handle in handles])


def receive(shell: Session, handle: JobHandle, count: int) -> list[str]:
    """Receive-Job until so many records have come."""
    lines: list[str] = []
    came = threading.Event()
    handle.net.Output.DataAdded += (on_data := lambda *_: came.set())
    try:
        while len(lines) < count:
            lines += call(shell, "Receive-Job $jobs", handle)
            if len(lines) < count:
                assert came.wait(10)
                came.clear()
    finally:
        handle.net.Output.DataAdded -= on_data
    return lines


def test_get_job_shows_it(shell: Session, follow: Follow, log: Path) -> None:
    handle = follow(log)
    shown = shell.run(
        "Get-Job | % { $_.Id, $_.Name, $_.PSJobTypeName, [string]$_.JobStateInfo.State,"
        " $_.HasMoreData, $_.Location, $_.Command, $_.StatusMessage }"
    )
    name, command = "follow app.log", f"FollowFile {log}"
    assert shown == [
        handle.id, name, "FollowFile", "Running", True, "localhost", command, ""
    ]  # fmt: skip


def test_get_job_finds_it_by_its_command_among_others(
    shell: Session, follow: Follow, log: Path
) -> None:
    handle = follow(log)
    other = shell.start(lambda: 1)
    other.wait(10)
    result = shell.run("(Get-Job -Command FollowFile*).Id; (Get-Job -Command '*lambda*').Id")
    assert (result, result.errors) == ([handle.id, other.id], [])


def test_wait_job_waits_for_the_line_that_ends_it(
    shell: Session, follow: Follow, log: Path
) -> None:
    handle = follow(log)
    assert call(shell, "Wait-Job $jobs -Timeout 0", handle) == []
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(call, shell, "(Wait-Job $jobs -Timeout 30).Id", handle)
        append(log, "the end\n")
        assert waiting.result(30) == [handle.id]
    assert handle.state == "Completed"
    assert handle.receive() == ["one", "two", "the end"]


def test_receive_job_gives_each_line_once_and_as_it_comes(
    shell: Session, follow: Follow, log: Path
) -> None:
    handle = follow(log)
    assert receive(shell, handle, 2) == ["one", "two"]
    append(log, "thr")
    append(log, "ee\nend\n")
    assert receive(shell, handle, 2) == ["three", "end"]
    assert handle.wait(10)
    assert call(shell, "Receive-Job $jobs", handle) == []
    assert not handle.has_more_data


def test_receive_job_with_keep_leaves_the_lines(shell: Session, follow: Follow, log: Path) -> None:
    append(log, "end\n")
    handle = follow(log)
    assert handle.wait(10)
    for switch in ("-Keep", "-Keep", ""):
        assert call(shell, f"Receive-Job $jobs {switch}", handle) == ["one", "two", "end"]


def test_receive_job_with_wait_and_auto_remove(shell: Session, follow: Follow, log: Path) -> None:
    handle = follow(log)
    with ThreadPoolExecutor() as threads:
        script = "Receive-Job $jobs -Wait -AutoRemoveJob"
        waiting = threads.submit(call, shell, script, handle)
        append(log, "end\n")
        result = waiting.result(30)
    assert (result, result.errors) == (["one", "two", "end"], [])
    assert len(shell.jobs) == 0


def test_a_file_that_is_cut_short_is_a_warning(shell: Session, follow: Follow, log: Path) -> None:
    handle = follow(log)
    assert receive(shell, handle, 2) == ["one", "two"]
    log.write_text("end\n", encoding="utf-8")
    result = handle.result(10)
    assert result == ["end"]
    assert list(map(str, result.warnings)) == [f"{log} was cut short"]


def test_stop_job_returns_when_the_work_has_stopped(
    shell: Session, follow: Follow, log: Path
) -> None:
    handles = [follow(log), follow(log)]
    result = call(shell, "Stop-Job $jobs -PassThru | % { [string]$_.JobStateInfo.State }", *handles)
    assert (result, result.errors) == (["Stopped"] * 2, [])
    assert all(handle.net._ended.is_set() for handle in handles)


def test_stop_job_stops_one_that_has_not_started(shell: Session, follow: Follow, log: Path) -> None:
    handle = follow(log, begin=False)
    assert (handle.state, handle.has_more_data) == ("NotStarted", True)
    call(shell, "Stop-Job $jobs", handle)
    handle.net.start()
    assert (handle.state, handle.has_more_data) == ("Stopped", False)


def test_remove_job_wants_force_while_it_runs(shell: Session, follow: Follow, log: Path) -> None:
    handle = follow(log)
    with pytest.raises(PowerShellError) as raised:
        call(shell, "Remove-Job $jobs -ErrorAction Stop", handle)
    assert raised.value.error_id.startswith("JobObjectNotFinishedCannotBeRemoved")
    call(shell, "Remove-Job $jobs -Force", handle)
    assert (handle.state, len(shell.jobs)) == ("Stopped", 0)


def test_remove_job_with_force_while_it_writes(
    shell: Session, follow: Follow, tmp_path: Path
) -> None:
    path = tmp_path / "long.log"
    path.write_text("line\n" * 50_000, encoding="utf-8")
    for _ in range(5):
        handle = follow(path)
        result = call(shell, "Remove-Job $jobs -Force", handle)
        assert (handle.state, result.errors) == ("Stopped", [])
        assert handle.net._ended.is_set()


def test_a_file_that_is_not_there_fails_the_job_with_one_error(
    shell: Session, follow: Follow, tmp_path: Path
) -> None:
    handle = follow(tmp_path / "nowhere.log")
    with pytest.raises(JobFailed, match=r"nowhere\.log failed: it gave no reason") as raised:
        handle.result(10)
    (error,) = raised.value.result.errors
    assert (error.error_id, error.category) == ("FileNotFoundError", "ReadError")
    assert not call(shell, "Receive-Job $jobs", handle).errors


def test_a_handle_works_on_it(shell: Session, follow: Follow, log: Path) -> None:
    handle = follow(log)
    assert not handle.wait(0.01)
    assert repr(handle) == f"<JobHandle {handle.id} 'follow app.log' Running>"
    assert (handle.children, handle.reason) == ([], None)
    assert receive(shell, handle, 2) == ["one", "two"]
    handle.stop()
    with pytest.raises(JobStopped):
        handle.result(10)
    handle.remove()
    assert handle not in shell.jobs


def test_it_is_added_once(shell: Session, follow: Follow, log: Path) -> None:
    handle = follow(log)
    with pytest.raises(DeclarationError, match="is in this session already"):
        shell.jobs.add(handle.net)


def test_it_stays_whole_when_no_python_refers_to_it(
    shell: Session, follow_file: Any, log: Path
) -> None:
    import System
    from Python.Runtime import Finalizer

    append(log, "end\n")
    for _ in range(5):
        follow_file(log)  # that nobody wants
        shell.jobs.add(follow_file(log, "end"))
    for _ in range(3):
        gc.collect()
        System.GC.Collect()
        System.GC.WaitForPendingFinalizers()
        Finalizer.Instance.Collect()  # what pythonnet has put off
    for handle in shell.jobs:
        handle.net.start()
        assert handle.result(10) == ["one", "two", "end"]


def test_it_is_a_program(log: Path) -> None:
    append(log, "end\n")
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(SAMPLE), str(log), "--until", "end"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "one\ntwo\nend\n", "")


RUNNING = f"""
import os, runpy, threading
from pathlib import Path
from psbridge import Session

sample = runpy.run_path({str(SAMPLE)!r})
shell = Session()
jobs = [sample["follow_file_class"]()(Path(os.environ["LOG"])) for _ in range(3)]
for job in jobs:
    shell.jobs.add(job)
    job.start()
"""


@pytest.mark.parametrize(
    "code",
    [
        "",
        "shell.close()",
        # Somebody asks the jobs, so .NET is inside of Python when it ends.
        "asked = threading.Event()\n"
        "def ask():\n"
        "    while True:\n"
        "        shell.run('Get-Job | % HasMoreData; Get-Job | Receive-Job')\n"
        "        asked.set()\n"
        "threading.Thread(target=ask, daemon=True).start()\n"
        "assert asked.wait(10)",
        "raise SystemExit(0)",
    ],
    ids=["running", "session closed", "asked", "SystemExit"],
)
def test_python_ends_quietly_while_it_runs(
    run_python: RunPython, tmp_path: Path, code: str
) -> None:
    path = tmp_path / "long.log"
    path.write_text("line\n" * 200_000, encoding="utf-8")  # more than it reads until then
    ended = run_python(RUNNING + code, env={"LOG": str(path)})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
