"""Input that is no good is a clear error or a documented conversion, and nothing else is lost."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from psbridge import (
    Credential,
    DeclarationError,
    FunctionJob,
    Job,
    JobCmdlet,
    JobGroup,
    PowerShellError,
    Retry,
    Secret,
    Session,
)

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
    [{"throttle_limit": 1.5}, {"throttle_limit": "8"}, {"timeout": "soon"}, {"grace": "some"},
     {"executor": "proces"}, {"executor": 5}, {"name": 5}, {"retry": 3}, {"capture": "x"},
     {"pausable": 1}, {"listen": 1.5}],
)  # fmt: skip
def test_options_of_the_wrong_type_are_refused_when_the_group_is_made(
    options: dict[str, Any],
) -> None:
    with pytest.raises(DeclarationError, match=next(iter(options))):
        JobGroup([FunctionJob(int)], **options)


@pytest.mark.parametrize(
    "options",
    [{"throttle_limit": 0}, {"timeout": -1}, {"timeout": math.nan}, {"grace": -1}],
)
def test_options_that_make_no_sense_are_refused_when_the_group_is_made(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        JobGroup([FunctionJob(int)], **options)


class Plain(Job):
    def run(self) -> int:
        return 1


class Look(JobCmdlet, verb="Test", noun="Look"):
    def process(self) -> int:
        return 1


WRONG: dict[str, Callable[[Session], object]] = {
    "a group of no jobs": lambda _: JobGroup([1]),  # type: ignore[list-item]
    "a group of nothing": lambda _: JobGroup(1),  # type: ignore[arg-type]
    "a group of classes": lambda _: JobGroup([Plain]),  # type: ignore[list-item]
    "a start of nothing": lambda shell: shell.start(1),  # type: ignore[arg-type]
    "a start of a class": lambda shell: shell.start(Plain),
    "a start of a group's class": lambda shell: shell.start(JobGroup),
    "a start of a cmdlet": lambda shell: shell.start(Look),
    "a start with arguments": lambda shell: shell.start(Plain(), 1),
    "a start of a partial of a class": lambda shell: shell.start(functools.partial(Plain)),
    "a map of a class": lambda _: JobGroup.map(Plain, [1]),
    "a map of no items": lambda _: JobGroup.map(len, 1),  # type: ignore[arg-type]
    "a job's capture": lambda shell: shell.start(Plain(capture="x")),  # type: ignore[arg-type]
    "a credential's name": lambda _: Credential(1, Secret("x")),  # type: ignore[arg-type]
    "a credential's password": lambda _: Credential("x", "x"),  # type: ignore[arg-type]
    "a secret": lambda _: Secret(None),  # type: ignore[arg-type]
    "a map of nothing": lambda _: JobGroup.map(1, [1]),  # type: ignore[arg-type]
    "a call of nothing": lambda _: FunctionJob(1),  # type: ignore[arg-type]
    "a retry": lambda _: Retry("x"),  # type: ignore[arg-type]
    "a retry's delay": lambda _: Retry(1, delay="x"),  # type: ignore[arg-type]
    "a job's grace": lambda shell: shell.start(Plain(grace="x")),  # type: ignore[arg-type]
    "a job's timeout": lambda shell: shell.start(Plain(timeout="x")),  # type: ignore[arg-type]
    "a job's retry": lambda shell: shell.start(Plain(retry=3)),  # type: ignore[arg-type]
    "a wait": lambda shell: shell.start(Plain()).wait("x"),  # type: ignore[arg-type]
    "a result": lambda shell: shell.start(Plain()).result("x"),  # type: ignore[arg-type]
    "a suspend": lambda shell: shell.start(Plain()).suspend("x"),  # type: ignore[arg-type]
    "a definition": lambda shell: shell.jobs.define("x", 1),  # type: ignore[arg-type]
    "a definition's name": lambda shell: shell.jobs.define(1, Plain),  # type: ignore[arg-type]
    "a job of .NET's": lambda shell: shell.jobs.add(1),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=list(WRONG))
def test_an_argument_of_the_wrong_type_is_one_error_wherever_it_is_given(
    shell: Session, call: Callable[[Session], object]
) -> None:
    with pytest.raises(DeclarationError) as caught:
        call(shell)
    assert isinstance(caught.value, TypeError)


NO_TIME: dict[str, Callable[[Session], object]] = {
    "a retry": lambda _: Retry(-1),
    "a retry's delay": lambda _: Retry(1, delay=-1),
    "a job's grace": lambda shell: shell.start(Plain(grace=-1)),
    "a job's timeout": lambda shell: shell.start(Plain(timeout=math.nan)),
}


@pytest.mark.parametrize("call", NO_TIME.values(), ids=list(NO_TIME))
def test_a_value_that_makes_no_sense_is_a_value_error(
    shell: Session, call: Callable[[Session], object]
) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        call(shell)


def test_a_wait_takes_less_than_0_and_not_nan(shell: Session) -> None:
    job = shell.start(Plain())
    assert job.wait(30)
    assert job.wait(-1)
    with pytest.raises(ValueError, match=r"^timeout is NaN; it is a number of seconds$"):
        job.wait(math.nan)


def test_a_class_says_how_it_is_started(shell: Session) -> None:
    with pytest.raises(DeclarationError, match=r"Plain is a class.*make one: Plain\(\.\.\.\)"):
        shell.start(Plain)


@pytest.mark.parametrize("script", ["param($n) $n", "$args", "Get-Variable", "param($a, $nn) 1"])
def test_an_argument_that_the_script_has_no_parameter_for_is_refused(
    shell: Session, script: str
) -> None:
    with pytest.raises(TypeError, match="'name'"):
        shell.run(script, name=3)


def test_arguments_are_known_by_powershells_rules(shell: Session) -> None:
    assert shell.run("param([Alias('Other', 'Third')] $Name) $Name", third=3) == [3]
    assert shell.run("param($Name) $Name", n=3) == [3]
    assert shell.run("param([Parameter()] $Name) $Name", name=3, Verbose=True) == [3]
    with pytest.raises(PowerShellError, match="parameter name 'other'"):
        shell.run("[CmdletBinding()] param($Name) $Name", other=3)


def test_grace_and_retry_are_the_jobs_the_classes_or_the_groups(shell: Session) -> None:
    class Fails(Job):
        tries = 0

        def run(self) -> None:
            self.tries += 1
            raise ConnectionError

    class FailsTwice(Fails):
        retry = Retry(1)

    def tries(job: Fails, **options: Any) -> int:
        shell.start(JobGroup([job], **options) if options else job).wait(30)
        return job.tries

    assert tries(Fails()) == 1
    assert tries(Fails(retry=Retry(2))) == 3
    assert tries(FailsTwice()) == 2
    assert tries(FailsTwice(), retry=Retry(3)) == 2
    assert tries(Fails(), retry=Retry(3)) == 4

    class Quick(Job):
        grace = 0.25

        def run(self) -> None:
            pass

    def graces(*jobs: Job) -> list[float]:
        shell.start(JobGroup(jobs, grace=7)).wait(30)
        return [job.grace for job in jobs]

    assert graces(Plain(), Plain(grace=0.5), Quick()) == [7, 0.5, 0.25]
    assert Plain().grace == 2.5
