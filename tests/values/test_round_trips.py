"""Nested values of any shape come back as they went, by what the table says of each."""

from __future__ import annotations

import datetime as dt
import decimal
import ipaddress
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from psbridge import ConversionError, CustomObject, Session
from psbridge.values import reader_for


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


@dataclass
class Leaf:
    """What holds any value."""

    item: Any


OFFSETS = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)
MOMENTS = st.datetimes(
    min_value=dt.datetime(1, 1, 3), max_value=dt.datetime(9999, 12, 29),
    timezones=st.none() | st.just(dt.UTC) | OFFSETS,  # type: ignore[arg-type]
)  # fmt: skip
NUMBERS = st.decimals(
    min_value=-(10**18), max_value=10**18, places=9, allow_nan=False, allow_infinity=False
)
# Two halves of a surrogate pair side by side are the one character in .NET.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SINGLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), TEXTS,
    st.floats(allow_nan=False), st.complex_numbers(allow_nan=False), st.binary(max_size=20),
    NUMBERS, MOMENTS, st.dates(), st.times(), st.uuids(), st.ip_addresses(),
    st.timedeltas(dt.timedelta(-10_000_000), dt.timedelta(10_000_000)),
)  # fmt: skip
# No property is called by an empty text.
KEYS = st.one_of(st.integers(), TEXTS.filter(bool), st.uuids())
NAMES = st.from_regex(r"[a-z][a-z_]{0,6}", fullmatch=True)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(KEYS, inner, max_size=5).filter(is_possible),
        st.dictionaries(NAMES, inner, max_size=5).map(CustomObject),
        st.dictionaries(NAMES, inner, max_size=5).map(lambda names: SimpleNamespace(**names)),
        inner.map(Leaf),
    )


def is_possible(value: dict[Any, Any]) -> bool:
    """Whether no two keys differ in case only."""
    folded = [key.casefold().upper() if isinstance(key, str) else key for key in value]
    return len(set(folded)) == len(folded)


# So many go in one piece, where they are plain.
MANY_OF_ONE = st.one_of(
    st.lists(SINGLE, min_size=32, max_size=34),
    SINGLE.map(lambda value: [Leaf(value)] * 33),
    st.lists(st.dictionaries(NAMES, SINGLE, max_size=2), min_size=32, max_size=33),
)
VALUES = st.recursive(SINGLE | MANY_OF_ONE, nested, max_leaves=20)
FEW = st.recursive(SINGLE, nested, max_leaves=8)


def back(value: Any) -> Any:
    """What has to come back, by the table."""
    if isinstance(value, dict):
        return {key: back(item) for key, item in value.items()}
    if isinstance(value, (SimpleNamespace, Leaf)):
        return {key: back(item) for key, item in vars(value).items()}
    if isinstance(value, (list, tuple)):
        return [back(item) for item in value]
    if type(value) is dt.date:
        return dt.datetime(value.year, value.month, value.day)
    return value


def shape(value: Any) -> Any:
    """A value with the types of all that is in it, which `==` does not look at."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None), value.utcoffset()
    if isinstance(value, (decimal.Decimal, dt.time)):
        return type(value), value
    return type(value), repr(value)


MANY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    # To say why a shorter example fails takes minutes.
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)


@MANY
@given(value=VALUES)
def test_what_goes_comes_back(shell: Session, value: Any) -> None:
    (found,) = shell.run("param($x) , $x", x=value)
    assert shape(found) == shape(back(value))


@settings(MANY, max_examples=30)
@given(value=st.lists(st.dictionaries(NAMES, FEW, max_size=4), min_size=1, max_size=3))
def test_many_records_come_back_as_one_by_one(shell: Session, value: list[dict[str, Any]]) -> None:
    """From 32 on they come in one piece."""
    from psbridge.values import to_record

    many = value * 33
    found = shell.run("param($x) $x", x=[to_record(item) for item in many])
    assert [shape(item) for item in found] == [shape(back(item)) for item in many]


@dataclass
class Typed:
    """A row of everything that can be one."""

    a: int
    b: float | None
    c: str
    d: dt.datetime
    e: list[dict[str, int]]
    f: tuple[uuid.UUID, bool]
    g: decimal.Decimal
    h: dt.timedelta
    i: ipaddress.IPv4Address | ipaddress.IPv6Address
    j: Leaf | None = None


@MANY
@given(
    value=st.builds(
        Typed, a=st.integers(), b=st.none() | st.floats(allow_nan=False), c=TEXTS, d=MOMENTS,
        e=st.lists(st.dictionaries(NAMES, st.integers(), max_size=3), max_size=3),
        f=st.tuples(st.uuids(), st.booleans()), g=NUMBERS,
        h=st.timedeltas(dt.timedelta(-10_000_000), dt.timedelta(10_000_000)),
        i=st.ip_addresses(), j=st.none() | st.builds(Leaf, st.integers()),
    )
)  # fmt: skip
def test_typed_rows_come_back_as_what_they_were(shell: Session, value: Typed) -> None:
    (found,) = shell.run("param($x) , $x", x=value)
    assert reader_for(Typed)(found) == value


@MANY
@given(value=VALUES, path=st.lists(st.integers(0, 1) | NAMES, min_size=1, max_size=5))
def test_one_bad_entry_is_named_wherever_it_is(
    shell: Session, value: Any, path: list[int | str]
) -> None:
    from psbridge.values import to_net

    bad: Any = object()
    for step in reversed(path):
        bad = {step: bad, "ü": value} if isinstance(step, str) else [value] * step + [bad]
    place = "".join(f'["{step}"]' if isinstance(step, str) else f"[{step}]" for step in path)
    with pytest.raises(ConversionError) as caught:
        to_net(bad)
    assert str(caught.value).startswith(f"value{place}: a builtins.object has no counterpart")
