"""Many values into .NET at once are what each is by itself."""

from __future__ import annotations

import datetime as dt
import enum
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psbridge import ConversionError, CustomObject, PowerShellError, Session

COUNT = 40  # more than are converted one by one


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


@dataclass
class Row:
    number: int
    text: str | None = None


@dataclass
class One:
    only: object


ODD: list[Any] = [
    0,
    -1,
    2**31 - 1,
    2**31,
    -(2**31),
    2**63 - 1,
    -(2**63),
    2**63,
    -(2**200),
    1.5,
    float("inf"),
    -0.0,
    True,
    None,
    "",
    "aé漢👍\0",
    "\ud800",
    b"\x00bytes",
    bytearray(b"b"),
    [],
    (1, (2,)),
    {},
    {"a": 1, "B": [2]},
    {1: "x"},
    {"": 1},
    {"PSObject": 1},
    {"psTypeNames": ["x"]},
    dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    Colour.RED,
    Text("derived"),
    OrderedDict(a=1),
    CustomObject(a=1),
    {1, 2},
    1j,
    ...,
]


def described(shell: Session, value: object, record: bool) -> str:
    """All that PowerShell sees of a value, with the types."""
    from psbridge.values import to_net, to_record

    made = (to_record if record else to_net)(value)
    return str(shell.run(DESCRIBE, made).one())


DESCRIBE = r"""
param($value)
function Describe($item) {
    if ($null -eq $item) { return 'null' }
    $base = $item.psobject.BaseObject
    $names = $item.psobject.TypeNames -join ','
    if ($base -is [hashtable]) {
        $parts = foreach ($key in $base.Keys) { "$(Describe $key)=$(Describe $base[$key])" }
        return "$names{$($parts -join ';')}"
    }
    if ($base -is [array]) {
        $parts = foreach ($each in $base) { Describe $each }
        return "$names[$($parts -join ';')]"
    }
    if ($base -is [System.Management.Automation.PSCustomObject]) {
        $parts = foreach ($each in $item.psobject.Properties) {
            "$($each.Name)=$(Describe $each.Value)"
        }
        return "$names($($parts -join ';'))"
    }
    "$names<$([System.Management.Automation.LanguagePrimitives]::ConvertTo($base, [string]))>"
}
Describe $value
"""


@pytest.mark.parametrize("record", [False, True], ids=["value", "record"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_each_is_what_it_is_by_itself(
    shell: Session, value: object, record: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [1, value, "x"] * COUNT
    outcomes = []
    for limit in (1, 10**9):
        monkeypatch.setattr("psbridge.values.python_to_net.MANY", limit)
        try:
            outcomes.append(described(shell, many, record))
        except (ConversionError, PowerShellError) as error:
            outcomes.append(f"{type(error).__name__}: {error}")
    assert outcomes[0] == outcomes[1]


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=4) | st.integers(-3, 3), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_nested_values_are_what_they_are_by_themselves(values: list[Any]) -> None:
    with Session() as shell, pytest.MonkeyPatch.context() as patch:
        outcomes = []
        for limit in (1, 10**9):
            patch.setattr("psbridge.values.python_to_net.MANY", limit)
            try:
                outcomes.append(described(shell, values, record=True))
            except ConversionError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


def test_records_of_a_class_have_its_name(shell: Session) -> None:
    rows = [Row(number, f"x{number}") for number in range(COUNT)]
    script = "param($rows) $rows[39].Number, $rows[39].text, $rows[39].psobject.TypeNames[0]"
    assert shell.run(script, rows) == [39, "x39", f"{__name__}.Row"]
    assert shell.run("param($rows) $rows[5].only", [One(n) for n in range(COUNT)]) == [5]


def test_records_with_something_else_in_them_go_in_as_well(shell: Session) -> None:
    when = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    rows = [One(when if number == 30 else number) for number in range(COUNT)]
    assert shell.run("param($rows) $rows[29].only; $rows[30].only", rows) == [29, when]


def test_records_of_several_classes_go_in_as_well(shell: Session) -> None:
    rows = [*[Row(1)] * COUNT, One(2)]
    assert shell.run("param($rows) $rows[-1].only; $rows[0].number", rows) == [2, 1]


def test_what_is_wrong_in_one_of_many_is_named(shell: Session) -> None:
    bad: Any = object()
    rows = [Row(number, bad if number == 20 else "x") for number in range(COUNT)]
    with pytest.raises(ConversionError) as caught:
        shell.run("param($rows)", rows)
    assert "[20].text" in str(caught.value)


def test_a_property_that_raises_is_named(shell: Session) -> None:
    @dataclass
    class Raises:
        fine: int = 1

        def __getattribute__(self, name: str) -> Any:
            if name == "fine":
                raise LookupError("not now")
            return object.__getattribute__(self, name)

    with pytest.raises(ConversionError, match="not now"):
        shell.run("param($rows)", [Raises() for _ in range(COUNT)])


def test_plain_values_go_by_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session():
        from psbridge.values import many_to_net, to_net

        assert many_to_net.array_of([1, {"a": "x"}], records=True) is not None
        monkeypatch.setattr("psbridge.values.python_to_net.integer", None)
        assert len(to_net([1, "x", {"a": [None, 2.5]}] * COUNT)) == 3 * COUNT
        assert len(to_net([Row(1, "x")] * COUNT)) == COUNT
