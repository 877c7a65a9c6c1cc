"""Python values as PowerShell sees them."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import re
import sys
import uuid
from collections import (
    ChainMap,
    Counter,
    OrderedDict,
    UserDict,
    UserList,
    UserString,
    defaultdict,
    deque,
    namedtuple,
)
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from psbridge import ConversionError, Credential, CustomObject, Secret, Session

TYPE = "param($x) if ($null -eq $x) { 'null' } else { $x.GetType().FullName }"


@pytest.fixture(scope="module")
def shell() -> Any:
    with Session() as session:
        yield session


@pytest.fixture
def to_net(shell: Session) -> Callable[[object], Any]:
    from psbridge.values import to_net

    return to_net


@pytest.fixture
def to_record(shell: Session) -> Callable[[object], Any]:
    from psbridge.values import to_record

    return to_record


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Bits(enum.Flag):
    A = 1
    B = 2


class Word(str):
    """A text that says something else of itself."""

    def __str__(self) -> str:
        return "something else"


class Count(int):
    """A subclass of int."""


INT32, INT64 = 2**31, 2**63


@pytest.mark.parametrize(
    ("value", "net_type"),
    [
        (None, "null"),
        (True, "System.Boolean"),
        (False, "System.Boolean"),
        (0, "System.Int32"),
        (INT32 - 1, "System.Int32"),
        (-INT32, "System.Int32"),
        (INT32, "System.Int64"),
        (-INT32 - 1, "System.Int64"),
        (INT64 - 1, "System.Int64"),
        (-INT64, "System.Int64"),
        (INT64, "System.Numerics.BigInteger"),
        (-INT64 - 1, "System.Numerics.BigInteger"),
        (2**64, "System.Numerics.BigInteger"),
        (-(10**1000), "System.Numerics.BigInteger"),
        (255 << 992, "System.Numerics.BigInteger"),
        (Count(7), "System.Int32"),
        (0.1, "System.Double"),
        (-0.0, "System.Double"),
        (float("inf"), "System.Double"),
        (-float("inf"), "System.Double"),
        (sys.float_info.max, "System.Double"),
        (5e-324, "System.Double"),
        ("", "System.String"),
        ("text", "System.String"),
        ("grün € 漢 😀 \U0010ffff", "System.String"),
        ("a\0b\n\r\t\x1b\ufffe", "System.String"),
        ("x" * 1_000_000, "System.String"),
        ("😀" * 500_000, "System.String"),
        (b"", "System.Byte[]"),
        (b"\0\xff", "System.Byte[]"),
        (bytes(1_000_000), "System.Byte[]"),
        (dt.datetime(2024, 2, 29, 23, 59, 59, 999999), "System.DateTime"),
        (dt.datetime.min, "System.DateTime"),
        (dt.datetime.max, "System.DateTime"),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "System.DateTime"),
        (dt.datetime.max.replace(tzinfo=dt.UTC), "System.DateTime"),
        (
            dt.datetime(2024, 1, 1, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=-5.5))),
            "System.DateTimeOffset",
        ),
        (dt.timedelta(0), "System.TimeSpan"),
        (dt.timedelta(days=-3, microseconds=1), "System.TimeSpan"),
        (dt.timedelta(microseconds=(INT64 - 1) // 10), "System.TimeSpan"),
        (dt.timedelta(microseconds=-((INT64 - 1) // 10)), "System.TimeSpan"),
        (decimal.Decimal("1.10"), "System.Decimal"),
        (decimal.Decimal("-79228162514264337593543950335"), "System.Decimal"),
        (decimal.Decimal("1E+28"), "System.Decimal"),
        (decimal.Decimal("1E-28"), "System.Decimal"),
        (decimal.Decimal("0E-99"), "System.Decimal"),
        (dt.time(23, 59, 59, 999999), "System.TimeOnly"),
        (1.5 - 2j, "System.Numerics.Complex"),
        (re.compile("a.b", re.IGNORECASE | re.DOTALL), "System.Text.RegularExpressions.Regex"),
        (
            CustomObject(a=1, b={"c": [CustomObject()]}),
            "System.Management.Automation.PSCustomObject",
        ),
        (uuid.UUID(int=0), "System.Guid"),
        (uuid.UUID("12345678-9abc-def0-1234-56789abcdef0"), "System.Guid"),
        ([], "System.Object[]"),
        ([1, "a", None, [2.5]], "System.Object[]"),
        ({}, "PSBridge.OrderedHashtable"),
        ({"a": {"b": [1]}, 5: None}, "PSBridge.OrderedHashtable"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_value_goes_there_and_comes_back(shell: Session, value: object, net_type: str) -> None:
    assert shell.run(TYPE, x=value) == [net_type]
    (back,) = shell.run("param($x) , $x", x=value)
    assert back == value
    assert repr(back) == repr(value) or isinstance(value, (decimal.Decimal, Count, dict))


def test_nan_stays_nan(shell: Session) -> None:
    (back,) = shell.run("param($x) $x", x=float("nan"))
    assert back != back
    assert shell.run("param($x) [double]::IsNaN($x)", x=float("nan")) == [True]


@pytest.mark.parametrize("text", ["1.10", "100", "0.00", "-1.5", "1E+3"])
def test_a_decimal_keeps_its_digits(shell: Session, text: str) -> None:
    value = decimal.Decimal(text)
    (back,) = shell.run("param($x) $x", x=value)
    assert str(back) == format(value, "f")


@pytest.mark.parametrize(
    ("value", "arrives_as"),
    [
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Bits.A | Bits.B, 3),
        (Word("text"), "text"),
        (Count(7), 7),
        (dt.date(2024, 2, 29), dt.datetime(2024, 2, 29)),
        (dt.datetime(2024, 7, 1, tzinfo=ZoneInfo("UTC")), dt.datetime(2024, 7, 1, tzinfo=dt.UTC)),
        (Path("a") / "b", str(Path("a") / "b")),
        (PurePosixPath("/a/b"), "/a/b"),
        (PureWindowsPath("C:/a"), "C:\\a"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcd")[::2], b"ac"),
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        (deque([1, 2]), [1, 2]),
        ({7}, [7]),
        (frozenset({7}), [7]),
        ({1: 2}.keys(), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        (UserDict(a=1), {"a": 1}),
        (UserList([1]), [1]),
        (UserString("ab"), "ab"),
        (MappingProxyType({"a": 1}), {"a": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_arrives_as_something_plainer(
    shell: Session, value: object, arrives_as: object
) -> None:
    assert shell.run("param($x) , $x", x=value) == [arrives_as]


def test_every_element_is_converted_whatever_is_around_it(shell: Session) -> None:
    value: list[object] = [
        1,
        b"a",
        dt.timedelta(1),
        {"k": (decimal.Decimal(1), [uuid.UUID(int=1)])},
    ]
    assert shell.run("param($x) $x | ForEach-Object { $_.GetType().Name }", x=value) == [
        "Int32", "Byte[]", "TimeSpan", "OrderedHashtable"
    ]  # fmt: skip
    assert shell.run("param($x) , $x", x=value) == [
        [1, b"a", dt.timedelta(1), {"k": [decimal.Decimal(1), [uuid.UUID(int=1)]]}]
    ]


def test_a_long_list_arrives_whole(shell: Session) -> None:
    value = list(range(100_000))
    assert shell.run("param($x) $x.Count; $x[99999]", x=value) == [100_000, 99_999]
    assert shell.run("param($x) , $x", x=value) == [value]


# Dictionaries and records


def test_an_argument_that_is_a_dict_is_a_hashtable_as_powershell_makes_them(
    shell: Session,
) -> None:
    assert shell.run("param($x) $x.name; $x['NAME']; $x.Count", x={"Name": 1}) == [1, 1, 1]
    assert shell.run("param($h) function F($A, $B) { $A - $B }; F @h", h={"a": 5, "B": 3}) == [2]


def test_an_argument_that_is_a_dict_keeps_its_order_and_is_a_hashtable(shell: Session) -> None:
    value = {name: number for number, name in enumerate("zyxwvutsrqponmlkjihgfedcba")}
    given = {"h": value}
    joined = "".join(value)
    for script in (
        "param($h) -join $h.Keys",
        "param([hashtable]$h) -join $h.Keys",
        "param([System.Collections.IDictionary]$h) -join ($h.GetEnumerator() | % Key)",
        "param($h) -join $h.Clone().Keys",
        "param($h) -join ([pscustomobject]$h).psobject.Properties.Name",
        "param($h) function f { -join ($args | ? { $_ -is [string] }).Trim('-:') }; f @h",
        "param($h) -join ($h | ConvertTo-Json | ConvertFrom-Json).psobject.Properties.Name",
    ):
        assert shell.run(script, parameters=given) == [joined], script
    assert list(shell.run("param($h) $h", parameters=given)[0]) == list(value)
    script = """param($h) $h.Remove('Y'); $h.New = 1; $h['NEW'] = 2; $h.z = 3; $h.Add('last', 4)
        $h.Count; -join $h.Values; $h.ContainsKey('NEW'); $h.Contains('y'); -join $h.Keys
        $h.Clear(); $h.Count; @($h.Keys).Count; [hashtable]$h -is [hashtable]"""
    assert shell.run(script, h={"z": 0, "y": 1, "x": 2}) == [
        4, "3224", True, False, "zxNewlast", 0, 0, True
    ]  # fmt: skip


def test_keys_keep_their_types(shell: Session) -> None:
    value = {1: "int", "1": "text", 2.5: "float", (1, 2): "tuple", True: "other"}  # noqa: F601
    del value[True]  # the same key as 1 in Python
    value[1] = "int"
    assert shell.run("param($x) $x[1]; $x['1']; $x[2.5]", x=value) == ["int", "text", "float"]
    assert shell.run("param($x) , $x", x=value) == [value]


@pytest.mark.parametrize("convert", ["to_net", "to_record"])
def test_keys_that_differ_in_case_only_are_refused(
    request: pytest.FixtureRequest, convert: str
) -> None:
    with pytest.raises(ConversionError, match='"A" is there twice'):
        request.getfixturevalue(convert)({"a": 1, "A": 2})


def test_keys_that_a_culture_takes_for_the_same_are_two(shell: Session) -> None:
    value = {"a": 1, "a\0": 2, "ß": 3, "ss": 4}
    assert shell.run("param($x) , $x", x=value) == [value]


def test_none_cannot_be_a_key(to_net: Callable[[object], Any]) -> None:
    with pytest.raises(ConversionError, match="None cannot be a key"):
        to_net({None: 1})


class Pair(NamedTuple):
    first: int
    second: object


@dataclass
class Point:
    x: int
    label: str = "here"
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Slim:
    inner: Point


old_style = namedtuple("old_style", "a b")


@pytest.mark.parametrize(
    ("value", "names", "back"),
    [
        (Point(1), ["x", "label", "tags"], {"x": 1, "label": "here", "tags": []}),
        (Slim(Point(2)), ["inner"], {"inner": {"x": 2, "label": "here", "tags": []}}),
        (Pair(1, {"a": 2}), ["first", "second"], {"first": 1, "second": {"a": 2}}),
        (old_style(1, 2), ["a", "b"], {"a": 1, "b": 2}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_class_with_fields_is_an_object_with_properties(
    shell: Session, value: object, names: list[str], back: object
) -> None:
    assert shell.run("param($x) $x.psobject.Properties.Name", x=value) == names
    kind = type(value)
    assert shell.run("param($x) $x.psobject.TypeNames[0]", x=value) == [
        f"{kind.__module__}.{kind.__qualname__}"
    ]
    assert shell.run("param($x) $x", x=value) == [back]


def test_a_record_is_an_object_with_properties_in_their_order(
    shell: Session, to_record: Callable[[object], Any]
) -> None:
    from psbridge.values import from_net

    value = {"z": 1, "a": {"inner": [{"deep": None}]}, "Count": 5, "psobject_": True, "a b": 2}
    record = to_record(value)
    assert from_net(record) == value
    assert list(from_net(record)) == list(value)
    assert shell.run("param($x) $x.a.inner[0].psobject.Properties.Name; $x.'a b'", x=record) == [
        "deep", 2
    ]  # fmt: skip


def test_a_record_with_other_keys_is_a_hashtable(
    shell: Session, to_record: Callable[[object], Any]
) -> None:
    record = to_record({2: {"a": 1}, 1: "one"})
    assert shell.run("param($x) $x[1]; $x[2].a; $x.GetType().Name", x=record) == [
        "one", 1, "OrderedHashtable"
    ]  # fmt: skip
    assert shell.run("param($x) $x[2].psobject.Properties.Name", x=record) == ["a"]


@pytest.mark.parametrize("name", ["", "PSObject"])
def test_a_name_that_cannot_be_a_propertys_is_refused(
    to_record: Callable[[object], Any], name: str
) -> None:
    with pytest.raises(ConversionError):
        to_record({name: 1})


# What passes


def test_net_objects_pass_as_they_are(shell: Session, to_net: Callable[[object], Any]) -> None:
    import System
    from System.Collections import ArrayList, Hashtable
    from System.Collections.Generic import Dictionary, List
    from System.Management.Automation import PSObject

    # Its own lists and dictionaries are members of Python's abstract classes through pythonnet.
    for value in (
        List[System.Int32](), Dictionary[System.String, System.Int32](), ArrayList(), Hashtable(),
        System.Array[System.Int32]([1, 2]), System.Version(1, 2), System.Exception("x"),
        PSObject(), System.DayOfWeek.Monday, System.DateTime.Now,
        System.Text.StringBuilder("x"),
    ):  # fmt: skip
        assert to_net(value) is value
        assert to_net([value])[0] == value
    assert shell.run("param($x) $x.GetType().Name", x=List[System.Int32]()) == ["List`1"]
    assert shell.run(TYPE, x=System.Int16(5)) == ["System.Int16"]
    assert shell.run(TYPE, x=System.Char("a")) == ["System.Char"]


def test_what_came_from_powershell_goes_back_as_it_was(shell: Session) -> None:
    (version,) = shell.run("[version]'1.2'")
    assert shell.run(TYPE, x=version) == ["System.Version"]
    (block,) = shell.run("{ 6 * 7 }")
    assert shell.run("param($b) & $b", b=block) == [42]
    (noted,) = shell.run("""
        $p = [psobject][version]'1.2'
        $p.psobject.Properties.Add([psnoteproperty]::new('Note', 'kept'))
        $p""")
    assert shell.run("param($x) $x.Note", x=noted) == ["kept"]


# What is refused


class Custom:
    pass


def test_what_has_no_counterpart_is_refused_by_its_name(to_net: Callable[[object], Any]) -> None:
    for value, name in (
        (object(), "builtins.object"),
        (Custom(), "test_python_to_net.Custom"),
        (Custom, "builtins.type"),
        ((x for x in ""), "builtins.generator"),
        (iter([]), "builtins.list_iterator"),
        (print, "builtins.builtin_function_or_method"),
        (lambda: 1, "builtins.function"),
        (..., "builtins.ellipsis"),
    ):
        for wrapped in (value, [1, value], {"a": (value,)}):
            with pytest.raises(ConversionError, match="has no counterpart") as caught:
                to_net(wrapped)
            assert name in str(caught.value)
            assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "value",
    [
        decimal.Decimal("NaN"),
        decimal.Decimal("sNaN"),
        decimal.Decimal("-Infinity"),
        decimal.Decimal("79228162514264337593543950336"),
        decimal.Decimal("1E-29"),
        decimal.Decimal("1E+999999"),
        decimal.Decimal("1E-999999"),
        decimal.Decimal("1." + "1" * 40),
        dt.timedelta.max,
        dt.timedelta.min,
        dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=90))),
        dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=15))),
        dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))),
        dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-2))),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_net_cannot_hold_is_refused(to_net: Callable[[object], Any], value: object) -> None:
    with pytest.raises(ConversionError) as caught:
        to_net(value)
    str(caught.value).encode("utf-8")


def test_what_contains_itself_is_refused(
    to_net: Callable[[object], Any], to_record: Callable[[object], Any]
) -> None:
    endless: list[object] = []
    endless += [endless, endless]
    table: dict[str, object] = {}
    table["self"] = table
    point = Point(1)
    point.tags.append(point)  # type: ignore[arg-type]
    for value in (endless, table, point):
        for convert in (to_net, to_record):
            with pytest.raises(ConversionError, match="contains itself"):
                convert(value)


def test_deep_is_fine_and_too_deep_is_refused(to_net: Callable[[object], Any]) -> None:
    from psbridge.values import from_net

    def nested(depth: int) -> list[object]:
        value: list[object] = []
        for _ in range(depth - 1):
            value = [value]
        return value

    assert from_net(to_net(nested(100))) == nested(100)
    for depth in (102, 100_000):
        with pytest.raises(ConversionError, match="100 levels"):
            to_net(nested(depth))


def test_credentials_and_secrets_are_powershells(shell: Session) -> None:
    secret = Secret("pa%s ü")
    assert shell.run(
        "param($c, $s) $c.UserName; $c.GetNetworkCredential().Password; $c.GetType().Name;"
        "$s.GetType().Name; ConvertFrom-SecureString $s -AsPlainText",
        c=Credential("DOM\\jo", secret),
        s=secret,
    ) == ["DOM\\jo", "pa%s ü", "PSCredential", "SecureString", "pa%s ü"]
