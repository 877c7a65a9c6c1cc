"""Jobs whose values, records and states are gone through as they come."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conditions import until
from six_kinds import KINDS

from psbridge import (
    Job,
    JobFailed,
    JobGroup,
    JobHandle,
    JobStopped,
    Result,
    Session,
    SessionClosedError,
)

if TYPE_CHECKING:
    from ..conftest import RunPython
    from .conftest import Starter

KINDS_WITH_AN_END = [kind for kind in KINDS if kind != "event"]
ALL = [
    ("output", "a"),
    ("warning", "w"),
    ("output", "b"),
    ("error", "e"),
    ("verbose", "v"),
    ("information", "i"),
    ("output", "c"),
]


def of_kind(kind: str) -> list[tuple[str, str]]:
    """What a job of a kind has of it: one of events has its output, and its errors behind that."""
    if kind != "event":
        return ALL
    return [*(each for each in ALL if each[0] == "output"), ("error", "e")]


def went_through(job: JobHandle) -> list[Any]:
    """The values of a job; one of PowerShell's events ends as stopped."""
    values: list[Any] = []
    try:
        for value in job:
            values.append(value)
    except JobStopped:
        assert job.state == "Stopped"
    return values


def test_its_values_come_and_then_it_has_ended(start: Starter) -> None:
    job = start("records")
    assert went_through(job) == ["a", "b", "c"]
    assert job.finished
    assert went_through(job) == []
    assert job.receive().warnings == []


def test_all_streams_come_in_the_order_of_writing(start: Starter, kind: str, go: Path) -> None:
    before = time.time()
    job = start("records" if kind == "event" else "late")
    follows = job.records()
    go.touch()
    records = list(follows)
    assert [(each.stream, str(each.value)) for each in records] == of_kind(kind)
    machines = {"process": "localhost", "remote": "127.0.0.1"}
    assert {each.origin for each in records} == {machines.get(kind)}
    assert all(before - 1 < each.time.timestamp() < time.time() + 1 for each in records)
    assert {each.job for each in records} == set(job.children or [job])
    assert list(job.records()) == []


@pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)
def test_progress_comes_in_the_order_of_writing(start: Starter, go: Path) -> None:
    job = start("progress")
    follows = job.records()
    go.touch()
    seen = [each.value.percent if each.stream == "progress" else each.value for each in follows]
    assert seen == ["a", 40, "b", 100, "c"]
    assert job.progress is not None
    assert job.progress.percent == 100


@pytest.mark.parametrize("kind", ["process", "remote"], indirect=True)
def test_what_receive_job_has_shown_does_not_come_again(
    start: Starter, shell: Session, go: Path
) -> None:
    job = start("verbose")
    until(lambda: len(job.receive(keep=True).debug) == 1)
    shown = shell.run("param($j) Receive-Job $j", j=job)
    assert shown == ["a"]
    assert [*map(str, shown.verbose), *map(str, shown.debug)] == ["v1", "d1"]
    assert (job.receive(keep=True).verbose, job.receive(keep=True).debug) == ([], [])
    go.touch()
    assert [(each.stream, str(each.value)) for each in job.records()] == [
        ("verbose", "v2"),
        ("output", "b"),
    ]


@pytest.mark.parametrize("kind", ["process", "remote"], indirect=True)
@pytest.mark.parametrize("ours", ["receive", "records"])
def test_each_record_comes_once_to_whoever_receives_it(
    start: Starter, shell: Session, ours: str
) -> None:
    job = start("many")
    seen: list[str] = []

    def receive(result: Result[Any]) -> None:
        for stream, values in (("output", result), *result._by_stream().items()):
            seen.extend(f"{stream} {value}" for value in values)

    def receive_natively() -> None:
        receive(shell.run("param($j) Receive-Job $j", j=job))

    if ours == "records":
        for record in job.records():
            seen.append(f"{record.stream} {record.value}")
            if record.stream == "output":
                receive_natively()
    while not job.finished:
        receive(job.receive())
        receive_natively()
    receive(job.receive())
    receive_natively()
    expected = [f"{s} {n}" for n in range(1, 201) for s in ("output", "verbose", "warning")]
    assert sorted(seen) == sorted(expected)


def test_what_was_shown_before_the_first_handle_does_not_come_again(shell: Session) -> None:
    code = "'a'; Write-Verbose v -Verbose; Write-Debug d -Debug"
    shown = shell.run(f"$job = Start-Job {{ {code} }}; $job | Wait-Job | Receive-Job")
    assert [*map(str, shown.verbose), *map(str, shown.debug)] == ["v", "d"]
    (job,) = shell.jobs
    assert list(job.records()) == []
    assert job.result().verbose == []


def test_a_job_without_an_order_is_followed_in_the_order_of_writing(
    shell: Session, go: Path
) -> None:
    """Also while it writes faster than it is read."""
    script = (
        "param($go) while (-not (Test-Path $go)) { Start-Sleep -Milliseconds 5 }; "
        "foreach ($n in 1..20000) { $n; Write-Warning $n }"
    )
    job = shell.start_thread_job(script, go)
    follows = job.records()
    go.touch()
    seen = [(each.stream, str(each.value)) for each in follows]
    assert seen == [(stream, str(n)) for n in range(1, 20_001) for stream in ("output", "warning")]


def test_it_is_followed_with_async_for(start: Starter, kind: str, go: Path) -> None:
    async def main() -> list[tuple[str, str]]:
        follows = start("records" if kind == "event" else "late").records()
        asyncio.get_running_loop().call_later(0.1, go.touch)
        return [(each.stream, str(each.value)) async for each in follows]

    assert asyncio.run(main()) == of_kind(kind)


@pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)
def test_a_value_comes_while_the_job_runs(start: Starter, go: Path) -> None:
    job = start("wait")
    values = iter(job)
    assert next(values) == "a"
    assert not job.finished
    go.touch()
    assert list(values) == ["b"]


@pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)
def test_a_failure_is_raised_behind_the_values(start: Starter) -> None:
    job = start("fail")
    values = iter(job)
    assert next(values) == "a"
    with pytest.raises(JobFailed, match="no more"):
        next(values)
    last = list(start("fail").records())[-1]
    assert last.stream == "error"
    assert "no more" in str(last.value)


@pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)
def test_a_loop_that_is_left_leaves_the_rest_in_the_job(
    start: Starter, kind: str, shell: Session
) -> None:
    job = start("records")
    assert job.wait(60)
    for record in job.records():
        assert record.value == "a"
        break
    native = shell.run("param($j) Receive-Job $j 2>&1 | % { [string]$_ }", j=job.net)
    in_blocks = kind in ("thread", "parallel")
    assert native == (["b", "c", "e"] if in_blocks else ["b", "e", "c"])


@pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)
def test_what_a_loop_gives_back_comes_in_another_one(start: Starter) -> None:
    job = start("records")
    assert job.wait(60)
    left = job.records()
    first = next(left)
    other = job.records()
    left.close()
    both = [first, *other]
    assert sorted(str(each.value) for each in both) == sorted(said for _, said in of_kind("python"))


@pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)
def test_states_come_until_the_end(start: Starter, go: Path) -> None:
    job = start("wait")
    events = job.events()
    seen = [next(events)]
    go.touch()
    seen += events
    assert {each.job for each in seen} == {job, *job.children}
    for one in (job, *job.children):
        states = [each.state for each in seen if each.job == one]
        assert states[-1] == "Completed"
        assert len(set(states)) == len(states)
    assert [each.time for each in seen] == sorted(each.time for each in seen)


@pytest.mark.parametrize("kind", KINDS_WITH_AN_END, indirect=True)
def test_the_reason_of_a_failure_is_nowhere_twice(start: Starter) -> None:
    job = start("fail")
    assert job.wait(60)
    for record in job.records():
        assert record.value == "a"
        break
    later = [str(each.value) for each in job.records()]
    assert len(set(later)) == len(later)
    with job.records() as records:  # only the reasons are left: they are not taken
        assert [str(each.value) for each in records] != []
    assert len(job.receive().errors) == len(list(job.records()))


def test_an_async_loop_goes_on_in_another_event_loop(shell: Session) -> None:
    async def one(values: Any) -> Any:
        async for value in values:
            return value
        return None

    values = iter(shell.start_job("1; Start-Sleep -Milliseconds 300; 2; Start-Sleep 1; 3"))
    assert [asyncio.run(one(values)) for _ in range(4)] == [1, 2, 3, None]


def test_a_job_that_asks_is_answered_by_who_follows_its_states(shell: Session) -> None:
    async def states(job: JobHandle) -> list[str]:
        return [event.state async for event in job.events()]

    def ask() -> JobHandle:
        return shell.start_job("1; Read-Host name; 2")

    followed = [event.state for event in ask().events()]
    for seen in (followed, asyncio.run(asyncio.wait_for(states(ask()), 60))):
        assert "Blocked" in seen
        assert seen[-1] == "Completed"


@pytest.mark.parametrize("call", ["wait", "exception", "receive", "for", "events", "kill"])
def test_a_process_that_dies_while_it_asks_fails_its_job(shell: Session, call: str) -> None:
    job = shell.start_job("$PID; Read-Host name")
    until(lambda: job.state == "Blocked")
    (pid,) = job.receive(keep=True)
    if call == "kill":
        job.kill()
    else:
        os.kill(pid, signal.SIGKILL)
        if call == "for":
            with pytest.raises(JobFailed):
                list(job)
        elif call == "events":
            assert list(job.events())[-1].state == "Failed"
        else:
            getattr(job, call)()
    assert job.wait(60)
    assert job.state == "Failed"


def test_jobs_below_children_are_followed(shell: Session) -> None:
    class Outer(Job):
        def run(self) -> Iterator[object]:
            yield "outer"
            yield from shell.start(JobGroup.map(str, range(3)))

    assert (
        sorted(shell.start(JobGroup([Outer(), Outer()])))
        == ["0", "0", "1", "1", "2", "2"] + ["outer"] * 2
    )


def test_two_loops_share_what_comes(shell: Session) -> None:
    def count() -> Iterator[int]:
        yield from range(10_000)

    job = shell.start(count)
    found: list[list[int]] = [[], []]
    threads = [threading.Thread(target=lambda own=own: own.extend(job)) for own in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(itertools.chain(*found)) == list(range(10_000))


@pytest.mark.parametrize("kind", ["python", "thread"])
def test_two_threads_share_one_stream(shell: Session, kind: str) -> None:
    many = range(1, 30_001)
    for _ in range(3):
        job = shell.start_thread_job("1..30000") if kind == "thread" else shell.start(many.__iter__)
        stream = iter(job)
        found: list[list[int]] = [[], []]
        threads = [threading.Thread(target=own.extend, args=(stream,)) for own in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(itertools.chain(*found)) == list(many)


def test_children_that_come_later_are_followed(shell: Session) -> None:
    class One(Job):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def run(self) -> int:
            return self.number

    group = JobGroup((One(number) for number in range(50)), throttle_limit=2)
    assert sorted(shell.start(group)) == list(range(50))


def test_a_job_is_followed_while_its_session_is_busy(shell: Session) -> None:
    from System.Threading import ManualResetEventSlim

    entered, go_on = ManualResetEventSlim(False), ManualResetEventSlim(False)
    busy = threading.Thread(
        target=shell.run, args=("$args[0].Set(); [void]$args[1].Wait(60000)", entered, go_on)
    )
    job = shell.start(lambda: "done")
    busy.start()
    assert entered.Wait(30_000)
    try:
        assert list(job) == ["done"]
        assert job.result(30) == []
    finally:
        go_on.Set()
        busy.join()


def test_a_question_of_a_job_in_another_process_is_answered(shell: Session) -> None:
    with shell.answering(["Ann"]):
        assert list(shell.start_job("1; Read-Host name; 2")) == [1, "Ann", 2]


def test_a_job_whose_session_is_closed_ends_the_loop(shell: Session) -> None:
    began = threading.Event()

    def work() -> Iterator[int]:
        yield 1
        began.set()
        while True:
            time.sleep(0.01)
            yield 2

    job = shell.start(work)
    seen: list[object] = []

    def follow() -> None:
        try:
            for value in job:
                seen.append(value)
        except (JobStopped, SessionClosedError) as error:
            seen.append(type(error))

    thread = threading.Thread(target=follow)
    thread.start()
    until(lambda: seen)
    shell.close()
    thread.join(30)
    assert seen[-1] in (JobStopped, SessionClosedError)


def test_what_was_given_is_let_go_of(run_python: RunPython) -> None:
    """By itself each of a million values would be 100 bytes of .NET's and more."""
    code = """
from psbridge import Job, Session

class Many(Job):
    def run(self):
        for number in range(1_000_000):
            yield number

def held():
    import System
    return System.GC.GetTotalMemory(True)

with Session() as shell:
    for _ in shell.start(len, "a"): pass
    before = held()
    job = shell.start(Many())
    for number, value in enumerate(job):
        assert number == value
    print(number, held() - before, job.state)
"""
    ran = run_python(code, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")
    number, grown, state = ran.stdout.split()
    assert (int(number), state) == (999_999, "Completed")
    assert int(grown) < 10_000_000


@pytest.mark.parametrize(
    "wait",
    [
        "for _ in job: pass",
        "for _ in job.records(): pass",
        "job.wait()",
        "job.result()",
        "wait([job])",
        "list(as_completed([job]))",
        "while True: job.receive()",
        "asyncio.run(gone_through())",
        "asyncio.run(awaited())",
    ],
)
def test_ctrl_c_ends_the_loop_at_once(run_python: RunPython, wait: str) -> None:
    code = f"""
import asyncio, os, signal, threading, time
from psbridge import Session, as_completed, wait
async def gone_through():
    async for _ in job: pass
async def awaited():
    await job
with Session() as shell:
    job = shell.start(lambda: time.sleep(20))
    sent = []
    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(0.5, interrupt).start()
    try:
        {wait}
    except KeyboardInterrupt:
        print(time.monotonic() - sent[0], job.state)
"""
    ran = run_python(code)
    assert (ran.returncode, ran.stderr) == (0, "")
    seconds, state = ran.stdout.split()
    assert float(seconds) < 0.2
    assert state == "Running"
