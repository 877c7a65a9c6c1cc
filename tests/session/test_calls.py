"""What a caller of `run` may rely on: arguments, stops, errors, the values."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import traceback
from collections import UserDict
from types import FrameType
from typing import Any

import pytest
from conditions import until

from psbridge import DeclarationError, PowerShellError, Session


class Late(Exception):
    """What a signal handler raises, such as that of a test's timeout."""


@contextlib.contextmanager
def interrupted_after(seconds: float, error: BaseException):  # type: ignore[no-untyped-def]
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(os.name == "nt", reason="has no such timers")
@pytest.mark.parametrize("error", [Late(), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_what_a_signal_handler_raises_stops_the_code(shell: Session, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, interrupted_after(0.3, error):
        shell.run("while ($true) { $global:steps++; Start-Sleep -Milliseconds 5 }")
    assert caught.value is error
    began = time.monotonic()
    assert shell.run("'next'") == ["next"]
    assert time.monotonic() - began < 2
    (steps,) = shell.run("$global:steps")
    assert steps > 0
    assert shell.run("Start-Sleep -Milliseconds 100; $global:steps") == [steps]


def test_a_stop_from_another_thread_ends_what_runs(shell: Session) -> None:
    from System.Threading import ManualResetEvent

    begun = ManualResetEvent(False)
    errors: list[PowerShellError] = []

    def run() -> None:
        try:
            shell.run("'before'; $null = $args[0].Set(); Start-Sleep 100", begun)
        except PowerShellError as error:
            errors.append(error)

    running = threading.Thread(target=run)
    running.start()
    until(lambda: begun.WaitOne(0))
    shell.stop()
    running.join(20)
    (error,) = errors
    assert "has been stopped" in str(error)
    assert error.result == ["before"]
    shell.stop()  # of nothing
    assert shell.run("'next'") == ["next"]


def test_a_stop_at_any_moment_is_one_error_or_none(shell: Session) -> None:
    ended = threading.Event()
    others: list[BaseException] = []

    def run() -> None:
        for _ in range(100):
            try:
                shell.run("1")
            except PowerShellError as error:
                if "has been stopped" not in str(error):
                    others.append(error)
            except BaseException as error:
                others.append(error)
        ended.set()

    running = threading.Thread(target=run)
    running.start()
    while not ended.is_set():
        shell.stop()
    running.join(20)
    assert others == []
    assert shell.run("1") == [1]


def test_what_is_stopped_while_its_arguments_are_converted_does_not_begin(shell: Session) -> None:
    class Stops(UserDict[str, object]):
        def items(self) -> Any:
            shell.stop()
            # The engine lets what is Stopped begin again.
            until(lambda: str(shell._pipeline.InvocationStateInfo.State) == "Stopped")
            return super().items()

    for _ in range(20):
        with pytest.raises(PowerShellError, match="has been stopped"):
            shell.run("$global:ran = $args", Stops(a=1))
        with pytest.raises(PowerShellError, match="has been stopped"):
            list(shell.stream("$global:ran = $args", Stops(a=1)))
    assert shell.run("$global:ran") == [None]


@pytest.mark.parametrize(
    ("script", "arguments", "taken"),
    [
        ("Get-Item", ("x",), "no arguments"),
        ("./x.ps1", (5,), "no arguments"),
        ("param($a) $a", (1, 2), "one argument"),
        ("param($a, [switch]$b) $a", (1, 2), "one argument"),
        ("1..3 | ForEach-Object { $args }", (1,), "no arguments"),
    ],
)
def test_arguments_are_not_dropped_without_a_word(
    shell: Session, script: str, arguments: tuple[object, ...], taken: str
) -> None:
    with pytest.raises(TypeError, match=f"takes {taken} by position, and {len(arguments)} were"):
        shell.run(script, *arguments)


def test_arguments_arrive_by_powershells_rules(shell: Session) -> None:
    assert shell.run("$args", 1, 2) == [1, 2]
    assert shell.run("$args.Count; & { $args } @args", 1, 2) == [2, 1, 2]
    assert shell.run("param($a) $a; $args", 1, 2) == [1, 2]
    assert shell.run("param($a, $b) $a; $b", 1, b=2) == [1, 2]
    with pytest.raises(TypeError, match="takes one argument"):
        shell.run("param($a, $b) $a; $b", 1, 2, b=2)
    with pytest.raises(PowerShellError, match="positional parameter"):
        shell.run("[CmdletBinding()] param($a) $a", 1, 2)


def test_one_is_the_only_value(shell: Session) -> None:
    assert shell.run("5").one() == 5
    with pytest.raises(ValueError, match="2 values"):
        shell.run("1, 2").one()
    with pytest.raises(ValueError, match="0 values, and not one; the first error: bad"):
        shell.run("Write-Error bad").one()


def test_first_is_the_first_value_or_a_default(shell: Session) -> None:
    assert shell.run("1, 2").first() == 1
    assert shell.run("").first() is None
    assert shell.run("").first(0) == 0


def test_errors_are_raised_where_one_asks_for_it(shell: Session) -> None:
    shell.run("1").raise_for_errors()
    result = shell.run("1; Write-Error bad -ErrorId mine; Write-Error worse")
    with pytest.raises(PowerShellError, match=r"^bad \(and 1 more\)$") as caught:
        result.raise_for_errors()
    assert caught.value.result is result
    assert caught.value.error_id.startswith("mine")
    assert caught.value.category == "NotSpecified"
    with pytest.raises(PowerShellError, match=r"^only$"):
        shell.run("Write-Error only").raise_for_errors()


# ---- Where an error is ----


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("1\n  throw 'x'", "At line:2 char:3\n+   throw 'x'\n+   ~~~~~~~~~"),
        ("Get-Item -Nope", "At line:1 char:10\n+ Get-Item -Nope\n+          ~~~~~"),
        ("[int]::Parse('x')", "At line:1 char:1\n+ [int]::Parse('x')\n+ ~~~~~~~~~~~~~~~~~"),
    ],
)
def test_an_error_has_a_note_that_says_where_it_is(shell: Session, code: str, place: str) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run(code, check=True)
    assert caught.value.__notes__ == [place]
    assert "At line" not in str(caught.value)


def test_a_parse_error_has_all_of_its_places_in_its_message(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run("if (1) {\n foo(\n}; bar)")
    assert str(caught.value).count("At line:") == 3
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize(
    ("code", "places"),
    [
        ("1\n\n  'abc", ["At line:3 char:3\n+   'abc"]),
        ("$x = @(1,", ["At line:1 char:10\n+ $x = @(1,", "At line:1 char:11\n+ $x = @(1,"]),
        ("if (1) {", ["At line:1 char:8\n+ if (1) {"]),
    ],
)
def test_code_that_is_not_whole_has_its_places_too(
    shell: Session, code: str, places: list[str]
) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run(code)
    errors = [str(error) for error in caught.value.errors]
    assert [error[: len(place)] for error, place in zip(errors, places, strict=True)] == places
    assert all(place in str(caught.value) for place in places)


def test_an_argument_that_is_not_declared_is_answered_with_those_that_are(shell: Session) -> None:
    with pytest.raises(TypeError, match=r"no parameter 'gamma'; it has alpha, beta$"):
        shell.run("param($alpha, $beta) $alpha", gamma=1)
    with pytest.raises(TypeError, match=r"begins with param\(...\) and names them"):
        shell.run("1", gamma=1)


def test_an_error_that_is_nowhere_has_no_note(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.call("Get-Item", "/nowhere", ErrorAction="Stop")
    assert not hasattr(caught.value, "__notes__")


def test_an_error_that_was_stopped_at_has_its_own_exception(shell: Session) -> None:
    for code in ("Get-Item /nope -ErrorAction Stop", "$ErrorActionPreference = 'Stop'; gi /nope"):
        with pytest.raises(PowerShellError) as caught:
            shell.run(code)
        assert caught.value.exception.GetType().Name == "ItemNotFoundException"


@pytest.mark.parametrize("code", ["param([Parameter(Mandatory)] $a) $a", "Get-Item", b"1", 5, None])
def test_what_is_missing_or_no_text_is_said_with_what_to_do(shell: Session, code: Any) -> None:
    if isinstance(code, str):
        with pytest.raises(PowerShellError, match="Give them as arguments"):
            shell.run(code, check=True)
    else:
        with pytest.raises(DeclarationError, match=r"the script is .*; it is a text"):
            shell.run(code)


def test_an_error_has_the_innermost_exception_and_the_record_the_outermost(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run("[int]::Parse('x')", check=True)
    error = caught.value
    assert error.exception.GetType().Name == "FormatException"
    assert error.record.Exception.GetType().Name == "MethodInvocationException"
    assert [record.error_id for record in error.errors] == ["FormatException"]


def test_an_error_of_check_has_the_records_of_all(shell: Session) -> None:
    with pytest.raises(PowerShellError, match=r"\(and 1 more\)") as caught:
        shell.run("Write-Error 'one'; Write-Error 'two'", check=True)
    assert [str(record) for record in caught.value.errors] == ["one", "two"]


@pytest.mark.parametrize(
    ("code", "mistakes"), [("if (\n foreach\n'a' +", 2), ("if (", 1), ("1 +\n\n) (", 2)]
)
def test_a_mistake_in_the_code_has_its_places(shell: Session, code: str, mistakes: int) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run(code)
    assert len(caught.value.errors) >= mistakes
    assert {record.category for record in caught.value.errors} == {"ParserError"}
    for record in caught.value.errors:
        assert str(record) in str(caught.value)


@pytest.mark.parametrize("code", ["[int]::Parse('x')", "throw [System.IO.IOException]::new('a')"])
def test_a_traceback_has_no_frames_of_nets(shell: Session, code: str) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run(code, check=True)
    shown = "".join(traceback.format_exception(caught.value))
    assert "   at System." not in shown
    assert code in shown  # the line, with its place
    thrown = caught.value.exception
    assert str(thrown) == thrown.Message
    assert thrown.GetType().FullName in str(thrown.ToString())  # who asks has all of it
