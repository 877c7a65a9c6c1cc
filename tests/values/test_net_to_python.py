"""PowerShell's values as Python sees them."""

from __future__ import annotations

import datetime as dt
import math
import re
import threading
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from psbridge import CustomObject, EnumValue, PowerShellObject, Session


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


def net_type(value: Any) -> str:
    assert isinstance(value, PowerShellObject)
    return str(value.net.GetType().FullName)


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("$null", None),
        ("[DBNull]::Value", None),
        ("$true", True),
        ("[switch]$true", True),
        ("[switch]$false", False),
        ("[byte]255", 255),
        ("[sbyte]-128", -128),
        ("[int16]-32768", -32768),
        ("[uint16]65535", 65535),
        ("[uint32]4294967295", 4294967295),
        ("[int64]::MinValue", -(2**63)),
        ("[uint64]::MaxValue", 2**64 - 1),
        ("[bigint]::Pow(-7, 301)", (-7) ** 301),
        ("[Nullable[int]]5", 5),
        ("[single]1.5", 1.5),
        ("[double]::MaxValue", 1.7976931348623157e308),
        ("[double]::NegativeInfinity", -math.inf),
        ("1.10d", Decimal("1.10")),
        ("[decimal]::MinValue", Decimal("-79228162514264337593543950335")),
        ("[char]'a'", "a"),
        ("[char]0xD83D", "\ud83d"),
        ("''", ""),
        ("\"a`0b\"", "a\0b"),
        ("[char]::ConvertFromUtf32(0x1F600)", "😀"),
        ("[guid]'12345678-9abc-def0-1234-56789abcdef0'", uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")),  # noqa: E501
        ("[timespan]::MaxValue", dt.timedelta(microseconds=(2**63 - 1) // 10)),
        ("[timespan]::MinValue", -dt.timedelta(microseconds=2**63 // 10)),
        ("[timespan]::FromTicks(-19)", dt.timedelta(microseconds=-1)),
        ("[datetime]::MinValue", dt.datetime.min),
        ("[datetime]::MaxValue", dt.datetime.max),
        ("[datetime]::new(638000000000000019)", dt.datetime(2022, 9, 28, 22, 13, 20, 1)),
        (
            "[datetime]::new(2024, 2, 29, 1, 2, 3, [DateTimeKind]::Utc)",
            dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC),
        ),
        (
            "[datetimeoffset]'2024-02-29T01:02:03.1234567-05:30'",
            dt.datetime(
                2024, 2, 29, 1, 2, 3, 123456,
                tzinfo=dt.timezone(-dt.timedelta(hours=5, minutes=30)),
            ),
        ),
        (", @()", []),
        (", @(1, 'a', $null, @(2))", [1, "a", None, [2]]),
        (", [int[]](1, 2)", [1, 2]),
        (", [byte[]](1, 255)", b"\x01\xff"),
        (", [string[]]('a', 'b')", ["a", "b"]),
        (", [char[]]'ab'", ["a", "b"]),
        (", [System.Collections.ArrayList]@(1, 'a')", [1, "a"]),
        (", [System.Collections.Generic.List[datetime]]@([datetime]::MinValue)", [dt.datetime.min]),
        (", [System.Collections.ObjectModel.Collection[int]]@(1)", [1]),
        (", [int[,]]::new(2, 3)", [[0, 0, 0], [0, 0, 0]]),
        (", [int[,]]::new(2, 0)", [[], []]),
        (", [int[,]]::new(0, 2)", []),
        (", [int[,,]]::new(1, 2, 1)", [[[0], [0]]]),
        (", [int[][]](@(1), @(2, 3))", [[1], [2, 3]]),
        ("@{}", {}),
        ("@{ a = 1; B = @{ c = , 2 } }", {"a": 1, "B": {"c": [2]}}),
        ("$h = @{ 1 = 'int' }; $h['1'] = 'text'; $h", {1: "int", "1": "text"}),
        ("$h = @{}; $h[[guid]::Empty] = 1; $h", {uuid.UUID(int=0): 1}),
        ("$h = @{}; $h[@(1, 2)] = 3; $h", {(1, 2): 3}),
        ("[ordered]@{ b = 1; a = 2 }", {"b": 1, "a": 2}),
        ("[System.Collections.Generic.Dictionary[string,int]]::new()", {}),
        (
            "$d = [System.Collections.Generic.SortedDictionary[int,string]]::new(); $d[2] = 'b'; $d",  # noqa: E501
            {2: "b"},
        ),
        ("[pscustomobject]@{ b = 1; a = $null }", CustomObject(b=1, a=None)),
        (
            "[pscustomobject]@{ a = [pscustomobject]@{ b = , 1 } }",
            CustomObject(a=CustomObject(b=[1])),
        ),
        ("[pscustomobject]@{ a = $(if ($false) { 1 }) }", CustomObject(a=None)),
        ("@{ a = [System.Management.Automation.Internal.AutomationNull]::Value }", {"a": None}),
        ("[pscustomobject]@{ a = [psobject]::AsPSObject(5) }", CustomObject(a=5)),
        ("[pscustomobject]@{}", CustomObject()),
        ("[int128]::MinValue", -(2**127)),
        ("[uint128]::MaxValue", 2**128 - 1),
        ("[half]1.5", 1.5),
        ("[half]::NegativeInfinity", -math.inf),
        ("[System.Numerics.Complex]::new(1.5, -2)", 1.5 - 2j),
        ("[dateonly]::new(2024, 2, 29)", dt.date(2024, 2, 29)),
        ("[timeonly]::MaxValue", dt.time.max),
        ("[regex]'a.b'", re.compile("a.b")),
        ("[regex]::new('^a', 'IgnoreCase, Multiline, Compiled')", re.compile("^a", re.I | re.M)),
        ("[DayOfWeek]::Monday", EnumValue("Monday", 1, "System.DayOfWeek")),
        (
            "[IO.FileAttributes]'Hidden, ReadOnly'",
            EnumValue("ReadOnly, Hidden", 3, "System.IO.FileAttributes"),
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_value_becomes_pythons(shell: Session, script: str, value: object) -> None:
    (converted,) = shell.run(script)
    assert converted == value
    assert type(converted) is type(value)
    if not script.startswith(("@", "$h")):  # a Hashtable has no order
        assert repr(converted) == repr(value)


def test_nan_and_minus_zero(shell: Session) -> None:
    nan, zero = shell.run("[double]::NaN; [double]::NegativeZero")
    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1


def test_a_local_time_has_the_zones_offset(shell: Session) -> None:
    (now,) = shell.run("[datetime]::Now")
    assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=10)
    (offset,) = shell.run("[datetimeoffset]::Now.Offset")
    assert now.utcoffset() == offset


@pytest.mark.parametrize(
    ("script", "stays"),
    [
        ("[version]'1.2'", "System.Version"),
        ("{ 1 }", "System.Management.Automation.ScriptBlock"),
        ("[uri]'http://a/b'", "System.Uri"),
        # Python's re has no such group, no such option.
        ("[regex]'(?<a>b)'", "System.Text.RegularExpressions.Regex"),
        ("[regex]::new('a', 'RightToLeft')", "System.Text.RegularExpressions.Regex"),
        ("[xml]'<a/>'", "System.Xml.XmlDocument"),
        ("[System.IO.FileInfo]'a'", "System.IO.FileInfo"),
        (", [System.Collections.Queue]@(1, 2)", "System.Collections.Queue"),
        ("[System.Collections.DictionaryEntry]::new('a', 1)", "System.Collections.DictionaryEntry"),
        ("[exception]::new('x')", "System.Exception"),
        ("[int]", "System.RuntimeType"),
        ("[securestring]::new()", "System.Security.SecureString"),
    ],
)
def test_everything_else_stays_what_it_is(shell: Session, script: str, stays: str) -> None:
    (value,) = shell.run(script)
    assert net_type(value) == stays
    assert shell.run("param($x) $x.GetType().FullName", x=value) == [stays]


def test_jobs_stay_what_they_are(shell: Session) -> None:
    handle = shell.start(lambda: 1)
    assert handle.wait(10)
    (job,) = shell.run("Get-Job")
    assert job == handle.net
    assert job.InstanceId == uuid.UUID(str(handle.net.InstanceId))
    handle.remove()


def test_values_behind_interfaces_are_found(shell: Session) -> None:
    script = """
    $list = [System.Collections.Generic.List[IComparable]]::new()
    $list.Add(1); $list.Add('a'); $list.Add([datetime]::MinValue); $list.Add([version]'1.2')
    , $list
    $map = [System.Collections.Generic.Dictionary[string,System.Collections.IEnumerable]]::new()
    $map['a'] = [int[]](1, 2); $map['b'] = 'text'
    $map
    """
    values, by_name = shell.run(script)
    assert values[:3] == [1, "a", dt.datetime.min]
    assert net_type(values[3]) == "System.Version"
    assert by_name == {"a": [1, 2], "b": "text"}


def test_notes_on_a_plain_value_are_left_behind(shell: Session) -> None:
    script = """
    foreach ($base in 'abc', 5, [datetime]::MinValue) {
        $value = [psobject]::AsPSObject($base)
        $value.psobject.Properties.Add([psnoteproperty]::new('Note', 1))
        $value
    }
    """
    assert shell.run(script) == ["abc", 5, dt.datetime.min]


# What could go wrong


def test_a_property_that_throws_is_none_and_the_others_are_there(shell: Session) -> None:
    script = """
    $o = [pscustomobject]@{ A = 1; B = 0; C = 3 }
    $o.psobject.Properties.Add([psscriptproperty]::new('Throws', { throw 'no' }))
    $o.psobject.Properties.Add([psscriptproperty]::new('Works', { $this.A + 41 }))
    'before'; $o; 'after'
    """
    record = {"A": 1, "B": 0, "C": 3, "Throws": None, "Works": 42}
    assert shell.run(script) == ["before", record, "after"]


def test_text_with_half_a_surrogate_pair_comes_as_it_is(shell: Session) -> None:
    broken = '"a$([char]0xD800)b😀$([char]0xDFFF)"'
    text = "a\ud800b😀\udfff"
    assert shell.run(f"1; {broken}; 2") == [1, text, 2]
    assert shell.run(f", @(1, {broken}, @({broken}))") == [[1, text, [text]]]
    script = f"[pscustomobject]@{{ a = {broken} }}; @{{ {broken} = {broken} }}; 3"
    assert shell.run(script) == [{"a": text}, {text: text}, 3]


def test_what_contains_itself_stops_where_it_begins_again(shell: Session) -> None:
    script = """
    $h = @{ n = 1 }; $h.me = $h; $h
    $o = [pscustomobject]@{ n = 2; me = $null }; $o.me = $o; $o
    $l = [System.Collections.ArrayList]@(3); [void]$l.Add($l); , $l
    $p = [pscustomobject]@{ children = @() }
    $p.children = foreach ($i in 1..200) { [pscustomobject]@{ i = $i; parent = $p } }
    $p
    """
    table, record, items, tree = shell.run(script)
    assert (table["n"], net_type(table["me"])) == (1, "System.Collections.Hashtable")
    assert record["n"] == 2
    assert record["me"].n == 2
    assert (items[0], net_type(items[1])) == (3, "System.Collections.ArrayList")
    assert [child["i"] for child in tree["children"]] == list(range(1, 201))


def test_the_same_object_twice_is_no_cycle(shell: Session) -> None:
    script = "$shared = [pscustomobject]@{ n = 1 }; , @($shared, $shared, @{ s = $shared })"
    assert shell.run(script) == [[{"n": 1}, {"n": 1}, {"s": {"n": 1}}]]


def test_what_is_very_deep_stays_a_net_object_down_there(shell: Session) -> None:
    (value,) = shell.run(
        "$v = 'end'; foreach ($i in 1..5000) { $v = [pscustomobject]@{ v = $v } }; $v"
    )
    depth = 0
    while isinstance(value, dict):
        value = value["v"]
        depth += 1
    assert 90 < depth <= 100
    assert shell.run("param($x) $x.v.v -ne $null", x=value) == [True]


@pytest.mark.parametrize(
    "script",
    [
        "$h = @{}; $h[1] = 'a'; $h[[double]1] = 'b'; $h",
        "$h = @{}; $h[@{}] = 1; $h",
        "$h = @{}; $h[[long]1] = 'a'; $h[$true] = 'b'; $h",
    ],
)
def test_a_dictionary_whose_keys_python_cannot_have_stays(shell: Session, script: str) -> None:
    before, table, after = shell.run(f"'before'; {script}; 'after'")
    assert (before, after) == ("before", "after")
    assert net_type(table) == "System.Collections.Hashtable"
    assert shell.run("param($t) $t.Count", t=table)[0] >= 1


def test_a_list_that_throws_stays(shell: Session) -> None:
    shell.run("""
    class Spiteful : System.Collections.ArrayList {
        [System.Collections.IEnumerator] GetEnumerator() { throw 'no' }
        [int] get_Count() { return 3 }
        [void] CopyTo([array] $array, [int] $index) { throw 'no' }
    }
    class Unwilling : System.Collections.ArrayList {
        [System.Collections.IEnumerator] GetEnumerator() { throw 'no' }
    }
    """)
    record, after = shell.run(
        "[pscustomobject]@{ a = [Spiteful]::new(); b = 2; c = [Unwilling]::new() }; 3"
    )
    assert (record["b"], record["c"], after) == (2, [], 3)
    assert record["a"].GetType().Name == "Spiteful"


def test_an_open_stream_is_not_waited_for(shell: Session) -> None:
    release = threading.Event()
    handle = shell.start(release.wait)
    start = time.monotonic()
    script = "param($j) [pscustomobject]@{ Out = $j.Output; Child = $j.ChildJobs[0].Error }"
    (record,) = shell.run(script, j=handle.net)
    assert time.monotonic() - start < 5
    assert net_type(record["Out"]).startswith("System.Management.Automation.PSDataCollection")
    release.set()
    assert handle.wait(10)
    handle.remove()


def test_a_python_object_that_net_was_given_comes_back_itself(shell: Session) -> None:
    import System

    from psbridge.values import from_net

    mine = object()
    array = System.Array[System.Object]([mine, 1])
    assert from_net(array) == [mine, 1]


def test_a_value_that_is_pythons_already_passes(shell: Session) -> None:
    from psbridge.values import from_net

    for value in (None, True, 5, 1.5, "text"):
        assert from_net(value) is value


def test_many_values_come_in_order(shell: Session) -> None:
    assert shell.run("1..100000") == list(range(1, 100_001))
    assert shell.run("foreach ($i in 1..1000) { [pscustomobject]@{ i = $i } }") == [
        {"i": number} for number in range(1, 1001)
    ]


def test_plain_values_cost_little(shell: Session) -> None:
    """A guard against a slow path that hides; ratios, as machines differ."""
    import System

    from psbridge.values import from_net, to_net

    numbers = list(range(100_000))

    def best(call: Any) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    array = System.Array[System.Object](100_000)
    for index, number in enumerate(numbers):
        array[index] = System.Int32(number)
    by_hand = best(lambda: list(array))
    assert best(lambda: from_net(array)) < 8 * by_hand
    assert best(lambda: to_net(numbers)) < 40 * by_hand


def test_a_number_may_have_more_digits_than_python_reads(shell: Session) -> None:
    (found,) = shell.run("[bigint]::Pow(-10, 5001)")
    is_it: bool = found == (-10) ** 5001  # an assertion about the number would show its text
    assert is_it
