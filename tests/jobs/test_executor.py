"""The standard library's executor contract, and what PowerShell sees of the work."""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Executor,
    Future,
    as_completed,
    wait,
)
from typing import Any

import pytest
from conditions import until

from psbridge import DeclarationError, Job, JobExecutor, JobStopped, Session, SessionClosedError
from psbridge.jobs.executor import _LISTED
from tests.conftest import RunPython


@pytest.fixture
def executor(shell: Session) -> Iterator[JobExecutor]:
    with shell.executor(2) as made:
        yield made


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What work may wait for; it opens at the end in any case."""
    made = threading.Event()
    yield made
    made.set()


def states(shell: Session) -> dict[str, str]:
    return {job.name: job.state for job in shell.jobs}


def stands(gate: threading.Event) -> None:
    """Work that waits so that a stop can end it, which it could not inside of one long wait."""
    while not gate.wait(0.01):
        pass


# ---- submit ----


def test_it_is_an_executor(executor: JobExecutor) -> None:
    assert isinstance(executor, Executor)
    future = executor.submit(pow, 2, exp=5)
    assert isinstance(future, Future)
    assert future.result(30) == 32
    assert future.done()
    assert not future.cancelled()
    assert not future.running()
    assert future.exception() is None


def test_arguments_of_any_name_reach_the_function(executor: JobExecutor) -> None:
    def show(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    future = executor.submit(show, 1, self=2, fn=3, executor=4, name=5)
    assert future.result(30) == ((1,), {"self": 2, "fn": 3, "executor": 4, "name": 5})


def test_what_is_returned_is_the_result_itself(executor: JobExecutor) -> None:
    """Nothing is converted, gone through or awaited."""
    thing = object()
    assert executor.submit(lambda: thing).result(30) is thing

    def numbers() -> Iterator[int]:
        yield 1

    assert inspect.isgenerator(executor.submit(numbers).result(30))

    async def later() -> int:
        return 5

    assert asyncio.run(executor.submit(later).result(30)) == 5


def test_no_more_run_at_a_time_than_workers(shell: Session) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    with shell.executor(3) as executor:
        list(executor.map(work, range(30)))
    assert most == 3


def test_it_begins_in_the_order_of_submitting(shell: Session) -> None:
    begun: list[int] = []
    with shell.executor(1) as executor:
        for n in range(300):
            executor.submit(begun.append, n)
    assert begun == list(range(300))


def test_many_threads_submit_at_once(shell: Session) -> None:
    futures: list[Future[int]] = []
    with shell.executor(4) as executor:

        def submit() -> None:
            futures.extend([executor.submit(abs, -n) for n in range(100)])

        threads = [threading.Thread(target=submit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sum(future.result(0) for future in futures) == 8 * 4950
    assert len(shell.jobs) == 0


def test_work_submits_more_work(shell: Session) -> None:
    with shell.executor(2) as executor:
        inner = executor.submit(lambda: executor.submit(len, "abc")).result(30)
        assert inner.result(30) == 3


def test_the_works_thread_is_its_own(executor: JobExecutor) -> None:
    assert executor.submit(threading.get_ident).result(30) != threading.get_ident()


@pytest.mark.parametrize("wrong", [None, 5, "len"])
def test_what_is_no_function_is_refused(executor: JobExecutor, wrong: Any) -> None:
    with pytest.raises(TypeError, match="is no function"):
        executor.submit(wrong)
    with pytest.raises(DeclarationError, match="is a class"):
        executor.submit(Job)
    executor.shutdown()  # it waits for nothing of that


def test_what_are_no_options_is_refused(shell: Session) -> None:
    for number in (0, -1):
        with pytest.raises(ValueError, match="max_workers is"):
            shell.executor(number)
    wrong: Any
    for wrong in ({"max_workers": "2"}, {"max_workers": 1.5}, {"name": 5}, {"keep": 1}):
        with pytest.raises(DeclarationError):
            shell.executor(**wrong)


# ---- Exceptions ----


def test_an_exception_is_the_same_object_with_its_traceback(executor: JobExecutor) -> None:
    raised = KeyError("k")

    def deep() -> None:
        raise raised

    future = executor.submit(lambda: deep())
    assert future.exception(30) is raised
    with pytest.raises(KeyError) as caught:
        future.result(30)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "deep"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_whatever_is_raised_is_the_futures(
    executor: JobExecutor, kind: type[BaseException]
) -> None:
    def work() -> None:
        raise kind("told")

    assert isinstance(executor.submit(work).exception(30), kind)
    assert executor.submit(len, "ab").result(30) == 2


# ---- map ----


def test_map_gives_results_in_order(executor: JobExecutor) -> None:
    def work(n: int) -> int:
        time.sleep(0.02 * (n % 3))
        return n * n

    assert list(executor.map(work, range(12))) == [n * n for n in range(12)]
    assert list(executor.map(pow, (2, 3, 4), (5, 2))) == [32, 9]
    assert list(executor.map(pow, (), ())) == []


def test_map_begins_before_anybody_asks(executor: JobExecutor) -> None:
    called = threading.Event()
    executor.map(lambda _: called.set(), [1])
    assert called.wait(30)


def test_map_raises_what_the_function_raised_at_its_place(executor: JobExecutor) -> None:
    results = executor.map(divmod, [1, 1, 1], [1, 0, 1])
    assert next(results) == (1, 0)
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_map_with_a_timeout(executor: JobExecutor, gate: threading.Event) -> None:
    results = executor.map(gate.wait, [0, 60], timeout=0.5)
    assert next(results) is False
    with pytest.raises(TimeoutError):
        next(results)


def test_map_that_is_left_cancels_the_rest(shell: Session, gate: threading.Event) -> None:
    with shell.executor(1) as executor:
        called: list[int] = []

        def work(n: int) -> int:
            if n == 1:
                gate.wait(60)
            called.append(n)
            return n

        results: Any = executor.map(work, range(20))
        assert next(results) == 0
        results.close()
        gate.set()
    assert called in ([0], [0, 1])


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_map_in_chunks(shell: Session, size: int) -> None:
    threads: list[int] = []

    def work(a: int, b: int) -> int:
        threads.append(threading.get_ident())
        return a * b

    with shell.executor(1, name="chunk", keep=True) as executor:
        assert list(executor.map(work, range(7), itertools.count(), chunksize=size)) == [
            n * n for n in range(7)
        ]
    assert len(threads) == 7
    jobs = list(shell.jobs)
    assert len(jobs) == -(-7 // size)
    assert all(job.net.Command.endswith("work") for job in jobs)


def test_chunks_of_less_than_one_are_refused(executor: JobExecutor) -> None:
    with pytest.raises(ValueError, match="chunksize must be >= 1"):
        executor.map(len, ["a"], chunksize=0)


def test_an_exception_in_a_chunk(executor: JobExecutor) -> None:
    results = executor.map(divmod, [1, 1, 1], [1, 1, 0], chunksize=2)
    assert [next(results), next(results)] == [(1, 0), (1, 0)]
    with pytest.raises(ZeroDivisionError):
        next(results)


# ---- cancel ----


def test_what_waits_can_be_cancelled_and_is_gone(shell: Session, gate: threading.Event) -> None:
    called: list[int] = []
    with shell.executor(1, name="w") as executor:
        running = executor.submit(gate.wait, 60)
        waiting = executor.submit(called.append, 1)
        assert states(shell) == {"w 1": "Running", "w 2": "NotStarted"}
        until(running.running)
        assert waiting.cancel()
        assert waiting.cancelled()
        assert states(shell) == {"w 1": "Running"}
        with pytest.raises(CancelledError):
            waiting.result(0)
        assert not running.cancel()
        # Whoever waits for it hears of it.
        assert wait([waiting], 30).done == {waiting}
        assert list(as_completed([waiting], 30)) == [waiting]
        gate.set()
    assert running.result(0) is True
    assert called == []


def test_what_is_done_cannot_be_cancelled(executor: JobExecutor) -> None:
    future = executor.submit(len, "a")
    future.result(30)
    assert not future.cancel()


def test_thousands_that_wait_are_cancelled(shell: Session, gate: threading.Event) -> None:
    with shell.executor(1) as executor:
        executor.submit(gate.wait, 60)
        futures = [executor.submit(len, "a") for _ in range(3000)]
        assert all(future.cancel() for future in reversed(futures))
        gate.set()
    assert len(shell.jobs) == 0


def test_cancelling_while_it_begins(shell: Session) -> None:
    """Each is either called or cancelled, and the executor ends."""
    called: list[int] = []
    with shell.executor(2) as executor:
        futures = [executor.submit(called.append, n) for n in range(400)]
        cancelled = sum(future.cancel() for future in futures)
    assert len(called) + cancelled == 400
    assert all(future.done() for future in futures)
    assert len(shell.jobs) == 0


# ---- shutdown ----


def test_after_a_shutdown_nothing_is_taken(shell: Session) -> None:
    executor = shell.executor()
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(len, "a")
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.map(len, ["a"])
    executor.shutdown()


def test_the_end_of_with_waits_for_all(shell: Session) -> None:
    with shell.executor(2) as executor:
        futures = [executor.submit(time.sleep, 0.05) for _ in range(6)]
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(len, "a")


def test_a_shutdown_that_does_not_wait(shell: Session, gate: threading.Event) -> None:
    executor = shell.executor(1)
    futures = [executor.submit(gate.wait, 60) for _ in range(3)]
    executor.shutdown(wait=False)
    assert not any(future.done() for future in futures)
    gate.set()
    assert [future.result(30) for future in futures] == [True] * 3


def test_a_shutdown_that_cancels(shell: Session, gate: threading.Event) -> None:
    executor = shell.executor(1)
    running = executor.submit(gate.wait, 60)
    waiting = [executor.submit(len, "a") for _ in range(_LISTED + 20)]
    until(running.running)
    executor.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    gate.set()
    executor.shutdown()
    assert running.result(0) is True


def test_work_that_would_wait_for_itself_is_told(executor: JobExecutor) -> None:
    with pytest.raises(RuntimeError, match="cannot wait for the end of all its work"):
        executor.submit(executor.shutdown).result(30)
    assert executor.submit(len, "a").result(30) == 1


# ---- Callbacks, and who else waits ----


def test_callbacks(executor: JobExecutor, gate: threading.Event) -> None:
    seen: list[Future[Any]] = []
    future: Future[Any] = executor.submit(gate.wait, 60)
    future.add_done_callback(seen.append)
    future.add_done_callback(lambda _: 1 // 0)  # logged, and no more
    future.add_done_callback(seen.append)
    gate.set()
    future.result(30)
    until(lambda: seen == [future, future])
    future.add_done_callback(seen.append)
    assert seen == [future] * 3
    assert executor.submit(len, "a").result(30) == 1


def test_a_callback_submits_more(shell: Session) -> None:
    after: list[Future[int]] = []
    with shell.executor(1) as executor:
        gate = threading.Event()
        future = executor.submit(gate.wait, 60)
        future.add_done_callback(lambda _: after.append(executor.submit(len, "abc")))
        gate.set()
        until(lambda: after)
    assert after[0].result(0) == 3


def test_the_callback_of_what_is_cancelled(shell: Session, gate: threading.Event) -> None:
    with shell.executor(1) as executor:
        executor.submit(gate.wait, 60)
        waiting = executor.submit(len, "a")
        seen: list[bool] = []
        waiting.add_done_callback(lambda future: seen.append(future.cancelled()))
        assert waiting.cancel()
        assert seen == [True]
        gate.set()


def test_wait_and_as_completed(executor: JobExecutor, gate: threading.Event) -> None:
    first: Future[Any] = executor.submit(len, "a")
    fails: Future[Any] = executor.submit(divmod, 1, 0)
    last: Future[Any] = executor.submit(gate.wait, 60)
    assert last in wait([first, last], 30, FIRST_COMPLETED).not_done
    assert last in wait([fails, last], 30, FIRST_EXCEPTION).not_done
    assert next(as_completed([first, last], 30)) is first
    gate.set()
    assert wait([first, fails, last], 30, ALL_COMPLETED).not_done == set()


def test_asyncio_takes_it(executor: JobExecutor) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(executor, pow, 2, n) for n in range(10)]
        assert await asyncio.gather(*calls) == [2**n for n in range(10)]
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(executor, divmod, 1, 0)

    asyncio.run(main())


def test_a_cancelled_task_of_asyncio_cancels_what_waits(
    shell: Session, gate: threading.Event
) -> None:
    called: list[int] = []

    async def main(executor: JobExecutor) -> None:
        loop = asyncio.get_running_loop()
        executor.submit(gate.wait, 60)
        waiting = loop.run_in_executor(executor, called.append, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with shell.executor(1) as executor:
        asyncio.run(main(executor))
        gate.set()
    assert called == []


# ---- What PowerShell sees ----


def test_calls_are_jobs_with_telling_names(shell: Session, gate: threading.Event) -> None:
    def resize() -> None:
        gate.wait(60)

    with shell.executor(1) as executor, shell.executor(1, name="thumbs") as other:
        executor.submit(resize)
        other.submit(resize)
        other.submit(resize)
        rows = shell.run("Get-Job | ForEach-Object { $_.Name; $_.State.ToString(); $_.Command }")
        command = f"{resize.__qualname__}"
        assert rows == [
            f"{command} 1", "Running", command,
            "thumbs 1", "Running", command,
            "thumbs 2", "NotStarted", command,
        ]  # fmt: skip
        gate.set()


def test_only_the_next_of_those_that_wait_are_listed(shell: Session, gate: threading.Event) -> None:
    with shell.executor(1) as executor:
        for _ in range(_LISTED * 2):
            executor.submit(gate.wait, 60)
        assert len(shell.jobs) == 1 + _LISTED
        gate.set()
    assert len(shell.jobs) == 0


def test_jobs_are_removed_when_their_futures_are_done(shell: Session) -> None:
    gate = threading.Event()
    with shell.executor(2) as executor:
        future = executor.submit(gate.wait, 60)
        seen: list[int] = []
        future.add_done_callback(lambda _: seen.append(shell.jobs.net.Jobs.Count))
        gate.set()
        until(lambda: seen)
    assert seen == [0]


def test_thousands_of_calls_leave_nothing(shell: Session) -> None:
    class Thing:
        pass

    thing = Thing()
    alive = weakref.ref(thing)
    with shell.executor(4) as executor:
        futures = [executor.submit(lambda _: None, thing) for _ in range(2000)]
    del thing
    gc.collect()
    assert all(future.done() for future in futures)
    assert alive() is None
    assert len(shell.jobs) == 0
    assert shell.run("Get-Job -IncludeChildJob") == []


def test_jobs_that_are_kept(shell: Session) -> None:
    with shell.executor(1, keep=True, name="k") as executor:
        executor.submit(len, "a")
        executor.submit(divmod, 1, 0)
        gate = threading.Event()
        executor.submit(gate.wait, 60)
        executor.submit(len, "b").cancel()
        gate.set()
    assert states(shell) == {"k 1": "Completed", "k 2": "Failed", "k 3": "Completed",
                             "k 4": "Stopped"}  # fmt: skip
    reason = shell.jobs["k 2"].reason
    assert reason is not None
    assert reason.startswith("ZeroDivisionError")
    assert shell.jobs["k 1"].receive() == []


def test_stop_job_ends_what_runs(shell: Session, gate: threading.Event) -> None:
    with shell.executor(1, name="s") as executor:
        running = executor.submit(stands, gate)
        until(running.running)
        shell.run("Stop-Job 's 1'")
        with pytest.raises(JobStopped, match="job s 1 was stopped"):
            running.result(30)
        assert not running.cancelled()
        assert executor.submit(len, "a").result(30) == 1


def test_stop_job_cancels_what_waits(shell: Session, gate: threading.Event) -> None:
    with shell.executor(1, name="s") as executor:
        executor.submit(gate.wait, 60)
        waiting = executor.submit(len, "a")
        shell.run("Stop-Job 's 2'")
        assert waiting.cancelled()
        assert wait([waiting], 30).done == {waiting}
        assert list(states(shell)) == ["s 1"]
        other = executor.submit(len, "ab")
        shell.run("Remove-Job 's 3' -Force")
        assert other.cancelled()
        gate.set()


def test_wait_job_waits_for_one_that_waits(shell: Session, gate: threading.Event) -> None:
    with shell.executor(1, keep=True, name="w") as executor:
        executor.submit(gate.wait, 60)
        executor.submit(len, "a")
        timer = threading.Timer(0.2, gate.set)
        timer.start()
        assert shell.run("(Wait-Job 'w 2').State.ToString()") == ["Completed"]


def test_work_that_ignores_a_stop_is_given_up(shell: Session, gate: threading.Event) -> None:
    """Its future ends, and its place is free, though its thread is stuck."""
    with shell.executor(1, name="g") as executor:
        stuck = executor.submit(gate.wait, 60)
        until(stuck.running)
        job = shell.jobs["g 1"]
        job.stop()
        with pytest.raises(JobStopped):
            stuck.result(30)
        assert executor.submit(len, "a").result(30) == 1


def test_work_that_ends_in_peace_when_it_is_stopped_has_a_result(
    shell: Session, gate: threading.Event
) -> None:
    from psbridge import StopRequested

    entered = threading.Event()

    def work() -> str:
        try:
            entered.set()
            stands(gate)
        except StopRequested:
            return "saved"
        return "not stopped"

    with shell.executor(1, name="p") as executor:
        future = executor.submit(work)
        assert entered.wait(30)
        shell.jobs["p 1"].stop()
        assert future.result(30) == "saved"


# ---- Ends ----


def test_the_close_of_the_session_ends_it(gate: threading.Event) -> None:
    shell = Session()
    executor = shell.executor(1)
    running = executor.submit(stands, gate)
    waiting = [executor.submit(len, "a") for _ in range(_LISTED + 20)]
    until(running.running)
    shell.close()
    with pytest.raises(JobStopped):
        running.result(30)
    assert all(future.cancelled() for future in waiting)
    with pytest.raises(RuntimeError, match="its session is closed"):
        executor.submit(len, "a")
    executor.shutdown()
    with pytest.raises(SessionClosedError):
        shell.executor()


def test_an_executor_that_is_dropped_ends_its_work(shell: Session) -> None:
    gate = threading.Event()
    futures = [shell.executor(1).submit(gate.wait, 60) for _ in range(2)]
    gc.collect()
    gate.set()
    assert [future.result(30) for future in futures] == [True, True]
    until(lambda: len(shell.jobs) == 0)


BEFORE_EXIT = """
    import threading, time
    from psbridge import Session
    shell = Session()
    executor = shell.executor(2)
    started = threading.Event()
    def work():
        started.set()
        while True:
            time.sleep(0.01)
    futures = [executor.submit(work) for _ in range(500)]
    started.wait()
    print("here")
"""


def test_the_end_of_the_program_does_not_wait_for_it(run_python: RunPython) -> None:
    began = time.monotonic()
    done = run_python(inspect.cleandoc(BEFORE_EXIT))
    assert (done.returncode, done.stdout, done.stderr) == (0, "here\n", "")
    assert time.monotonic() - began < 30


def test_ctrl_c_ends_the_wait_of_a_shutdown(run_python: RunPython) -> None:
    code = (
        inspect.cleandoc(BEFORE_EXIT)
        + """
import os, signal
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    executor.shutdown()
except KeyboardInterrupt:
    print("interrupted")
shell.close()
"""
    )
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "here\ninterrupted\n", "")


def test_a_forked_child_is_told(run_python: RunPython) -> None:
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")
from psbridge import ForkedProcessError, Session
with Session() as shell:
    executor = shell.executor(1)
    assert executor.submit(len, "a").result() == 1
    pid = os.fork()
    if pid == 0:
        calls = [lambda: executor.submit(len, "a"), lambda: list(executor.map(len, ["a"])),
                 lambda: executor.shutdown(), lambda: shell.executor()]
        for call in calls:
            try:
                call()
            except ForkedProcessError:
                continue
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_says_what_it_is(shell: Session) -> None:
    with shell.executor(name="thumbs") as executor:
        assert repr(executor) == "<JobExecutor 'thumbs' open>"
    assert repr(executor) == "<JobExecutor 'thumbs' shut down>"
    assert repr(shell.executor()) == "<JobExecutor open>"


def test_callables_of_all_kinds(executor: JobExecutor) -> None:
    class Adds:
        def __call__(self, a: int) -> int:
            return a + 1

    calls: list[Callable[[int], int]] = [Adds(), Adds().__call__, lambda a: a + 1]
    assert [executor.submit(call, 1).result(30) for call in calls] == [2, 2, 2]


def test_what_a_call_gives_belongs_to_its_future_alone(shell: Session) -> None:
    """.NET has pointers to what ends, until its garbage is collected, and sees no size of it."""

    class Large:
        pass

    class Failure(Exception):
        pass

    given: list[weakref.ref[Any]] = []

    def give(*_: object) -> Large:
        given.append(weakref.ref(large := Large()))
        return large

    def fail() -> None:
        given.append(weakref.ref(error := Failure()))
        raise error

    with shell.executor(max_workers=2) as executor:
        for _ in range(20):
            executor.submit(give).result()
        list(executor.map(give, range(20)))
        until(lambda: not any(one() for one in given))
        for _ in range(20):
            executor.submit(fail).exception()
        until(lambda: gc.collect() < 0 or not any(one() for one in given))
        assert len(given) == 60
