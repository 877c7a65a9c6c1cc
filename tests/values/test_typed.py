"""What PowerShell gives out, as the types that a program asks for."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import re
import sys
import uuid
from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypedDict,
    TypeVar,
    Union,
)

import pytest

from psbridge import ConversionError, CustomObject, DeclarationError, EnumValue
from psbridge.values import reader_for


class Colour(enum.Enum):
    RED = "red"
    BLUE = "Blau"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 3


class Attributes(enum.Flag):
    ReadOnly = 1
    Hidden = 2


Size = NewType("Size", int)
MONDAY = EnumValue("Monday", 1, "System.DayOfWeek")


@dataclass
class Row:
    Name: str
    Size: int = 0
    when: dt.datetime | None = None


@dataclass
class Table:
    rows: list[Row]
    title: str = "none"


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)
    parent: Optional[Node] = None  # noqa: UP045


class Pair(NamedTuple):
    first: int
    second: str = "two"


class Options(TypedDict):
    name: str
    depth: NotRequired[int]


class Loose(TypedDict, total=False):
    name: Required[str]
    depth: int


T = TypeVar("T")


@dataclass
class Box(Generic[T]):
    item: T
    more: list[T] = field(default_factory=list)


NOON = dt.datetime(2024, 2, 29, 12)


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        # what it is already
        (bool, True, True),
        (int, 5, 5),
        (float, 2.5, 2.5),
        (str, "a", "a"),
        (bytes, b"a", b"a"),
        (Decimal, Decimal("1.10"), Decimal("1.10")),
        (dt.datetime, NOON, NOON),
        (dt.date, NOON.date(), NOON.date()),
        (dt.time, NOON.time(), NOON.time()),
        (dt.timedelta, dt.timedelta(1), dt.timedelta(1)),
        (uuid.UUID, uuid.UUID(int=1), uuid.UUID(int=1)),
        (ipaddress.IPv4Address, ipaddress.ip_address("1.2.3.4"), ipaddress.ip_address("1.2.3.4")),
        (EnumValue, MONDAY, MONDAY),
        (CustomObject, CustomObject(a=1), CustomObject(a=1)),
        (re.Pattern, re.compile("a"), re.compile("a")),
        (Any, ..., ...),
        (object, ..., ...),
        (None, None, None),
        # the same value
        (int, 2.0, 2),
        (int, Decimal("2.0"), 2),
        (int, -(2.0**60), -(2**60)),
        (int, MONDAY, 1),
        (float, 2, 2.0),
        (float, Decimal("0.1"), 0.1),
        (Decimal, 2, Decimal(2)),
        (Decimal, 0.1, Decimal("0.1")),
        (complex, 2, 2 + 0j),
        (str, MONDAY, "Monday"),
        (str, uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (str, ipaddress.ip_address("::1"), "::1"),
        (dt.date, dt.datetime(2024, 2, 29), dt.date(2024, 2, 29)),
        (Path, "a/b", Path("a/b")),
        (PurePosixPath, "/a", PurePosixPath("/a")),
        (PureWindowsPath, "C:\\a", PureWindowsPath("C:/a")),
        # text, as Import-Csv has it
        (bool, "True", True),
        (bool, " false ", False),
        (int, "-12", -12),
        (float, "1.5e3", 1500.0),
        (float, "-Infinity", -float("inf")),
        (Decimal, "1.10", Decimal("1.10")),
        (
            dt.datetime,
            "2024-02-29T12:00:00.1234567Z",
            NOON.replace(microsecond=123456, tzinfo=dt.UTC),
        ),
        (dt.date, "2024-02-29", dt.date(2024, 2, 29)),
        (dt.time, "12:00:01", dt.time(12, 0, 1)),
        (dt.timedelta, "-1.02:03:04.5000000", -dt.timedelta(1, 4, 500_000, minutes=3, hours=2)),
        (dt.timedelta, "23:59:59", dt.timedelta(0, 86399)),
        (uuid.UUID, "{00000000-0000-0000-0000-000000000001}", uuid.UUID(int=1)),
        (ipaddress.IPv6Network, "fe80::/10", ipaddress.ip_network("fe80::/10")),
        # enums and literals
        (Colour, "red", Colour.RED),
        (Colour, "RED", Colour.RED),
        (Colour, "bLUE", Colour.BLUE),
        (Colour, EnumValue("Red", 7, "Some.Colour"), Colour.RED),
        (Level, 3, Level.HIGH),
        (Level, "3", Level.HIGH),
        (Level, "high", Level.HIGH),
        (Level, EnumValue("Other", 3, "Some.Level"), Level.HIGH),
        (
            Attributes,
            EnumValue("ReadOnly, Hidden", 3, "A"),
            Attributes.ReadOnly | Attributes.Hidden,
        ),
        (Attributes, "hidden,readonly", Attributes.ReadOnly | Attributes.Hidden),
        (Attributes, 2, Attributes.Hidden),
        (Literal["On", "Off"], "on", "On"),
        (Literal[1, 2], "2", 2),
        (Literal[True], "true", True),
        (Literal[Colour.RED], "red", Colour.RED),
        # unions
        (int | None, None, None),
        (int | None, "3", 3),
        (Union[int, str], "3", "3"),  # noqa: UP007
        (int | str, 3, 3),
        (float | int, 3, 3),
        (int | None, " ", None),  # the empty cell of a table
        (int | dt.date | None, "", None),
        (str | None, "", ""),
        (int | dt.date, "2024-02-29", dt.date(2024, 2, 29)),
        (str | list[str], ["a"], ["a"]),
        (list[int] | dict[str, int], {"a": "1"}, {"a": 1}),
        (Pair | Row, {"name": "a"}, Row("a")),
        # what holds others
        (list, [1, "a"], [1, "a"]),
        (list[int], ["1", 2.0], [1, 2]),
        (list[int], 1, [1]),
        (list[int], b"\1\2", [1, 2]),
        (Sequence[int], ["1"], [1]),
        (tuple, [1], (1,)),
        (tuple[int, ...], ["1", 2], (1, 2)),
        (tuple[int, str], ["1", "a"], (1, "a")),
        (set[int], ["1", 1], {1}),
        (frozenset[str], ["a"], frozenset("a")),
        (dict, {1: 2}, {1: 2}),
        (dict[str, float], CustomObject(a="1.5"), {"a": 1.5}),
        (dict[int, Row], {"1": {"name": "a"}}, {1: Row("a")}),
        (Mapping[str, Any], {"a": 1}, {"a": 1}),
        # names for types
        (Annotated[int, "rows"], "1", 1),
        (Size, "1", 1),
        (list[Annotated[Size, ...]], ["1"], [1]),
        # classes
        (Row, CustomObject(NAME="a", size="3"), Row("a", 3)),
        (Row, {"Name": "a", "WHEN": NOON, 5: 6}, Row("a", when=NOON)),
        (Row, Row("a"), Row("a")),
        (Table, CustomObject(Rows=[CustomObject(Name="a")]), Table([Row("a")])),
        (Table, CustomObject(Rows=CustomObject(Name="a")), Table([Row("a")])),
        (Node, {"name": "a", "children": [{"name": "b"}]}, Node("a", [Node("b")])),
        (Pair, CustomObject(First=1), Pair(1)),
        (namedtuple("Old", "a b"), {"A": 1, "B": "x"}, (1, "x")),
        (Options, CustomObject(NAME="a"), {"name": "a"}),
        (Options, CustomObject(name="a", Depth="1"), {"name": "a", "depth": 1}),
        (Loose, {"Name": "a"}, {"name": "a"}),
        (Box[int], {"item": "1", "more": ["2"]}, Box(1, [2])),
        (Box, {"item": "1"}, Box("1")),
    ],
    ids=lambda value: re.sub(r"\W+", " ", str(value))[:40],
)
def test_a_value_becomes_what_is_asked_for(kind: Any, value: object, found: object) -> None:
    made = reader_for(kind)(value)
    assert made == found
    if not isinstance(found, tuple):
        assert type(made) is type(found)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, 2.5, "2.5 (a float) is no int: it is not a whole number"),
        (int, float("nan"), "is no int"),
        (int, Decimal("Infinity"), "is no int"),
        (int, True, "True (a bool) is no int"),
        (int, "2.0", "'2.0' (a str) is no int: a text is digits"),
        (int, "1_000", "is no int"),
        (int, "٣", "is no int"),
        (int, None, "$null is no int"),
        (int, [1], "a list is no int"),
        (float, "1,5", "a text is a number with a point"),
        (float, 2**53 + 1, "more digits"),
        (float, 10**400, "more digits"),
        (float, Decimal("0.12345678901234567890"), "more digits"),
        (float, True, "is no float"),
        (Decimal, "abc", "is no Decimal"),
        (bool, 1, "1 (an int) is no bool"),
        (bool, "yes", 'a text is "True" or "False"'),
        (str, 5, "5 (an int) is no str"),
        (bytes, "a", "is no bytes"),
        (dt.datetime, "02/29/2024 12:00:00", '.ToString("o") writes'),
        (dt.datetime, dt.date(2024, 2, 29), "is no datetime"),
        (dt.date, NOON, "is no date: it has a time of the day"),
        (dt.timedelta, "1 day", "[-][days.]hh:mm:ss"),
        (uuid.UUID, "abc", "is no UUID"),
        (Path, 5, "is no Path"),
        (None, 5, "is not None"),
        (Colour, "green", "'green' (a str) is no Colour: there are RED, BLUE"),
        (Level, True, "is no Level"),
        (Level, "4", "is no Level"),
        (Attributes, "Hidden, Locked", "is no Attributes"),
        (Literal["a", 1], "b", "is none of 'a', 1"),
        (Literal[1], True, "is none of 1"),
        (int | float, "x", "'x' (a str) is none of int, float"),
        (int | dt.date | None, "x", "is none of int, date, None"),
        (int | None, "x", "'x' (a str) is no int"),
        (int, "", "'' (a str) is no int"),
        (list[int], None, "$null is no list"),
        (set[list[int]], [[1]], "is no set"),
        (tuple[int, str], [1], "has 1 items, and the tuple 2"),
        (dict[str, int], [1], "a list is no dict"),
        (dict[int, int], {"1": 1, 1: 1}, "two of its keys are 1"),
        (Row, 5, "5 (an int) is no Row: that is made of an object with properties"),
        (EnumValue, "a", "is no EnumValue"),
        (Options, "a", "is no Options"),
        (Row, {"Nam": "a"}, "no property 'Name' for Row, and the field has no default; near it: N"),
        (Row, {"x": 1, "y": 2}, "; there are x, y"),
        (Row, {}, "; there are none"),
        # with the place
        (list[int], [1, "x"], "value[1]: 'x'"),
        (tuple[int, str], [1, 2], "value[1]: 2 (an int) is no str"),
        (dict[str, int], {"a b": "x"}, 'value["a b"]: '),
        (dict[str, int], CustomObject(ab="x"), "value.ab: "),
        (dict[int, int], {"x": 1}, "value's key [\"x\"]: "),
        (
            Table, {"rows": [{"Name": "a"}, {"name": "b", "When": "x"}]},
            "value.rows[1].when: 'x' (a str) is no datetime",
        ),
        (Table, {"ROWS": [{"Name": "a"}, {}]}, "value.rows[1]: there is no property 'Name'"),
        (Table | int, {"rows": [{"Name": 1}]}, "value.rows[0].Name: 1 (an int) is no str"),
        (
            Node, {"name": "a", "children": [{"name": "b", "children": [{"name": 5}]}]},
            "value.children[0].children[0].name: 5",
        ),
    ],
    ids=lambda value: re.sub(r"\W+", " ", str(value))[:40],
)  # fmt: skip
def test_what_does_not_fit_is_named(kind: Any, value: object, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        reader_for(kind)(value)
    assert message in str(caught.value)


def test_the_value_has_the_name_that_it_is_given() -> None:
    with pytest.raises(ConversionError, match=r"^output\[3\]\.Size: 'x'"):
        reader_for(Row)({"Name": "a", "Size": "x"}, "output[3]")
    with pytest.raises(ConversionError, match=r"^output\[3\]: 5"):
        reader_for(Row)(5, "output[3]")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ConversionError) as caught:
        reader_for(int)("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_what_is_secret_is_not_shown() -> None:
    @dataclass
    class Login:
        user: str
        password: int = 0
        api_token: int = 0
        inner: int = 0

    for name in ("password", "Password", "api_token"):
        with pytest.raises(ConversionError) as caught:
            reader_for(Login)({"user": "jo", name: "hunter2"})
        assert "hunter2" not in str(caught.value)
        assert f"value.{name.lower()}: a str is no int" in str(caught.value)
    # Nor what is beside the value, or in it.
    for value in ({"user": 5, "password": "hunter2"}, {"user": {"password": "hunter2"}}):
        with pytest.raises(ConversionError) as caught:
            reader_for(Login)(value)
        assert "hunter2" not in str(caught.value)


def test_unknown_properties_are_ignored_unless_told_otherwise() -> None:
    value = CustomObject(name="a", Sise=1, other=2)
    assert reader_for(Row)(value) == Row("a")
    with pytest.raises(
        ConversionError, match=r"Row has no field for 'Sise', 'other'; near it: Size"
    ):
        reader_for(Row, unknown="refuse")(value)
    assert reader_for(Row, unknown="refuse")({"NAME": "a"}) == Row("a")
    with pytest.raises(ConversionError, match=r"value\.rows\[0\]: Row has no field"):
        reader_for(Table, unknown="refuse")({"rows": [value]})
    with pytest.raises(ValueError, match="unknown is 'no'"):
        reader_for(Row, unknown="no")  # type: ignore[call-overload]


def test_of_two_names_the_one_that_is_written_so_is_taken() -> None:
    assert reader_for(Row)({"NAME": "b", "Name": "a"}) == Row("a")


def test_a_field_can_name_its_property() -> None:
    @dataclass
    class Memory:
        working_set: int = field(metadata={"powershell": "WS(K)"})

    assert reader_for(Memory)({"ws(k)": 5}) == Memory(5)
    with pytest.raises(ConversionError, match=re.escape("no property 'WS(K)'")):
        reader_for(Memory)({"working_set": 5})
    with pytest.raises(ConversionError, match=re.escape('value["WS(K)"]: ')):
        reader_for(Memory)({"WS(K)": "x"})


def test_what_comes_from_elsewhere_can_have_its_machine_as_a_field() -> None:
    from psbridge.values.custom_object import made_of

    @dataclass
    class There:
        name: str
        PSComputerName: str = "here"

    made = made_of({"name": "a"}, "web1", "")
    assert reader_for(There)(made) == There("a", "web1")
    assert reader_for(There)(CustomObject(name="a")) == There("a")


def test_all_ways_to_write_a_dataclass() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Base:
        of_class: ClassVar[int] = 5
        a: int
        made: int = field(default=7, init=False)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Derived(Base):
        start: InitVar[int]
        b: list[int] = field(default_factory=list)

        def __post_init__(self, start: int) -> None:
            object.__setattr__(self, "made", start)

    found = reader_for(Derived)({"a": "1", "start": "2", "made": 9, "of_class": 9})
    assert (found.a, found.made, found.b) == (1, 2, [])


@dataclass
class Outer:
    """Whose annotations are texts, with names that only it knows."""

    @dataclass
    class Inner:
        n: int

    inner: Inner
    unhashable: Annotated[int, []] = 0


def test_a_class_is_found_where_it_is() -> None:
    @dataclass
    class Local:
        children: list[Local] = field(default_factory=list)

    assert reader_for(Outer)({"inner": {"n": "1"}, "Unhashable": 2}) == Outer(Outer.Inner(1), 2)
    assert reader_for(Local)({"children": {}}) == Local([Local()])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no type statement")
def test_a_type_with_a_name_may_be_in_itself() -> None:
    names: dict[str, Any] = {}
    exec("type Tree = dict[str, Tree] | int", names)
    read = reader_for(names["Tree"])
    assert read({"a": {"b": "1"}}) == {"a": {"b": 1}}
    with pytest.raises(ConversionError, match=r'value\["a"\]\["b"\]: '):
        read({"a": {"b": "x"}})


def test_a_class_that_refuses_its_values_says_so() -> None:
    @dataclass
    class Positive:
        number: int

        def __post_init__(self) -> None:
            if self.number <= 0:
                raise ValueError("it has to be positive")

    with pytest.raises(
        ConversionError,
        match=r"value\[1\]: no Positive can be made of it: ValueError: it has to be positive",
    ) as caught:
        reader_for(list[Positive])([{"number": 1}, {"number": -1}])
    assert isinstance(caught.value.__cause__, ValueError)


class Undecided:
    pass


@dataclass
class Wrong:
    inner: dict[str, Undecided]


@dataclass
class Unresolved:
    inner: Nowhere  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Undecided, "Undecided is no type that can be made"),
        (Wrong, "Undecided is no type that can be made"),
        (list[Undecided], "Undecided is no type"),
        (Unresolved, "Unresolved: its annotations cannot be read .*'Nowhere'"),
        ("Row", "Row is no type"),
        (5, "5 is no type"),
        (SimpleNamespace, "SimpleNamespace is no type"),
        (type, "type is no type"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_runs(kind: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        reader_for(kind)


def test_a_reader_is_made_once() -> None:
    assert reader_for(Table) is reader_for(Table)
    assert reader_for(Table) is not reader_for(Table, unknown="refuse")
    # Equal to Python, and not the same question.
    assert reader_for(int | dt.date)("5") == reader_for(dt.date | int)("5") == 5
    assert reader_for(Level | int)("3") is Level.HIGH
    assert type(reader_for(int | Level)("3")) is int
    assert reader_for(Annotated[int, []])("3") == 3


def test_a_value_that_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {"name": "a"}
    value["children"] = [value]
    with pytest.raises(ConversionError, match="nested too deep, or contains itself"):
        reader_for(Node)(value)


# attrs and pydantic are no dependencies of ours, nor of the tests: what they say of their classes
# is said by hand here, and by themselves where they are installed.


class ByHand:
    """As attrs makes them."""

    __attrs_attrs__ = (
        SimpleNamespace(
            name="_size", alias="size", init=True, default=None, converter=None, metadata={}
        ),
        SimpleNamespace(
            name="path", alias="path", init=True, default=None, converter=Path, metadata={}
        ),
        SimpleNamespace(
            name="extra", alias="extra", init=False, default=5, converter=None, metadata={}
        ),
    )
    _size: int
    path: Path
    extra: int

    def __init__(self, size: int, path: object) -> None:
        self._size = size
        self.path = Path(str(path))


def test_a_class_that_describes_itself_as_attrs_does() -> None:
    found = reader_for(ByHand)(CustomObject(SIZE="5", Path="a/b", Extra=1))
    assert (found._size, found.path) == (5, Path("a/b"))
    with pytest.raises(ConversionError, match=r"value\.size: 'x'"):
        reader_for(ByHand)({"size": "x", "path": "a"})


class ModelByHand:
    """As pydantic makes them."""

    model_fields: ClassVar[dict[str, Any]] = {
        "size": SimpleNamespace(annotation=int, alias=None, validation_alias=None),
        "level": SimpleNamespace(annotation=Level, alias="Lvl", validation_alias="Lvl"),
        "rows": SimpleNamespace(annotation=list[Row], alias=None, validation_alias=None),
    }

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @classmethod
    def model_validate(cls, data: dict[str, Any]) -> ModelByHand:
        if "size" not in data:
            raise Invalid("missing", ("size",), data)
        if not isinstance(data["size"], int):
            raise Invalid("int_type", ("size",), data["size"])
        return cls(data)


class Invalid(ValueError):
    def __init__(self, kind: str, loc: tuple[object, ...], value: object) -> None:
        super().__init__(kind)
        self._error = {"type": kind, "loc": loc, "msg": f"Says {kind}", "input": value}

    def errors(self) -> list[dict[str, object]]:
        return [self._error]


def test_a_class_that_describes_itself_as_pydantic_does() -> None:
    read = reader_for(list[ModelByHand])
    (found,) = read(CustomObject(SIZE=5, LVL="high", Rows={"name": "a"}, Other=1))
    assert found.data == {"size": 5, "Lvl": Level.HIGH, "rows": [Row("a")], "Other": 1}
    with pytest.raises(ConversionError) as caught:
        read([{"Size": 5}, {"Size": "x"}])
    assert "value[1].size: 'x' (a str) is refused by ModelByHand: Says int_type" in str(
        caught.value
    )
    with pytest.raises(ConversionError, match=r"value\.size: there is no such property"):
        reader_for(ModelByHand)({"password": "hunter2"})
    with pytest.raises(ConversionError, match=r"value\.rows\[0\]\.Name: 5"):
        reader_for(ModelByHand)({"size": 1, "rows": [{"name": 5}]})


def test_attrs_itself() -> None:
    attr = pytest.importorskip("attr")
    kind = attr.make_class(
        "Kind",
        {
            "_size": attr.ib(type=int),
            "when": attr.ib(type=dt.date, default=None),
            "names": attr.ib(type=list[str], factory=list),
            "path": attr.ib(type=Path, converter=lambda text: Path(text.upper()), default="a"),
        },
    )
    found = reader_for(kind)(CustomObject(Size="5", When="2024-02-29", Path="b"))
    assert found == kind(5, dt.date(2024, 2, 29), [], "b")
    with pytest.raises(ConversionError, match="there is no property 'size' for Kind"):
        reader_for(kind)({})


def test_pydantic_itself() -> None:
    pydantic = pytest.importorskip("pydantic")
    inner = pydantic.create_model("Inner", name=(str, ...), size=(int, 0))
    kind = pydantic.create_model(
        "Kind",
        name=(str, ...),
        inner=(list[inner], []),  # type: ignore[valid-type]
        level=(Level | None, None),
        colour=(Colour, Colour.RED),
        port=(int, pydantic.Field(alias="TcpPort", default=0, lt=70000)),
        row=(Row | None, None),
    )
    value = CustomObject(
        NAME="a", Inner=[CustomObject(Name="b", SIZE="3")], Level=3, tcpport="80",
        colour=EnumValue("Red", 1, "C"), Row=CustomObject(NAME="r"),
    )  # fmt: skip
    found = reader_for(kind)(value)
    assert found == kind(
        name="a", inner=[inner(name="b", size=3)], level=Level.HIGH, TcpPort=80, row=Row("r")
    )
    with pytest.raises(ConversionError, match=r"value\.inner\[0\]\.size: 'x' \(a str\) is refused"):
        reader_for(kind)(CustomObject(name="a", inner=[CustomObject(Name="b", size="x")]))
    with pytest.raises(ConversionError, match=r"value\.name: there is no such property"):
        reader_for(kind)({"x": 1})
    with pytest.raises(ConversionError, match=r"value\.TcpPort: 99999"):
        reader_for(kind)({"name": "a", "TcpPort": 99999})


def test_rows_cost_little() -> None:
    """A guard against a slow path that hides; a ratio to what one writes by hand."""
    import time

    rows = [CustomObject(Name=f"a{number}", Size=number, when=None) for number in range(5000)]

    def by_hand() -> list[Row]:
        return [Row(row.Name, row.Size, row.when) for row in rows]

    def best(call: Any) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        return min(times)

    read = reader_for(Row)
    assert best(lambda: [read(row) for row in rows]) < 5 * best(by_hand)
