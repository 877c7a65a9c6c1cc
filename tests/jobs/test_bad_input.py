"""Input that is no good is a clear error or a documented conversion, and nothing else is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from psbridge import DeclarationError, FunctionJob, Job, JobGroup, Retry, Session

BIG = "x" * (1 << 20)
CYCLE: list[Any] = []
CYCLE.append(CYCLE)


class Raises:
    """Cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (BIG, BIG),
        (10**30, 10**30),
        (2**63, 2**63),
        ("*?[", "*?["),
        ("two\nlines", "two\nlines"),
        ("\U0001f600", "\U0001f600"),
        ("half \ud800", "half \ud800"),
    ],
)
def test_what_is_unusual_arrives(shell: Session, value: Any, arrives: Any) -> None:
    assert shell.start(lambda: iter(["before", value, "after"])).result(30) == [
        "before", arrives, "after"
    ]  # fmt: skip


def test_nan_arrives(shell: Session) -> None:
    (value,) = shell.start(lambda: math.nan).result(30)
    assert math.isnan(value)


@pytest.mark.parametrize("value", [object(), CYCLE, {"a": CYCLE}, lambda: 1, Raises()])
def test_what_has_no_counterpart_is_an_error_between_the_others(shell: Session, value: Any) -> None:
    result = shell.start(lambda: iter(["before", value, "after"])).result(30)
    assert result == ["before", "after"]
    (error,) = result.errors
    assert error.error_id == "ConversionError"


@pytest.mark.parametrize("name", ["a*b?[c]", "two\nlines", BIG, "half \ud800"])
def test_names_and_commands_may_be_anything(shell: Session, name: str) -> None:
    job = Job(name=name, command=name, location=name)
    job.run = lambda: "done"  # type: ignore[method-assign]
    handle = shell.start(job)
    assert handle.result(30) == ["done"]
    (found,) = shell.run("param($j) Get-Job -Id $j.Id | ForEach-Object Name", j=handle.net)
    assert found[:4] == name[:4]
    handle.remove()


@pytest.mark.parametrize("text", [BIG, "half \ud800 pair", "\x00\x07", ""])
def test_messages_may_be_anything(shell: Session, text: str) -> None:
    class Talks(Job):
        def run(self) -> Iterator[str]:
            self.write_warning(text)
            self.write_error(text or "empty", error_id=text or None, target=text)
            self.write_information(text, tags=["tag"])
            self.write_progress(text, text, percent=math.nan)
            yield "done"

    result = shell.start(Talks()).result(30)
    assert result == ["done"]
    assert len(result.warnings) == len(result.errors) == 1


def test_an_exception_that_cannot_be_shown_fails_its_job_only(shell: Session) -> None:
    class Strange(Exception):
        def __str__(self) -> str:
            raise SystemExit

    def work(number: int) -> int:
        if number == 1:
            raise Strange
        return number

    handle = shell.start(JobGroup.map(work, range(3)))
    assert handle.wait(30)
    assert [child.state for child in handle.children] == ["Completed", "Failed", "Completed"]
    assert handle.receive() == [0, 2]
    assert handle.reason == "Strange: (its text cannot be had: SystemExit)"


def test_recursion_without_end_fails_the_job(shell: Session) -> None:
    def deeper() -> None:
        deeper()

    handle = shell.start(deeper)
    assert handle.wait(30)
    assert handle.reason is not None
    assert handle.reason.startswith("RecursionError")


@pytest.mark.parametrize(
    "options",
    [{"throttle_limit": 0}, {"throttle_limit": 1.5}, {"throttle_limit": "8"}, {"timeout": -1},
     {"timeout": math.nan}, {"timeout": "soon"}, {"executor": "proces"}, {"name": 5},
     {"retry": 3}],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_when_the_group_is_made(
    options: dict[str, Any],
) -> None:
    with pytest.raises((ValueError, DeclarationError), match=next(iter(options))):
        JobGroup([FunctionJob(int)], **options)


def test_a_retry_that_makes_no_sense_is_refused() -> None:
    with pytest.raises((ValueError, DeclarationError), match="times"):
        Retry(-1)
