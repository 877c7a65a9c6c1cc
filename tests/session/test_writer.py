"""The write methods, in a real job and in a real cmdlet."""

from __future__ import annotations

import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from psbridge import (
    Cmdlet,
    Job,
    JobFailed,
    PsbridgeError,
    Result,
    Session,
    StopRequested,
)


class Writes(Job):
    """A job that calls a function with itself."""

    def __init__(self, work: Callable[[Job], Any]) -> None:
        super().__init__()
        self.work = work

    def run(self) -> Any:
        return self.work(self)


def written(shell: Session, work: Callable[[Job], Any]) -> Result:
    return shell.start(Writes(work)).result(30)


def progress(shell: Session, work: Callable[[Job], Any]) -> list[Any]:
    handle = shell.start(Writes(work))
    assert handle.wait(30)
    return list(handle.children[0].net.Progress)


def test_values_are_written_as_records(shell: Session) -> None:
    @dataclass
    class Point:
        x: int
        y: int

    pair = namedtuple("pair", "a b")
    values = [1, "two", None, 3.5, [1, [2]], {"k": 1}, {1: 2}, Point(1, 2), pair(3, 4)]

    def work(job: Job) -> None:
        for value in values[:4]:
            job.write(value)
        job.write_many(values[4:])

    assert written(shell, work) == [
        1, "two", None, 3.5, [1, [2]], {"k": 1}, {1: 2}, {"x": 1, "y": 2}, {"a": 3, "b": 4}
    ]  # fmt: skip


def test_a_value_without_counterpart_is_an_error_record_and_the_work_goes_on(
    shell: Session,
) -> None:
    def work(job: Job) -> Iterator[object]:
        job.write_many([1, object(), 2])
        yield {"a": [{1, ...}]}
        yield 3

    result = written(shell, work)
    assert result == [1, 2, 3]
    first, second = result.errors
    assert first.error_id.startswith("ConversionError")
    assert "builtins.object has no counterpart" in first.message
    assert "builtins.ellipsis has no counterpart" in second.message


def test_each_stream_is_written(shell: Session) -> None:
    def work(job: Job) -> None:
        job.write_warning("w")
        job.write_verbose("v")
        job.write_debug("d")
        job.write_information("i", tags=["a", "b"])
        job.write_information({"n": 1})
        job.write_error("e")

    handle = shell.start(Writes(work))
    assert handle.wait(30)
    child = handle.children[0].net
    for stream, text in ((child.Warning, "w"), (child.Verbose, "v"), (child.Debug, "d")):
        assert [record.Message for record in stream.ReadAll()] == [text]
    first, second = child.Information.ReadAll()
    assert (first.MessageData, list(first.Tags), first.Source) == ("i", ["a", "b"], "Writes")
    assert second.MessageData.Properties["n"].Value == 1
    assert [str(record) for record in child.Error.ReadAll()] == ["e"]


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (FileNotFoundError("x"), "ObjectNotFound"),
        (PermissionError("x"), "PermissionDenied"),
        (TimeoutError("x"), "OperationTimeout"),
        (ConnectionResetError("x"), "ConnectionError"),
        (KeyError("x"), "ObjectNotFound"),
        (TypeError("x"), "InvalidType"),
        (ValueError("x"), "InvalidArgument"),
        (ZeroDivisionError("x"), "InvalidResult"),
        (RuntimeError("x"), "NotSpecified"),
    ],
)
def test_an_exception_is_written_with_its_class_and_category(
    shell: Session, error: Exception, category: str
) -> None:
    (record,) = written(shell, lambda job: job.write_error(error, target="t")).errors
    assert record.message == f"{type(error).__name__}: {error}"
    assert record.error_id == type(error).__name__
    assert (record.category, record.target) == (category, "t")


def test_an_error_can_say_everything_itself(shell: Session) -> None:
    def work(job: Job) -> None:
        job.write_error("text", error_id="MyId", category="resourcebusy", target={"a": 1})
        job.write_error("text", target=object())

    first, second = written(shell, work).errors
    assert (first.message, first.error_id, first.category) == ("text", "MyId", "ResourceBusy")
    assert first.target == {"a": 1}
    assert (second.error_id, second.category) == ("PythonError", "NotSpecified")
    assert second.target.startswith("<object object")


def test_a_category_that_does_not_exist_is_refused(shell: Session) -> None:
    with pytest.raises(JobFailed, match="'Nonsense' is no ErrorCategory; there are NotSpecified"):
        written(shell, lambda job: job.write_error("x", category="Nonsense"))


def test_a_message_reaches_its_reader_whatever_is_in_it(shell: Session) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    def work(job: Job) -> None:
        for text in ("", "a\0b", "\ud800", "😀"):
            job.write_warning(text)
        job.write_error("\udc00")
        job.write_error("")
        job.write_error(Mute())
        job.write_error(KeyError("\ud800"))

    result = written(shell, work)
    assert [record.message for record in result.warnings] == ["", "a\0b", "\ud800", "😀"]
    assert [record.message for record in result.errors] == [
        "\udc00", "", "Mute: (its text cannot be had: ValueError)", "KeyError: '\\ud800'"
    ]  # fmt: skip


def test_information_without_counterpart_is_an_error_and_the_work_goes_on(shell: Session) -> None:
    def work(job: Job) -> None:
        job.write_information(object())
        job.write_information("after")

    result = written(shell, work)
    (error,) = result.errors
    assert error.error_id == "ConversionError"
    assert "no counterpart" in error.message
    assert [record.message for record in result.information] == ["after"]


def test_progress_has_all_its_parts(shell: Session) -> None:
    def work(job: Job) -> None:
        job.write_progress(
            "Copying", "file 3", percent=40.7, seconds_remaining=9.9,
            current_operation="reading", activity_id=2, parent_id=1,
        )  # fmt: skip
        job.write_progress("", percent=-5)
        job.write_progress("a\ud800", percent=500, completed=True)

    first, second, third = progress(shell, work)
    assert (first.Activity, first.StatusDescription, first.CurrentOperation) == (
        "Copying", "file 3", "reading"
    )  # fmt: skip
    assert (first.PercentComplete, first.SecondsRemaining) == (40, 9)
    assert (first.ActivityId, first.ParentActivityId) == (2, 1)
    assert (second.Activity, second.StatusDescription, second.PercentComplete) == (" ", " ", 0)
    assert (third.Activity, third.PercentComplete) == ("a\ud800", 100)
    assert third.RecordType.ToString() == "Completed"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, -(10**30)])
def test_progress_takes_any_number(shell: Session, number: float) -> None:
    def work(job: Job) -> None:
        job.write_progress("x", percent=number, seconds_remaining=number)

    (record,) = progress(shell, work)
    assert -1 <= record.PercentComplete <= 100
    assert record.SecondsRemaining >= -1


def test_a_stop_unwinds_the_work_at_its_next_write(shell: Session) -> None:
    seen: list[object] = []
    writing = threading.Event()

    def work(job: Job) -> None:
        try:
            while True:
                job.write(1)
                writing.set()
                time.sleep(0.001)
        except StopRequested as stop:
            seen.extend([stop, job.stopping])
            raise

    handle = shell.start(Writes(work))
    assert writing.wait(10)
    handle.stop()
    assert handle.state == "Stopped"
    assert isinstance(seen[0], StopRequested)
    assert seen[1] is True


def test_check_stop_is_for_work_that_does_not_write(shell: Session) -> None:
    begun = threading.Event()

    def work(job: Job) -> None:
        job.check_stop()
        assert not job.stopping
        begun.set()
        while True:
            time.sleep(0.01)
            job.check_stop()

    handle = shell.start(Writes(work))
    assert begun.wait(10)
    handle.stop()
    assert handle.state == "Stopped"


def test_threads_of_the_work_may_write(shell: Session) -> None:
    def work(job: Job) -> None:
        def part(number: int) -> None:
            for count in range(100):
                job.write([number, count])

        threads = [threading.Thread(target=part, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    result = written(shell, work)
    assert sorted(result) == [[number, count] for number in range(4) for count in range(100)]


def test_outside_of_the_work_writing_is_an_error() -> None:
    job = Writes(print)
    assert not job.stopping
    job.check_stop()
    with pytest.raises(PsbridgeError, match="Writes is not running"):
        job.write(1)


def test_a_cmdlet_writes_the_same(shell: Session) -> None:
    class TestWriter(Cmdlet, verb="Test", noun="Writer"):
        """Write everything."""

        def process(self) -> Iterator[object]:
            """Write it."""
            self.write_warning("w")
            self.write_verbose("v")
            self.write_debug("d")
            self.write_information("i", tags=["t"])
            self.write_error(FileNotFoundError("e"), target=5)
            self.write_many([1, object()])
            yield {"a": 2}

    shell.import_cmdlets(TestWriter)
    result = shell.run("$DebugPreference = 'Continue'; Test-Writer -Verbose")
    assert result == [1, {"a": 2}]
    assert [str(record) for record in result.warnings] == ["w"]
    assert "v" in [str(record) for record in result.verbose]
    assert [str(record) for record in result.debug] == ["d"]
    assert [(record.message, record.tags) for record in result.information] == [("i", ("t",))]
    first, second = result.errors
    assert first.error_id.startswith("FileNotFoundError,")
    assert (first.category, first.target) == ("ObjectNotFound", 5)
    assert second.error_id.startswith("ConversionError,")
