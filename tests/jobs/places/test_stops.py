"""A stop is the same in each place: the hook is called once, where the work is, and harms none."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conditions import until

from psbridge import JobGroup, Session

worker_jobs = pytest.importorskip("worker_jobs")
Noting, AsyncNoting = worker_jobs.Noting, worker_jobs.AsyncNoting
NotingItsStop, AsyncNotingItsStop = worker_jobs.NotingItsStop, worker_jobs.AsyncNotingItsStop

PLACES = ["thread", "process", "async", "pool of threads", "pool of processes"]


@pytest.fixture(scope="module")
def executors() -> Iterator[dict[str, Any]]:
    spawn = multiprocessing.get_context("spawn")
    with (
        concurrent.futures.ThreadPoolExecutor(2) as threads,
        concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as processes,
    ):
        yield {"pool of threads": threads, "pool of processes": processes}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def lines(notes: Path) -> list[str]:
    return notes.read_text("utf-8").splitlines() if notes.exists() else []


@pytest.mark.parametrize("place", PLACES)
def test_the_hook_is_called_once_and_where_the_work_is(
    shell: Session, executors: dict[str, Any], notes: Path, place: str
) -> None:
    make = AsyncNotingItsStop if place == "async" else NotingItsStop
    job = make(notes)
    handle = shell.start(JobGroup([job], executor=executors.get(place, place)))
    until(lambda: lines(notes), 30)
    began = lines(notes)[0]
    pid = began.removeprefix("began ")
    assert (pid == str(os.getpid())) == (place not in ("process", "pool of processes"))
    handle.stop()
    assert handle.state == "Stopped"
    until(lambda: len(lines(notes)) > 1)
    # A second call would have come by the end of a job after it, in the same place.
    after = shell.start(
        JobGroup(
            [AsyncNoting(notes) if place == "async" else Noting(notes)],
            executor=executors.get(place, place),
        )
    )
    until(lambda: len(lines(notes)) > 2, 30)
    after.stop()
    assert [line for line in lines(notes) if line.startswith("stop")] == [f"stop {pid}"]


@pytest.mark.parametrize("harm", ["write", "exit", "wait"])
@pytest.mark.parametrize("place", ["process", "thread"])
def test_the_next_job_runs_and_can_be_stopped_whatever_a_hook_does(
    shell: Session, tmp_path: Path, place: Any, harm: str
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    jobs = [NotingItsStop(first, harm), Noting(second), Noting(tmp_path / "third", "end")]
    handle = shell.start(JobGroup(jobs, executor=place, throttle_limit=1))
    until(lambda: lines(first), 30)
    handle.children[0].stop()
    until(lambda: len(lines(first)) == 2)  # its hook has been called
    until(lambda: lines(second), 30)
    handle.children[1].stop()
    assert handle.wait(30)
    assert [child.state for child in handle.children] == ["Stopped", "Stopped", "Completed"]
    if place == "process":  # none of this cost the process
        assert lines(first)[0] == lines(second)[0]


@pytest.mark.parametrize("place", PLACES)
def test_who_raises_stop_requested_without_a_stop_has_failed(
    shell: Session, executors: dict[str, Any], notes: Path, place: str
) -> None:
    make = AsyncNoting if place == "async" else Noting
    job = make(notes, "raise StopRequested")
    handle = shell.start(JobGroup([job], executor=executors.get(place, place)))
    assert handle.wait(30)
    assert (handle.state, handle.reason) == ("Failed", "StopRequested")


@pytest.mark.parametrize("place", PLACES)
def test_who_raises_stop_requested_at_a_stop_is_stopped(
    shell: Session, executors: dict[str, Any], notes: Path, place: str
) -> None:
    make = AsyncNoting if place == "async" else Noting
    job = make(notes, "raise StopRequested when stopped")
    handle = shell.start(JobGroup([job], executor=executors.get(place, place)))
    until(lambda: lines(notes), 30)
    handle.stop()
    assert (handle.state, handle.reason) == ("Stopped", None)
