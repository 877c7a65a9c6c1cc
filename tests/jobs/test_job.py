"""What a job's author writes, and what becomes of it."""

import asyncio
import functools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from psbridge import (
    DeclarationError,
    Job,
    JobFailed,
    JobHandle,
    JobStopped,
    Session,
    StopRequested,
)


def test_a_function_writes_what_it_returns(shell: Session) -> None:
    assert shell.start(lambda: 7).result(10) == [7]


def test_a_function_that_returns_none_writes_nothing(shell: Session) -> None:
    assert shell.start(lambda: None).result(10) == []


def test_a_function_takes_its_arguments(shell: Session) -> None:
    def work(first: int, *, second: int) -> int:
        return first * second

    assert shell.start(work, 6, second=7).result(10) == [42]


def test_a_generator_writes_each_value(shell: Session) -> None:
    def work() -> Iterator[int]:
        yield from range(3)

    assert shell.start(work).result(10) == [0, 1, 2]


def test_an_async_function_writes_what_it_returns(shell: Session) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert shell.start(work).result(10) == ["done"]


def test_an_async_generator_writes_each_value(shell: Session) -> None:
    async def work() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    assert shell.start(work).result(10) == [0, 1, 2]


def test_a_dict_or_a_dataclass_becomes_an_object_with_properties(shell: Session) -> None:
    @dataclass
    class Point:
        X: int
        Y: int

    def work() -> Iterator[object]:
        yield {"line": 1, "words": 2}
        yield Point(3, 4)

    handle = shell.start(work)
    handle.wait(10)
    script = "param($j) Receive-Job $j -Keep | % { $_.line, $_.words, $_.X, $_.Y }"
    assert shell.run(script, j=handle.net) == [1, 2, None, None, None, None, 3, 4]
    names = shell.run("param($j) (Receive-Job $j)[1].PSObject.TypeNames[0]", j=handle.net)
    assert names[0].endswith("Point")


def test_every_stream_can_be_written(shell: Session) -> None:
    class Streams(Job):
        def run(self) -> None:
            self.write("out")
            self.write_many([1, 2])
            self.write_error(FileNotFoundError("gone"), target="a.txt")
            self.write_warning("careful")
            self.write_verbose("details")
            self.write_debug("more details")
            self.write_information({"a": 1}, tags=["tag"])
            self.write_progress("Working", "half", percent=50)
            self.write_progress("Working", completed=True)

    handle = shell.start(Streams())
    handle.wait(10)
    progress = list(handle.net.ChildJobs[0].Progress)
    assert [record.PercentComplete for record in progress] == [50, -1]
    result = shell.run(
        "param($j) $VerbosePreference = $DebugPreference = 'Continue'; Receive-Job $j", j=handle.net
    )
    assert result == ["out", 1, 2]
    (error,) = result.errors
    assert (error.category, error.target) == ("ObjectNotFound", "a.txt")
    assert error.error_id == "FileNotFoundError"
    assert list(map(str, result.warnings)) == ["careful"]
    assert list(map(str, result.verbose)) == ["details"]
    assert list(map(str, result.debug)) == ["more details"]
    (information,) = result.information
    assert (information.message, information.tags) == ({"a": 1}, ("tag",))
    assert information.source == "Streams"


def test_a_value_without_a_counterpart_is_an_error_and_loses_nothing(shell: Session) -> None:
    def work() -> Iterator[object]:
        yield 1
        yield object()
        yield 2

    handle = shell.start(work)
    handle.wait(10)
    result = handle.receive()
    assert handle.state == "Completed"
    assert result == [1, 2]
    (error,) = result.errors
    assert "builtins.object has no counterpart" in error.message


def test_an_exception_fails_the_job_and_is_the_cause_in_python(shell: Session) -> None:
    def work() -> Iterator[int]:
        yield 1
        raise KeyError("missing")

    with pytest.raises(JobFailed, match="KeyError: 'missing'") as raised:
        shell.start(work).result(10)
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.result == [1]
    assert raised.value.job.state == "Failed"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_even_exceptions_that_end_programs_only_fail_the_job(
    shell: Session, error: BaseException
) -> None:
    def work() -> None:
        raise error

    handle = shell.start(work)
    assert handle.wait(10)
    assert handle.state == "Failed"


def test_a_job_without_run_fails_with_a_word_that_helps(shell: Session) -> None:
    class Empty(Job):
        pass

    with pytest.raises(JobFailed, match="Empty has no run method"):
        shell.start(Empty()).result(10)


def test_a_job_runs_once(shell: Session) -> None:
    job = Job()
    shell.start(job).wait(10)
    with pytest.raises(DeclarationError, match="has been started before"):
        shell.start(job)
    assert len(shell.jobs) == 1


def test_a_class_that_forgets_the_base_init_still_works(shell: Session) -> None:
    class Forgetful(Job):
        def __init__(self) -> None:
            self.value = 5

        def run(self) -> int:
            return self.value

    handle = shell.start(Forgetful())
    assert handle.result(10) == [5]
    assert shell.run("(Get-Job).Command") == ["Forgetful"]


def test_stopping_unwinds_at_the_next_write_and_runs_finally(shell: Session) -> None:
    began, cleaned = threading.Event(), threading.Event()

    def work() -> Iterator[int]:
        try:
            while True:
                began.set()
                yield 1
                time.sleep(0.001)
        finally:
            cleaned.set()

    handle = shell.start(work)
    assert began.wait(10)
    handle.stop()
    assert cleaned.is_set()
    with pytest.raises(JobStopped):
        handle.result(10)


def test_a_stop_passes_except_exception(shell: Session) -> None:
    seen: list[BaseException] = []

    class Stubborn(Job):
        def run(self) -> None:
            while True:
                try:
                    self.check_stop()
                    time.sleep(0.001)
                except Exception as error:
                    seen.append(error)

    handle = shell.start(Stubborn())
    handle.stop()
    assert handle.state == "Stopped"
    assert not seen


def test_a_job_can_look_whether_it_is_to_stop(shell: Session) -> None:
    class Polite(Job):
        def run(self) -> None:
            while not self.stopping:
                time.sleep(0.001)

    handle = shell.start(Polite())
    handle.stop()
    assert handle.state == "Stopped"


def test_an_async_job_is_cancelled(shell: Session) -> None:
    began, cancelled = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    handle = shell.start(work)
    assert began.wait(10)
    handle.stop()
    assert cancelled.is_set()
    assert handle.state == "Stopped"


def test_writing_outside_of_a_running_job_says_so() -> None:
    with pytest.raises(Exception, match="is not running"):
        Job().write(1)


def test_a_write_from_another_thread_after_the_end_raises_stop_requested(shell: Session) -> None:
    job = Job()
    job.run = lambda: None  # type: ignore[method-assign]
    shell.start(job).wait(10)
    with pytest.raises(StopRequested):
        job.write(1)


def test_a_stop_is_raised_at_the_yield(shell: Session) -> None:
    seen: list[type[BaseException]] = []
    begun = threading.Event()

    def work() -> Iterator[int]:
        try:
            begun.set()
            while True:
                yield 1
                time.sleep(0.001)
        except StopRequested:
            seen.append(StopRequested)
            raise

    handle = shell.start(work)
    assert begun.wait(10)
    handle.stop()
    assert seen == [StopRequested]


def test_the_work_may_stop_its_own_job(shell: Session) -> None:
    class Quitter(Job):
        def run(self) -> Iterator[int]:
            yield 1
            handles[0].stop()
            yield 2

    handles: list[JobHandle] = []
    go = threading.Event()
    job = Quitter()
    original = job.run

    def run_when_it_may() -> Iterator[int]:
        assert go.wait(10)
        return original()

    job.run = run_when_it_may  # type: ignore[method-assign]
    handles.append(shell.start(job))
    go.set()
    assert handles[0].wait(10)
    assert (handles[0].state, handles[0].receive()) == ("Stopped", [1])


def test_a_job_that_could_not_be_made_can_be_started_again(shell: Session) -> None:
    job = Job(name=5)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="name is 5; it is a text"):
        shell.start(job)
    job.name = "five"
    shell.start(job).wait(10)
    assert shell.jobs["five"].state == "Failed"  # it has no run method


def test_arguments_of_a_partial_are_not_shown(shell: Session) -> None:
    def work(secret: str, more: str) -> int:
        return len(secret + more)

    handle = shell.start(functools.partial(functools.partial(work, "hunter2"), more="x"))
    assert handle.result(30) == [8]
    (command,) = shell.run("param($Job) $Job.Command", Job=handle.net)
    assert command == work.__qualname__
