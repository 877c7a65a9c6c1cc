"""Input that only an event loop can go through."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from psbridge import (
    ConversionError,
    DeclarationError,
    PipelineTimeout,
    Session,
    SessionClosedError,
)

# Writes what it gets, and says at its end that there was no more. What is stopped stops at its next
# command.
EACH = "param($seen) process { $_ } end { $null = Get-Date; $seen.Add('end') }"


@pytest.fixture
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def seen(shell: Session) -> Any:
    from System.Collections.Generic import List

    return List[str]()


class Source:
    """Values, some of them after a wait; knows how many were taken, and whether it was ended."""

    def __init__(self, *, values: int | None = None, wait_at: int | None = None) -> None:
        self.taken = 0
        self.is_left = False
        self.go_on = asyncio.Event()
        self._values, self._wait_at = values, wait_at

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            for number in itertools.count() if self._values is None else range(self._values):
                if number == self._wait_at:
                    await self.go_on.wait()
                self.taken += 1
                yield number
        finally:
            self.is_left = True


async def run(shell: Session, *given: Any, **how: Any) -> list[Any]:
    return list(await shell.arun(*given, **how))


async def streamed(shell: Session, *given: Any, **how: Any) -> list[Any]:
    async with shell.astream(*given, **how) as values:
        return [value async for value in values]


both = pytest.mark.parametrize("take", [run, streamed])
Take = Callable[..., Awaitable[list[Any]]]


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


@both
def test_each_value_arrives_once_and_in_order(shell: Session, seen: Any, take: Take) -> None:
    async def main() -> list[Any]:
        return await take(shell, EACH, seen, input=Source(values=10_000))

    assert asyncio.run(main()) == list(range(10_000))
    assert list(seen) == ["end"]


def test_a_command_takes_it_too(shell: Session) -> None:
    async def main() -> Any:
        taken = await shell.acall(
            "Measure-Object", input=Source(values=50), Sum=True, select=["Sum"]
        )
        return taken.one().Sum

    assert asyncio.run(main()) == 49 * 50 / 2


@both
def test_nobody_goes_further_than_the_code_reads(shell: Session, take: Take) -> None:
    async def main() -> Source:
        source = Source()
        assert await take(shell, "$input | Select-Object -First 3", input=source) == [0, 1, 2]
        return source

    assert asyncio.run(main()).taken < 500


def test_values_are_read_while_the_next_one_is_waited_for(shell: Session, seen: Any) -> None:
    async def main() -> list[Any]:
        source = Source(values=5, wait_at=2)
        found = []
        async for value in shell.astream(EACH, seen, input=source):
            found.append(value)
            if value == 1:
                assert source.taken == 2
                source.go_on.set()
        return found

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


@both
def test_time_that_is_up_ends_a_wait_for_the_next_value(
    shell: Session, seen: Any, take: Take
) -> None:
    async def main() -> Source:
        source = Source(wait_at=3)
        with pytest.raises(PipelineTimeout):
            await take(shell, EACH, seen, input=source, timeout=0.5)
        await eventually(lambda: source.is_left)
        return source

    assert asyncio.run(main()).taken == 3
    assert list(seen) == []  # it was not the end of the input
    assert shell.run("6 * 7") == [42]


@both
@pytest.mark.parametrize("wait_at", [3, None])
def test_a_cancelled_call_leaves_it(
    shell: Session, seen: Any, take: Take, wait_at: int | None
) -> None:
    async def main() -> None:
        source = Source(wait_at=wait_at)
        call = asyncio.ensure_future(take(shell, EACH, seen, input=source))
        await eventually(lambda: source.taken >= 3)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await eventually(lambda: source.is_left)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert list(seen) == []
    assert shell.run("6 * 7") == [42]


@both
def test_a_session_that_closes_leaves_it(take: Take) -> None:
    async def main() -> None:
        source = Source(wait_at=3)
        with Session() as other:
            call = asyncio.ensure_future(take(other, "$input", input=source))
            await eventually(lambda: source.taken == 3)
        with contextlib.suppress(SessionClosedError):  # a stream ends
            await call
        await eventually(lambda: source.is_left)

    asyncio.run(main())


@both
def test_what_it_raises_is_raised(shell: Session, seen: Any, take: Take) -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise LookupError("no more of these")

    async def main() -> None:
        with pytest.raises(LookupError, match="no more of these"):
            await take(shell, EACH, seen, input=failing())

    asyncio.run(main())
    assert list(seen) == []
    assert shell.run("6 * 7") == [42]


class Stops:
    """Raises what a loop takes for an end, where it is none."""

    def __init__(self, at_once: BaseException | None, later: BaseException | None) -> None:
        self._at_once, self._later, self._count = at_once, later, 0

    def __aiter__(self) -> Any:
        if self._at_once is not None:
            raise self._at_once
        return self

    async def __anext__(self) -> int:
        self._count += 1
        if self._count > 2 and self._later is not None:
            raise self._later
        return self._count


class FalsyError(Exception):
    def __bool__(self) -> bool:
        return False


@both
@pytest.mark.parametrize(
    ("at_once", "later", "raised"),
    [
        (StopIteration(), None, RuntimeError),
        (StopAsyncIteration(), None, RuntimeError),
        (None, StopIteration(), RuntimeError),
        (None, FalsyError(), FalsyError),
        (None, asyncio.CancelledError(), asyncio.CancelledError),
    ],
)
def test_input_that_fails_has_not_come_to_its_end(
    shell: Session, seen: Any, take: Take, at_once: Any, later: Any, raised: type[BaseException]
) -> None:
    async def main() -> None:
        with pytest.raises(raised):
            await take(shell, EACH, seen, input=Stops(at_once, later))

    asyncio.run(main())
    assert list(seen) == []
    assert shell.run("6 * 7") == [42]


@both
@pytest.mark.parametrize("code", ["$input | Select-Object -First 3", "while ($true) { 1 > $null }"])
def test_a_source_that_loses_its_cancellation_is_left(
    shell: Session, take: Take, code: str
) -> None:
    async def losing() -> AsyncIterator[int]:
        for number in itertools.count():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01 if number > 10 else 0)
            yield number

    async def main() -> None:
        with contextlib.suppress(PipelineTimeout):
            assert await take(shell, code, input=losing(), timeout=1) == [0, 1, 2]
        await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(main())
    assert shell.run("6 * 7") == [42]


@both
def test_a_source_cannot_ask_the_session_that_it_is_for(shell: Session, take: Take) -> None:
    async def asking() -> AsyncIterator[Any]:
        yield 1
        yield (await shell.arun("2")).one()

    async def main() -> None:
        with pytest.raises(RuntimeError, match="by its input"):
            await take(shell, "$input", input=asking())
        with pytest.raises(RuntimeError, match="by its input"):
            await take(shell, "$input", input=shell.astream("2"))
        with Session() as other:
            assert await take(shell, "$input", input=other.astream("1..3")) == [1, 2, 3]

    asyncio.run(main())
    assert shell.run("6 * 7") == [42]


def test_a_loop_that_is_closed_leaves_the_session_free(shell: Session) -> None:
    async def main() -> None:
        source = Source(wait_at=2)
        values = shell.astream("process { $_ }", input=source)
        assert await anext(values) == 0
        kept.append(values)
        kept.append(shell.arun("$input", input=Source(wait_at=0)))

    kept: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    assert shell.run("6 * 7", timeout=20) == [42]
    kept.pop().close()


@both
def test_a_call_that_is_cancelled_twice_leaves_nothing(shell: Session, take: Take) -> None:
    async def main() -> list[Any]:
        unheard: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: unheard.append(said))
        source = Source(wait_at=3)
        call = asyncio.ensure_future(take(shell, "while ($true) { }", input=source))
        await eventually(lambda: source.taken == 3)
        call.cancel()
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        del call
        await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        await eventually(lambda: shell._pipeline is None)
        gc.collect()
        await asyncio.sleep(0)
        return unheard

    assert asyncio.run(main()) == []


def test_a_session_may_go_through_its_input_itself() -> None:
    class Doubling(Session):
        def run(  # type: ignore[override]
            self, script: str, *arguments: Any, input: Any = (), **how: Any
        ) -> Any:
            return super().run(script, *arguments, input=[each * 2 for each in input], **how)

    async def main() -> Any:
        with Doubling() as doubling:
            source = Source(values=3, wait_at=1)
            asyncio.get_running_loop().call_later(0.1, source.go_on.set)
            return await doubling.arun("$input", input=source)

    assert asyncio.run(main()) == [0, 2, 4]


@both
def test_a_value_without_a_counterpart_is_named(shell: Session, take: Take) -> None:
    async def odd() -> AsyncIterator[object]:
        yield 1
        await asyncio.sleep(0.05)  # in which it is asked in vain
        yield object()

    async def main() -> None:
        with pytest.raises(ConversionError, match=r"input\[1\]"):
            await take(shell, "$input", input=odd())

    asyncio.run(main())


@both
def test_a_call_that_does_not_begin_takes_nothing(shell: Session, take: Take) -> None:
    async def main() -> int:
        source = Source()
        with pytest.raises(ValueError, match="timeout"):
            await take(shell, "1", input=source, timeout=-1)
        return source.taken

    assert asyncio.run(main()) == 0


@both
def test_the_loop_goes_on_where_values_come_without_a_wait(shell: Session, take: Take) -> None:
    async def main() -> int:
        rounds = 0
        call = asyncio.ensure_future(
            take(shell, "$input | Select-Object -Last 1", input=Source(values=20_000))
        )
        while not call.done():
            rounds += 1
            await asyncio.sleep(0)
        assert await call == [19_999]
        return rounds

    assert asyncio.run(main()) >= 20_000 / 64


def test_a_stream_that_nobody_has_any_more_leaves_it(shell: Session) -> None:
    async def main() -> None:
        source = Source()
        values = shell.astream("process { $_ }", input=source)
        assert await anext(values) == 0
        del values
        gc.collect()
        await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(main())
    assert shell.run("6 * 7") == [42]


def test_it_runs_in_the_context_and_the_loop_of_who_calls(shell: Session) -> None:
    setting = contextvars.ContextVar("setting", default="nobody's")
    loops = []

    async def values() -> AsyncIterator[object]:
        loops.append(asyncio.get_running_loop())
        yield setting.get()

    async def main() -> Any:
        loops.append(asyncio.get_running_loop())
        setting.set("the caller's")
        return await shell.arun("$input", input=values())

    assert asyncio.run(main()) == ["the caller's"]
    assert loops[0] is loops[1]


def test_what_only_a_thread_can_go_through_says_what_to_do(shell: Session) -> None:
    calls: list[Callable[..., Any]] = [shell.run, shell.call, shell.stream, shell.start_job]
    for call in calls:
        with pytest.raises(DeclarationError, match="only arun, acall and astream"):
            call("$input", input=Source())


def test_what_a_thread_can_go_through_is_its_affair(shell: Session) -> None:
    # A job can be gone through both ways.
    job = shell.start_job("1..3")
    assert asyncio.run(run(shell, "$input", input=job)) == [1, 2, 3]
