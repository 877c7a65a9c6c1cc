"""The same jobs in each place: a thread, a process, a loop, executors, a real Dask cluster."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import (
    DeclarationError,
    FunctionJob,
    Job,
    JobFailed,
    JobGroup,
    JobHandle,
    Retry,
    Session,
    WorkerError,
    WorkerLost,
)
from tests.conftest import RunPython

worker_jobs = pytest.importorskip("worker_jobs")
WorkerJob, AsyncWorkerJob = worker_jobs.WorkerJob, worker_jobs.AsyncWorkerJob

OTHER_PROCESS = ["process", "pool of processes", "dask"]
PLACES = ["thread", "pool of threads", *OTHER_PROCESS]


@pytest.fixture(scope="module")
def executors() -> Iterator[Callable[[str], Any]]:
    made: dict[str, Any] = {}
    closing: list[Callable[[], Any]] = []

    def executor(place: str) -> Any:
        if place in ("thread", "process", "async"):
            return place
        if place not in made:
            if place == "pool of threads":
                made[place] = concurrent.futures.ThreadPoolExecutor(4)
                closing.append(made[place].shutdown)
            elif place == "pool of processes":
                spawn = multiprocessing.get_context("spawn")
                made[place] = concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn)
                closing.append(made[place].shutdown)
            else:
                from distributed import Client, LocalCluster

                cluster = LocalCluster(
                    n_workers=2, threads_per_worker=2, dashboard_address=":0", silence_logs=50
                )
                client = Client(cluster)
                made[place] = client.get_executor()
                closing.extend([cluster.close, client.close])
        return made[place]

    yield executor
    for close in reversed(closing):
        close()


@pytest.fixture
def start(shell: Session, executors: Callable[[str], Any]) -> Callable[..., JobHandle]:
    def start(place: str, *jobs: Job, **options: Any) -> JobHandle:
        return shell.start(JobGroup(list(jobs), executor=executors(place), **options))

    return start


@pytest.mark.parametrize("place", PLACES)
def test_all_that_is_written_arrives_in_order(
    start: Callable[..., JobHandle], shell: Session, place: str
) -> None:
    handle = start(place, WorkerJob())
    assert handle.wait(30)
    merged = "param($j) Receive-Job $j -Keep *>&1 | ForEach-Object { $_.GetType().Name }"
    assert shell.run(merged, j=handle.net)[:3] == ["String", "WarningRecord", "ErrorRecord"]
    result = handle.receive()
    assert (result[0], result[-1]) == ("first", "last")
    assert (result[1] == os.getpid()) == (place not in OTHER_PROCESS)
    (error,) = result.errors
    assert (error.error_id, error.category, error.target) == (
        "FileNotFoundError", "ObjectNotFound", "a.txt"
    )  # fmt: skip
    assert [str(warning) for warning in result.warnings] == ["careful"]
    assert handle.children[0].net.Progress[0].PercentComplete == 50


@pytest.mark.parametrize("place", PLACES)
def test_a_failure_arrives_with_its_traceback(start: Callable[..., JobHandle], place: str) -> None:
    handle = start(place, WorkerJob("fail"))
    with pytest.raises(JobFailed, match="ValueError: not today") as caught:
        handle.result(30)
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.result[0] == "first"
    assert "in run" in handle.children[0].net.JobStateInfo.Reason.PythonTraceback


@pytest.mark.parametrize("place", OTHER_PROCESS)
def test_an_exception_that_cannot_come_is_described(
    start: Callable[..., JobHandle], place: str
) -> None:
    with pytest.raises(JobFailed, match="Unpicklable: 1 and 2") as caught:
        start(place, WorkerJob("fail strangely")).result(30)
    assert isinstance(caught.value.__cause__, WorkerError)


@pytest.mark.parametrize("place", ["process", "pool of processes"])
def test_a_value_that_cannot_come_is_an_error_and_nothing_else_is_lost(
    start: Callable[..., JobHandle], place: str
) -> None:
    handle = start(place, WorkerJob("write strangely"))
    assert handle.wait(30)
    result = handle.receive()
    assert (result[0], result[-1]) == ("first", "last")
    assert "cannot go to another process" in result.errors[-1].message


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", ["wait", "spin"])
def test_a_stop_reaches_it(start: Callable[..., JobHandle], place: str, mode: str) -> None:
    handle = start(place, WorkerJob(mode))
    until(lambda: handle.children[0].net.Output.Count == 2)
    assert handle.state == "Running"
    began = time.monotonic()
    handle.stop()
    assert time.monotonic() - began < 5
    assert (handle.state, handle.receive()[0]) == ("Stopped", "first")


@pytest.mark.parametrize("place", ["thread", "pool of processes", "dask"])
def test_work_that_is_stuck_is_given_up(start: Callable[..., JobHandle], place: str) -> None:
    handle = start(place, WorkerJob("sleep"))
    until(lambda: handle.children[0].net.Progress.Count == 2)
    began = time.monotonic()
    handle.stop()
    assert time.monotonic() - began < 4
    assert "was given up" in str(handle.receive().warnings[-1])


@pytest.mark.parametrize("place", [*PLACES, "async"])
def test_async_work_runs_and_is_cancelled(start: Callable[..., JobHandle], place: str) -> None:
    assert start(place, AsyncWorkerJob()).result(30) == ["first", "last"]
    handle = start(place, AsyncWorkerJob(100))
    until(lambda: handle.children[0].net.Output.Count == 1)
    handle.stop()
    assert handle.state == "Stopped"


@pytest.mark.parametrize("place", PLACES)
def test_a_time_limit_and_retries_hold(start: Callable[..., JobHandle], place: str) -> None:
    limited = WorkerJob("wait")
    limited.timeout = 3  # of this one: a process that starts on a busy machine may take as long
    handle = start(place, limited, WorkerJob("fail"), retry=Retry(1))
    assert handle.wait(60)
    slow, failing = handle.children
    assert slow.reason == "TimeoutError: the work did not end within 3 seconds"
    assert failing.net.StatusMessage == "retry 1 of 1 after ValueError: not today"
    assert [value for value in failing.receive() if value == "first"] == ["first"] * 2


def test_a_process_that_ends_fails_its_job_and_the_next_has_another(
    start: Callable[..., JobHandle],
) -> None:
    handle = start("process", WorkerJob("exit"), WorkerJob(), throttle_limit=1)
    assert handle.wait(30)
    assert [child.state for child in handle.children] == ["Failed", "Completed"]
    with pytest.raises(JobFailed, match="ended with exit code 3") as caught:
        handle.result()
    assert isinstance(caught.value.__cause__, WorkerLost)


def test_a_job_that_cannot_go_says_so(start: Callable[..., JobHandle]) -> None:
    with pytest.raises(JobFailed, match="cannot go to another process"):
        start("process", FunctionJob(lambda: 1)).result(30)


def test_pausing_is_refused_in_another_process(start: Callable[..., JobHandle]) -> None:
    class Pausable(Job):
        pausable = True

    with pytest.raises(DeclarationError, match="pausable job runs with"):
        start("process", Pausable())


def test_thousands_of_async_jobs_share_a_thread(start: Callable[..., JobHandle]) -> None:
    before = threading.active_count()
    handle = start("async", *(AsyncWorkerJob(0.05) for _ in range(2000)), throttle_limit=1000)
    assert threading.active_count() <= before + 2
    assert len(handle.result(60)) == 4000


def test_work_on_the_loop_has_to_be_async(start: Callable[..., JobHandle]) -> None:
    with pytest.raises(JobFailed, match="is not async"):
        start("async", FunctionJob(int)).result(30)


def test_an_executor_that_is_shut_down_fails_the_job(shell: Session) -> None:
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(JobFailed, match="RuntimeError: cannot schedule"):
        shell.start(JobGroup([FunctionJob(int)], executor=pool)).result(30)


@pytest.mark.parametrize("made", [list, iter], ids=["a list", "an iterator"])
def test_each_child_of_a_group_runs_where_its_class_says(shell: Session, made: Any) -> None:
    jobs = [worker_jobs.Apart(), worker_jobs.WorkerJob(), worker_jobs.Apart()]
    handle = shell.start(JobGroup(made(jobs), throttle_limit=1))
    handle.wait(60)
    first, second, third = (child.receive()[1] for child in handle.children)
    assert second == os.getpid()
    assert first == third != second  # one process for each place that the group has


def test_a_group_overrules_the_classes_of_its_children(shell: Session) -> None:
    handle = shell.start(JobGroup([worker_jobs.Apart()], executor="thread"))
    assert handle.result(60)[1] == os.getpid()


def test_a_job_alone_and_a_group_of_one_run_in_the_same_place(shell: Session) -> None:
    for work in (worker_jobs.Apart(), JobGroup([worker_jobs.Apart()])):
        assert shell.start(work).result(60)[1] != os.getpid()
    assert JobGroup([worker_jobs.OnLoop(), worker_jobs.OnLoop()]).executor == "async"


def test_a_loop_is_for_a_whole_group(shell: Session) -> None:
    with pytest.raises(DeclarationError, match=r"OnLoop runs with executor=\"async\""):
        shell.start(JobGroup([worker_jobs.OnLoop(), worker_jobs.Apart()]))
    handle = shell.start(JobGroup(iter([worker_jobs.OnLoop()])))
    handle.wait(30)
    assert handle.state == "Failed"
    assert "OnLoop" in (handle.reason or "")


def test_an_executor_of_a_class_is_stopped_before_it_is_waited_for_at_exit(
    run_python: RunPython,
) -> None:
    code = """
import time
from concurrent.futures import ThreadPoolExecutor
from psbridge import Job, JobGroup, Session

class Pooled(Job):
    executor = ThreadPoolExecutor(1)
    def run(self):
        yield "begun"
        while True:
            time.sleep(0.01)
            self.check_stop()

shell = Session()
job = shell.start(JobGroup(Pooled() for _ in range(1)))
while not job.has_more_data:
    time.sleep(0.01)
print("over")
"""
    done = run_python(code, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("over\n", "", 0)
