"""What becomes of jobs that are dropped, disposed of, removed, or left behind by their session."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conditions import IMPORT, until

from psbridge import (
    DeclarationError,
    FunctionJob,
    Job,
    JobGroup,
    JobHandle,
    JobStopped,
    PowerShellError,
    Retry,
    Session,
    SessionClosedError,
    StopRequested,
)
from psbridge.jobs import make_parent, start_group


def collect() -> None:
    """Collect what nobody holds, on both sides of the border."""
    import System

    for _ in range(3):
        gc.collect()
        System.GC.Collect()
        System.GC.WaitForPendingFinalizers()


RECEIVE = "param($j, $begun) $null = $begun.Set(); Receive-Job $j -Wait"


class Writer(Job):
    """Writes until it is stopped, and says what ended it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.began = threading.Event()
        self.ended = threading.Event()
        self.end: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self.write("x" * 100)
                self.began.set()
        except BaseException as error:
            self.end = error
            raise
        finally:
            self.ended.set()


class Waiter(Job):
    """Waits until it is told to go on, or is stopped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.began, self.go = threading.Event(), threading.Event()

    def run(self) -> Iterator[str]:
        self.began.set()
        while not self.go.wait(0.005):
            self.check_stop()
        yield "done"


# ---- Dropped ----


def test_a_job_goes_on_when_its_handle_and_its_object_are_dropped(shell: Session) -> None:
    job = Waiter(name="alone")
    go = job.go
    shell.start(job)
    del job
    collect()
    assert shell.jobs["alone"].state == "Running"
    go.set()
    assert shell.jobs["alone"].result(10) == ["done"]


@pytest.mark.parametrize("lazy", [False, True], ids=["list", "generator"])
def test_nothing_holds_a_job_that_has_ended_and_was_removed(shell: Session, lazy: bool) -> None:
    def run(count: int) -> list[weakref.ref[Job]]:
        jobs: list[Job] = [FunctionJob(int) for _ in range(count)]
        handle = shell.start(JobGroup((job for job in jobs) if lazy else list(jobs)))
        assert handle.wait(30)
        handle.remove()
        return [weakref.ref(job) for job in jobs]

    first = run(300)
    # What .NET has held of Python waits in pythonnet's queue until some hundred more are made.
    for _ in range(3):
        collect()
        run(600)
    assert not any(ref() for ref in first)


# ---- Never started, started twice ----


def test_what_is_never_started_does_nothing() -> None:
    asked: list[int] = []

    def jobs() -> Iterator[Job]:
        asked.append(1)
        yield Job()

    threads = threading.active_count()
    group, job = JobGroup(jobs()), Writer()
    ref = weakref.ref(job)
    JobGroup([job])
    del group, job
    gc.collect()
    assert (asked, ref(), threading.active_count()) == ([], None, threads)


@pytest.mark.parametrize("lazy", [False, True], ids=["list", "generator"])
def test_a_group_runs_once(shell: Session, lazy: bool) -> None:
    jobs = [FunctionJob(int, number) for number in range(3)]
    group = JobGroup((job for job in jobs) if lazy else jobs)
    handle = shell.start(group)
    with pytest.raises(DeclarationError, match="has been started before"):
        shell.start(group)
    assert sorted(handle.result(10)) == [0, 1, 2]
    with pytest.raises(DeclarationError, match="has been started before"):
        shell.start(group)
    assert len(shell.jobs) == 1


def test_a_job_that_is_in_two_groups_keeps_the_second_from_starting(shell: Session) -> None:
    shared, other = FunctionJob(int, 1), FunctionJob(int, 2)
    shell.start(JobGroup([shared])).result(10)
    with pytest.raises(DeclarationError, match="has been started before"):
        shell.start(JobGroup([other, shared]))
    assert shell.start(other).result(10) == [2]


def test_of_many_threads_that_start_a_job_one_does(shell: Session) -> None:
    for _ in range(10):
        job = FunctionJob(int, 7)
        started: list[JobHandle] = []
        refused: list[DeclarationError] = []
        barrier = threading.Barrier(4)

        def start(
            job: Job = job,
            started: list[JobHandle] = started,
            refused: list[DeclarationError] = refused,
            barrier: threading.Barrier = barrier,
        ) -> None:
            barrier.wait(10)
            try:
                started.append(shell.start(job))
            except DeclarationError as error:
                refused.append(error)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert (len(started), len(refused)) == (1, 3)
        assert started[0].result(10) == [7]


def test_a_definition_that_gives_a_started_job_fails_with_the_reason(shell: Session) -> None:
    job = FunctionJob(int, 1)
    shell.jobs.define("Once", lambda: job)
    start = "$job = Start-Job -DefinitionName Once; $null = Wait-Job $job; $job"
    states = [JobHandle(shell.run(start)[0], shell) for _ in range(2)]
    assert [handle.state for handle in states] == ["Completed", "Failed"]
    assert "has been started before" in str(states[1].reason)


# ---- Disposed of ----


@pytest.mark.parametrize("which", ["$j", "$j.ChildJobs[0]"], ids=["parent", "child"])
def test_a_job_that_is_disposed_of_while_it_runs_is_stopped(shell: Session, which: str) -> None:
    job = Writer()
    handle = shell.start(job)
    assert job.began.wait(10)
    shell.run(f"param($j) {which}.Dispose(); {which}.Dispose()", j=handle.net)
    assert job.ended.wait(10)
    assert isinstance(job.end, StopRequested)
    assert handle.wait(10)
    assert handle.children[0].state == "Stopped"
    # One child that is stopped does not make its parent Stopped.
    assert handle.state == ("Stopped" if which == "$j" else "Completed")
    assert shell.run("param($j) Stop-Job $j; (Wait-Job $j).Id", j=handle.net) == [handle.id]
    handle.remove()
    assert len(shell.jobs) == 0


def test_a_group_that_is_disposed_of_stops_those_that_run_and_those_that_wait(
    shell: Session,
) -> None:
    jobs = [Waiter() for _ in range(4)]
    handle = shell.start(JobGroup(jobs, throttle_limit=2))
    assert jobs[1].began.wait(10)
    handle.net.Dispose()
    assert handle.wait(10)
    assert {child.state for child in handle.children} == {"Stopped"}
    assert not jobs[2].began.is_set()


def test_a_job_that_has_ended_can_be_disposed_of(shell: Session) -> None:
    handle = shell.start(FunctionJob(int, 1))
    assert handle.wait(10)
    shell.run("param($j) $j.Dispose(); $j.Dispose(); $j.ChildJobs[0].Dispose()", j=handle.net)
    # The child may still be telling that it has ended; what is left is disposed of after that.
    until(lambda: not handle.has_more_data)
    assert (handle.state, handle.has_more_data, handle.receive()) == ("Completed", False, [])
    assert shell.run("(Get-Job).Id") == [handle.id]
    handle.remove()
    assert len(shell.jobs) == 0


def test_the_work_may_dispose_of_its_own_job(shell: Session) -> None:
    go = threading.Event()
    handles: list[JobHandle] = []

    def work() -> Iterator[int]:
        assert go.wait(10)
        handles[0].net.Dispose()
        yield 1

    handles.append(shell.start(JobGroup([FunctionJob(work), FunctionJob(work)], throttle_limit=1)))
    go.set()
    assert handles[0].wait(10)
    assert handles[0].state == "Stopped"


def test_a_job_may_be_disposed_of_by_many_threads_in_the_moment_in_which_it_ends(
    shell: Session,
) -> None:
    for _ in range(30):
        job = Waiter()
        handle = shell.start(job)
        barrier = threading.Barrier(3)

        def dispose(handle: JobHandle = handle, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(10)
            handle.net.Dispose()

        threads = [threading.Thread(target=dispose) for _ in range(2)]
        for thread in threads:
            thread.start()
        barrier.wait(10)
        job.go.set()
        for thread in threads:
            thread.join(10)
        assert handle.wait(10)
        assert handle.state in ("Completed", "Stopped")
        handle.remove()


def test_a_receive_job_that_waits_ends_when_the_job_is_disposed_of(shell: Session) -> None:
    job = Waiter()
    handle = shell.start(job)
    assert job.began.wait(10)
    received: list[Any] = []

    from System.Threading import ManualResetEvent

    begun = ManualResetEvent(False)

    def receive() -> None:
        received.append(shell.run(RECEIVE, j=handle.net, begun=begun))

    receiver = threading.Thread(target=receive)
    receiver.start()
    until(lambda: begun.WaitOne(0))  # it may begin to wait before or after; both end
    handle.net.Dispose()
    receiver.join(10)
    assert received == [[]]


# ---- Removed ----


def test_a_job_that_runs_is_removed_with_force_only(shell: Session) -> None:
    job = Waiter()
    handle = shell.start(job)
    assert job.began.wait(10)
    with pytest.raises(PowerShellError) as raised:
        handle.remove()
    assert raised.value.error_id.startswith("JobObjectNotFinishedCannotBeRemoved")
    assert handle in shell.jobs
    job.go.set()
    assert handle.wait(10)
    handle.remove()
    assert handle not in shell.jobs
    assert (handle.state, handle.wait(0)) == ("Completed", True)


def test_removing_with_force_under_a_writing_worker_ends_it(shell: Session) -> None:
    for _ in range(30):
        jobs = [Writer(), Writer()]
        handle = shell.start(JobGroup(jobs))
        assert all(job.began.wait(10) for job in jobs)
        handle.remove(force=True)
        assert all(job.ended.wait(10) for job in jobs)
        assert {type(job.end) for job in jobs} == {StopRequested}
        assert (handle.state, len(shell.jobs)) == ("Stopped", 0)


def test_removing_while_a_job_starts_leaves_nothing(shell: Session) -> None:
    for number in range(30):
        handle = shell.start(JobGroup.map(int, range(5 + number % 3), throttle_limit=2))
        handle.remove(force=True)
        assert (handle.state in ("Completed", "Stopped"), len(shell.jobs)) == (True, 0)


# ---- The session ----


def test_a_session_starts_nothing_after_it_has_closed_and_leaves_the_job_as_it_was() -> None:
    job, group = FunctionJob(int, 1), JobGroup.map(int, [2])
    shell = Session()
    shell.close()
    for work in (job, group, lambda: 1):
        with pytest.raises(SessionClosedError):
            shell.start(work)
    with Session() as other:
        assert other.start(job).result(10) == [1]
        assert other.start(group).result(10) == [2]


def test_closing_the_session_stops_its_jobs_and_lets_them_clean_up() -> None:
    began, cleaned = threading.Event(), threading.Event()

    def work() -> Any:
        try:
            began.set()
            while True:
                yield 1
                time.sleep(0.001)
        finally:
            cleaned.set()

    with Session() as shell:
        handle = shell.start(work)
        assert began.wait(10)
    assert handle.state == "Stopped"
    assert cleaned.is_set()


def test_two_hundred_jobs_are_stopped_side_by_side_and_clean_up() -> None:
    began, cleaned = threading.Semaphore(0), threading.Semaphore(0)
    together = threading.Barrier(200)  # one after the other, none would come past it

    def work() -> Any:
        began.release()
        try:
            while True:
                yield 1
                time.sleep(0.01)
        finally:
            together.wait(30)
            cleaned.release()

    with Session() as shell:
        handles = [shell.start(work) for _ in range(200)]
        assert all(began.acquire(timeout=60) for _ in handles)
    assert {handle.state for handle in handles} == {"Stopped"}
    assert all(cleaned.acquire(blocking=False) for _ in handles)


class Suspended(Job):
    """Can be suspended."""

    pausable = True

    def run(self) -> None:
        while True:
            self.pause_point()
            time.sleep(0.001)


class Blocked(Job):
    """Is blocked at once."""

    def run(self) -> None:
        self.block("for ever")


class Stuck(Job):
    """Does not stop, and is soon given up."""

    grace = 0.05

    def run(self) -> None:
        time.sleep(1000)


def fail(value: object) -> None:
    raise ValueError(value)


async def wait_for_ever(value: object) -> None:
    import asyncio

    await asyncio.sleep(1000)


def endless() -> Iterator[Job]:
    while True:
        yield FunctionJob(int, 1)


def run_once_and_close(start: Callable[[Session], tuple[JobHandle, Callable[[], bool]]]) -> Any:
    with Session() as shell:
        handle, ready = start(shell)
        until(ready)
    return handle


def start_suspended(shell: Session) -> tuple[JobHandle, Callable[[], bool]]:
    handle = shell.start(Suspended())
    return handle, lambda: handle.suspend(10)


def start_retrying(shell: Session) -> tuple[JobHandle, Callable[[], bool]]:
    handle = shell.start(JobGroup([FunctionJob(fail, 1)], retry=Retry(9, delay=1000)))
    return handle, lambda: handle.children[0].net.StatusMessage != ""


def start_state(work: Callable[[], Job | JobGroup], state: str) -> Any:
    def start(shell: Session) -> tuple[JobHandle, Callable[[], bool]]:
        handle = shell.start(work())
        return handle, lambda: any(child.state == state for child in handle.children)

    return start


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(start_suspended, id="suspended"),
        pytest.param(start_state(Blocked, "Blocked"), id="blocked"),
        pytest.param(start_state(Stuck, "Running"), id="stuck"),
        pytest.param(start_retrying, id="in a retry delay"),
        pytest.param(start_state(lambda: JobGroup(endless()), "Completed"), id="endless group"),
        pytest.param(
            start_state(lambda: JobGroup([Waiter(), Waiter()], throttle_limit=1), "Running"),
            id="waiting for its place",
        ),
        pytest.param(
            start_state(lambda: JobGroup.map(wait_for_ever, range(9), executor="async"), "Running"),
            id="async",
        ),
        pytest.param(
            start_state(lambda: JobGroup.map(time.sleep, [1000], executor="process"), "Running"),
            id="process",
        ),
    ],
)
def test_closing_the_session_ends_jobs_in_every_state(start: Any) -> None:
    handle = run_once_and_close(start)  # the work would go on for ever
    assert handle.state == "Stopped"
    assert {child.state for child in handle.children} <= {"Stopped", "Completed"}


def test_a_job_that_may_not_be_given_up_soon_is_given_up_when_the_session_closes() -> None:
    class Slow(Stuck):
        grace = 1000

    with Session() as shell:
        handle = shell.start(Slow())
        until(lambda: handle.children[0].state == "Running")
        began = time.monotonic()
        shell.close()
        assert 4 < time.monotonic() - began < 30
    (warning,) = handle.children[0].net.Warning.ReadAll()
    assert "was given up" in str(warning)


def test_nothing_holds_a_session_whose_jobs_were_given_up() -> None:
    shell = Session()
    handle = shell.start(Stuck())
    until(lambda: handle.children[0].state == "Running")  # noqa: F821
    shell.close()
    assert handle.state == "Stopped"
    ref = weakref.ref(shell)
    del shell, handle

    def let_go() -> bool:
        collect()
        return ref() is None

    until(let_go)


def test_closing_the_session_leaves_no_threads() -> None:
    with Session() as shell:  # what there is once for the process is there from here on
        shell.start(FunctionJob(int, 1)).result(10)
        threads = set(threading.enumerate())
        shell.start(JobGroup([Writer() for _ in range(8)]))
        shell.start(JobGroup(endless(), throttle_limit=4))
    assert [thread.name for thread in set(threading.enumerate()) - threads] == []


def test_work_may_close_its_session() -> None:
    shell = Session()
    closed = threading.Event()

    def work() -> Iterator[int]:
        shell.close()
        closed.set()
        yield 1

    handle = shell.start(work)
    assert closed.wait(20)
    assert handle.wait(10)
    assert handle.state == "Stopped"
    # It did not wait for itself, and gave nothing up.
    assert not handle.children[0].net.Warning.Count


def test_a_receive_job_that_waits_ends_when_the_session_closes() -> None:
    shell = Session()
    job = Waiter()
    handle = shell.start(job)
    assert job.began.wait(10)
    ends: list[Any] = []

    from System.Threading import ManualResetEvent

    begun = ManualResetEvent(False)

    def receive() -> None:
        try:
            ends.append(shell.run(RECEIVE, j=handle.net, begun=begun))
        except SessionClosedError as error:
            ends.append(error)

    receiver = threading.Thread(target=receive)
    receiver.start()
    until(lambda: begun.WaitOne(0))  # it may begin to wait before or after; both end
    shell.close()
    receiver.join(10)
    assert len(ends) == 1


def test_who_waits_for_a_result_gets_job_stopped_or_closed_when_the_session_closes() -> None:
    shell = Session()
    handle = shell.start(Waiter())
    ends: list[Exception] = []

    def wait() -> None:
        try:
            handle.result()
        except (JobStopped, SessionClosedError) as error:
            ends.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    shell.close()
    waiter.join(10)
    assert len(ends) == 1


def test_nothing_starts_while_the_session_closes() -> None:
    shell = Session()
    started: list[Any] = []

    def work() -> Any:
        while True:
            yield 1
            time.sleep(0.001)

    def keep_starting() -> None:
        while True:
            try:
                started.append(shell.start(work))
            except SessionClosedError:
                return

    starter = threading.Thread(target=keep_starting)
    starter.start()
    until(lambda: len(started) >= 5)
    shell.close()
    starter.join(10)
    assert {handle.state for handle in started} == {"Stopped"}


def test_children_that_come_after_the_stop_of_their_parent_do_not_run(shell: Session) -> None:
    # As where the session closes between the making of the parent and that of its children.
    job = Writer()
    group = JobGroup([job])
    parent = make_parent(group)
    parent.RequestStop()
    start_group(group, parent, owner=shell, publish=lambda parent: None)
    assert parent.WaitForFinish(10_000)
    assert not job.began.wait(0.2)
    assert (str(parent.JobStateInfo.State), parent.ChildJobs.Count) == ("Stopped", 0)


def test_many_sessions_with_running_jobs_open_and_close() -> None:
    for _ in range(8):
        with Session() as shell:
            shell.start(JobGroup([Writer() for _ in range(3)]))
            shell.start(Waiter())


# ---- The interpreter ----

START = f"""{IMPORT}
import asyncio, threading, time
from psbridge import FunctionJob, Job, JobGroup, Retry, Session

def running(handle, count=1):
    until(lambda: [child.state for child in handle.children].count("Running") == count)

class Soon(Job):
    grace = 0.05  # given up soon
    def run(self):
        self.work()

def write(value=0):
    while True:
        yield value

def loop(value=0):
    while True:
        pass

def fail(value):
    raise ValueError

async def wait(value=0):
    await asyncio.sleep(1000)

shell = Session()
"""

STUCK = """
class Stuck(Soon):
    def work(self):
        time.sleep(1000)
job = shell.start(Stuck())
running(job)
"""

POOL = "from concurrent.futures import {0} as Pool\n"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            "jobs = [shell.start(write) for _ in range(4)]\n"
            "until(lambda: all(job.has_more_data for job in jobs))",
            id="writing",
        ),
        pytest.param("shell.start(FunctionJob(time.sleep, 0.3))", id="about to end"),
        pytest.param("for _ in range(9): shell.start(write)", id="right after the start"),
        pytest.param(
            "for _ in range(4):\n"
            "    shell.start(JobGroup([FunctionJob(write) for _ in range(100)]))\n"
            "    shell.start(JobGroup(map(FunctionJob, [write] * 100)))",
            id="right after the start of groups",
        ),
        pytest.param("Soon.work = loop\nrunning(shell.start(Soon()))", id="looping"),
        pytest.param(STUCK, id="stuck in a call"),
        pytest.param(f"{STUCK}job.stop()\nassert job.state == 'Stopped'", id="given up"),
        pytest.param(
            "class Pausable(Job):\n"
            "    pausable = True\n"
            "    def run(self):\n"
            "        while True: self.pause_point()\n"
            "assert shell.start(Pausable()).suspend(10)",
            id="suspended",
        ),
        pytest.param(
            "Soon.work = lambda self: self.block('for ever')\n"
            "job = shell.start(Soon())\n"
            "until(lambda: job.state == 'Blocked')",
            id="blocked",
        ),
        pytest.param(
            "for place in ('thread', 'async'):\n"
            "    job = shell.start(JobGroup.map(\n"
            "        fail, [1], retry=Retry(9, delay=1000), executor=place))\n"
            "    until(lambda: job.children and job.children[0].net.StatusMessage)\n"
            "    if place == 'thread':\n"
            "        async def fail(value): raise ValueError\n",
            id="in a retry delay",
        ),
        pytest.param(
            "running(shell.start(JobGroup.map(wait, range(50), executor='async')), 32)",
            id="async",
        ),
        pytest.param(
            "class Loop(Soon):\n"
            "    async def run(self):\n"
            "        loop()\n"
            "running(shell.start(JobGroup([Loop(), Loop()], executor='async')), 1)",
            id="looping on the event loop",
        ),
        pytest.param(
            "shell.start(JobGroup.map(time.sleep, [1000] * 2, executor='process'))",
            id="in processes that start",
        ),
        pytest.param(
            "import itertools\n"
            "job = shell.start(JobGroup.map(itertools.count, [1, 2], executor='process'))\n"
            "until(lambda: all(child.has_more_data for child in job.children))",
            id="in processes",
        ),
        pytest.param(
            POOL.format("ThreadPoolExecutor")
            + "running(shell.start(JobGroup.map(write, range(2), executor=Pool(2))), 2)",
            id="writing in a pool of threads",
        ),
        pytest.param(
            POOL.format("ThreadPoolExecutor") + "Soon.work = loop\n"
            "running(shell.start(JobGroup([Soon()], executor=Pool(2))))",
            id="looping in a pool of threads",
        ),
        pytest.param(
            POOL.format("ProcessPoolExecutor") + "import multiprocessing, itertools\n"
            "pool = Pool(1, mp_context=multiprocessing.get_context('spawn'))\n"
            "job = shell.start(JobGroup.map(itertools.count, [1], executor=pool))\n"
            "until(lambda: job.has_more_data and job.children[0].net.Output.Count)",
            id="writing in a pool of processes",
        ),
        pytest.param(
            "class Limited(Job):\n"
            "    timeout = 1000\n"
            "    def run(self):\n"
            "        while not self.stopping: time.sleep(0.01)\n"
            "running(shell.start(Limited()))",
            id="with a time limit",
        ),
        pytest.param(
            "class Limited(Job):\n"
            "    timeout = 0\n"
            "    def run(self):\n"
            "        while not self.stopping: time.sleep(0.01)\n"
            "for _ in range(100): shell.start(Limited())",
            id="when its time is up",
        ),
        pytest.param(
            "stop = threading.Event()\n"
            "class Hooked(Job):\n"
            "    def stop(self): stop.set()\n"
            "    def run(self): stop.wait()\n"
            "running(shell.start(Hooked()))",
            id="waiting for its stop hook",
        ),
        pytest.param(
            "class Hooked(Job):\n"
            "    def stop(self): time.sleep(1000)\n"
            "    def run(self):\n"
            "        while not self.stopping: time.sleep(0.01)\n"
            "running(shell.start(Hooked()))",
            id="with a stop hook that hangs",
        ),
        pytest.param(
            "def leave():\n    yield 1\n    sys.exit(7)\n"
            "for _ in range(9): job = shell.start(leave)\n"
            "until(lambda: job.state == 'Failed')",
            id="sys.exit in the work",
        ),
        pytest.param("shell.start(write)\nsys.exit(0)", id="sys.exit in the program"),
        pytest.param("shell.start(write)\nshell.close()", id="in a closed session"),
        pytest.param(
            "other = Session()\nshell.start(write)\nother.start(write)", id="in two sessions"
        ),
        pytest.param(
            "def start():\n"
            "    while True: shell.start(int)\n"
            "for _ in range(3): threading.Thread(target=start, daemon=True).start()\n"
            "until(lambda: len(shell.jobs) > 9)",
            id="while threads start them",
        ),
    ],
)
def test_the_interpreter_ends_quietly_while_jobs_run(run_python: Any, code: str) -> None:
    ends_quietly(run_python, code)


@pytest.mark.parametrize(
    "wait",
    [
        "shell.run('param($j) Receive-Job $j -Wait', j=job.net)",
        "shell.run('param($j) Wait-Job $j', j=job.net)",
        "shell.run('param($j) Stop-Job $j', j=job.net)",
        "job.wait()",
        "job.result()",
        "job.stop()",
        "print(shell.start(JobGroup([FunctionJob(job.result)])).result())",
    ],
)
@pytest.mark.parametrize("work", ["write", "stuck"])
def test_the_interpreter_ends_quietly_while_a_thread_waits_for_a_job(
    run_python: Any, wait: str, work: str
) -> None:
    start = STUCK if work == "stuck" else "job = shell.start(write)\nrunning(job)\n"
    ends_quietly(
        run_python,
        f"{start}thread = threading.Thread(target=lambda: {wait}, daemon=True)\n"
        "thread.start()\n"
        # Some do not wait long.
        "until(lambda: is_in(thread, 'wait_until') or not thread.is_alive())",
    )


def test_the_interpreter_waits_for_a_thread_of_the_program_that_waits_for_a_job(
    run_python: Any,
) -> None:
    ends_quietly(
        run_python,
        "job = shell.start(FunctionJob(time.sleep, 1))\n"
        "threading.Thread(target=lambda: print(job.result(), job.state)).start()",
        output="[] Completed\n",
    )


def test_nothing_is_started_any_more_when_the_interpreter_ends(run_python: Any) -> None:
    ends_quietly(
        run_python,
        "import atexit\n"
        "def start():\n"
        "    try:\n"
        "        shell.start(write)\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__, error)\n"
        "shell.start(write)\n"
        "atexit._clear() if False else None\n"
        "import psbridge.jobs.start as ours\n"
        "atexit.unregister(ours._stop_at_exit)\n"
        "atexit.register(start)\n"
        "atexit.register(ours._stop_at_exit)\n",
        output="SessionClosedError Python exits\n",
    )


def ends_quietly(run_python: Any, code: str, output: str = "") -> None:
    began = time.monotonic()
    ended = run_python(START + code)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", output)
    assert time.monotonic() - began < 30


def test_powershells_own_jobs_on_threads_end_with_their_session() -> None:
    with Session() as shell:
        shell.run("1..3 | % { Start-ThreadJob { while ($true) { Get-Random } } } | Out-Null")
        shell.run("1..2 | % -Parallel { while ($true) { Get-Random } } -AsJob | Out-Null")
        shell.run("Start-ThreadJob { 1 } | Wait-Job | Out-Null")
        jobs = [handle.net for handle in shell.jobs]
        assert {type(job).__name__ for job in jobs} == {"ThreadJob", "PSTaskJob"}
    assert sorted(str(job.JobStateInfo.State) for job in jobs) == ["Completed", *["Stopped"] * 4]


def test_a_program_may_end_while_jobs_on_threads_use_openssl(run_python: Any) -> None:
    """Python has loaded it first, so the C library's exit takes it down."""
    code = """
import hashlib, ssl, sys
from psbridge import Session
shell = Session()
shell.run("1..3 | % { Start-ThreadJob { while ($true) { Get-Random } } } | Out-Null")
while not all(job.state == "Running" for job in shell.jobs):
    pass
sys.exit(7)
"""
    for _ in range(5):  # without a stop every second one crashed
        ran = run_python(code)
        assert (ran.returncode, ran.stdout, ran.stderr) == (7, "", "")


# ---- Dropped ----


@pytest.mark.parametrize("native", [False, True], ids=["alone", "with a Start-Job"])
def test_a_session_that_is_dropped_while_its_job_runs_closes_when_that_ends(native: bool) -> None:
    go = threading.Event()
    shell = Session()
    runspace = shell._runspace
    if native:
        shell.start_job("Start-Sleep 300")
    shell.start(lambda: go.wait(30))
    with pytest.warns(ResourceWarning, match="unclosed <Session"):  # noqa: PT031
        del shell
        go.set()
        until(lambda: str(runspace.RunspaceStateInfo.State) == "Closed", 30)


def test_a_session_that_is_collected_under_a_lock_of_ours_closes_elsewhere() -> None:
    from psbridge.waiting import guard

    lock = guard()
    shell = Session()
    runspace = shell._runspace
    with pytest.warns(ResourceWarning, match="unclosed <Session"), lock:
        del shell
    until(lambda: str(runspace.RunspaceStateInfo.State) == "Closed", 30)
