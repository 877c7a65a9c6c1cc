"""Code of sessions that leads to other sessions: it runs, or says that it waits for itself."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import PowerShellError, Session
from psbridge.values import raised

CLASS = """
class Worker {
    [int] $Number = 5
    [int] Read() { return $this.Number }
    [object] Call() { return Get-Mine }
    [object] Loop() { while ($true) { } return 1 }
    [object] Walk([object] $path) { return Step-Path $path }
}
"""


@pytest.fixture
def other() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def worker(shell: Session) -> Any:
    shell.run(CLASS)
    return shell.run("[Worker]::new()").one()


def keep_open(shell: Session, other: Session) -> Any:
    """A stream of the other session's that code of the first one has begun and left open."""
    kept: list[Any] = []

    def begin() -> int:
        kept.append(other.stream("1; Get-Mine"))
        return int(next(kept[0]))

    shell.functions["Open-It"] = begin
    assert shell.run("Open-It", check=True) == [1]
    return kept[0]


def test_a_stream_that_is_kept_open_is_no_wait(shell: Session, other: Session) -> None:
    other.functions["Get-Mine"] = lambda: shell.run("42").one()
    assert list(keep_open(shell, other)) == [42]


def test_a_member_is_asked_behind_one_while_its_session_runs(
    shell: Session, other: Session, worker: Any
) -> None:
    goes = threading.Event()

    def ask() -> int:
        assert goes.wait(30)
        return int(worker.Read())

    other.functions["Get-Mine"] = ask
    kept = keep_open(shell, other)
    with shell.stream("1; while ($true) { }") as values:
        assert next(values) == 1
        goes.set()
        assert list(kept) == [5]


def test_a_member_is_asked_while_python_code_runs_more_in_its_session(
    shell: Session, other: Session, worker: Any
) -> None:
    """That pipeline waits for nothing of ours: an event has it run the member's script."""
    done: Any = shell.run("($global:done = [System.Threading.ManualResetEvent]::new($false))").one()

    def ask() -> int:
        found = int(worker.Read())
        done.Set()
        return found

    def begin() -> list[int]:
        stream = other.stream("1; Get-Mine")
        first = next(stream)
        shell.run("while (-not $done.WaitOne(5)) { }")
        return [first, *stream]

    other.functions["Get-Mine"] = ask
    shell.functions["Open-It"] = begin
    assert shell.run("Open-It", check=True) == [[1, 5]]


@pytest.mark.parametrize("way", ["run", "stream"])
def test_time_is_up_while_a_thread_serves_what_does_not_end(
    shell: Session, other: Session, worker: Any, way: str
) -> None:
    other.functions["Get-Endless"] = lambda: worker.Loop()
    shell.functions["Get-It"] = lambda: list(getattr(other, way)("Get-Endless", timeout=0.5))
    with pytest.raises(PowerShellError, match="has been stopped"):
        shell.run("Get-It", check=True)
    assert shell.run("1") == other.run("1") == [1]


def test_what_a_thread_serves_sees_the_types_of_its_own_session(
    shell: Session, other: Session
) -> None:
    """Not those of the session whose records the thread reads meanwhile."""
    kind = "System.Text.StringBuilder"
    for session, name in ((shell, "mine"), (other, "theirs")):
        session.run(
            f"function Get-Who {{ '{name}' }}; Update-TypeData -TypeName {kind} -MemberName Who "
            "-MemberType ScriptProperty -Value { Get-Who }"
        )
    shell.run(f"class Asks {{ [object] Call() {{ return Get-Mine ([{kind}]::new()) }} }}")
    asks: Any = shell.run("[Asks]::new()").one()
    shell.functions["Get-Mine"] = lambda builder: builder.Who
    other.functions["Get-It"] = asks.Call
    record = "[pscustomobject] @{ A = 1 } | Add-Member -PassThru ScriptProperty Who { Get-It }"
    shell.functions["Get-Record"] = lambda: other.run(record).one().Who
    assert shell.run("Get-Record", check=True) == ["mine"]


@pytest.mark.parametrize("back", ["a member", "a run"])
def test_a_call_beside_a_stream_that_is_left_leads_back(
    shell: Session, other: Session, worker: Any, back: str
) -> None:
    inside, left = threading.Event(), threading.Event()
    found: list[Any] = []

    def lead() -> Any:
        inside.set()
        assert left.wait(30)
        return other.run("Get-Back", check=True).one()

    def call() -> None:
        try:
            found.append(worker.Call())
        except RuntimeError as error:
            found.append(str(error))

    shell.functions["Get-Mine"] = lead
    other.functions["Get-Back"] = (
        worker.Read if back == "a member" else lambda: shell.run("42").one()
    )
    values = shell.stream("1")
    assert next(values) == 1
    until(lambda: str(shell._pipeline.InvocationStateInfo.State) == "Completed")
    calling = threading.Thread(target=call)
    calling.start()
    assert inside.wait(30)
    values.close()
    left.set()
    calling.join(30)
    assert found == [5] if back == "a member" else "neither would ever end" in found[0]
    assert shell not in raised._by_session


def test_two_threads_lead_through_two_sessions_at_random(shell: Session, other: Session) -> None:
    """Each wait serves calls of the other thread's, and these go through turns that it holds."""
    sessions = [shell, other]
    for session in sessions:
        session.run(CLASS)
    workers: list[Any] = [session.run("[Worker]::new()").one() for session in sessions]

    def step(path: str) -> str:
        return path if len(path) == 1 else str(workers[int(path[0])].Walk(path[1:]))

    for session in sessions:
        session.functions["Step-Path"] = step
    ends = time.monotonic() + 2
    wrong: list[object] = []
    done = [0, 0]

    def in_a_stream(first: int, path: str) -> str:
        with sessions[first].stream("1..600") as values:
            next(values)
            return str(workers[first].Walk(path))

    ways: list[Callable[[int, str], object]] = [
        lambda first, path: workers[first].Walk(path),
        lambda first, path: sessions[first].run(f"Step-Path {path!r}", check=True).one(),
        lambda first, path: list(sessions[first].stream(f"1; Step-Path {path!r}", check=True))[1],
        in_a_stream,
    ]

    def lead(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < ends:
            path = "".join(chance.choice("01") for _ in range(chance.randrange(2, 6)))
            way, first = chance.choice(ways), chance.randrange(2)
            try:
                found = way(first, path)
            except BaseException as error:
                found = error
            if found != path[-1]:
                wrong.append((ways.index(way), first, path, found))
            done[number] += 1

    threads = [threading.Thread(target=lead, args=(number,), daemon=True) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    assert min(done) > 3
