"""Sessions that are lent out, to threads and to asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conditions import until

from psbridge import (
    DeclarationError,
    PowerShellError,
    Session,
    SessionClosedError,
    SessionPool,
)


@pytest.fixture
def pool() -> Iterator[SessionPool]:
    with SessionPool(2, variables={"given": 1}) as made:
        yield made


def in_use(pool: SessionPool) -> int:
    return int(repr(pool).split()[1])


def test_a_session_is_opened_when_it_is_needed_and_closed_afterwards(pool: SessionPool) -> None:
    assert not pool._open
    with pool.session() as first:
        assert first.run("1") == [1]
        with pool.session() as second:
            assert second is not first
            assert pool._open == {first, second}
        assert second.closed
    assert first.closed
    assert not pool._open


@pytest.mark.parametrize(
    ("leaves", "finds", "new"),
    [
        ("$global:mine = 1", "$mine", [None]),
        ("$given = 2", "$given", [1]),
        ("Remove-Variable given -Scope Global", "$given", [1]),
        ("$ErrorActionPreference = 'Stop'", "$ErrorActionPreference.ToString()", ["Continue"]),
        ("function Get-Mine { 1 }", "Test-Path function:Get-Mine", [False]),
        (
            "function prompt { 'mine' }",
            "(Get-Item function:prompt).Definition",
            None,
        ),
        ("Set-Alias mine Get-Date", "Test-Path alias:mine", [False]),
        ("Set-Alias gci Get-Date -Force", "(Get-Alias gci).Definition", None),
        ("Set-Location /", "$PWD.Path", [str(Path.cwd())]),
        ("Push-Location /", "(Get-Location -Stack).Path", [None]),
        ("Set-StrictMode -Version 3", "$undefined", [None]),
        (
            "$null = New-PSDrive -Name mine -PSProvider FileSystem -Root /",
            "(Get-PSDrive mine -ErrorAction Ignore).Name",
            [None],
        ),
        ("Get-Item nowhere -ErrorAction SilentlyContinue", "$Error.Count", [0]),
        (
            "$PSDefaultParameterValues['Get-Item:Force'] = $true",
            "$PSDefaultParameterValues.Count",
            [0],
        ),
        ("New-Module mine { function Get-Mine { 1 } } | Import-Module", "Get-Module mine", []),
        ("$null = Register-EngineEvent mine -Action { }", "Get-EventSubscriber", []),
        ("$null = Start-ThreadJob { Start-Sleep 600 }", "Get-Job", []),
        ("$null = Set-PSBreakpoint -Variable x", "Get-PSBreakpoint", []),
        (
            "Update-TypeData -TypeName System.Int32 -MemberName Mine -Value 5 "
            "-MemberType NoteProperty",
            "(1).Mine",
            [None],
        ),
        ("class Mine { static $x = 5 }", "try { [Mine]::x } catch { 'none' }", ["none"]),
        (
            "$ExecutionContext.InvokeCommand.CommandNotFoundAction = { $args[1].CommandName }",
            "$null -eq $ExecutionContext.InvokeCommand.CommandNotFoundAction",
            [True],
        ),
    ],
)
def test_it_is_as_new_for_the_next_user(leaves: str, finds: str, new: list[Any] | None) -> None:
    with SessionPool(1, variables={"given": 1}) as pool:
        with pool.session() as shell:
            before = list(shell.run(finds))
            shell.run(leaves, check=True)
        with pool.session() as shell:
            found = list(shell.run(finds))
    assert found == before
    assert new is None or found == new


def test_limits_are_those_of_each_session() -> None:
    options: dict[str, Any] = {
        "visible_commands": ["Get-Random"],
        "language_mode": "ConstrainedLanguage",
    }
    with SessionPool(1, **options) as pool:
        with pool.session() as first:
            first.run("$mine = 1; function f { 1 }")
        with pool.session() as second:
            assert second.run("$mine") == [None]
            assert "not recognized" in second.run("f").errors[0].message


def test_a_list_of_answers_is_for_each_session() -> None:
    with SessionPool(1, answers=["a", "b"]) as pool:
        for _ in range(2):
            with pool.session() as shell:
                assert shell.run("Read-Host") == ["a"]


def test_who_waits_is_served_in_order(pool: SessionPool) -> None:
    served: list[int] = []
    threads = []

    def use(number: int) -> None:
        with pool.session():
            served.append(number)
            until(lambda: len(served) >= 2)  # the first two, before one of them makes room

    with pool.session(), pool.session():
        for number in range(5):
            threads.append(threading.Thread(target=use, args=(number,)))
            threads[-1].start()
            until(lambda: len(pool._queue) == len(threads))
        assert not served
    for thread in threads:
        thread.join(60)
    assert sorted(served) == [0, 1, 2, 3, 4]
    assert set(served[:2]) == {0, 1}


def test_sixty_four_threads_use_a_few_sessions() -> None:
    results: list[int] = []
    most: list[int] = []
    pool = SessionPool(3)

    def use(number: int) -> None:
        for _ in range(3):
            with pool.session() as shell:
                most.append(len(pool._open))
                assert shell.run("$mine") == [None]
                results.append(shell.run("param($n) $mine = $n; $mine", number).one())

    with pool:
        threads = [threading.Thread(target=use, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert in_use(pool) == 0
    assert sorted(results) == sorted(list(range(64)) * 3)
    assert max(most) <= 3


def test_waiting_has_an_end(pool: SessionPool) -> None:
    with pool.session(), pool.session():
        late = pytest.raises(TimeoutError, match="all 2 sessions of the pool were in use")
        with late, pool.session(timeout=0.1):
            pass
        assert not pool._queue
    with pool.session(timeout=0):  # what is free need not be waited for
        pass


def test_a_closed_session_gives_its_place_back(pool: SessionPool) -> None:
    for _ in range(5):
        with pool.session() as shell:
            shell.close()
    assert in_use(pool) == 0


@pytest.mark.parametrize(
    "code", ["while ($true) { }", "[System.Threading.Thread]::Sleep(4000)"], ids=["code", "net"]
)
def test_code_that_runs_on_ends_with_its_user(code: str) -> None:
    with SessionPool(1) as pool:
        with pool.session() as shell:
            running = threading.Thread(target=_run, args=(shell, code))
            running.start()
            until(lambda: shell._pipeline is not None)
        assert in_use(pool) == 0
        running.join(30)
        assert not running.is_alive()
        with pool.session(timeout=30) as other:
            assert other.run("1") == [1]


def _run(shell: Session, code: str) -> None:
    with contextlib.suppress(SessionClosedError):
        shell.run(code)


def test_a_stream_that_is_never_gone_on_with_keeps_no_place() -> None:
    pool = SessionPool(1)

    async def main() -> None:
        async with pool.asession() as shell:
            values = shell.astream("for (;;) { 1 }")
            await anext(values)
        async with pool.asession(timeout=30) as shell:
            assert await shell.arun("1") == [1]
        await values.aclose()

    with pool:
        asyncio.run(main())


def test_an_error_of_the_user_gives_the_session_back(pool: SessionPool) -> None:
    for _ in range(5):
        with pytest.raises(PowerShellError), pool.session() as shell:
            shell.run("throw 'x'")
    assert in_use(pool) == 0


def test_a_session_that_cannot_be_opened_gives_its_place_back() -> None:
    with SessionPool(1, visible_commands=["Get-Nothing"]) as pool:
        for _ in range(3):
            with pytest.raises(PowerShellError, match="Get-Nothing"), pool.session():
                pass
        assert in_use(pool) == 0


@pytest.mark.skipif(os.name == "nt", reason="has no such timers")
def test_ctrl_c_ends_the_wait_and_gives_the_place_back(pool: SessionPool) -> None:
    with pool.session(), pool.session():
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt), pool.session():
                pass
        finally:
            signal.signal(signal.SIGALRM, before)
        assert not pool._queue
    assert in_use(pool) == 0


def test_closing_ends_waits_and_what_runs(pool: SessionPool) -> None:
    ended: list[type[BaseException]] = []

    def run() -> None:
        try:
            with pool.session() as shell:
                shell.run("while ($true) { $null = $args[0].Set() }", running_net)
        except BaseException as error:
            ended.append(type(error))

    def wait() -> None:
        try:
            with pool.session():
                pass
        except BaseException as error:
            ended.append(type(error))

    with Session():
        from System.Threading import ManualResetEvent

        running_net = ManualResetEvent(False)
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert running_net.WaitOne(30_000)
    until(lambda: in_use(pool) == 2)
    threads.append(threading.Thread(target=wait))
    threads[-1].start()
    until(lambda: len(pool._queue) == 1)
    pool.close()
    for thread in threads:
        thread.join(30)
    assert ended == [SessionClosedError] * 3
    with pytest.raises(SessionClosedError), pool.session():
        pass
    pool.close()


def test_a_hundred_requests_share_a_pool(pool: SessionPool) -> None:
    async def request(number: int) -> Any:
        async with pool.asession() as shell:
            return (await shell.arun("param($n) $n + 1", number)).one()

    async def main() -> list[Any]:
        return await asyncio.gather(*[request(number) for number in range(100)])

    assert asyncio.run(main()) == list(range(1, 101))
    until(lambda: in_use(pool) == 0)


def test_a_cancelled_request_leaves_a_pool_that_can_be_used(pool: SessionPool) -> None:
    async def request() -> None:
        async with asyncio.timeout(0.3), pool.asession() as shell:
            await shell.arun("while ($true) { }")

    async def main() -> None:
        found = await asyncio.gather(*[request() for _ in range(6)], return_exceptions=True)
        assert [type(error) for error in found] == [TimeoutError] * 6
        async with pool.asession(timeout=30) as shell:
            assert (await shell.arun("1")) == [1]

    asyncio.run(main())
    until(lambda: in_use(pool) == 0)
    assert not pool._queue


def test_the_loop_goes_on_while_all_sessions_are_in_use(pool: SessionPool) -> None:
    async def main() -> None:
        with pool.session(), pool.session():
            wanted = asyncio.ensure_future(take())
            began, ticks = time.monotonic(), 0
            while time.monotonic() - began < 0.3:
                await asyncio.sleep(0.01)
                ticks += 1
            assert ticks > 5
            assert not wanted.done()
        await wanted

    async def take() -> None:
        async with pool.asession():
            pass

    asyncio.run(main())


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="size is 0"):
        SessionPool(0)
    with pytest.raises(TypeError, match="moduls"):
        SessionPool(1, moduls=["x"])
    with pytest.raises(DeclarationError, match="size is True"):
        SessionPool(True)
    with pytest.raises(DeclarationError, match="size is 'x'"):
        SessionPool("x")  # type: ignore[arg-type]
    with SessionPool(1) as pool:
        with pytest.raises(DeclarationError), pool.session(timeout="x"):  # type: ignore[arg-type]
            pass
        assert in_use(pool) == 0
