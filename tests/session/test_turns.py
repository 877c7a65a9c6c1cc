"""Whose turn it is, whatever a signal handler raises, and wherever."""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from conditions import until

import psbridge
from psbridge import Session
from psbridge.session.turns import Turn, Turns

# And what they use that is written in Python, too.
OURS = (
    threading.__file__,
    *(
        str(Path(psbridge.__path__[0]) / "session" / name)
        for name in ("owned_runspace.py", "runs.py", "turns.py", "stream.py")
    ),
)


class Interrupted(BaseException):
    """What a signal handler raises."""


def interrupt_at(number: int) -> tuple[Callable[..., Any], list[str]]:
    """A trace function that raises where CPython calls signal handlers, the so-manieth time.

    That is when a function begins, and at the end of a call. What is raised there goes where the
    call is handled; so it is raised before the next instruction, where that is handled there, too.
    """
    left = number
    places: list[str] = []
    calls: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in OURS:
            return None
        frame.f_trace_opcodes = True
        call = calls.pop(frame, None)
        if event == "opcode" and dis.opname[frame.f_code.co_code[frame.f_lasti]] == "CALL":
            calls[frame] = frame.f_lasti
        ended = call is not None and handler_of(frame, call) == handler_of(frame, frame.f_lasti)
        if event == "call" or (event == "opcode" and ended):
            left -= 1
            if left < 0 and not places:
                places.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
                raise Interrupted
        return trace

    return trace, places


def handler_of(frame: FrameType, offset: int) -> int | None:
    """Where what is raised at an instruction is handled."""
    parse: Any = dis._parse_exception_table  # type: ignore[attr-defined]
    entries = [entry for entry in parse(frame.f_code) if entry.start <= offset < entry.end]
    return entries[-1].target if entries else None


def interrupted_everywhere(work: Callable[[], object], after: Callable[[], object]) -> int:
    """Interrupt work at each place in turn, and do something after each; gives their number."""
    for number in range(10_000):
        trace, places = interrupt_at(number)
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            work()
        except Interrupted:
            pass
        finally:
            sys.settrace(before)
        if not places:
            return number
        done = threading.Thread(target=after, daemon=True)
        done.start()
        done.join(10)
        assert not done.is_alive(), f"not after {places[0]}"
    raise AssertionError("no end")


@pytest.mark.parametrize("way", ["run", "stream"])
def test_a_session_serves_on_wherever_a_call_was_interrupted(way: str) -> None:
    with Session() as shell:
        shell.run("1")
        work = {"run": lambda: shell.run("1"), "stream": lambda: list(shell.stream("1"))}[way]
        results: list[Any] = []
        count = interrupted_everywhere(work, lambda: results.append(shell.run("2")))
        assert count > 10
        assert results == [[2]] * count


def test_a_turn_is_taken_by_one_at_a_time() -> None:
    turns, taken, most = Turns(), 0, 0
    lock = threading.Lock()

    def take() -> None:
        nonlocal taken, most
        for _ in range(100):
            turn = turns.ask()
            try:
                turns.wait(turn)
                with lock:
                    taken += 1
                    most = max(most, taken)
                with lock:
                    taken -= 1
            finally:
                if turns.holder is turn:
                    turns.holder = None
                turns.wake()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (taken, most, turns.holder) == (0, 1, None)


def test_who_has_the_turn_is_refused_another_one() -> None:
    turns = Turns()
    turns.wait(turns.ask())
    with pytest.raises(RuntimeError, match="would wait for itself"):
        turns.ask()


def test_a_wait_ends_in_time() -> None:
    turns = Turns()
    turns.wait(Turn())
    other: list[bool] = []
    thread = threading.Thread(target=lambda: other.append(turns.wait(Turn(), 0.05)))
    thread.start()
    thread.join(30)
    assert other == [False]


# ---- A session that closes while a stream is half read ----


def test_closing_in_the_loop_over_a_stream() -> None:
    shell = Session()
    runspace = shell._runspace
    values = shell.stream("1..10")
    for _ in values:
        shell.close()
        break
    assert shell.closed
    del values
    until(lambda: str(runspace.RunspaceStateInfo.State) == "Closed")


def test_closing_while_another_thread_has_a_stream_half_read() -> None:
    shell = Session()
    runspace = shell._runspace
    values: list[Any] = []

    def begin() -> None:
        values.append(shell.stream("while ($true) { 1 }"))
        next(values[0])

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join(30)
    shell._give_up_at = 0  # not after five seconds
    shell.close()
    until(lambda: str(runspace.RunspaceStateInfo.State) == "Closed")


def test_a_program_ends_while_a_stream_is_half_read(run_python: Any) -> None:
    code = (
        "from psbridge import Session\nshell = Session()\n"
        "values = shell.stream('while ($true) { 1 }')\nprint(next(values))\n"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_who_asks_again_at_once_does_not_keep_the_others_from_it() -> None:
    turns, taken = Turns(), [0, 0, 0]
    ended = threading.Event()

    def work(number: int) -> None:
        while not ended.is_set():
            turn = turns.ask()
            try:
                turns.wait(turn)
                taken[number] += 1
            finally:
                if turns.holder is turn:
                    turns.holder = None
                turns.wake()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(taken))]
    for thread in threads:
        thread.start()
    until(lambda: min(taken) >= 20)
    ended.set()
    for thread in threads:
        thread.join()
