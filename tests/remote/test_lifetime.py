"""What becomes of remote work that is dropped, left behind, or there in great numbers."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conditions import until

from psbridge import Session, SessionClosedError

if TYPE_CHECKING:
    from .conftest import Machine

# How the names of threads of sessions begin.
OURS = ("ssh ", *(f"psbridge {does} " for does in ("sends", "receives", "deletes", "logs on")))
LOOP = "$PID; while ($true) { [Threading.Thread]::Sleep(20) }"


def threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def member(of: Any, name: str) -> Any:
    """What a member that the engine keeps for itself holds."""
    from System.Reflection import BindingFlags

    return (
        of.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.NonPublic).GetValue(of)
    )


def test_a_closed_session_leaves_nothing_running(machine: Machine) -> None:
    shell = Session()
    job = shell.start_remote(LOOP, [machine.target(), machine.target()])
    idle, busy = shell.connect(machine.target()), shell.connect(machine.target())
    inner = busy.start(LOOP)
    until(lambda: all(child.net.Output.Count for child in [*job.children, *inner.children]))
    began = time.monotonic()
    shell.close()
    assert time.monotonic() - began < 4
    assert [job.state, inner.state] == ["Stopped", "Stopped"]
    assert (idle.closed, busy.closed) == (True, True)
    for session in (idle, busy):
        with pytest.raises(SessionClosedError):
            session.run("1")
    until(lambda: not (machine.far_processes() or machine.lines()))


def test_a_session_may_close_while_machines_are_opened(machine: Machine) -> None:
    shell = Session()
    job = shell.start_remote("1", [machine.mute() for _ in range(3)])
    until(lambda: machine.lines() >= 3)
    began = time.monotonic()
    shell.close()
    assert time.monotonic() - began < 4
    assert job.state == "Stopped"
    until(lambda: not machine.lines())


def test_a_runspace_closes_while_a_pipeline_in_it_is_disposed_of(
    shell: Session, machine: Machine
) -> None:
    kept = shell.connect(machine.target())
    pipeline = kept._runspace.CreatePipeline(LOOP)
    pipeline.InvokeAsync()
    until(lambda: pipeline.Output.Count)
    # What the engine's own Close would wait for is gone, as in the moment before a pipeline that
    # is disposed of leaves the list of those that run.
    member(pipeline, "PipelineFinishedEvent").Dispose()
    kept.close()
    kept.close()
    until(lambda: not machine.lines())


def test_a_kept_session_that_is_dropped_warns_and_ends(shell: Session, machine: Machine) -> None:
    with pytest.warns(ResourceWarning, match="unclosed <RemoteSession"):
        shell.connect(machine.target()).run("1")
    until(lambda: not machine.lines())


def test_a_job_goes_on_when_its_handle_is_dropped(shell: Session, machine: Machine) -> None:
    shell.start_remote("Start-Sleep -Milliseconds 500; 'done'", machine.target(), name="alone")
    gc.collect()
    assert shell.jobs["alone"].result(60) == ["done"]
    until(lambda: not machine.lines())


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="has no /proc")  # noqa: PTH112
def test_threads_and_descriptors_are_as_before_after_many_sessions(
    shell: Session, machine: Machine
) -> None:
    def round_of(count: int) -> None:
        job = shell.start_remote("$PID", [machine.target() for _ in range(count)], throttle_limit=4)
        assert len(job.result(100)) == count
        job.remove()
        until(lambda: not machine.lines())
        until(lambda: not [t for t in threading.enumerate() if t.name.startswith(OURS)])

    round_of(4)
    before = threads(), descriptors()
    round_of(12)
    # .NET's pool has a few more or less.
    until(lambda: threads() <= before[0] + 4)
    assert descriptors() <= before[1] + 4


def test_a_thousand_commands_on_one_session(shell: Session, machine: Machine) -> None:
    with shell.connect(machine.target()) as web:
        for number in range(200):
            assert web.run("$args[0]", number) == [number]
        before = threads(), descriptors()
        for number in range(800):
            assert web.run("$args[0]", number) == [number]
        assert threads() <= before[0] + 4
        assert descriptors() <= before[1] + 4
