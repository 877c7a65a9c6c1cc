"""Many values in one piece are the values that they are one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from psbridge import CustomObject, PowerShellObject, Session

MANY = 50


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


VALUES = """
$null; [DBNull]::Value; $true; $false; [switch]$true; [byte]255; [sbyte]-128; [int16]-32768
[uint16]65535; [int]::MinValue; 0; 255; 256; [int]::MaxValue; [uint32]::MaxValue; [int64]::MinValue
[int64]::MaxValue; [uint64]::MaxValue; [bigint]::Pow(-7, 301); [single]1.5; [double]::MaxValue
[double]::NegativeInfinity; [double]::NegativeZero; 1.10d; [char]'a'; ''; 'text'; ('x' * 100000)
"a`0b"; [char]::ConvertFromUtf32(0x1F600); "half $([char]0xd800)"; [guid]::Empty
, [sbyte[]](-1, 2); , [bool[]]($true, $false); , [char[]]('a', 'b'); , [Small[]]('One', 'Top')
[Small]'Top'; [Large]'One'; $small; $large
[datetime]::new(2024, 7, 1, 12, 30, 15, 7, 'Local').AddTicks(1239); [datetime]::MinValue
[datetime]::new(2024, 1, 31, 23, 59, 59, 999, 'Utc'); [datetime]::MaxValue
[datetimeoffset]::MinValue
[datetimeoffset]::new(2024, 1, 2, 3, 4, 5, [timespan]::FromMinutes(-345))
[timespan]::MinValue
[timespan]::MaxValue; [timespan]-1; [timespan]-19; [timespan]::Zero; [decimal]::MaxValue; -0.0d
[IO.FileAttributes]'ReadOnly, Hidden'; [IO.FileAttributes]0; [ConsoleColor]99; , [byte[]]@()
([psobject]::AsPSObject([datetime]::UnixEpoch) | Add-Member -PassThru Note 5)
[System.Diagnostics.Tracing.EventKeywords]::All; [guid]'6b29fc40-ca47-1067-b31d-00dd010662da'
[datetime]'2024-02-29'; [timespan]1; [DayOfWeek]::Monday; [version]'1.2'; [psobject]5; [psobject]'a'
, @(1, @('a', $null)); , [byte[]](1, 2); @{ a = 1 }; [pscustomobject]@{}
[pscustomobject]@{ a = 1; B = 'x'; c = $null; 'd e' = [datetime]'2024-02-29'; day = [DayOfWeek]1 }
[pscustomobject]@{ a = [pscustomobject]@{ b = @(1, 2) }; h = @{ c = [pscustomobject]@{ d = 1 } } }
[pscustomobject]@{ PSTypeName = 'My.Type'; a = 1; items = 2 }
[pscustomobject]@{ a = $(if ($false) { 1 }) ; "half $([char]0xd800)" = 1; é = [psobject]2 }
$s = [pscustomobject]@{ a = 20 }
$s.psobject.Properties.Add([psscriptproperty]::new('Twice', { $this.a * 2 }))
$s.psobject.Properties.Add([psscriptproperty]::new('Throws', { throw 'no' }))
$s; Get-Process -Id $PID | Select-Object Id, Name, PriorityClass
$o = [pscustomobject]@{ n = 2; me = $null }; $o.me = $o; $o
[psobject]::AsPSObject([System.Management.Automation.Internal.AutomationNull]::Value)
"""


def test_they_are_what_they_are_one_by_one(shell: Session) -> None:
    from psbridge.values import from_net

    shell.run("enum Small : byte { One = 1; Top = 255 } enum Large : long { One = 1 }")
    for name in ("small", "large"):
        serialized = f"[System.Management.Automation.PSSerializer]::Serialize([{name}]'One')"
        shell.run(
            f"${name} = [System.Management.Automation.PSSerializer]::Deserialize({serialized})"
        )

    many = shell.run(f"foreach ($i in 1..{MANY}) {{ {VALUES} }}")
    output = shell.run(f", [object[]]@({VALUES})")  # as one value, an array, it goes the other way
    (single,) = output
    per_round = len(single)
    assert len(many) == MANY * per_round
    assert from_net(None) is None
    for start in range(0, len(many), per_round):
        for found, expected in zip(many[start : start + per_round], single, strict=True):
            assert type(found) is type(expected)
            if isinstance(expected, CustomObject):
                assert list(found) == list(expected)
                assert found.type_names == expected.type_names
                assert found.origin == expected.origin
                assert [type(value) for value in found.values()] == [
                    type(value) for value in expected.values()
                ]
            if not (isinstance(expected, CustomObject) and "me" in expected):
                assert repr(found) == repr(expected)


def test_what_types_add_to_records_is_there(shell: Session) -> None:
    shell.run(
        "Update-TypeData -TypeName Batched.Row -MemberType ScriptProperty -MemberName Twice "
        "-Value { $this.n * 2 } -Force"
    )
    made = "[pscustomobject]@{ PSTypeName = 'Batched.Row'; n = $_ }; [pscustomobject]@{ n = $_ }"
    found = shell.run(f"1..{MANY} | ForEach-Object {{ {made} }}")
    assert found == [
        record for n in range(1, MANY + 1) for record in ({"n": n, "Twice": 2 * n}, {"n": n})
    ]


def test_those_of_another_process_have_their_origin_and_their_names(shell: Session) -> None:
    made = "$i; [DayOfWeek]1; [bigint]$i; [pscustomobject]@{ i = $i }"
    script = f"foreach ($i in 1..{MANY}) {{ {made} }}"
    job = shell.start_job(script)
    found = job.result(timeout=60)
    job.remove()
    assert found == [v for i in range(1, MANY + 1) for v in (i, "Monday", i, {"i": i})]
    assert {record.origin for record in found[3::4]} == {"localhost"}
    assert int(found[1]) == 1


def test_more_than_a_piece_come_in_their_order_with_their_origins(shell: Session) -> None:
    job = shell.start_job("1..1500 | % { $_; [pscustomobject]@{ i = $_ } }")
    job.wait()
    script = (
        "1..700; $args[0] | Receive-Job; 1..700 | % { [pscustomobject]@{ i = [IO.FileInfo]'/a' } }"
    )
    found = shell.run(script, job.net)
    job.remove()
    assert found[:700] == list(range(1, 701))
    assert found[700:3700] == [v for i in range(1, 1501) for v in (i, {"i": i})]
    assert all(isinstance(record.i, PowerShellObject) for record in found[3700:])
    assert found.origins == [None] * 700 + ["localhost"] * 3000 + [None] * 700
    assert len({id(record.i) for record in found[3700:]}) == 700


def test_many_are_converted_in_the_midst_of_a_pipeline(shell: Session) -> None:
    """There the code of a member has the pipeline's runspace, which another thread would not."""
    shell.run(
        "Update-TypeData -TypeName Batched.Inner -MemberType ScriptProperty -MemberName Twice "
        "-Value { $this.n * $factor } -Force; $factor = 2"
    )
    script = "1..1200 | % { [pscustomobject]@{ PSTypeName = 'Batched.Inner'; n = $_ } }"
    shell.functions["Get-Sum"] = lambda: sum(row.Twice for row in shell.run(script))
    assert shell.run("Get-Sum") == [1200 * 1201]


def test_objects_among_them_are_seen_as_objects(shell: Session) -> None:
    found = shell.run(
        f"1..{MANY} | ForEach-Object {{ [pscustomobject]@{{ f = [IO.FileInfo]'/a.b' }} }}"
    )
    assert all(isinstance(record.f, PowerShellObject) for record in found)
    assert found[-1].f.BaseName == "a"


def test_records_cost_little(shell: Session) -> None:
    """A guard against a slow path that hides; a ratio to a walk by hand, as machines differ."""
    import System
    from System.Management.Automation import PSObject

    from psbridge.values import list_from_net

    shell.run(
        '$global:rows = 1..2000 | % { [pscustomobject]@{ a = $_; b = "x$_"; c = 1.5; d = $true } }'
    )
    rows = shell._runspace.SessionStateProxy.GetVariable("rows")
    array = System.Array[System.Object]([PSObject.AsPSObject(row) for row in rows])

    def best(call: Callable[[], Any]) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    by_hand = best(lambda: [{p.Name: p.Value for p in row.Properties} for row in array])
    assert best(lambda: list_from_net(array)) < by_hand / 2


def test_a_later_record_with_more_than_values_has_its_values_alone(shell: Session) -> None:
    script = """
    foreach ($i in 1..$args[0]) {
        $one = [pscustomobject]@{ a = $i }
        if ($i -eq 40) {
            $one | Add-Member ScriptMethod Go { 1 }
            $one | Add-Member ScriptProperty Twice { $this.a * 2 }
        }
        $one
    }
    """
    found = shell.run(script, MANY)
    assert [dict(item) for item in found[38:41]] == [{"a": 39}, {"a": 40, "Twice": 80}, {"a": 41}]


@pytest.mark.parametrize(
    "name", [".CustomObject", "CustomObject", ".made_of", "made_of", "X", "N."]
)
def test_a_property_may_have_any_name(shell: Session, name: str) -> None:
    script = (
        "param($name) foreach ($i in 1..$args[0]) { [pscustomobject]@{ $name = $i; b = $name } }"
    )
    found = shell.run(script, MANY, name=name)
    assert found == [{name: number, "b": name} for number in range(1, MANY + 1)]
