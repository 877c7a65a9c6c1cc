"""A job that asks the session that waits for it gets an error, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conditions import until

import psbridge
from psbridge import Cmdlet, JobFailed, JobGroup, JobHandle, Session

SAID = "this job asks its session for something, and the session waits for this job"


class Asks:
    """A job's work that asks the session."""

    def __init__(self, shell: Session) -> None:
        self.shell = shell

    def __call__(self) -> Any:
        return self.shell.run("'answer'").one()


class Late(Asks):
    """The same, once the session runs something."""

    def __init__(self, shell: Session, begun: threading.Event) -> None:
        super().__init__(shell)
        self.begun = begun

    def __call__(self) -> Any:
        assert self.begun.wait(30)
        until(lambda: self.shell._pipeline is not None)
        return super().__call__()


@pytest.mark.parametrize(
    "wait",
    [
        "Wait-Job -Job $job",
        "$job | Wait-Job",
        "Wait-Job -Id $job.Id",
        "Receive-Job $job -Wait -ErrorAction SilentlyContinue",
        "Wait-Job -Job $job.ChildJobs",
    ],
)
def test_a_command_that_waits_for_the_job(shell: Session, wait: str) -> None:
    begun = threading.Event()
    shell.variables["job"] = (job := shell.start(Late(shell, begun))).net
    begun.set()
    shell.run(wait, timeout=60)
    with pytest.raises(JobFailed, match=SAID) as failed:
        job.result(10)
    assert isinstance(failed.value.__cause__, RuntimeError)
    assert shell.run("'free'") == ["free"]


def go_through(job: JobHandle) -> None:
    with contextlib.suppress(JobFailed):
        list(job)


# How Python code waits for a job.
WAITS: list[Callable[[JobHandle], object]] = [
    JobHandle.wait,
    JobHandle.exception,
    lambda job: psbridge.wait([job]),
    lambda job: psbridge.wait([job], return_when="FIRST_COMPLETED"),
    lambda job: list(psbridge.as_completed([job])),
    go_through,
]
NAMES = ["wait", "exception", "wait for all", "wait for the first", "as_completed", "loop"]


@pytest.mark.parametrize("wait", WAITS, ids=NAMES)
def test_python_code_that_waits_for_the_job(
    shell: Session, wait: Callable[[JobHandle], object]
) -> None:
    begun = threading.Event()
    job = shell.start(Late(shell, begun))

    def wait_for_it() -> None:
        wait(job)

    shell.functions["Wait-It"] = wait_for_it
    begun.set()
    shell.run("Wait-It", timeout=60, check=True)
    with pytest.raises(JobFailed, match=SAID):
        job.result(10)


def test_a_wait_for_several_jobs_that_all_ask(shell: Session) -> None:
    begun = threading.Event()
    jobs = [shell.start(Late(shell, begun)) for _ in range(3)]

    def wait_for_them() -> None:
        psbridge.wait(jobs)

    shell.functions["Wait-Them"] = wait_for_them
    begun.set()
    shell.run("Wait-Them", timeout=60, check=True)
    assert {job.state for job in jobs} == {"Failed"}


@pytest.mark.parametrize("between", [1, 3])
@pytest.mark.parametrize("how", WAITS, ids=NAMES)
@pytest.mark.parametrize("wait", ["Wait-Job $args[0]", "Wait-It $args[0]"])
def test_a_wait_for_the_job_over_other_jobs(
    shell: Session, wait: str, how: Callable[[JobHandle], object], between: int
) -> None:
    begun = threading.Event()
    jobs = [shell.start(Late(shell, begun))]
    for _ in range(between):
        jobs.append(shell.start(how, jobs[-1]))
    shell.functions["Wait-It"] = lambda job: shell.jobs[job.Id].wait()
    begun.set()
    shell.run(wait, jobs[-1], timeout=60, check=True)
    with pytest.raises(JobFailed, match=SAID):
        jobs[0].result(10)
    assert jobs[-1].state == "Completed"


def test_a_loop_over_a_stream_that_waits_for_the_job(shell: Session) -> None:
    job = None
    for _ in shell.stream("1..1000"):
        job = shell.jobs.start(JobGroup([_job(Asks(shell))]))
        assert job.wait()
        break
    assert job is not None
    with pytest.raises(JobFailed, match=SAID):
        job.result(10)


def test_a_cmdlet_that_waits_for_the_job(shell: Session) -> None:
    class WaitHere(Cmdlet, verb="Wait", noun="Here"):
        """Wait."""

        def process(self) -> str:
            job = shell.jobs["asks"]
            job.wait()
            return job.state

    shell.import_cmdlets(WaitHere)

    begun = threading.Event()
    shell.start(JobGroup([_job(Late(shell, begun))], name="asks"))
    begun.set()
    assert shell.run("Wait-Here", timeout=60) == ["Failed"]


def test_async_work_too(shell: Session) -> None:
    begun = threading.Event()

    async def work() -> Any:
        await asyncio.sleep(0.01)
        return Late(shell, begun)()

    shell.variables["job"] = (job := shell.start(work)).net
    begun.set()
    shell.run("Wait-Job -Job $job", timeout=60)
    with pytest.raises(JobFailed, match=SAID):
        job.result(10)


@pytest.mark.parametrize("how", ["arun", "astream"])
def test_async_calls_too(shell: Session, how: str) -> None:
    begun = threading.Event()

    async def work() -> Any:
        await asyncio.to_thread(begun.wait, 30)
        await asyncio.to_thread(until, lambda: shell._pipeline is not None)
        if how == "arun":
            return await shell.arun("1")
        return [value async for value in shell.astream("1")]

    shell.variables["job"] = (job := shell.start(work)).net
    begun.set()
    shell.run("Wait-Job -Job $job", timeout=60)
    with pytest.raises(JobFailed, match=SAID):
        job.result(10)


def test_a_job_may_ask_a_session_that_is_busy_with_something_else(shell: Session) -> None:
    job = shell.start(Asks(shell))
    shell.run("Start-Sleep -Milliseconds 600")
    assert job.result(30) == ["answer"]


def test_a_job_of_another_session_too(shell: Session) -> None:
    begun = threading.Event()
    with Session() as other:
        shell.variables["job"] = (job := other.start(Late(shell, begun))).net
        begun.set()
        shell.run("Wait-Job -Job $job", timeout=60)
        with pytest.raises(JobFailed, match=SAID):
            job.result(10)


def test_a_job_may_ask_while_another_session_waits_for_it(shell: Session) -> None:
    with Session() as other:
        other.variables["job"] = (job := shell.start(Asks(shell))).net
        other.run("Wait-Job -Job $job", timeout=60)
        assert job.result(10) == ["answer"]


def test_a_wait_with_an_end_is_no_deadlock(shell: Session) -> None:
    begun = threading.Event()
    shell.variables["job"] = (job := shell.start(Late(shell, begun))).net
    begun.set()
    shell.run("Wait-Job -Job $job -Timeout 1")
    assert job.result(30) == ["answer"]


def _job(work: Any) -> Any:
    from psbridge import FunctionJob

    return FunctionJob(work)


# ---- Over another session ----


@pytest.fixture
def other() -> Iterator[Session]:
    with Session() as session:
        yield session


CIRCLE = "neither would ever end"


def test_python_code_that_waits_for_a_job_of_another_session(
    shell: Session, other: Session
) -> None:
    begun = threading.Event()
    job = other.start(Late(shell, begun))
    shell.functions["Wait-It"] = lambda: job.wait()
    begun.set()
    assert shell.run("Wait-It", timeout=60, check=True) == [True]
    with pytest.raises(JobFailed, match=SAID):
        job.result(10)


@pytest.mark.parametrize("wait", ["Wait-Job $job", "Wait-It"])
def test_a_job_whose_session_waits_for_it_is_asked_by_what_the_job_asks(
    shell: Session, other: Session, wait: str
) -> None:
    begun = threading.Event()
    other.functions["Get-It"] = Late(shell, begun).__call__
    job = shell.start(lambda: other.run("Get-It", check=True))
    shell.variables["job"] = job.net
    shell.functions["Wait-It"] = lambda: job.wait()
    begun.set()
    shell.run(wait, timeout=60, check=True)
    with pytest.raises(JobFailed, match=CIRCLE):
        job.result(10)


@pytest.mark.parametrize("wait", ["Wait-Job $job", "Wait-It"])
def test_a_job_asks_a_session_that_waits_for_the_one_that_waits_for_the_job(
    shell: Session, other: Session, wait: str
) -> None:
    begun = threading.Event()
    job = other.start(Late(shell, begun))
    other.variables["job"] = job.net
    other.functions["Wait-It"] = lambda: job.wait()

    def wait_there() -> None:
        other.run(wait, check=True)

    shell.functions["Wait-There"] = wait_there
    begun.set()
    shell.run("Wait-There", timeout=60, check=True)
    with pytest.raises(JobFailed, match=SAID):
        job.result(10)


def test_code_that_is_run_in_the_loop_over_a_stream_asks_its_session(
    shell: Session, other: Session
) -> None:
    other.functions["Get-It"] = lambda: shell.run("42").one()
    with shell.stream("1..1000") as values:
        assert next(values) == 1
        with pytest.raises(RuntimeError, match=CIRCLE):
            other.run("Get-It", check=True)
    assert other.run("Get-It", check=True) == [42]
