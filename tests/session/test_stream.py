"""Output as it comes."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import PipelineTimeout, PowerShellError, Session, SessionClosedError


@pytest.fixture
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


def test_each_value_comes_as_soon_as_it_is_written(shell: Session) -> None:
    from System.Threading import ManualResetEventSlim

    go = ManualResetEventSlim(False)
    values = shell.stream("1; [void]$args[0].Wait(30000); 2", go)
    assert next(values) == 1
    go.Set()
    assert list(values) == [2]


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 10_000])
def test_all_values_come_in_their_order(shell: Session, count: int) -> None:
    assert list(shell.stream("param($n) for ($i = 0; $i -lt $n; $i++) { $i }", n=count)) == list(
        range(count)
    )


def test_code_runs_a_little_ahead_only(shell: Session) -> None:
    from System.Collections.Generic import List

    written = List[int]()
    values = shell.stream("for ($i = 0; $true; $i++) { $args[0].Add($i); $i }", written)
    assert next(values) == 0
    until(lambda: written.Count > 256)
    until_settled(lambda: written.Count)
    assert written.Count < 1000
    assert [next(values) for _ in range(2000)] == list(range(1, 2001))
    values.close()


def until_settled(count: Callable[[], int]) -> None:
    """Until there is as much as a while ago; what holds nothing back never gets there."""
    before = -1
    while before != (before := count()):
        time.sleep(0.2)
        if before > 1_000_000:
            return


def test_leaving_the_loop_stops_the_code(shell: Session) -> None:
    for value in shell.stream("1; while ($true) { }"):
        assert value == 1
        break
    assert shell.run("2") == [2]


@pytest.mark.parametrize("way", ["close", "with", "drop"])
def test_it_can_be_stopped(shell: Session, way: str) -> None:
    values = shell.stream("while ($true) { 1 }")
    assert next(values) == 1
    if way == "close":
        values.close()
    elif way == "with":
        with values:
            pass
    else:
        del values
        gc.collect()
    assert shell.run("2") == [2]


def test_what_is_never_asked_for_never_begins(shell: Session) -> None:
    values = shell.stream("$global:began = $true")
    values.close()
    assert shell.run("$null -eq $began") == [True]
    assert list(values) == []


def test_the_other_streams_are_in_its_result(shell: Session) -> None:
    values = shell.stream("1; Write-Warning w; Write-Error e; exit 3")
    assert list(values) == [1]
    result = values.result
    assert (result, [str(record) for record in result.warnings]) == ([], ["w"])
    assert ([str(record) for record in result.errors], result.exit_code) == (["e"], 3)


def test_a_terminating_error_comes_after_the_values(shell: Session) -> None:
    values = shell.stream("1; Write-Warning w; throw 'no more'")
    assert next(values) == 1
    with pytest.raises(PowerShellError, match="no more") as caught:
        next(values)
    assert [str(record) for record in values.result.warnings] == ["w"]
    assert caught.value.result is not None
    assert list(values) == []


def test_with_check_errors_raise_at_the_end(shell: Session) -> None:
    values = shell.stream("1; Write-Error e; 2", check=True)
    assert [next(values), next(values)] == [1, 2]
    with pytest.raises(PowerShellError, match="e"):
        next(values)


def test_input_is_gone_through_meanwhile(shell: Session) -> None:
    values = shell.stream("process { $_ * 2 }", input=itertools.count())
    assert list(itertools.islice(values, 1000)) == list(range(0, 2000, 2))
    values.close()
    assert list(shell.stream("process { $_ } end { 'end' }", input=[1, 2])) == [1, 2, "end"]


def test_an_exception_of_the_input_stops_the_code(shell: Session) -> None:
    def values() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    with pytest.raises(KeyError):
        list(shell.stream("process { $_ } end { while ($true) { } }", input=values()))
    assert shell.run("1") == [1]


def test_time_that_is_up_stops_the_code(shell: Session) -> None:
    values = shell.stream("1; while ($true) { }", timeout=2)
    assert next(values) == 1
    with pytest.raises(PipelineTimeout):
        next(values)
    assert shell.run("2") == [2]


def test_input_that_comes_slowly_holds_up_no_output(shell: Session) -> None:
    from System.Threading import ManualResetEventSlim

    seen = ManualResetEventSlim(False)

    def slowly() -> Iterator[int]:
        yield 1
        time.sleep(0.05)
        yield 2
        time.sleep(0.05)  # by now the first one is on its way
        yield 3
        assert seen.Wait(30_000)

    values = shell.stream("process { $_ }", input=slowly())
    assert next(values) == 1
    seen.Set()
    assert list(values) == [2, 3]


def test_another_thread_may_go_on(shell: Session) -> None:
    values = shell.stream("1; 2; 3")
    assert next(values) == 1
    errors: list[str] = []

    def go_on() -> None:
        assert next(values) == 2
        try:
            shell.run("4")
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=go_on)
    thread.start()
    thread.join(30)
    assert len(errors) == 1
    assert next(values) == 3
    with pytest.raises(RuntimeError):
        shell.run("4")


def test_the_session_is_busy_in_the_loop_and_says_so(shell: Session) -> None:
    for _ in shell.stream("1; 2"):
        with pytest.raises(RuntimeError, match="in the loop over its stream"):
            shell.run("3")
    assert shell.run("3") == [3]


def test_other_threads_wait_for_their_turn(shell: Session) -> None:
    values = shell.stream("1; 2")
    assert next(values) == 1
    results: list[Any] = []
    waiting = threading.Thread(target=lambda: results.append(shell.run("3")))
    waiting.start()
    assert list(values) == [2]
    waiting.join(30)
    assert results == [[3]]


@pytest.mark.parametrize("way", ["stop", "close"])
def test_it_ends_where_another_thread_stops_or_closes(shell: Session, way: str) -> None:
    values = shell.stream("while ($true) { 1 }")  # held back: nobody takes any
    assert next(values) == 1
    threading.Thread(target=getattr(shell, way)).start()
    with pytest.raises(SessionClosedError if way == "close" else PowerShellError):
        list(values)


def test_a_stop_ends_code_that_is_held_back(shell: Session) -> None:
    values = shell.stream("while ($true) { 1 }")
    assert next(values) == 1
    pipeline = shell._pipeline
    shell.stop()
    until(lambda: str(pipeline.InvocationStateInfo.State) == "Stopped")
    with pytest.raises(PowerShellError):
        list(values)


def test_ctrl_c_stops_it(shell: Session) -> None:
    from System.Threading import ManualResetEventSlim

    waits = ManualResetEventSlim(False)

    def interrupt() -> None:
        waits.Wait(30_000)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        list(shell.stream("1; $args[0].Set(); while ($true) { }", waits))
    interrupting.join()
    assert shell.run("2") == [2]


LEFT = {
    "a stream": "stream = Session().stream('1..10000')",
    "in a generator": "stream = values()",
    "in a cycle": "stream = values(); cycle = [stream]; cycle.append(cycle)",
    "in a thread that has ended": "stream = values(); on_thread(stream)",
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_one_that_is_left_to_the_end_of_the_program_makes_no_noise(left: str) -> None:
    program = f"""
import threading
from psbridge import Session

def values():
    with Session() as shell:
        yield from shell.stream("1..10000; Start-Sleep 60")

def on_thread(stream):
    thread = threading.Thread(target=next, args=(stream,))
    thread.start()
    thread.join()

{left}
print(next(stream))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stderr == ""
    assert ended.stdout.strip() in ("1", "2")
    assert ended.returncode == 0


def test_inside_a_pipeline_of_the_session(shell: Session) -> None:
    from psbridge import Cmdlet

    class Streamed(Cmdlet, verb="Test", noun="Streamed"):
        def process(self) -> Any:
            yield from self.session.stream("1..3")

    shell.import_cmdlets(Streamed)
    assert shell.run("Test-Streamed") == [1, 2, 3]


def test_an_argument_that_is_wrong_is_refused_at_once(shell: Session) -> None:
    with pytest.raises(ValueError, match="timeout is"):
        shell.stream("1", timeout=-1)


def test_many_values_are_quick(shell: Session) -> None:
    list(shell.stream("1"))
    began = time.perf_counter()
    whole = shell.run("1..50000")
    by_run = time.perf_counter() - began
    began = time.perf_counter()
    assert list(shell.stream("1..50000")) == whole
    # Ten is the order of magnitude: each batch wakes two threads.
    assert time.perf_counter() - began < 10 * by_run + 1
