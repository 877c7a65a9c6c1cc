"""Calls for asyncio."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from conditions import until

from psbridge import PipelineTimeout, PowerShellError, Session, SessionClosedError


@pytest.fixture
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


def run(make: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await make()

    return asyncio.run(main())


async def eventually(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


def test_they_do_what_the_others_do(shell: Session) -> None:
    assert run(lambda: shell.arun("param($n) 1..$n", n=3)) == [1, 2, 3]
    assert run(lambda: shell.acall("Get-Item", "/", select=["Name"])) == [{"Name": "/"}]
    with pytest.raises(PowerShellError, match="no more"):
        run(lambda: shell.arun("throw 'no more'"))
    with pytest.raises(PipelineTimeout):
        run(lambda: shell.arun("while ($true) { }", timeout=0.1))
    with pytest.raises(ValueError, match="timeout is"):
        run(lambda: shell.arun("1", timeout=-1))


@pytest.mark.parametrize("name", ["run", "call", "stream"])
def test_they_take_the_same(name: str) -> None:
    there, here = getattr(Session, name), getattr(Session, f"a{name}")
    assert inspect.signature(here) == inspect.signature(there)
    assert (here.__name__, name in here.__doc__) == (f"a{name}", True)


def test_the_loop_goes_on_meanwhile(shell: Session) -> None:
    async def main() -> Any:
        from System.Threading import ManualResetEventSlim

        go = ManualResetEventSlim(False)
        running = asyncio.create_task(shell.arun("[void]$args[0].Wait(30000); 5", go))
        await eventually(lambda: shell._pipeline is not None)
        go.Set()  # by the loop that a blocked one would not come to
        return (await running).one()

    assert run(main) == 5


def test_cancelled_means_stopped(shell: Session) -> None:
    async def main() -> None:
        running = asyncio.create_task(shell.arun("while ($true) { $global:runs = $true }"))
        await eventually(lambda: shell._pipeline is not None)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert shell._pipeline is None
        await shell.arun("$runs = $false")
        assert await shell.arun("$runs") == [False]

    run(main)


def test_a_time_limit_of_asyncios_stops_the_code(shell: Session) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(shell.arun("while ($true) { }"), 0.2)
        assert await shell.arun("1") == [1]

    run(main)


def test_one_that_is_cancelled_before_its_turn_never_begins(shell: Session) -> None:
    async def main() -> None:
        from System.Threading import ManualResetEventSlim

        go = ManualResetEventSlim(False)
        first = asyncio.create_task(shell.arun("[void]$args[0].Wait(30000)", go))
        await eventually(lambda: shell._pipeline is not None)
        second = asyncio.create_task(shell.arun("$global:began = $true"))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        go.Set()
        await first
        assert await shell.arun("$null -eq $began") == [True]

    run(main)


def test_a_hundred_at_once() -> None:
    async def main() -> None:
        sessions = [Session() for _ in range(8)]
        code = "Start-Sleep -Milliseconds 20; $args[0]"
        pool_before = asyncio.get_running_loop()._default_executor  # type: ignore[attr-defined]
        results = await asyncio.gather(
            *(sessions[number % 8].arun(code, number) for number in range(100))
        )
        assert results == [[number] for number in range(100)]
        assert asyncio.get_running_loop()._default_executor is pool_before  # type: ignore[attr-defined]
        for session in sessions:
            session.close()
        with pytest.raises(SessionClosedError):
            await sessions[0].arun("1")

    run(main)


def test_a_loop_that_has_gone_leaves_nothing(shell: Session) -> None:
    async def main() -> None:
        asyncio.create_task(shell.arun("while ($true) { }"))  # noqa: RUF006
        await eventually(lambda: shell._pipeline is not None)

    run(main)  # cancels it
    assert shell.run("1") == [1]
    until(lambda: not [each for each in threading.enumerate() if each.name == "psbridge run"])


# ---- Streams ----


def test_values_come_as_they_are_written(shell: Session) -> None:
    async def main() -> list[Any]:
        from System.Threading import ManualResetEventSlim

        go = ManualResetEventSlim(False)
        values = shell.astream("1; [void]$args[0].Wait(30000); Write-Warning w; 2", go)
        seen = [await anext(values)]
        go.Set()
        seen += [value async for value in values]
        assert [str(record) for record in values.result.warnings] == ["w"]
        return seen

    assert run(main) == [1, 2]


@pytest.mark.parametrize("count", [0, 1, 256, 257, 5000])
def test_all_values_come_in_their_order(shell: Session, count: int) -> None:
    async def main() -> list[Any]:
        code = "param($n) for ($i = 0; $i -lt $n; $i++) { $i }"
        return [value async for value in shell.astream(code, n=count)]

    assert run(main) == list(range(count))


def test_code_runs_a_little_ahead_only(shell: Session) -> None:
    async def main() -> None:
        from System.Collections.Generic import List

        written = List[int]()
        code = "for ($i = 0; $true; $i++) { $args[0].Add($i); $i }"
        async with shell.astream(code, written) as values:
            assert await anext(values) == 0
            await eventually(lambda: written.Count > 256)
            before = -1
            while before != (before := written.Count) and before < 1_000_000:
                await asyncio.sleep(0.2)
            assert written.Count < 2000
            assert [await anext(values) for _ in range(3000)] == list(range(1, 3001))

    run(main)


@pytest.mark.parametrize("way", ["aclose", "async with", "dropped", "cancelled"])
def test_leaving_the_loop_stops_the_code(shell: Session, way: str) -> None:
    async def leave() -> None:
        values = shell.astream("while ($true) { 1 }")
        assert await anext(values) == 1
        if way == "aclose":
            await values.aclose()
        elif way == "async with":
            async with values:
                pass
        elif way == "cancelled":
            slow = shell.astream("1; while ($true) { }")
            await values.aclose()
            assert await anext(slow) == 1
            waiting = asyncio.create_task(anext(slow))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    async def main() -> None:
        await leave()
        assert await shell.arun("2", timeout=30) == [2]

    run(main)


def test_a_stream_that_is_never_asked_begins_nothing(shell: Session) -> None:
    async def main() -> None:
        await shell.astream("$global:began = $true").aclose()
        assert await shell.arun("$null -eq $began") == [True]

    run(main)


def test_a_closed_stream_begins_nothing(shell: Session) -> None:
    async def main() -> None:
        values = shell.astream("$global:began = $true")
        await values.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(values)
        assert await shell.arun("$null -eq $began") == [True]

    run(main)


def test_a_session_closes_while_a_stream_is_half_read() -> None:
    async def main() -> None:
        shell = Session()
        values = shell.astream("while ($true) { 1 }")
        assert await anext(values) == 1
        shell.close()
        with pytest.raises((SessionClosedError, StopAsyncIteration)):
            await to_the_end(values)

    async def to_the_end(values: Any) -> None:
        while True:
            await anext(values)

    run(main)


def test_a_program_ends_while_a_stream_is_half_read(run_python: Any) -> None:
    code = (
        "import asyncio\nfrom psbridge import Session\nshell = Session()\n"
        "values = shell.astream('while ($true) { 1 }')\n"
        "async def main():\n    print(await anext(values))\nasyncio.run(main())\n"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_input_that_raises_stop_iteration_ends_the_call(shell: Session) -> None:
    class Odd:
        def __iter__(self) -> Any:
            raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        run(lambda: shell.arun("$input", input=Odd()))


def test_errors_of_the_code_are_raised_after_the_values(shell: Session) -> None:
    async def main() -> None:
        values = shell.astream("1; throw 'no more'")
        assert await anext(values) == 1
        with pytest.raises(PowerShellError, match="no more"):
            await anext(values)
        with pytest.raises(StopAsyncIteration):
            await anext(values)

    run(main)


def test_a_cancellation_is_back_soon(shell: Session) -> None:
    async def main() -> float:
        running = asyncio.create_task(shell.arun("while ($true) { }"))
        await eventually(lambda: shell._pipeline is not None)
        began = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return time.monotonic() - began

    assert min(run(main) for _ in range(5)) < 0.2


def test_a_loop_inside_of_a_pipeline_runs_nested_calls(shell: Session) -> None:
    async def doubled(number: int) -> int:
        other, same = await asyncio.gather(
            shell.acall("Write-Output", number), shell.arun("$number", timeout=60)
        )
        assert other == same
        values = [each async for each in shell.astream("$args[0]; $args[1]", number, number)]
        return sum(values)

    def double(number: int) -> int:
        return asyncio.run(doubled(number))

    shell.functions["Get-Double"] = double
    assert shell.run("1..3 | % { $number = $_; Get-Double $_ }") == [2, 4, 6]


def test_input_of_a_nested_call_has_to_be_a_list(shell: Session) -> None:
    async def values() -> AsyncIterator[int]:
        yield 1

    async def refused() -> list[Any]:
        with pytest.raises(RuntimeError, match="give it as a list"):
            await shell.arun("$input", input=values())
        with pytest.raises(RuntimeError, match="give it as a list"):
            await anext(shell.astream("$input", input=values()))
        return list(await shell.arun("$input", input=[each async for each in values()]))

    shell.functions["Get-Values"] = lambda: asyncio.run(refused())
    assert shell.run("Get-Values").one() == [1]


def test_who_goes_through_a_stream_cannot_ask_its_session(shell: Session) -> None:
    async def main() -> None:
        async for value in shell.astream("1..1000"):
            for ask in (shell.arun("2"), anext(shell.astream("2"))):
                with pytest.raises(RuntimeError, match="in the loop over its stream"):
                    await ask
            if value == 3:
                break
        assert await shell.arun("2") == [2]
        values = shell.astream("1..2")
        assert [value async for value in values] == [1, 2]
        assert await shell.arun("2") == [2]
        async with shell.astream("1..1000") as values:
            assert await anext(values) == 1
        assert await shell.arun("2") == [2]

    run(main)


def test_another_task_waits_for_the_end_of_a_stream(shell: Session) -> None:
    async def main() -> None:
        values = shell.astream("1..1000")
        assert await anext(values) == 1
        other = asyncio.create_task(shell.arun("2"))
        assert len([value async for value in values]) == 999
        assert await other == [2]

    run(main)


def test_what_a_nested_call_raises_is_raised(shell: Session) -> None:
    async def failing() -> None:
        with pytest.raises(PowerShellError, match="no more"):
            await shell.arun("throw 'no more'")
        with pytest.raises(PowerShellError, match="no more"):
            async for _ in shell.astream("throw 'no more'"):
                pass
        async for value in shell.astream("1; 2"):
            assert value == 1
            break

    shell.functions["Get-None"] = lambda: asyncio.run(failing())
    assert shell.run("Get-None; 6 * 7", check=True) == [42]
