"""What derives from one of Python's types is read by the methods of that, whatever its own do."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import ipaddress
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from psbridge import ConversionError, Session


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


# What Python needs to make an object at all.
KEPT = {
    "__class__", "__new__", "__init__", "__init_subclass__", "__subclasshook__", "__setattr__",
    "__getattribute__", "__hash__", "__del__", "__dict__", "__getstate__",
}  # fmt: skip


def spiteful(base: type) -> Any:
    """A class that derives from another, and of which each method raises."""

    def fail(*arguments: object, **named: object) -> Any:
        raise RuntimeError("not by my methods")

    names = {name for name in dir(base) if callable(getattr(base, name))} - KEPT
    body: dict[str, Any] = dict.fromkeys(names, fail)
    return type(f"Spiteful{base.__name__}", (base,), {**body, "__hash__": base.__hash__})


def lying(base: type) -> Any:
    """A class that derives from another, and says something else of itself in each way there is."""

    def lie(self: object, *arguments: object, **named: object) -> Any:
        return base()

    names = (
        "__str__", "__repr__", "__format__", "__int__", "__index__", "__float__", "__complex__",
        "__bytes__", "__iter__", "__len__", "__getitem__", "__add__", "__sub__", "__pos__",
        "__floordiv__", "__mul__", "__eq__", "isoformat", "replace", "utcoffset", "timetz", "date",
        "items", "keys", "values", "__trunc__", "as_tuple", "as_integer_ratio", "to_bytes",
        "total_seconds", "strip", "toordinal",
    )  # fmt: skip
    body: dict[str, Any] = dict.fromkeys((name for name in names if hasattr(base, name)), lie)
    return type(f"Lying{base.__name__}", (base,), {**body, "__hash__": base.__hash__})


MOMENT = dt.datetime(2024, 7, 1, 2, 3, 4, 5)
VALUES: list[tuple[type, tuple[object, ...], object]] = [
    (int, (7,), 7),
    (int, (2**70,), 2**70),
    (float, (2.5,), 2.5),
    (complex, (1, 2), 1 + 2j),
    (str, ("text",), "text"),
    (bytes, (b"ab",), b"ab"),
    (bytearray, (b"ab",), b"ab"),
    (decimal.Decimal, ("1.10",), decimal.Decimal("1.10")),
    (dt.datetime, (2024, 7, 1, 2, 3, 4, 5), MOMENT),
    (dt.datetime, (2024, 7, 1, 2, 3, 4, 5, dt.UTC), MOMENT.replace(tzinfo=dt.UTC)),
    (
        dt.datetime, (2024, 7, 1, 2, 3, 4, 5, ZoneInfo("Europe/Berlin")),
        MOMENT.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))),
    ),
    (dt.date, (2024, 7, 1), dt.datetime(2024, 7, 1)),
    (dt.time, (2, 3, 4, 5), dt.time(2, 3, 4, 5)),
    (dt.timedelta, (-1, 2, 3), dt.timedelta(-1, 2, 3)),
    (list, ([1, 2],), [1, 2]),
    (tuple, ([1, 2],), [1, 2]),
    (set, ([1],), [1]),
    (frozenset, ([1],), [1]),
]  # fmt: skip


@pytest.mark.parametrize("derived", [spiteful, lying], ids=lambda make: make.__name__)
@pytest.mark.parametrize(
    ("base", "arguments", "back"), VALUES, ids=lambda value: getattr(value, "__name__", "")
)
def test_the_base_is_read(
    shell: Session, derived: Any, base: type, arguments: tuple[object, ...], back: object
) -> None:
    value = derived(base)(*arguments)
    for given, got in ((value, back), ([value], [back]), ({"k": value}, {"k": back})):
        (found,) = shell.run("param($x) , $x", x=given)
        assert found == got
        assert type(found) is type(got)


def test_a_network_is_read_without_the_properties_of_its_class(shell: Session) -> None:
    class Odd(ipaddress.IPv4Network):
        prefixlen = 99

        def __str__(self) -> str:
            return "10.0.0.0/99"

    network = ipaddress.ip_network("10.0.0.0/8")
    assert shell.run("param($x) $x", x=Odd("10.0.0.0/8")) == [network]


def test_entries_are_those_of_the_dict(shell: Session) -> None:
    for derived in (spiteful, lying):
        for base in (dict, OrderedDict):
            value = derived(base)()
            for key in "zax":
                base.__setitem__(value, key, [key])
            base.__delitem__(value, "a")
            (found,) = shell.run("param($x) $x", x=value)
            assert list(found.items()) == [("z", ["z"]), ("x", ["x"])]
    moved = OrderedDict(a=1, b=2)
    moved.move_to_end("a")
    assert list(shell.run("param($x) $x", x=moved)[0]) == ["b", "a"]


def test_texts_of_paths_and_numbers_of_ids_are_those_of_the_class(shell: Session) -> None:
    class Name(PurePosixPath):
        def __str__(self) -> str:
            return "something else"

        __fspath__ = __repr__ = __str__

    class Id(uuid.UUID):
        def __str__(self) -> str:
            return "something else"

        __repr__ = __str__
        __int__ = hash

    class Address(ipaddress.IPv4Address):
        def __str__(self) -> str:
            return "something else"

        __int__ = hash

    class Half(fractions.Fraction):
        def __str__(self) -> str:
            return "something else"

        def as_integer_ratio(self) -> tuple[int, int]:
            return 5, 1

    given = [Name("a/b"), Id(int=5), Address("1.2.3.4"), Half(1, 2)]
    assert shell.run("param($x) , $x", x=given) == [
        ["a/b", uuid.UUID(int=5), ipaddress.ip_address("1.2.3.4"), decimal.Decimal("0.5")]
    ]


def test_a_named_tuple_is_what_is_in_it(shell: Session) -> None:
    from typing import NamedTuple

    class Pair(NamedTuple):
        a: int
        b: int

    class Odd(Pair):
        def __iter__(self) -> Iterator[int]:
            return iter((9, 9))

    assert shell.run("param($x) $x", x=Odd(1, 2)) == [{"a": 1, "b": 2}]


def test_a_date_that_says_it_is_none_is_null_and_one_beyond_is_refused(shell: Session) -> None:
    """As pandas does it: the fields are those of some other date."""

    class NaT(dt.datetime):
        year = float("nan")  # type: ignore[assignment]

    class Beyond(dt.datetime):
        year = 20000

    class Long(dt.timedelta):
        days = 10**10

    assert shell.run("param($x) $null -eq $x[0]", x=[NaT(1970, 1, 1)]) == [True]
    with pytest.raises(ConversionError, match="the year 20000 is not among"):
        shell.run("param($x) $x", x=Beyond(1970, 1, 1))
    with pytest.raises(ConversionError, match="10000000000 days are longer"):
        shell.run("param($x) $x", x=Long(0))


# They are no dependencies of the tests; where they are installed, they are seen to work.


def test_numpy_itself(shell: Session) -> None:
    np = pytest.importorskip("numpy")
    day, moment = dt.datetime(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3, 4)
    sent = [
        (np.int8(-5), -5), (np.uint64(2**64 - 1), 2**64 - 1), (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1), (np.float16(1.5), 1.5), (np.bool_(True), True), (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"), (np.complex64(1 + 2j), 1 + 2j), (np.longdouble(0.5), 0.5),
        (np.datetime64("2024-02-29"), day),
        (np.datetime64("2024-02-29T01:02:03.000004567"), moment),
        (np.datetime64("NaT", "s"), None), (np.timedelta64(90, "m"), dt.timedelta(hours=1.5)),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), (np.array(5), 5), (np.array([]), []),
        (np.array(["a", None], dtype=object), ["a", None]),
        (np.array(["2024-02-29", "NaT"], dtype="datetime64[ns]"), [day, None]),
        (np.array([0.5, 2.5], dtype=np.longdouble), [0.5, 2.5]),
        (np.ma.array([1, 2], mask=[False, True]), [1, None]),
        (np.array([(1, "a")], dtype=[("n", int), ("t", "U3")]), [{"n": 1, "t": "a"}]),
        (np.rec.array([(1, 2.5)], names="a,b")[0], {"a": 1, "b": 2.5}),
    ]  # fmt: skip
    for value, back in sent:
        assert shell.run("param($x) , $x", x=value) == [back], value
    assert shell.run("param($x) , $x", x=[value for value, _ in sent]) == [
        [back for _, back in sent]
    ]
    for value, message in (
        (np.longdouble("0.1"), r'value.astype\("float64"\)'),
        (np.datetime64("20000-01-01"), "outside of the years"),
        (np.timedelta64(10**12, "D"), "too long|longer"),
    ):
        with pytest.raises(ConversionError, match=rf"x\[0\]: .*{message}"):
            shell.run("param($x) $x", x=[value])


def test_pandas_itself(shell: Session) -> None:
    pd = pytest.importorskip("pandas")
    berlin = dt.timezone(dt.timedelta(hours=1))
    frame = pd.DataFrame({"n": [1, 2], "t": pd.to_datetime(["2024-02-29", None])})
    for value, back in (
        (pd.Timestamp("2024-02-29 01:02:03.000004567"), dt.datetime(2024, 2, 29, 1, 2, 3, 4)),
        (
            pd.Timestamp("2024-02-29", tz="Europe/Berlin"),
            dt.datetime(2024, 2, 29, tzinfo=berlin),
        ),
        (pd.Timedelta("90 min"), dt.timedelta(hours=1.5)),
        (pd.NaT, None),
        (frame["n"], [1, 2]),
        (frame["t"], [dt.datetime(2024, 2, 29), None]),
        (frame.to_dict("records"), [{"n": 1, "t": dt.datetime(2024, 2, 29)}, {"n": 2, "t": None}]),
    ):
        assert shell.run("param($x) , $x", x=value) == [back]
    with pytest.raises(ConversionError, match=r'give its rows: value.to_dict\("records"\)'):
        shell.run("param($x) $x", x=frame)


def test_pendulum_itself(shell: Session) -> None:
    pendulum = pytest.importorskip("pendulum")
    value = pendulum.datetime(2024, 2, 29, 1, tz="Europe/Berlin")
    utc = pendulum.datetime(2024, 1, 1)
    given = [value, pendulum.duration(days=3), value.date(), value.time(), utc]
    assert shell.run("param($x) , $x", x=given) == [
        [
            dt.datetime(2024, 2, 29, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            dt.timedelta(3), dt.datetime(2024, 2, 29), dt.time(1),
            dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        ]
    ]  # fmt: skip
