"""What a call takes beside its code: input, a time, whether errors raise, arguments by name."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import (
    ConversionError,
    DeclarationError,
    PipelineTimeout,
    PowerShellError,
    Session,
)


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


# ---- Input ----


@pytest.mark.parametrize(
    "code",
    ["$input | % { $_ * 2 }", "process { $_ * 2 }", "foreach ($each in $input) { $each * 2 }"],
)
@pytest.mark.parametrize("make", [list, iter, dict.fromkeys, lambda values: (n for n in values)])
def test_code_gets_its_input(
    shell: Session, code: str, make: Callable[[list[int]], Iterable[int]]
) -> None:
    assert shell.run(code, input=make([1, 2, 3])) == [2, 4, 6]


def test_input_may_be_empty_and_have_nothing_in_it(shell: Session) -> None:
    assert shell.run("@($input).Count", input=[]) == [0]
    assert shell.run("$input | % { $null -eq $_ }", input=[None, 1, None]) == [True, False, True]


def test_input_is_taken_as_the_code_reads_it(shell: Session) -> None:
    taken = 0

    def values() -> Iterator[int]:
        nonlocal taken
        for number in range(1_000_000_000):
            taken = number
            yield number

    assert shell.run("$input | Select-Object -First 3", input=values()) == [0, 1, 2]
    assert taken < 1000


def test_code_that_reads_slowly_holds_up_its_input(shell: Session) -> None:
    ahead = []

    def values() -> Iterator[int]:
        for number in range(300):
            ahead.append(number - seen.Count)
            yield number * 1

    from System.Collections.Generic import List

    seen = List[int]()
    assert len(shell.run("process { $args[0].Add($_); $_ }", seen, input=values())) == 300
    assert max(ahead) < 100


def test_input_that_nobody_reads_is_not_gone_through(shell: Session) -> None:
    assert shell.run("'done'", input=iter(int, 1)) == ["done"]


def test_an_exception_of_the_input_stops_the_code_and_is_raised(shell: Session) -> None:
    def values() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        shell.run("$input; while ($true) { }", input=values())
    assert shell.run("1") == [1]


def test_input_that_has_no_counterpart_stops_the_code_and_is_an_error(shell: Session) -> None:
    with pytest.raises(ConversionError):
        shell.run("$input; while ($true) { }", input=[1, object()])
    assert shell.run("1") == [1]


def test_input_that_asks_the_same_session_is_an_error_and_no_deadlock(shell: Session) -> None:
    with pytest.raises(RuntimeError, match="in the midst of its own call"):
        shell.run("$input", input=(shell.run("1") for _ in range(1)))
    assert shell.run("1") == [1]


def test_input_inside_a_pipeline_of_the_session(shell: Session) -> None:
    from psbridge import Cmdlet

    class Nested(Cmdlet, verb="Test", noun="NestedInput"):
        def process(self) -> Any:
            yield from self.session.run("$input | % { $_ * 2 }", input=iter([1, 2]))

    shell.import_cmdlets(Nested)
    assert shell.run("Test-NestedInput") == [2, 4]


@pytest.mark.parametrize("value", ["text", b"bytes", 5])
def test_input_that_is_nothing_to_go_through_is_refused(shell: Session, value: Any) -> None:
    with pytest.raises(DeclarationError, match="input is"):
        shell.run("$input", input=value)


# ---- Time ----


def test_time_that_is_up_stops_the_code(shell: Session) -> None:
    began = time.monotonic()
    with pytest.raises(PipelineTimeout) as caught:
        shell.run("1; Write-Warning 'w'; while ($true) { $global:runs = $true }", timeout=2)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.result == [1]
    assert [str(record) for record in caught.value.result.warnings] == ["w"]
    assert time.monotonic() - began >= 2
    shell.run("$runs = $false")
    assert shell.run("$runs") == [False]


def test_a_call_of_net_that_is_late_is_not_waited_for(shell: Session) -> None:
    from System.Threading import ManualResetEvent

    gate = ManualResetEvent(False)
    with pytest.raises(PipelineTimeout) as caught:
        shell.run("1; [void]$args[0].WaitOne()", gate, timeout=2)
    assert caught.value.result == [1]
    gate.Set()
    assert shell.run("2") == [2]


def test_what_ends_in_time_is_as_without(shell: Session) -> None:
    assert shell.run("1", timeout=60) == [1]
    assert shell.run("1", timeout=float("inf")) == [1]
    with pytest.raises(PowerShellError, match="x"):
        shell.run("throw 'x'", timeout=60)


def test_the_time_counts_from_the_call_on() -> None:
    with Session() as shell:
        from System.Threading import ManualResetEvent

        gate = ManualResetEvent(False)
        busy = threading.Thread(target=shell.run, args=("[void]$args[0].WaitOne()", gate))
        busy.start()
        until(lambda: shell._pipeline is not None)
        with pytest.raises(PipelineTimeout, match="turn"):
            shell.run("1", timeout=0.1)
        gate.Set()
        busy.join()


def test_code_that_was_given_up_takes_from_the_next_ones_time(shell: Session) -> None:
    from System.Threading import ManualResetEvent

    gate = ManualResetEvent(False)
    with pytest.raises(PipelineTimeout):
        shell.run("[void]$args[0].WaitOne()", gate, timeout=0.1)
    with pytest.raises(PipelineTimeout, match="given up"):
        shell.run("1", timeout=0.1)
    gate.Set()
    assert shell.run("2") == [2]


def test_no_time_is_not_enough(shell: Session) -> None:
    for _ in range(10):
        with pytest.raises(PipelineTimeout):
            shell.run("$global:began = $true", timeout=0)
    assert shell.run("$null -eq $began") == [True]


@pytest.mark.parametrize("way", ["run", "stream"])
def test_time_that_is_up_stops_code_whose_input_waits(shell: Session, way: str) -> None:
    from System.Threading import ManualResetEvent

    stopped = ManualResetEvent(False)

    def values() -> Iterator[int]:
        yield 1
        assert stopped.WaitOne(60_000)
        yield 2

    code = "try { $input | ForEach-Object { $_ } } finally { [void]$args[0].Set() }"
    with pytest.raises(PipelineTimeout) as late:
        list(getattr(shell, way)(code, stopped, input=values(), timeout=2))
    if way == "run":
        assert late.value.result == [1]
    assert shell.run("'free'") == ["free"]


def test_time_that_is_up_stops_an_inner_call(shell: Session) -> None:
    from psbridge import Cmdlet

    class Late(Cmdlet, verb="Test", noun="Late"):
        def process(self) -> Any:
            try:
                self.session.run("1; while ($true) { }", timeout=2)
            except PipelineTimeout as error:
                yield from error.result

    shell.import_cmdlets(Late)
    assert shell.run("Test-Late") == [1]


def test_a_timeout_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(PipelineTimeout("late", [1])))
    assert (str(error), error.result) == ("late", [1])


@pytest.mark.parametrize(
    ("timeout", "kind"), [(-1, ValueError), ("1", TypeError), (float("nan"), ValueError)]
)
def test_a_time_that_is_none_is_refused(
    shell: Session, timeout: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="timeout is"):
        shell.run("1", timeout=timeout)


# ---- Errors and exit codes ----


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Write-Error 'e'; 1", "e"),
        ("Get-Nothing", "Get-Nothing"),
        ("Get-Item /nowhere", "nowhere"),
        ("[int]::Parse('x')", "'x'"),
        ("Get-Item -Nowhere 1", "Nowhere"),
        ("function f([Parameter(Mandatory)] $x) { }; f", "x"),
        ("throw 'x'", "x"),
        ("exit 2", "ended with the exit code 2"),
        ("& sh -c 'exit 3'", "ran a program or script that ended with the exit code 3$"),
        ("& sh -c 'echo 1 >&2; echo no disk >&2; exit 3'", "with the exit code 3: no disk$"),
    ],
)
def test_with_check_an_error_raises(shell: Session, code: str, message: str) -> None:
    with pytest.raises(PowerShellError, match=message) as caught:
        shell.run(code, check=True)
    assert caught.value.result is not None


def test_with_check_what_works_is_as_without(shell: Session) -> None:
    assert shell.run("Write-Warning 'w'; & sh -c 'exit 0'; 1", check=True) == [1]


def test_what_a_program_writes_to_standard_error_is_no_error_by_itself(shell: Session) -> None:
    result = shell.run("sh -c 'echo progress >&2; echo out'; $?", check=True)
    assert result == ["out", True]
    assert [str(error) for error in result.errors] == ["progress"]
    with pytest.raises(PowerShellError, match=r"^e$") as caught:
        shell.run("sh -c 'echo progress >&2'; Write-Error e", check=True)
    assert [str(error) for error in caught.value.errors] == ["progress", "e"]


def test_what_is_neither_true_nor_false_is_no_check(shell: Session) -> None:
    with pytest.raises(DeclarationError, match="check is 1"):
        shell.run("1", check=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "exit_code", "exited"),
    [
        ("1", None, False),
        ("exit 3; 5", 3, True),
        ("exit", 0, True),
        ("& sh -c 'exit 4'; 1", 4, False),
        ("& sh -c 'exit 0'", 0, False),
        ("function f { exit 6 }; f; 5", 6, True),
        ("$LASTEXITCODE", None, False),
    ],
)
def test_the_exit_code_is_in_the_result(
    shell: Session, code: str, exit_code: int | None, exited: bool
) -> None:
    shell.run("& sh -c 'exit 4'")  # the last call's is not this one's
    result = shell.run(code)
    assert (result.exit_code, result.exited) == (exit_code, exited)


def test_an_error_has_the_exit_code_too(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run("& sh -c 'exit 5'; throw 'x'")
    assert caught.value.result.exit_code == 5


# ---- Arguments by name ----


def test_parameters_are_for_names_of_the_calls_own(shell: Session) -> None:
    code = "param($timeout, $x) $timeout; $x"
    assert shell.run(code, parameters={"timeout": "t"}, x=1) == ["t", 1]


def test_a_name_that_another_ones_begins_with(shell: Session) -> None:
    assert shell.run('param($n, $name) "$n $name"', "x", n=3) == ["3 x"]
    assert shell.run('param($name, $other) "$name $other"', "x", n=3) == ["3 x"]


def test_an_argument_in_both_places_is_refused(shell: Session) -> None:
    with pytest.raises(TypeError, match="'X' was given twice"):
        shell.run("param($x) $x", parameters={"X": 1}, x=1)


@pytest.mark.parametrize("parameters", [[("x", 1)], {1: 2}, {"": 1}])
def test_parameters_that_are_none_are_refused(shell: Session, parameters: Any) -> None:
    with pytest.raises(DeclarationError, match="parameters is"):
        shell.run("param($x) $x", parameters=parameters)


def test_a_signal_handler_that_asks_the_session_is_told_so() -> None:
    with Session() as shell:
        raised = []

        def handle(*_: Any) -> None:
            try:
                shell.run("1")
            except RuntimeError as error:
                raised.append(str(error))

        before = signal.signal(signal.SIGUSR1, handle)
        try:
            code = "& sh -c ('kill -USR1 ' + $args[0]); while (-not $args[1].IsSet) { }; 5"
            from System.Threading import ManualResetEventSlim

            seen = ManualResetEventSlim(False)

            def watch_it() -> None:
                until(lambda: raised)
                seen.Set()

            watch = threading.Thread(target=watch_it)
            watch.start()
            assert shell.run(code, str(os.getpid()), seen) == [5]
            watch.join()
        finally:
            signal.signal(signal.SIGUSR1, before)
    assert "in the midst of its own call" in raised[0]
