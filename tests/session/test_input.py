"""What a call's `input` does to the code that reads it, above all where it does not end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from psbridge import PipelineTimeout, PowerShellError, Session, SessionClosedError

# Does at its end what is right only where all of the input has come: here it says so. What is
# stopped stops at its next command.
AT_THE_END = "param($seen) process { $_ } end { Get-Date; $seen.Add('end') }"


@pytest.fixture
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def seen() -> Any:
    from System.Collections.Generic import List

    return List[str]()


def slowly() -> Iterator[int]:
    for number in itertools.count():
        time.sleep(0.05)
        yield number


def late() -> Iterator[int]:
    yield 1
    time.sleep(0.6)


def failing(error: BaseException) -> Iterator[int]:
    yield from range(500)
    raise error


def streamed(shell: Session, *given: Any, **how: Any) -> list[Any]:
    return list(shell.stream(*given, **how))


@pytest.mark.parametrize("values", [itertools.count, slowly, late, lambda: itertools.repeat(None)])
@pytest.mark.parametrize("take", [Session.run, streamed])
def test_time_that_is_up_is_no_end_of_the_input(
    shell: Session, seen: Any, values: Callable[[], Iterable[object]], take: Callable[..., Any]
) -> None:
    for _ in range(5):
        with pytest.raises(PipelineTimeout):
            take(shell, AT_THE_END, seen, input=values(), timeout=0.3)
    assert shell.run("6 * 7") == [42]
    assert list(seen) == []


@pytest.mark.parametrize(
    "error",
    [
        ValueError("none"),
        PowerShellError("another session's"),
        PipelineTimeout("another session's", []),
        SessionClosedError("another one"),
        SystemExit(3),
    ],
)
@pytest.mark.parametrize("take", [Session.run, streamed])
def test_input_that_fails_ends_the_code_that_reads_it(
    shell: Session, seen: Any, error: BaseException, take: Callable[..., Any]
) -> None:
    for _ in range(5):
        with pytest.raises(type(error)) as raised:
            take(shell, AT_THE_END, seen, input=failing(error))
        assert raised.value is error
    assert shell.run("6 * 7", timeout=10) == [42]
    assert list(seen) == []


def test_a_dotnet_exception_of_the_input_is_no_end_of_it(shell: Session, seen: Any) -> None:
    import System

    error = System.InvalidOperationException("none")
    with pytest.raises(System.InvalidOperationException):
        shell.run(AT_THE_END, seen, input=failing(error))
    assert shell.run("6 * 7", timeout=10) == [42]
    assert list(seen) == []


def test_a_stream_that_is_left_is_no_end_of_its_input(shell: Session, seen: Any) -> None:
    for _ in range(20):
        values = shell.stream(AT_THE_END, seen, input=itertools.count())
        assert next(values) == 0
        values.close()
    assert shell.run("6 * 7") == [42]
    assert list(seen) == []
