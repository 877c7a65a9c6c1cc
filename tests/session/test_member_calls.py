"""Scripts of objects' members: they run in the session of the object, stopped as its code is."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conditions import until

import psbridge
from psbridge import (
    Cmdlet,
    CustomObject,
    JobError,
    JobFailed,
    JobHandle,
    PipelineTimeout,
    PowerShellError,
    PowerShellObject,
    Session,
    SessionClosedError,
)
from tests.conftest import RunPython

BUILDER = "System.Text.StringBuilder"
LOOP = "[void] $global:looping.Set(); while ($true) { }"
TYPES = """
$global:looping = [System.Threading.ManualResetEvent]::new($false)
function Get-Answer { param($More = 0) 42 + $More }
$answer = @{
    MemberName = 'Answer'; MemberType = 'ScriptProperty'; Value = { Get-Answer }
    SecondValue = { param($value) Set-Variable -Scope Global -Name set -Value $value }
}
Update-TypeData -TypeName BUILDER @answer
Update-TypeData -TypeName Row @answer
$add = { param($more) Get-Answer $more }
Update-TypeData -TypeName BUILDER -MemberName Add -MemberType ScriptMethod -Value $add
Update-TypeData -TypeName BUILDER -MemberName Other -MemberType AliasProperty -Value Answer
class Worker {
    [int] $Number
    [int] Read() { return $this.Number }
    [object] Loop() { LOOP return 1 }
    [object] Call() { return Get-Mine }
}
""".replace("BUILDER", BUILDER).replace("LOOP", LOOP)
ROW = "[pscustomobject] @{ PSTypeName = 'Row'; Number = 1 }"
ENDLESS = f"Add-Member -PassThru ScriptProperty Endless {{ {LOOP} }}"


@pytest.fixture(scope="module")
def typed() -> Iterator[Session]:
    with Session() as shell:
        shell.run(TYPES)
        yield shell


@contextmanager
def when_it_loops(shell: Session, act: Callable[[], object]) -> Iterator[None]:
    """Do something, in another thread, as soon as code of the session loops without end."""
    from System.Threading import ManualResetEvent

    looping = ManualResetEvent(False)
    shell.variables["looping"] = looping
    thread = threading.Thread(target=lambda: looping.WaitOne(60_000) and act())
    thread.start()
    yield
    thread.join()


def send_alarm() -> None:
    os.kill(os.getpid(), signal.SIGALRM)


@pytest.fixture
def interrupting() -> Iterator[None]:
    """SIGALRM raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def builder(typed: Session) -> Any:
    return typed.run(f"[{BUILDER}]::new('x')").one()


@pytest.fixture
def worker(typed: Session) -> Any:
    return typed.run("[Worker] @{ Number = 5 }").one()


def test_what_a_session_has_added_to_a_type_runs_in_it(typed: Session, builder: Any) -> None:
    assert builder.Answer == builder["answer"] == builder.Other == 42
    assert builder.Add(1) == 43
    assert builder.properties()["Answer"] == 42
    builder.Answer = 7
    assert typed.variables["set"] == 7


def test_it_does_so_whatever_has_looked_at_the_object_before(typed: Session) -> None:
    """A repr shows what PowerShell's own scripts compute, and runs no other."""
    kind = "System.Text.UTF8Encoding"
    typed.run(
        f"Update-TypeData -TypeName {kind} -MemberName Shown -MemberType ScriptProperty "
        f"-Value {{ Get-Answer 3 }}; Update-TypeData -TypeName {kind} "
        "-DefaultDisplayPropertySet Shown, CodePage -Force"
    )
    found = typed.run(f"[{kind}]::new()").one()
    assert repr(found) == "<UTF8Encoding CodePage=65001>"
    assert found.Shown == 45


def test_so_does_what_was_added_to_the_object(typed: Session) -> None:
    found = typed.run(
        f"""[{BUILDER}]::new() |
        Add-Member -PassThru ScriptProperty Own {{ Get-Answer 1 }} |
        Add-Member -PassThru -Force ScriptMethod ToString {{ "text $(Get-Answer)" }}"""
    ).one()
    assert found.Own == 43
    assert str(found) == "text 42"


@pytest.mark.parametrize("count", [1, 100])
def test_records_have_the_values_that_powershell_shows(typed: Session, count: int) -> None:
    script = f"1..{count} | ForEach-Object {{ {ROW} }}"
    found = typed.run(script)
    assert found == [CustomObject(Number=1, Answer=42)] * count
    assert list(typed.stream(script)) == found
    (held,) = typed.run(f"[pscustomobject] @{{ Row = {ROW}; Rows = @({ROW}) }}")
    assert held == {"Row": found[0], "Rows": [found[0]]}


def test_an_error_of_a_script_is_the_members(typed: Session, worker: Any) -> None:
    typed.functions["Get-Mine"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        worker.Call()
    bad = typed.run("[Worker]::new() | Add-Member -PassThru ScriptProperty Bad { throw 'oh' }")
    with pytest.raises(PowerShellError, match='Exception getting "Bad": "oh"'):
        print(bad[0].Bad)
    assert typed.run("1") == [1]


def test_an_exit_in_it_is_an_error_that_says_so(typed: Session) -> None:
    quits = "Add-Member -PassThru ScriptProperty Quits { exit 4 }"
    found, block = typed.run(f"[{BUILDER}]::new() | {quits}; {{ exit 5 }}")
    with pytest.raises(PowerShellError, match=r'Exception getting "Quits": "Its code .* exit 4'):
        print(found.Quits)
    with pytest.raises(PowerShellError, match="has called exit 5, which ends scripts only"):
        block.Invoke()
    assert typed.run("'free'") == ["free"]


@pytest.mark.parametrize("member", ["Loop", "Endless"])
def test_a_stop_ends_it(typed: Session, worker: Any, member: str) -> None:
    endless = typed.run(f"[Worker]::new() | {ENDLESS}").one()
    with when_it_loops(typed, typed.stop), pytest.raises(PowerShellError, match="stopped"):
        print(worker.Loop() if member == "Loop" else endless.Endless)
    assert worker.Read() == 5


ODD = """
class Odd : System.IComparable, System.Collections.IEnumerable {
    [bool] Equals([object] $other) { return $this.Loop() }
    [int] GetHashCode() { return $this.Loop() }
    [int] CompareTo([object] $other) { return $this.Loop() }
    [string] ToString() { return $this.Loop() }
    [System.Collections.IEnumerator] GetEnumerator() { return $this.Loop() }
    [object] Loop() { LOOP return 1 }
}
""".replace("LOOP", LOOP)


@pytest.mark.parametrize(
    "ask",
    [
        lambda one, other: one == other,
        lambda one, other: hash(one),
        lambda one, other: one < other,
        lambda one, other: str(one),
        lambda one, other: list(one),
    ],
    ids=["==", "hash", "<", "str", "iter"],
)
def test_so_it_ends_what_a_class_answers_python_with(
    typed: Session, ask: Callable[[Any, Any], object]
) -> None:
    # PowerShell would enumerate what is written.
    (pair,) = typed.run(f"{ODD}; @{{ One = [Odd]::new(); Other = [Odd]::new() }}")
    one, other = pair["One"], pair["Other"]
    with when_it_loops(typed, typed.stop), pytest.raises(PowerShellError, match="stopped"):
        ask(one, other)
    assert typed.run("'free'") == ["free"]


@pytest.mark.usefixtures("interrupting")
@pytest.mark.parametrize("of", ["an object", "a record"])
def test_what_a_signal_handler_raises_ends_it(typed: Session, worker: Any, of: str) -> None:
    with when_it_loops(typed, send_alarm), pytest.raises(KeyboardInterrupt):
        print(worker.Loop() if of == "an object" else typed.run(f"{ROW} | {ENDLESS}"))
    assert typed.run("'free'") == ["free"]


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("way", ["run", "stream"])
def test_a_stop_ends_the_reading_of_records(typed: Session, count: int, way: str) -> None:
    with when_it_loops(typed, typed.stop), pytest.raises(PowerShellError, match="stopped"):
        list(getattr(typed, way)(f"1..{count} | ForEach-Object {{ {ROW} | {ENDLESS} }}"))
    assert typed.run("'free'") == ["free"]


ORDERED = {"z": 1, "y": 2, "x": 3, "row": {"Number": 1, "Answer": 42}}
LONG_STATEMENT = "[System.Threading.Thread]::Sleep(700)"


def test_it_waits_for_a_long_statement_in_the_loop_over_a_stream(typed: Session) -> None:
    """PowerShell would run it beside that, and the process died when the statement ended first."""
    loop = "$end = [datetime]::Now.AddSeconds(1); while ([datetime]::Now -lt $end) { }; 7"
    slow = f"[{BUILDER}]::new() | Add-Member -PassThru ScriptProperty Slow {{ {loop} }}"
    with typed.stream(f"{slow}; {LONG_STATEMENT}; 2") as values:
        first: Any = next(values)
        assert [first.Slow, *values] == [7, 2]


CODE = "$end = [datetime]::Now.AddSeconds(1); while ([datetime]::Now -lt $end) { }; Get-Answer"
CLASS = """
class Slow : System.IComparable {
    [int] CompareTo([object] $other) { return $this.Work() }
    [int] Work() { CODE; return 42 }
}
""".replace("CODE", CODE)


@pytest.mark.parametrize(
    ("target", "made", "ask", "answer"),
    [
        ("$null", f"{{ {CODE} }}", lambda _, code: code.Invoke(), [42]),
        ("$null", f"{{ {CODE} }}", lambda _, code: code.InvokeReturnAsIs(), 42),
        ("$null", f"[Func[int]] {{ {CODE} }}", lambda _, code: code.Invoke(), 42),
        ("$null", f"[Func[int]] {{ {CODE} }}", lambda _, code: code.DynamicInvoke([]), 42),
        (
            "[char]",
            "[System.Reflection.TypeFilter] "
            f"{{ {CODE} > $null; $args[0].Name -eq 'IConvertible' }}",
            lambda kind, code: [found.Name for found in kind.FindInterfaces(code, None)],
            ["IConvertible"],
        ),
        (
            "[System.Collections.Comparer]::Default",
            "[Slow]::new()",
            lambda comparer, code: comparer.Compare(code, 1),
            42,
        ),
    ],
    ids=["a block", "a block as it is", "a delegate", "any delegate", "a filter", "a class"],
)
def test_code_that_a_method_of_dotnet_calls_runs_in_its_session_too(
    typed: Session, target: str, made: str, ask: Callable[[Any, Any], Any], answer: object
) -> None:
    """The process died of it, as above."""
    typed.run(CLASS)
    has_method, code = typed.run(f"{target}; {made}")
    with typed.stream(f"1; {LONG_STATEMENT}; foreach ($n in 1..20000) {{ & {{ $n }} }}") as values:
        assert next(values) == 1
        assert ask(has_method, code) == answer
        assert len(list(values)) == 20000


def test_what_only_keeps_code_waits_for_nothing(typed: Session) -> None:
    """The session may be waiting for that very object."""
    queue, worker, block, same = typed.run(
        ", ($global:queue = [System.Collections.Concurrent.BlockingCollection[object]]::new()); "
        "[Worker]::new(); ($global:block = { 5 }); $block"
    )
    taken: list[Any] = []
    taking = threading.Thread(
        target=lambda: taken.extend(typed.run("$queue.Take().Number; $queue.Take().Invoke()"))
    )
    taking.start()
    until(lambda: typed._turns.holder is not None)
    assert block == same
    assert str(block.GetType()).endswith("ScriptBlock")
    queue.Add(worker)
    queue.Add(block)
    taking.join(30)
    assert taken == [0, 5]


def test_code_of_another_session_runs_in_that(typed: Session, other: Session) -> None:
    """The process died of it, as above, where the object was of a third one or of none."""
    code: Any = other.run(f"[System.Reflection.TypeFilter] {{ {CODE} > $null; $true }}").one()
    kind: Any = typed.run("[char]").one()
    busy = f"{LONG_STATEMENT}; foreach ($n in 1..20000) {{ & {{ $n }} }}"
    with other.stream(f"1; {busy}") as values:
        assert next(values) == 1
        assert len(kind.FindInterfaces(code, None)) > 5
        assert len(list(values)) == 20000


def test_code_in_a_list_that_is_given_runs_in_its_session(typed: Session) -> None:
    typed.run("class Hashed { [int] GetHashCode() { CODE; return 1 } }".replace("CODE", CODE))
    found, hashed = typed.run(
        ", [System.Collections.Generic.HashSet[object]]::new(); [Hashed]::new()"
    )
    with typed.stream(f"1; {LONG_STATEMENT}; foreach ($n in 1..20000) {{ & {{ $n }} }}") as values:
        assert next(values) == 1
        assert found.UnionWith([hashed]) is None
        assert len(list(values)) == 20000
    assert found.Count == 1


def test_a_stop_ends_a_script_block_that_python_invokes(typed: Session) -> None:
    block: Any = typed.run(f"{{ {LOOP} }}").one()
    with when_it_loops(typed, typed.stop), pytest.raises(PowerShellError, match="stopped"):
        block.Invoke()
    assert typed.run("'free'") == ["free"]


def test_a_stop_ends_it_at_the_end_of_the_code_of_a_stream(typed: Session) -> None:
    with (
        when_it_loops(typed, typed.stop),
        typed.stream(f"[{BUILDER}]::new() | {ENDLESS}; {LONG_STATEMENT}") as values,
        pytest.raises(PowerShellError, match="stopped"),
    ):
        print(next(values).Endless)
    assert typed.run("'free'") == ["free"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (ROW, {"Number": 1, "Answer": 42}),
        (f"[pscustomobject] @{{ Row = {ROW} }}", {"Row": {"Number": 1, "Answer": 42}}),
        (f", @({ROW}, 2)", [{"Number": 1, "Answer": 42}, 2]),
        (f"@{{ Rows = , {ROW} }}", {"Rows": [{"Number": 1, "Answer": 42}]}),
        (f"[ordered] @{{ a = @{{ b = {ROW} }} }}", {"a": {"b": {"Number": 1, "Answer": 42}}}),
        (f"[ordered] @{{ z = 1; y = 2; x = 3; row = {ROW} }}", ORDERED),
    ],
)
def test_a_record_with_scripts_comes_as_soon_as_it_is_written(
    typed: Session, script: str, expected: Any
) -> None:
    with typed.stream(f"{script}; Start-Sleep 600") as values:
        found = next(values)
    assert found == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize("way", ["run", "stream"])
@pytest.mark.parametrize("held", ["$r", "@(1, $r)", "@{ r = $r }"])
def test_a_record_with_scripts_that_is_inside_itself_is_seen_there(
    typed: Session, way: str, held: str
) -> None:
    counted = "Add-Member -PassThru ScriptProperty Count { (++$global:count) }"
    script = f"$global:count = 0; $r = {ROW} | {counted}; $r.Number = {held}; $r; 'on'"
    found, last = getattr(typed, way)(script)
    inner: Any = found.Number
    inner = inner[1] if held.startswith("@(") else inner["r"] if held.startswith("@{") else inner
    assert (type(inner), inner.Answer, last) == (PowerShellObject, 42, "on")
    assert found.Count == 1


def test_so_it_does_where_the_code_adds_the_script_to_its_type(typed: Session) -> None:
    later = "[pscustomobject] @{ PSTypeName = 'Later'; Number = 1 }"
    add = "-MemberName Answer -MemberType ScriptProperty -Value { Get-Answer }"
    update = f"[void] $go.WaitOne(); Update-TypeData -TypeName Later {add}"
    from System.Threading import ManualResetEvent

    typed.variables["go"] = go = ManualResetEvent(False)
    with typed.stream(f"{later}; {update}; {later}; Start-Sleep 600") as values:
        assert next(values) == {"Number": 1}
        go.Set()
        assert next(values) == {"Number": 1, "Answer": 42}


@pytest.mark.parametrize("way", ["run", "stream"])
@pytest.mark.parametrize("count", [1, 5, 40])
def test_the_script_of_a_record_runs_once_for_each_time_it_is_written(
    typed: Session, way: str, count: int
) -> None:
    counted = "Add-Member -PassThru ScriptProperty Count { (++$global:count) }"
    script = f"$global:count = 0; $r = {ROW} | {counted}; 1..{count} | ForEach-Object {{ $r }}"
    found = list(getattr(typed, way)(script))
    assert [each.Count for each in found] == list(range(1, count + 1))
    assert typed.run("$count") == [count]


@pytest.mark.parametrize(
    ("act", "expected"), [("stop", PowerShellError), ("close", SessionClosedError)]
)
def test_so_it_ends_where_who_asks_is_given_the_values_of_a_stream(
    act: str, expected: type[BaseException]
) -> None:
    """He does not wait for the turn of who goes through the stream, whose code has ended here."""
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            print(given.Endless)
        except (PowerShellError, SessionClosedError) as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    with Session() as shell, when_it_loops(shell, getattr(shell, act)):
        values = shell.stream(f"[{BUILDER}]::new() | {ENDLESS}; 2")
        given: Any = next(values)
        assert next(values) == 2
        until(lambda: str(shell._pipeline.InvocationStateInfo.State) == "Completed")
        asking.start()
        asking.join()
        values.close()
        assert [type(error) for error in errors] == [expected]
        if act == "stop":
            assert shell.run("'free'") == ["free"]


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("way", ["run", "stream"])
def test_time_that_is_up_ends_it(typed: Session, count: int, way: str) -> None:
    with pytest.raises(PipelineTimeout) as late:
        list(getattr(typed, way)(f"1..{count} | ForEach-Object {{ {ROW} | {ENDLESS} }}", timeout=3))
    if way == "run":
        assert late.value.result == [CustomObject(Number=1, Endless=None, Answer=None)] * count
    assert typed.run("'free'") == ["free"]


def test_a_cancelled_call_ends_it(typed: Session) -> None:
    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await typed.arun(f"{ROW} | {ENDLESS}")

    asyncio.run(ask())
    assert typed.run("'free'") == ["free"]


def test_a_close_ends_it() -> None:
    with Session() as shell, when_it_loops(shell, shell.close), pytest.raises(SessionClosedError):
        shell.run(f"1..50 | ForEach-Object {{ {ROW} | {ENDLESS} }}")


def test_the_next_call_waits_for_a_script_that_does_not_stop(typed: Session) -> None:
    sleep = "Add-Member -PassThru ScriptProperty Late { [Threading.Thread]::Sleep(2000); 5 }"
    with pytest.raises(PipelineTimeout):
        typed.run(f"{ROW} | {sleep}", timeout=0.5)
    assert typed.run("'free'") == ["free"]


def test_what_scripts_of_records_say_is_the_calls(typed: Session) -> None:
    says = "Add-Member -PassThru ScriptProperty Says { Write-Host 'h'; Write-Warning 'w'; true; 1 }"
    result = typed.run(f"false; {ROW} | {says}")
    assert [record.message for record in result.warnings] == ["w"]
    assert [record.message for record in result.information] == ["h"]
    assert (result.exit_code, result[0].Says) == (1, 1)


def test_it_runs_in_its_session_wherever_it_is_asked(typed: Session, builder: Any) -> None:
    with Session() as other:
        other.functions["Read-Answer"] = lambda: builder.Answer
        assert other.run("Read-Answer", check=True) == [42]


def test_it_waits_for_what_another_thread_runs(typed: Session, builder: Any) -> None:
    running = threading.Event()
    typed.functions["Set-Running"] = running.set
    thread = threading.Thread(target=typed.run, args=("Set-Running; Start-Sleep 0.5; 1",))
    thread.start()
    running.wait()
    assert builder.Answer == 42
    thread.join()


def test_many_threads_ask_at_once(typed: Session, builder: Any, worker: Any) -> None:
    found: list[int] = []

    def ask() -> None:
        for _ in range(20):
            found.append(builder.Answer + worker.Read())

    def run() -> None:
        for _ in range(20):
            found.append(typed.run("Get-Answer 5").one())

    def stream() -> None:
        for _ in range(5):
            found.append(sum(typed.stream("1..10")) - 8)

    threads = [threading.Thread(target=work) for work in [ask] * 6 + [run, stream]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [47] * 145


def test_who_leaves_a_stream_ends_nothing_that_others_ask(typed: Session, builder: Any) -> None:
    left, found = threading.Event(), []

    def ask() -> None:
        while not left.is_set():
            found.append(builder.Answer)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(50):
        with typed.stream("while ($true) { 1 }") as values:
            next(values)
            number = len(found)
            while len(found) == number:
                time.sleep(0)
    left.set()
    asking.join()
    assert set(found) == {42}


@pytest.mark.parametrize("count", [10, 2000])
def test_it_is_asked_in_the_loop_over_a_stream(typed: Session, count: int) -> None:
    """Of many the pipeline waits for room, while its scripts are wanted."""
    numbers = f"1..{count} | ForEach-Object"
    with typed.stream(f"{numbers} {{ [Worker] @{{ Number = $_ }} }}") as workers:
        assert sum(worker.Read() for worker in workers) == count * (count + 1) // 2
    with typed.stream(f"{numbers} {{ [{BUILDER}]::new() }}") as builders:
        assert [item.Answer for item in builders] == [42] * count


def test_it_is_asked_in_an_asynchronous_loop(typed: Session) -> None:
    async def add() -> tuple[int, int]:
        numbers = "1..1000 | ForEach-Object"
        read = answers = 0
        async with typed.astream(f"{numbers} {{ [Worker] @{{ Number = $_ }} }}") as workers:
            async for worker in workers:
                read += worker.Read()
        async with typed.astream(f"{numbers} {{ [{BUILDER}]::new() }}") as builders:
            async for item in builders:
                answers += item.Answer
        return read, answers

    assert asyncio.run(add()) == (500500, 42000)


def test_an_event_loop_does_not_wait_for_its_own_tasks(
    typed: Session, builder: Any, worker: Any
) -> None:
    async def ask() -> list[int]:
        running = asyncio.create_task(typed.arun("while ($true) { Start-Sleep 1 }"))
        while typed._turns.holder is None:
            await asyncio.sleep(0)
        found = [worker.Read(), builder.Answer]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return found

    assert asyncio.run(ask()) == [5, 42]


def test_a_cmdlet_asks_in_its_pipeline(typed: Session) -> None:
    class MeasureAnswer(Cmdlet, verb="Measure", noun="Answer"):
        item: object

        def process(self) -> int:
            item: Any = self.item
            return int(item.Answer) + 1

    typed.import_cmdlets(MeasureAnswer)
    assert typed.run(f"Measure-Answer -Item ([{BUILDER}]::new())", check=True) == [43]


@pytest.mark.parametrize(
    "item",
    [
        "[Worker]::new()",
        f"[{BUILDER}]::new() | Add-Member -PassThru ScriptMethod Call {{ Get-Mine }}",
    ],
)
def test_what_python_code_raises_behind_a_member_comes_out_in_a_cmdlet(
    typed: Session, item: str
) -> None:
    raised: list[BaseException] = []

    class TestMember(Cmdlet, verb="Test", noun="Member"):
        item: object

        def process(self) -> None:
            item: Any = self.item
            try:
                item.Call()
            except Exception as error:
                raised.append(error)

    typed.import_cmdlets(TestMember)
    typed.functions["Get-Mine"] = lambda: 1 / 0
    typed.run(f"Test-Member -Item ({item})", check=True)
    assert [type(error) for error in raised] == [ZeroDivisionError]


@pytest.mark.parametrize("code", ["1..1000", "1; while (-not $global:goes.WaitOne(1)) { }; 2"])
@pytest.mark.parametrize("nested", [False, True])
def test_what_ends_all_is_raised_where_the_member_is_asked(
    typed: Session, worker: Any, code: str, nested: bool
) -> None:
    """And not in the loop over the stream, in whose midst the script runs."""
    from System.Threading import ManualResetEvent

    def end_all() -> None:
        raise SystemExit(3)

    def end_nested() -> None:
        with pytest.raises(SystemExit):
            typed.run("Stop-All", check=True)
        raise SystemExit(4)

    typed.functions["Stop-All"] = end_all
    typed.functions["Get-Mine"] = end_nested if nested else end_all
    goes = ManualResetEvent(False)
    typed.variables["goes"] = goes
    with typed.stream(code) as values:
        assert next(values) == 1
        with pytest.raises(SystemExit) as ended:
            worker.Call()
        assert ended.value.code == (4 if nested else 3)
        goes.Set()
        assert next(values) == 2
    assert worker.Read() == 5


@pytest.mark.parametrize("wait", ["Wait-Job", "Receive-Job -Wait"])
def test_the_work_of_a_job_cannot_ask_while_the_session_waits_for_it(
    typed: Session, worker: Any, wait: str
) -> None:
    from PSBridge import JobsWaitedFor

    waited_for = threading.Event()

    def work() -> None:
        waited_for.wait()
        worker.Read()

    job = typed.start(work)
    waiting = threading.Thread(target=typed.run, args=(f"{wait} $args[0]", job))
    waiting.start()
    until(lambda: JobsWaitedFor.InSession(typed.jobs.net, job.children[0].net))
    waited_for.set()
    with pytest.raises(JobFailed, match="the session waits for this job"):
        job.result(60)
    waiting.join()
    job.remove()


@pytest.mark.parametrize(
    "wait",
    [
        lambda job: job.result().one(),
        lambda job: job.result(60).one(),
        lambda job: next(iter(job)),
        lambda job: next(iter(psbridge.as_completed([job]))).result().one(),
    ],
    ids=["result", "result with a limit", "a loop over its values", "as_completed"],
)
def test_it_asks_while_python_code_of_the_session_waits_for_it(
    typed: Session, worker: Any, wait: Callable[[JobHandle], int]
) -> None:
    def wait_for_job() -> int:
        job = typed.start(worker.Read)
        try:
            return wait(job)
        finally:
            job.remove(force=True)

    typed.functions["Wait-Work"] = wait_for_job
    assert typed.run("Wait-Work", check=True) == [5]


@pytest.fixture
def other() -> Iterator[Session]:
    with Session() as shell:
        shell.run(TYPES)
        yield shell


@pytest.fixture
def leading(typed: Session, other: Session, worker: Any) -> Callable[[int], int]:
    """Asks an object whose script asks one of another session's, and so on to and fro."""
    others: Any = other.run("[Worker] @{ Number = 9 }").one()
    left = 0

    def lead_to(found: Any) -> Callable[[], int]:
        def lead() -> int:
            nonlocal left
            left -= 1
            return int(found.Call()) if left > 0 else 42

        return lead

    def call(depth: int) -> int:
        nonlocal left
        left = depth
        return int(worker.Call())

    typed.functions["Get-Mine"] = lead_to(others)
    other.functions["Get-Mine"] = lead_to(worker)
    return call


DEPTHS = [1, 2, 3, 4, 9]


@pytest.mark.parametrize("depth", DEPTHS)
def test_members_lead_from_session_to_session_and_back(
    leading: Callable[[int], int], depth: int
) -> None:
    assert leading(depth) == 42


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("code", ["1..1000", "1; while ($true) { }", "1; Get-Mine; 1"])
def test_they_do_so_in_the_loop_over_a_stream(
    typed: Session, leading: Callable[[int], int], code: str, depth: int
) -> None:
    with typed.stream(code) as values:
        assert next(values) == 1
        assert leading(depth) == 42


def test_they_do_so_where_python_code_goes_through_a_stream_of_the_other_session(
    typed: Session, other: Session, worker: Any
) -> None:
    typed.functions["Get-Others"] = lambda: list(other.stream("1..3 | ForEach-Object { Get-Mine }"))
    other.functions["Get-Mine"] = worker.Read
    assert typed.run("Get-Others", check=True) == [[5, 5, 5]]


def test_a_stop_ends_what_was_led_to(
    typed: Session, other: Session, leading: Callable[[int], int], worker: Any
) -> None:
    typed.functions["Get-Mine"] = lambda: other.run("Get-Mine", check=True).one()
    other.functions["Get-Mine"] = worker.Loop
    with (
        when_it_loops(typed, typed.stop),
        pytest.raises(PowerShellError, match="has been stopped"),
    ):
        worker.Call()
    assert worker.Read() == 5
    assert other.run("1") == [1]


def test_code_of_another_session_that_asks_the_first_again_is_told(
    typed: Session, other: Session
) -> None:
    typed.functions["Get-Others"] = lambda: other.run("Get-Mine", check=True).one()
    other.functions["Get-Mine"] = lambda: typed.run("42").one()
    for ask in (typed.run, typed.stream):
        with pytest.raises(RuntimeError, match="neither would ever end"):
            list(ask("Get-Others", check=True))
    assert typed.run("42") == other.run("42") == [42]


def test_two_sessions_that_wait_for_each_others_turn_are_told(
    typed: Session, other: Session, worker: Any
) -> None:
    both = threading.Barrier(2)

    def ask(session: Session) -> Callable[[], int]:
        def wait_and_ask() -> int:
            both.wait(20)
            return int(session.run("42").one())

        return wait_and_ask

    typed.functions["Get-It"] = ask(other)
    other.functions["Get-It"] = ask(typed)
    found: list[Any] = []

    def run(session: Session) -> None:
        try:
            found.append(session.run("Get-It", check=True).one())
        except RuntimeError as error:
            found.append(str(error))

    asking = threading.Thread(target=run, args=(other,))
    asking.start()
    run(typed)
    asking.join(20)
    assert len(found) == 2
    assert any("neither would ever end" in str(one) for one in found)
    assert all(one == 42 or "neither would ever end" in str(one) for one in found)


def test_python_code_beneath_a_member_asks_another_sessions_objects(typed: Session) -> None:
    """In that session, which has functions of its own."""
    with Session() as other:
        kind = "System.Text.UTF7Encoding"
        other.run("function Get-Hers { 'hers' }")
        other.run(
            f"Update-TypeData -TypeName {kind} -MemberName Hers -MemberType ScriptProperty "
            "-Value { Get-Hers }"
        )
        hers: Any = other.run(f"[{kind}]::new()").one()
        typed.functions["Get-Mine"] = lambda: hers.Hers
        with typed.stream("[Worker]::new(); while ($true) { }") as values:
            assert next(values).Call() == "hers"


def test_events_of_others_do_not_keep_a_stream_from_a_members_script(typed: Session) -> None:
    """The engine runs few events at a time, in their order."""
    begun = "$timer = [System.Timers.Timer]::new(1); $timer.Start()"
    action = "Register-ObjectEvent $timer Elapsed -Action { $global:ticks++ }"
    typed.run(f"$global:ticks = 0; {begun}; {action}")
    with typed.stream(f"1..2000 | ForEach-Object {{ [{BUILDER}]::new() }}") as values:
        first: Any = next(values)
        time.sleep(1)  # some hundred events come while the pipeline waits for room
        assert first.Answer == 42
    typed.run("$timer.Dispose(); Get-EventSubscriber | Unregister-Event")


def test_two_sessions_ask_each_other_at_once(typed: Session, other: Session, worker: Any) -> None:
    others: Any = other.run("[Worker] @{ Number = 9 }").one()
    typed.functions["Get-Other"] = others.Read
    other.functions["Get-Other"] = worker.Read
    found: list[list[int]] = []
    script = "1..100 | ForEach-Object { Get-Other }"
    asking = threading.Thread(target=lambda: found.append(other.run(script, check=True)))
    asking.start()
    assert typed.run(script, check=True) == [9] * 100
    asking.join()
    assert found == [[5] * 100]


@pytest.mark.parametrize("way", ["run", "stream"])
@pytest.mark.parametrize("script", ["$input | % { $_ + 1 }", "foreach ($i in $input) { $i + 1 }"])
def test_the_input_of_a_call_asks_objects_of_its_session(
    typed: Session, builder: Any, worker: Any, way: str, script: str
) -> None:
    answers = (builder.Answer + worker.Read() for _ in range(100))
    assert list(getattr(typed, way)(script, input=answers)) == [48] * 100


@pytest.mark.usefixtures("interrupting")
def test_ctrl_c_in_the_loop_over_a_stream_ends_the_stream(typed: Session) -> None:
    objects = f"1..2 | ForEach-Object {{ [{BUILDER}]::new() | {ENDLESS} }}"
    with (
        when_it_loops(typed, send_alarm),
        typed.stream(f"{objects}; while ($true) {{ }}") as values,
    ):
        first: Any = next(values)
        with pytest.raises(KeyboardInterrupt):
            print(first.Endless)
        assert first.Answer == 42
        with pytest.raises(PowerShellError, match="stopped"):
            list(values)


@pytest.mark.parametrize("wait", ["Wait-Job $args[0] -Timeout 1", "Wait-Work $args[0]"])
def test_it_waits_until_a_wait_of_the_session_for_it_is_over(
    typed: Session, worker: Any, wait: str
) -> None:
    waits = threading.Event()
    typed.functions["Set-Waiting"] = waits.set
    typed.functions["Wait-Work"] = lambda job: typed.jobs[job.Id].wait(1)

    def work() -> int:
        waits.wait()
        return int(worker.Read())

    job = typed.start(work)
    typed.run(f"Set-Waiting; {wait}", job, check=True)
    assert job.result(60) == [5]
    job.remove()


def test_it_does_not_wait_for_a_session_to_know_what_types_have(
    typed: Session, builder: Any
) -> None:
    """In a job on a thread of PowerShell's own it is this error as well."""
    job = typed.start(lambda: builder.Answer)
    typed.run("param($job) Wait-Job $job", job=job)
    with pytest.raises(JobError, match="'Get-Answer' is not recognized"):
        job.result(60)
    job.remove()


def test_it_is_asked_when_the_session_is_closed() -> None:
    two = "-MemberName Two -MemberType ScriptProperty -Value { 2 }"
    with Session() as shell:
        found = shell.run(f"Update-TypeData -TypeName {BUILDER} {two}; [{BUILDER}]::new()").one()
    assert found.Two == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda found, block: found.Read(),
        lambda found, block: found.Own,
        lambda found, block: found.Ask(),
        lambda found, block: block.Invoke(),
        lambda found, block: block.GetType().FindInterfaces(block, None),
    ],
    ids=["a method", "a property", "an added method", "a block", "a block that is given"],
)
def test_code_that_was_written_in_a_closed_session_says_so(
    ask: Callable[[Any, Any], object],
) -> None:
    with Session() as shell:
        shell.run(TYPES)
        found, block = shell.run(
            "[Worker]::new() | Add-Member -PassThru ScriptProperty Own { 5 } "
            "| Add-Member -PassThru ScriptMethod Ask { 5 }; { 5 }"
        )
    with pytest.raises(PowerShellError, match="runs in its session, which is closed"):
        ask(found, block)
    assert found.properties()["Number"] == 0


def test_ctrl_c_ends_it_in_a_program(run_python: RunPython) -> None:
    code = """
import os, signal
from psbridge import Session
with Session() as shell:
    shell.functions["Send-Interrupt"] = lambda: os.kill(os.getpid(), signal.SIGINT)
    shell.run("class Worker { [object] Loop() { Send-Interrupt; while ($true) { } return 1 } }")
    worker = shell.run("[Worker]::new()").one()
    try:
        worker.Loop()
    except KeyboardInterrupt:
        print(shell.run("'free'"))
"""
    done = run_python(code)
    assert (done.stdout, done.returncode) == ("['free']\n", 0), done.stderr
