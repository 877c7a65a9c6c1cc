"""The processes of Start-Job's jobs: what becomes of a job whose process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conditions import until

from psbridge import JobFailed, Session, SessionClosedError
from psbridge.jobs.handle import JobHandle
from tests.session.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")

LOOP = "Write-Warning w; Start-Sleep 0; $PID; Start-Sleep 300"


def started(shell: Session, script: str = LOOP) -> tuple[JobHandle, int]:
    """A job of Start-Job, and its process."""
    job = shell.start_job(script)
    until(lambda: job.children[0].net.Output.Count, 60)
    return job, job.children[0].net.Output[0].BaseObject


def within(seconds: float, call: Any) -> None:
    began = time.monotonic()
    call()
    assert time.monotonic() - began < seconds


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_job_whose_process_is_killed_has_failed_and_says_so(
    shell: Session, number: signal.Signals
) -> None:
    job, pid = started(shell)
    os.kill(pid, number)
    assert job.wait(20)
    assert (job.state, job.children[0].state) == ("Failed", "Failed")
    assert job.reason is not None
    assert "ended abnormally" in job.reason
    if number == signal.SIGKILL:
        assert "Exit code: 137" in job.reason
    with pytest.raises(JobFailed) as caught:
        job.result(20)
    # What came, stays.
    assert caught.value.result == [pid]
    assert [record.message for record in caught.value.result.warnings] == ["w"]
    within(5, job.stop)
    within(5, lambda: job.remove(force=True))
    assert len(shell.jobs) == 0


def test_an_exit_of_the_process_gives_its_code(shell: Session) -> None:
    job = shell.start_job("'out'; [Environment]::Exit(7)")
    assert job.wait(20)
    assert (job.state, "Exit code: 7" in str(job.reason)) == ("Failed", True)


def test_a_pipeline_that_waits_for_such_a_job_goes_on(shell: Session, tmp_path: Path) -> None:
    found = shell.run(
        "param($go) $j = Start-Job { 'out'; while (-not (Test-Path $using:go)) { sleep 0.02 }; "
        "Stop-Process -Id $PID -Force; Start-Sleep 300 }; "
        "while (-not $j.ChildJobs[0].Output.Count) { sleep 0.02 }; $null = New-Item $go; "
        "$null = $j | Wait-Job; $j.State.ToString(); "
        "Receive-Job $j -ErrorAction SilentlyContinue; Remove-Job $j; 'on'",
        go=tmp_path / "go",
    )
    assert found == ["Failed", "out", "on"]


def test_a_stop_ends_where_the_process_has_just_died(shell: Session) -> None:
    job, pid = started(shell)
    os.kill(pid, signal.SIGKILL)
    within(10, job.stop)
    assert job.state in ("Stopped", "Failed")


WITH_A_JOB = """
import os, sys, time
from psbridge import Session
shell = Session()
job = shell.start_job("Start-Sleep 0; $PID; Start-Sleep 300")
while not job.children[0].net.Output.Count:
    time.sleep(0.01)
pid = job.children[0].net.Output[0].BaseObject
"""


def run_with_a_job(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has a job of Start-Job, the process of which is `pid`."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", WITH_A_JOB + textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("end", ["shell.close()", "", "job.remove(force=True)", "sys.exit(0)"])
def test_nobody_waits_for_a_dead_process_at_the_end(end: str) -> None:
    program = f"""
    os.kill(pid, 9)
    {end}
    """
    done = run_with_a_job(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_job_that_ends_by_itself_is_not_told_as_failed(shell: Session) -> None:
    for _ in range(3):
        job = shell.start_job("1")
        assert job.result(60) == [1]
        assert (job.state, job.reason) == ("Completed", None)


@pytest.mark.parametrize("end", ["shell.close()", "sys.exit(0)"])
def test_nobody_waits_for_a_job_that_was_disposed_of_while_it_ran(end: str) -> None:
    # The engine's own close of a runspace waits for it for ever.
    program = f"""
    print(pid)
    job.net.Dispose()
    {end}
    """
    done = run_with_a_job(program)
    assert (done.returncode, done.stderr) == (0, "")
    until_gone(int(done.stdout))


def until_gone(pid: int) -> None:
    until(lambda: not Path("/proc", str(pid)).exists())


def test_ctrl_c_of_a_terminal_is_for_the_program_and_its_jobs_run_on() -> None:
    terminal = Terminal(
        textwrap.dedent(
            """
            import os, time
            from psbridge import Session
            shell = Session()
            job = shell.start_job(
                "$PID; while (-not (Test-Path $args[0])) { Start-Sleep -Milliseconds 50 }; 'end'",
                flag := f"/tmp/{os.urandom(8).hex()}",
            )
            while not job.children[0].net.Output.Count:
                time.sleep(0.01)
            try:
                print("ready", flush=True)
                job.wait(60)
            except KeyboardInterrupt:
                print("interrupted", flush=True)
            open(flag, "w").close()
            print(job.result(60)[1:], job.state)
            os.remove(flag)
            shell.close()
            """
        )
    )
    terminal.wait_for("ready", 60)
    terminal.send("\x03")
    code, shown = terminal.end(90)
    assert code == 0, shown
    assert "interrupted\n['end'] Completed" in shown


@pytest.mark.skipif(sys.platform != "linux", reason="needs memfd_create and setsid")
def test_such_a_process_has_a_session_of_its_own_and_is_pwsh(shell: Session) -> None:
    job, pid = started(shell, "Start-Sleep 0; $PID; Start-Sleep 300")
    assert os.getsid(pid) == os.getpgid(pid) == pid
    words = Path("/proc", str(pid), "cmdline").read_text().split("\0")
    assert words[:4] == [str(shell.engine.home.path / "pwsh"), "-s", "-NoLogo", "-NoProfile"]
    job.stop()
    until_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="needs memfd_create and setsid")
def test_where_there_is_no_setsid_jobs_run_in_front(
    shell: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    job, pid = started(shell, "Start-Sleep 0; $PID; Start-Sleep 300")
    assert os.getsid(pid) == os.getsid(0)
    job.remove(force=True)


def test_such_a_process_ends_when_the_program_is_killed() -> None:
    done = run_with_a_job("""
    job = shell.start_job("$PID; while ($true) { }")
    while not job.children[0].net.Output.Count:
        time.sleep(0.01)
    print(pid, job.children[0].net.Output[0].BaseObject, flush=True)
    os.kill(os.getpid(), 9)
    """)
    assert (done.returncode, done.stderr) == (-9, "")
    for pid in done.stdout.split():
        until_gone(int(pid))


# ---- Stuck in .NET, where no stop reaches it ----

STUCK = "$PID; [Threading.Thread]::Sleep(-1)"


@pytest.mark.parametrize("end", ["stop", "remove"])
@pytest.mark.parametrize("suspended", [False, True], ids=["stuck", "suspended by the system"])
def test_a_job_that_does_not_stop_loses_its_process(
    shell: Session, end: str, suspended: bool
) -> None:
    job, pid = started(shell, STUCK)
    if suspended:
        os.kill(pid, signal.SIGSTOP)
    within(15, job.stop if end == "stop" else lambda: job.remove(force=True))
    assert job.state in ("Stopped", "Failed")
    until_gone(pid)


def test_a_session_that_closes_while_a_stop_hangs_leaves_no_process() -> None:
    shell = Session()
    _, pid = started(shell, STUCK)
    from System.Threading import ManualResetEvent

    begun = ManualResetEvent(False)
    ended: list[BaseException] = []

    def stop() -> None:
        try:
            shell.run("$args[0].Set(); Get-Job | Stop-Job", begun)
        except SessionClosedError as error:
            ended.append(error)

    stopping = threading.Thread(target=stop)
    stopping.start()
    until(lambda: begun.WaitOne(0))
    within(15, shell.close)
    until_gone(pid)
    stopping.join(10)
    assert len(ended) == 1


# ---- Where somebody else waits for the program's children ----

REAPERS = {
    "ignored": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    "a reaper": "threading.Thread(target=reap, daemon=True).start()",
}


@pytest.mark.parametrize("reaper", REAPERS.values(), ids=list(REAPERS))
def test_the_end_of_a_process_is_seen_where_somebody_else_waits_for_it(reaper: str) -> None:
    done = run_with_a_job(f"""
    import signal, threading
    from psbridge import JobGroup
    def reap():
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                time.sleep(0.01)
    {reaper}
    os.kill(pid, 9)
    assert job.wait(30)
    print(job.state)
    job.stop()
    job.remove(force=True)
    end = shell.start(JobGroup.map(os._exit, [3], executor="process"))
    assert end.wait(30)
    print(end.children[0].reason)
    shell.close()
    """)
    assert (done.returncode, done.stderr) == (0, "")
    state, reason = done.stdout.splitlines()
    assert state == "Failed"
    assert "the process that did the work ended" in reason
