"""Each row of the table in docs/values.md, there and back."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import math
import re
import uuid
from collections import OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from psbridge import Credential, CustomObject, EnumValue, PowerShellObject, Secret, Session

PAGE = Path(__file__).parents[2] / "docs" / "values.md"


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


class Sent(NamedTuple):
    """What Python gives, what it is in .NET, and what comes back."""

    value: object
    net_type: str
    back: object
    record: bool = False


class Got(NamedTuple):
    """What PowerShell gives, what it is in Python, and what it is in .NET when it is given back."""

    script: str
    value: object
    net_type: str


class Row(NamedTuple):
    """A row of the page, and examples for all that it says."""

    python: str
    net: str
    back: str
    examples: list[Sent | Got]


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Point:
    x: int
    label: str


Pair = namedtuple("Pair", "a b")


class ByAttrs:
    """A class that says of itself what attrs says."""

    __attrs_attrs__ = (SimpleNamespace(name="x"),)
    x = 1


class Model:
    """A class that says of itself what pydantic says."""

    model_fields = {"x": None}  # noqa: RUF012
    x = 1

    def model_validate(self) -> None: ...


class Scalar:
    """A scalar as NumPy makes them."""

    def __init__(self, value: object, kind: str = "i", itemsize: int = 8) -> None:
        self.dtype = SimpleNamespace(kind=kind, names=None, itemsize=itemsize)
        self._value = value

    def tolist(self) -> object:
        return self._value


class NaT(dt.datetime):
    """As pandas has it: some date, that says of itself that it is none."""

    year = math.nan  # type: ignore[assignment]


NAT = NaT(1, 1, 1)
NOON = dt.datetime(2024, 2, 29, 12, 0, 0, 123456)
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))
MONDAY = EnumValue("Monday", 1, "System.DayOfWeek")
CUSTOM, TABLE = "System.Management.Automation.PSCustomObject", "PSBridge.OrderedHashtable"
ADDRESS = "System.Net.IPAddress"
V4, V6 = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::1%2")
NET4, NET6 = ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fe80::/10")


class Is(NamedTuple):
    """An object of PowerShell's, by its type and its text."""

    net_type: str
    text: str | None = None


def same(*values: object, net_type: str) -> list[Sent | Got]:
    """Values that come back as they are."""
    return [Sent(value, net_type, value) for value in values]


ROWS = [
    Row("`None`", "`$null`", "`None`", same(None, net_type="null")),
    Row("`bool`", "`Boolean`", "`bool`", same(True, False, net_type="System.Boolean")),
    Row("`str`", "`String`", "`str`", same("", "ü 😀 \0 \ud800", net_type="System.String")),
    Row(
        "`int`", "`Int32`, `Int64` or `BigInteger`, the first that holds it", "`int`",
        same(0, -(2**31), 2**31 - 1, net_type="System.Int32")
        + same(2**31, -(2**63), net_type="System.Int64")
        + same(2**63, -(10**100), net_type="System.Numerics.BigInteger"),
    ),
    Row("`float`", "`Double`", "`float`", same(0.1, -0.0, math.inf, net_type="System.Double")),
    Row("`complex`", "`Complex`", "`complex`", same(1.5 - 2j, net_type="System.Numerics.Complex")),
    Row(
        "`Decimal`", "`Decimal`", "`Decimal`",
        same(decimal.Decimal("1.10"), decimal.Decimal(-(2**96) + 1), net_type="System.Decimal"),
    ),
    Row(
        "`Fraction` that is a decimal number", "`Decimal`", "`Decimal`",
        [
            Sent(fractions.Fraction(-3, 8), "System.Decimal", decimal.Decimal("-0.375")),
            Sent(fractions.Fraction(5), "System.Decimal", decimal.Decimal(5)),
        ],
    ),
    Row(
        "`bytes`, `bytearray`, `memoryview`", "`Byte[]`", "`bytes`",
        [
            Sent(kind(b"\0\xff"), "System.Byte[]", b"\0\xff")
            for kind in (bytes, bytearray, memoryview)
        ],
    ),
    Row(
        "`datetime` without a zone", "`DateTime` of kind Unspecified", "`datetime` without a zone",
        same(NOON, dt.datetime.min, dt.datetime.max, net_type="System.DateTime"),
    ),
    Row(
        "`datetime` with `datetime.UTC`", "`DateTime` of kind Utc",
        "`datetime` with `datetime.UTC`",
        same(NOON.replace(tzinfo=dt.UTC), net_type="System.DateTime"),
    ),
    Row(
        "`datetime` with another zone", "`DateTimeOffset`", "`datetime` with its offset",
        same(NOON.replace(tzinfo=INDIA), net_type="System.DateTimeOffset"),
    ),
    Row(
        "`date`", "`DateTime` at midnight", "`datetime`",
        [Sent(dt.date(2024, 2, 29), "System.DateTime", dt.datetime(2024, 2, 29))],
    ),
    Row(
        "`time` without a zone", "`TimeOnly`", "`time`",
        same(dt.time.min, dt.time.max, NOON.time(), net_type="System.TimeOnly"),
    ),
    Row(
        "`timedelta`", "`TimeSpan`", "`timedelta`",
        same(dt.timedelta(-1, 2, 3), dt.timedelta(0), net_type="System.TimeSpan"),
    ),
    Row("`UUID`", "`Guid`", "`UUID`", same(uuid.UUID(int=2**127 + 1), net_type="System.Guid")),
    Row(
        "`IPv4Address`, `IPv6Address`", "`IPAddress`", "`IPv4Address`, `IPv6Address`",
        [
            *same(V4, V6, ipaddress.ip_address("::ffff:1.2.3.4"), net_type=ADDRESS),
            Got("[ipaddress]::Loopback", ipaddress.ip_address("127.0.0.1"), ADDRESS),
        ],
    ),
    Row(
        "`IPv4Network`, `IPv6Network`", "`IPNetwork`", "`IPv4Network`, `IPv6Network`",
        same(NET4, NET6, net_type="System.Net.IPNetwork"),
    ),
    Row(
        "a compiled `re.Pattern` of text", "`Regex`, with the options that both have",
        "`re.Pattern`",
        same(
            re.compile("a.b", re.IGNORECASE | re.MULTILINE),
            net_type="System.Text.RegularExpressions.Regex",
        ),
    ),
    Row("`Path`", "`String`", "`str`", [Sent(Path("a") / "b", "System.String", "a/b")]),
    Row(
        "a member of an `Enum`", "its value", "its value",
        [Sent(Colour.RED, "System.String", "red"), Sent(Level.HIGH, "System.Int32", 3)],
    ),
    Row(
        "`EnumValue`", "the enum's value", "`EnumValue`",
        [
            *same(MONDAY, net_type="System.DayOfWeek"),
            Got("[DayOfWeek]'Monday'", MONDAY, "System.DayOfWeek"),
        ],
    ),
    Row(
        "list, tuple, set, view of a dict, other sequences and sets", "`Object[]`", "`list`",
        [
            *(
                Sent(value, "System.Object[]", list(value))
                for value in (
                    [1, "a", None], (1, 2), range(3), deque([1]), {7}, frozenset({7}),
                    {1: 2}.keys(), {1: 2}.values(),
                )
            ),
            Sent({1: 2}.items(), "System.Object[]", [[1, 2]]),
        ],
    ),
    Row(
        "dict and other mappings as an argument",
        "a `Hashtable` that keeps their order; its text keys ignore case, as PowerShell's own",
        "`dict`",
        [
            Sent(value, TABLE, dict(value))
            for value in (
                {"z": 1, "a": [None]}, {1: "int", "1": "text", (1, 2): 2.5}, OrderedDict(a=1),
                defaultdict(int, a=1), UserDict(a=1), MappingProxyType({"a": 1}),
            )
        ],
    ),
    Row(
        "a dict with text keys as a record: the output of a job or cmdlet", "`PSCustomObject`",
        "`CustomObject`",
        [Sent({"z": 1, "a": {"b": 2}}, CUSTOM, CustomObject(z=1, a=CustomObject(b=2)), True)],
    ),
    Row(
        "`CustomObject`", "`PSCustomObject`, with its type names", "`CustomObject`",
        same(CustomObject(a=1, b=[CustomObject()]), net_type=CUSTOM),
    ),
    Row(
        "a dataclass, a named tuple, an object of attrs' or pydantic's",
        "`PSCustomObject` with the class's name among its type names", "`CustomObject`",
        [
            Sent(Point(1, "a"), CUSTOM, CustomObject(x=1, label="a")),
            Sent(Pair(1, None), CUSTOM, CustomObject(a=1, b=None)),
            Sent(ByAttrs(), CUSTOM, CustomObject(x=1)),
            Sent(Model(), CUSTOM, CustomObject(x=1)),
        ],
    ),
    Row(
        "`SimpleNamespace`", "`PSCustomObject`", "`CustomObject`",
        [Sent(SimpleNamespace(b=1, a=[2]), CUSTOM, CustomObject(b=1, a=[2]))],
    ),
    Row(
        "NumPy's scalars and arrays, pandas' columns: what has a `dtype` and a `tolist()`",
        "what `tolist()` gives: numbers, text, dates, `Object[]`", "the same",
        [
            Sent(Scalar(5), "System.Int32", 5),
            Sent(Scalar([[1.5], [2.5]], "f"), "System.Object[]", [[1.5], [2.5]]),
        ],
    ),
    Row("`NaT` of pandas or NumPy", "`$null`", "`None`", [Sent(NAT, "null", None)]),
    Row(
        "`Credential`", "`PSCredential`", "`PowerShellObject`",
        [
            Sent(
                Credential("jo", Secret("pa")), "System.Management.Automation.PSCredential",
                Is("System.Management.Automation.PSCredential"),
            )
        ],
    ),
    Row(
        "`Secret`", "`SecureString`", "`PowerShellObject`",
        [Sent(Secret("pa"), "System.Security.SecureString", Is("System.Security.SecureString"))],
    ),
    Row(
        "`PowerShellObject`, any .NET object", "itself", "`PowerShellObject`",
        [Got("[System.Text.StringBuilder]::new('a')", Is("System.Text.StringBuilder", "a"), "")],
    ),
    Row(
        "",
        "`DBNull`, `Missing`",
        "`None`",
        [
            Got("[DBNull]::Value", None, "null"),
            Got("[System.Reflection.Missing]::Value", None, "null"),
        ],
    ),
    Row("", "`Char`", "`str`", [Got("[char]0xD83D", "\ud83d", "System.String")]),
    Row(
        "", "`SByte`, `Byte`, `Int16`, `UInt16`, `UInt32`, `UInt64`, `Int128`, `UInt128`", "`int`",
        [
            Got("[sbyte]-128", -128, "System.Int32"),
            Got("[byte]255", 255, "System.Int32"),
            Got("[int16]-32768", -32768, "System.Int32"),
            Got("[uint16]65535", 65535, "System.Int32"),
            Got("[uint32]4294967295", 2**32 - 1, "System.Int64"),
            Got("[uint64]::MaxValue", 2**64 - 1, "System.Numerics.BigInteger"),
            Got("[int128]::MinValue", -(2**127), "System.Numerics.BigInteger"),
            Got("[uint128]::MaxValue", 2**128 - 1, "System.Numerics.BigInteger"),
            Got("[uint128]5", 5, "System.Int32"),
        ],
    ),
    Row(
        "", "`Single`, `Half`", "`float`",
        [
            Got("[single]0.1", 0.10000000149011612, "System.Double"),
            Got("[half]1.5", 1.5, "System.Double"),
            Got("[half]::NegativeInfinity", -math.inf, "System.Double"),
        ],
    ),
    Row(
        "", "`DateTime` of kind Local", "`datetime` with the offset of this machine",
        [
            Got(
                "[datetime]::new(2024, 2, 29, 1, 2, 3, [DateTimeKind]::Local)",
                dt.datetime(2024, 2, 29, 1, 2, 3).astimezone(),
                # Where this machine is at UTC, that is what it is.
                "System.DateTimeOffset" if dt.datetime(2024, 2, 29).astimezone().utcoffset()
                else "System.DateTime",
            )
        ],
    ),
    Row(
        "", "`DateOnly`", "`date`",
        [Got("[dateonly]::new(2024, 2, 29)", dt.date(2024, 2, 29), "System.DateTime")],
    ),
    Row("", "`SwitchParameter`", "`bool`", [Got("[switch]$true", True, "System.Boolean")]),
    Row(
        "", "arrays and lists; an array of two dimensions is a list of lists", "`list`",
        [
            Got(", [int[]](1, 2)", [1, 2], "System.Object[]"),
            Got(", [System.Collections.ArrayList]@(1, 'a')", [1, "a"], "System.Object[]"),
            Got(", [System.Collections.Generic.List[int]]@(1)", [1], "System.Object[]"),
            Got(", [int[,]]::new(2, 2)", [[0, 0], [0, 0]], "System.Object[]"),
        ],
    ),
    Row(
        "", "`Hashtable`, ordered and other dictionaries", "`dict`",
        [
            Got("@{ a = @{ b = 1 } }", {"a": {"b": 1}}, TABLE),
            Got("[ordered]@{ b = 1; a = 2 }", {"b": 1, "a": 2}, TABLE),
            Got("[System.Collections.Generic.Dictionary[string,int]]::new()", {}, TABLE),
        ],
    ),
    Row(
        "", "`Uri`, `Version`, `SemanticVersion`",
        "`PowerShellObject`: `str()` is its text, and versions are sorted",
        [
            Got("[uri]'http://a/b?c'", Is("System.Uri", "http://a/b?c"), ""),
            Got("[version]'1.2.3'", Is("System.Version", "1.2.3"), ""),
            Got(
                "[semver]'1.2.3-a+b'",
                Is("System.Management.Automation.SemanticVersion", "1.2.3-a+b"), "",
            ),
        ],
    ),
    Row(
        "", "a `Regex` with what Python's patterns have not", "`PowerShellObject`",
        [Got("[regex]'(?<a>b)'", Is("System.Text.RegularExpressions.Regex", "(?<a>b)"), "")],
    ),
    Row(
        "", "everything else", "`PowerShellObject`",
        [
            Got("{ 1 }", Is("System.Management.Automation.ScriptBlock", " 1 "), ""),
            Got("[xml]'<a/>'", Is("System.Xml.XmlDocument"), ""),
            Got("[cultureinfo]'de-DE'", Is("System.Globalization.CultureInfo", "de-DE"), ""),
        ],
    ),
]  # fmt: skip

TYPE = "param($x) if ($null -eq $x) { 'null' } else { $x.GetType().FullName }; , $x"


def check(found: Any, expected: object) -> None:
    """That a value is what it has to be, as to its type too, and in a dict's order."""
    if isinstance(expected, Is):
        assert isinstance(found, PowerShellObject)
        assert found.net.GetType().FullName == expected.net_type
        assert expected.text is None or str(found) == expected.text
        return
    assert found == expected
    assert type(found) is type(expected)
    if not isinstance(expected, (decimal.Decimal, dt.datetime)):
        assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    ("row", "example"),
    [
        pytest.param(row, example, id=re.sub(r"\W+", " ", f"{row.python} {row.net} {number}")[:60])
        for row in ROWS
        for number, example in enumerate(row.examples)
    ],
)
def test_there_and_back(shell: Session, row: Row, example: Sent | Got) -> None:
    if isinstance(example, Sent):
        from psbridge.values import to_record

        given = to_record(example.value) if example.record else example.value
        name, back = shell.run(TYPE, x=given)
        assert name == example.net_type
        check(back, example.back)
        return
    (found,) = shell.run(example.script)
    check(found, example.value)
    name, again = shell.run(TYPE, x=found)
    assert name == (example.net_type or found.net.GetType().FullName)
    if isinstance(example.value, Is):
        assert again == found
    elif type(found) is not dt.date:  # which PowerShell has as a moment
        check(again, example.value)


@pytest.mark.parametrize(
    "kind", ["$null", "an item", "a value", "a property", "a field", "a record"]
)
def test_it_is_the_same_inside_of_others(shell: Session, kind: str) -> None:
    """What is alone is converted as what is in a list, a dict or an object."""
    wrap: dict[str, Callable[[object], object]] = {
        "$null": lambda value: [None, value],
        "an item": lambda value: [value],
        "a value": lambda value: {"x": value},
        "a property": lambda value: CustomObject(x=value),
        "a field": lambda value: SimpleNamespace(x=(value,)),
        "a record": lambda value: [{"x": [value]}],
    }
    sent = [
        (row, example)
        for row in ROWS
        for example in row.examples
        if isinstance(example, Sent) and not example.record
    ]
    given = wrap[kind]([example.value for _, example in sent])
    (found,) = shell.run("param($x) , $x", x=given)
    while not (isinstance(found, list) and len(found) == len(sent)):
        found = found[-1] if isinstance(found, list) else found["x"]
    for value, (_, example) in zip(found, sent, strict=True):
        back = example.back
        if kind == "a field" and type(back) is dict and all(isinstance(key, str) for key in back):
            back = CustomObject(back)  # in an object of a class all are objects
        check(value, back)


def test_the_page_has_these_rows() -> None:
    text = PAGE.read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    assert cells[0] == ("Python", "PowerShell (.NET)", "back in Python")
    assert cells[2:] == [(row.python, row.net, row.back) for row in ROWS]
    assert all(row.examples for row in ROWS)


def test_versions_are_sorted_as_net_does(shell: Session) -> None:
    versions = shell.run("[version[]]('1.10', '1.9', '1.2.3')")
    assert [str(version) for version in sorted(versions)] == ["1.2.3", "1.9", "1.10"]
    assert versions[1] == shell.run("[version]'1.9'")[0]
    assert len({*versions, *shell.run("[version]'1.9'")}) == 3


def test_credentials_and_secrets_are_powershells_wherever_they_are(shell: Session) -> None:
    secret = Secret("pa%s ü")
    who = Credential("DOM\\jo", secret)
    script = """param($x)
        $all = @($x.list) + $x.inner.who + $x.object.key + $x.row.pair
        foreach ($one in $all) {
            if ($one -is [pscredential]) { $one.GetNetworkCredential().Password; $one.UserName }
            else { ConvertFrom-SecureString $one -AsPlainText }
        }"""
    value = {
        "list": [who, secret], "inner": {"who": who}, "object": CustomObject(key=secret),
        "row": SimpleNamespace(pair=(secret, who)),
    }  # fmt: skip
    name, text = "DOM\\jo", "pa%s ü"
    assert shell.run(script, x=value) == [text, name, text, text, name, text, text, text, name]
