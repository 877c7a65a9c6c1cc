"""The six kinds of job there are, each started to do the same, for what is promised of any job.

A job of any kind reports its progress, 40 percent, writes ``one``, an error and ``two``, and ends
when it is let go. One of Register-ObjectEvent has no progress and does not end by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conditions import until

from psbridge import Job, JobHandle, Session, WinRM
from tests.winrm_server.fixtures import PASSWORD, USER

__all__ = ["KINDS", "Started", "start"]

KINDS = ("python", "process", "parallel", "thread", "event", "remote")


@dataclass
class Started:
    """A job that has written what it writes, and is at work.

    Attributes:
        let_go: lets it end, and waits for that.
        errors: how many errors it has written.
        percent: what its progress says, if it has any.
        children: how many children it has.
        end: the state that it ends in.
    """

    job: JobHandle
    let_go: Callable[[], object]
    errors: int = 1
    percent: float | None = 40.0
    children: int = 1
    end: str = "Completed"


def start(kind: str, shell: Session, folder: Path, machine: Callable[[], Any]) -> Started:
    """Start a job of a kind, and wait until it has written.

    Args:
        kind: one of `KINDS`.
        shell: the session.
        folder: an empty one.
        machine: gives a machine of the WinRM server.
    """
    started = _STARTS[kind](shell, folder / "go", machine)
    job = started.job

    def written() -> bool:
        if kind == "event":
            shell.run("1")  # its events are handled when the session does something
        outputs = [job, *job.children]
        return (
            sum(each.net.Output.Count for each in outputs) == 2 * max(1, len(job.children))
            and job.error_count == started.errors
        )

    until(written)
    return started


def _script(go: Path) -> str:
    return (
        "Write-Progress Counting half -PercentComplete 40; 'one'; Write-Error bad; 'two'; "
        f"while (-not (Test-Path '{go}')) {{ Start-Sleep -Milliseconds 20 }}"
    )


def _ended_by(job: JobHandle, go: Path) -> Callable[[], None]:
    def let_go() -> None:
        go.touch()
        assert job.wait(60)

    return let_go


def _python(shell: Session, go: Path, machine: Any) -> Started:
    released = threading.Event()

    class Counts(Job):
        def run(self) -> None:
            self.write_progress("Counting", "half", percent=40)
            self.write("one")
            self.write_error("bad")
            self.write("two")
            until(lambda: released.is_set() or self.stopping, 120)

    job = shell.start(Counts(name="counts"))

    def let_go() -> None:
        released.set()
        assert job.wait(60)

    return Started(job, let_go)


def _process(shell: Session, go: Path, machine: Any) -> Started:
    job = shell.start_job(_script(go), name="counts")
    return Started(job, _ended_by(job, go))


def _parallel(shell: Session, go: Path, machine: Any) -> Started:
    (net,) = shell.run(f"1, 2 | ForEach-Object -Parallel {{ {_script(go)} }} -AsJob")
    job = JobHandle(net, shell)
    return Started(job, _ended_by(job, go), errors=2, children=2)


def _thread(shell: Session, go: Path, machine: Any) -> Started:
    (net,) = shell.run(f"Start-ThreadJob -Name counts {{ {_script(go)} }}")
    job = JobHandle(net, shell)
    return Started(job, _ended_by(job, go), children=0)


def _event(shell: Session, go: Path, machine: Any) -> Started:
    (net,) = shell.run(
        "$timer = [Timers.Timer]::new(1); $timer.AutoReset = $false; "
        "Register-ObjectEvent $timer Elapsed -SourceIdentifier counts "
        "-Action { 'one'; Write-Error bad; 'two' }; $timer.Start()"
    )
    job = JobHandle(net, shell)
    return Started(job, job.stop, percent=None, children=0, end="Stopped")


def _remote(shell: Session, go: Path, machine: Callable[[], Any]) -> Started:
    there = machine()
    target = WinRM(there.host, port=there.port, auth="ntlm", username=USER, password=PASSWORD)
    job = shell.start_remote(_script(go), target, name="counts")
    return Started(job, _ended_by(job, go))


_STARTS: dict[str, Callable[[Session, Path, Any], Started]] = {
    "python": _python,
    "process": _process,
    "parallel": _parallel,
    "thread": _thread,
    "event": _event,
    "remote": _remote,
}
