"""Reading members of objects, one after the other and many."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from psbridge import PowerShellError, PowerShellObject, Session

MANY = 50


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        (item, *_) = files(session)
        for _ in range(1_100):  # from the thousandth on they are read in another way
            assert item.Name == "b1.txt"
        yield session


def files(shell: Session, code: str = "") -> list[Any]:
    make = '$one = [System.IO.FileInfo]::new("/a/b$i.txt")'
    return shell.run(f"foreach ($i in 1..{MANY}) {{ {make}; {code}; $one }}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$null", None),
        ("$true", True),
        ("$false", False),
        ("[byte]255", 255),
        ("[int]::MinValue", -(2**31)),
        ("[long]::MaxValue", 2**63 - 1),
        ("[ulong]::MaxValue", 2**64 - 1),
        ("[single]0.5", 0.5),
        ("1e300", 1e300),
        ("''", ""),
        ("'aé€'", "aé€"),
        ("[char]::ConvertFromUtf32(0x1F600)", "\U0001f600"),
        ("[string][char]0xd800", "\ud800"),
        ("[char]'a'", "a"),
        ("[psobject]5", 5),
        ("[psobject]'a'", "a"),
        ("@(1, 'a')", [1, "a"]),
        ("@{ a = 1 }", {"a": 1}),
    ],
)
def test_a_member_has_the_type_that_output_has(shell: Session, value: str, expected: Any) -> None:
    item = files(shell, f"$one | Add-Member NoteProperty Note ({value})")[0]
    assert item.Note == expected
    assert type(item.note) is type(expected)
    assert item["NOTE"] == expected


# What pythonnet has no counterpart of; see `docs/values.md`.
RARE = [
    "[datetime]::new(2020, 2, 29, 13, 5, 7, 123).AddTicks(4567)",
    "[datetime]::new(2020, 2, 29, 0, 0, 0, [DateTimeKind]::Utc)",
    "[datetime]::new(2020, 7, 1, 0, 0, 0, [DateTimeKind]::Local)",
    "[datetime]::MaxValue",
    "[datetimeoffset]::new(2020, 2, 29, 0, 0, 0, [timespan]::new(-3, -30, 0))",
    "[timespan]::new(-1, 2, 3, 4, 5)",
    "[timespan]::MinValue",
    "1.50d",
    "[decimal]::MinValue",
    "[guid]'6f9619ff-8b86-d011-b42d-00cf4fc964ff'",
    "[System.DayOfWeek]::Friday",
    "[System.IO.FileAttributes]'ReadOnly, Hidden'",
    "[Enum]::ToObject([System.DayOfWeek], 99)",
    "[psobject][datetime]::new(2020, 2, 29)",
    "[psobject]5",
    "[psobject][System.DayOfWeek]::Friday",
    "[bigint]::Parse('9' * 50)",
    "[version]'1.2.3'",
    "[uri]'http://a/b'",
    "[System.Net.IPAddress]::Loopback",
    "[System.Collections.Generic.KeyValuePair[int,int]]::new(1, 2)",
    "[switch]$true",
    "[DBNull]::Value",
    "@([datetime]::new(2020, 2, 29), [System.DayOfWeek]::Friday)",
    "[pscustomobject]@{ a = [guid]::Empty }",
    "[System.Management.Automation.PSSerializer]::Deserialize("
    "[System.Management.Automation.PSSerializer]::Serialize([System.DayOfWeek]::Friday))",
    "[System.Management.Automation.PSSerializer]::Deserialize("
    "[System.Management.Automation.PSSerializer]::Serialize([System.IO.FileInfo]'/a/b'))",
]


@pytest.mark.parametrize("value", RARE)
def test_a_member_is_what_output_is(shell: Session, value: str) -> None:
    (expected,) = shell.run(f", ({value})")
    item = files(shell, f"$one | Add-Member NoteProperty Note ({value})")[0]
    for found in (item.Note, item.Note):  # of a type that is new here, and of one that is known
        assert type(found) is type(expected)
        assert repr(found) == repr(expected)
        if not isinstance(found, PowerShellObject):
            assert found == expected
        elif "Deserialize" not in value:
            assert found.net.Equals(expected.net)


def test_what_derives_from_psobject_is_an_object(shell: Session) -> None:
    shell.run("class Derived : psobject { Derived([object] $o) : base($o) { } }")
    for value in ("5", "'t'", "[datetime]::new(2020, 2, 29)"):
        (item, *_) = files(shell, f"$one | Add-Member NoteProperty Note ([Derived]::new({value}))")
        assert {type(item.Note) for _ in range(3)} == {PowerShellObject}


def test_an_object_that_a_member_gives_is_its_own(shell: Session) -> None:
    item = files(shell, "$one | Add-Member NoteProperty Other ([System.Exception]::new('x'))")[0]
    assert item.Other.Message == "x"  # from here on its type is known
    shell.run("param($o) $o | Add-Member NoteProperty Note 5", item.Other)
    assert item.Other.Note == 5
    assert item.Other == item.Other
    assert shell.run("param($a, $b) [object]::ReferenceEquals($a, $b)", item.Other, item.Other) == [
        True
    ]


def test_what_is_read_belongs_to_who_reads_it(shell: Session) -> None:
    import gc

    item = files(
        shell,
        "$one | Add-Member NoteProperty When ([datetime]::new(2020, 2, 29));"
        "$one | Add-Member NoteProperty Day ([System.DayOfWeek]::Friday);"
        "$one | Add-Member NoteProperty Other ([System.Exception]::new('x'))",
    )[0]

    def read() -> None:
        for _ in range(1_000):
            _ = item.When, item.Day, item.Other

    read()
    gc.collect()
    before = sys.getallocatedblocks()
    read()
    gc.collect()
    assert sys.getallocatedblocks() - before < 500


def test_each_read_is_one_of_the_object_as_it_is(shell: Session) -> None:
    shell.run("$global:reads = 0")
    items = files(
        shell,
        "$one | Add-Member NoteProperty Note $i;"
        "$one | Add-Member ScriptProperty Count { (++$global:reads) }",
    )
    assert [item.Note for item in items] == list(range(1, MANY + 1))
    shell.run("param($items) $items | % { $_.Note = -$_.Note }", items)
    assert [item.Note for item in items] == list(range(-1, -MANY - 1, -1))
    assert [item.Count for item in items] == list(range(1, MANY + 1))


def test_many_objects_are_those_that_single_ones_are(shell: Session) -> None:
    with Session() as other:
        other.run(
            "Update-TypeData -TypeName System.IO.FileInfo -MemberName Here -MemberType NoteProperty"
            " -Value 7"
        )
        for _ in range(2):  # of a type that is new here, and of one that is known
            items = files(other)
            assert {type(item) for item in items} == {PowerShellObject}
            assert {item.Here for item in items} == {7}
            assert items[3] == PowerShellObject(items[3].net)
            assert items[3].Name == "b4.txt"
    assert not hasattr(files(shell)[0], "Here")


def test_what_a_member_throws_is_an_error_with_its_place(shell: Session) -> None:
    items = files(shell, "$one | Add-Member ScriptProperty Bad { throw 'no luck' }")
    with pytest.raises(PowerShellError, match="no luck"):
        items[0].Bad  # noqa: B018
    with pytest.raises(AttributeError, match="no member 'Abscent'"):
        items[0].Abscent  # noqa: B018


def test_more_names_than_are_kept_can_be_read(shell: Session) -> None:
    item = files(shell, "$one | Add-Member NoteProperty Last 5")[0]
    for number in range(3_000):
        assert not hasattr(item, f"absent{number}")
    assert (item.lAST, item.Name, item.length_ if hasattr(item, "length_") else 1) == (
        5,
        "b1.txt",
        1,
    )


def test_threads_read_at_once(shell: Session) -> None:
    items = files(shell, "$one | Add-Member NoteProperty Note $i")
    found: list[list[tuple[int, str]]] = []

    def read() -> None:
        for _ in range(20):
            found.append([(item.Note, item.BaseName) for item in items])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(one == [(i, f"b{i}") for i in range(1, MANY + 1)] for one in found)


def test_code_of_a_member_may_need_the_gil_on_another_thread(shell: Session) -> None:
    from System import Action

    called = threading.Event()
    items = shell.run(
        """
        param($call)
        $one = [System.IO.FileInfo]::new('/a/b.txt')
        $task = { $t = [System.Threading.Tasks.Task]::Run($call); $t.Wait(60000) }.GetNewClosure()
        $one | Add-Member ScriptProperty Waits $task
        $one
        """,
        Action(called.set),
    )
    assert items[0].Waits is True
    assert called.is_set()


def test_objects_that_python_lets_go_of_are_freed(shell: Session) -> None:
    import gc

    from System import GC, WeakReference

    items = files(shell)
    weak = [WeakReference(item.net) for item in items]
    assert items[0].Name
    del items
    for _ in range(10):
        shell.run("1..100")  # the runspace keeps what it wrote last
        gc.collect()
        GC.Collect()
        GC.WaitForPendingFinalizers()
    assert sum(bool(one.IsAlive) for one in weak) < MANY / 2
