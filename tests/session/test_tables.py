"""A result as a table of pandas' or of Arrow's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest

from psbridge import ConversionError, Session


def rows_of(frame: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in frame.to_dict("records")]


def test_custom_objects_and_dicts_are_rows(shell: Session) -> None:
    result = shell.run("[pscustomobject] @{ a = 1; b = 'x' }; @{ a = 2; b = 'y' }")
    frame = result.to_pandas()
    assert list(frame.columns) == ["a", "b"]
    assert rows_of(frame) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert result.to_arrow().to_pylist() == rows_of(frame)


def test_objects_of_powershells_have_the_columns_that_it_shows(shell: Session) -> None:
    frame = shell.run("Get-Process -Id $PID").to_pandas()
    assert list(frame.columns) == ["Id", "Handles", "CPU", "SI", "Name"]
    assert frame["Id"][0] == shell.run("$PID").one()


def test_columns_may_be_chosen(shell: Session) -> None:
    result = shell.run(
        "Get-Process -Id $PID | Add-Member -PassThru NoteProperty Status ([ConsoleColor]::Red)"
    )
    table = result.to_arrow(["Id", "StartTime", "Status"])
    assert table.column_names == ["Id", "StartTime", "Status"]
    (row,) = table.to_pylist()
    assert isinstance(row["StartTime"], dt.datetime)
    assert row["Status"] == "Red"
    with pytest.raises(ConversionError, match=r"values\[0\] has no property 'Nothing'"):
        result.to_pandas(["Nothing"])


def test_one_property_need_be_no_list(shell: Session) -> None:
    assert list(shell.run("Get-Process -Id $PID").to_pandas("Id").columns) == ["Id"]


def test_what_a_row_does_not_have_is_empty(shell: Session) -> None:
    table = shell.run("@{ a = 1 }; @{ b = 2 }; @{ a = 3 }").to_arrow()
    assert table.to_pylist() == [
        {"a": 1, "b": None},
        {"a": None, "b": 2},
        {"a": 3, "b": None},
    ]


def test_plain_values_are_one_column(shell: Session) -> None:
    result = shell.run("1..3")
    assert list(result.to_pandas()["value"]) == [1, 2, 3]
    assert result.to_arrow(["value"]).to_pylist() == [{"value": n} for n in (1, 2, 3)]
    assert len(shell.run("").to_pandas()) == 0


def test_values_that_were_made_into_a_type_are_rows(shell: Session) -> None:
    @dataclass
    class Row:
        a: int

    assert rows_of(shell.run("@{ a = '5' }", as_=Row).to_pandas()) == [{"a": 5}]


def test_a_property_that_throws_is_empty(shell: Session) -> None:
    result = shell.run("[version] '1.2' | Add-Member -PassThru ScriptProperty Bad { throw 'no' }")
    assert result.to_arrow(["Major", "Bad"]).to_pylist() == [{"Major": 1, "Bad": None}]


def test_a_column_of_all_kinds_is_text_for_arrow(shell: Session) -> None:
    table = shell.run("@{ a = 1 }; @{ a = 'x' }; @{ a = [version] '1.2' }").to_arrow()
    assert [row["a"] for row in table.to_pylist()] == ["1", "x", "1.2"]


def test_a_number_that_arrow_has_no_type_for_is_text(shell: Session) -> None:
    table = shell.run("@{ a = 1 }; @{ a = [bigint]::Pow(2, 70) }").to_arrow()
    assert table.to_pylist() == [{"a": "1"}, {"a": str(2**70)}]


def test_dates_with_and_without_a_zone_do_not_mix(shell: Session) -> None:
    table = shell.run(
        "@{ a = [datetime]::new(2026, 1, 2) }; "
        "@{ a = [datetimeoffset]::new(2026, 1, 2, 0, 0, 0, [timespan]::FromHours(5)) }"
    ).to_arrow()
    assert [row["a"] for row in table.to_pylist()] == [
        "2026-01-02 00:00:00",
        "2026-01-02 00:00:00+05:00",
    ]


def test_a_name_in_two_letter_cases_is_one_column(shell: Session) -> None:
    result = shell.run("[pscustomobject]@{ A = 1; b = 2 }; [pscustomobject]@{ B = 3; a = 4 }")
    assert rows_of(result.to_pandas()) == [{"A": 1, "b": 2}, {"A": 4, "b": 3}]


@pytest.mark.parametrize("way", ["to_pandas", "to_arrow"])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("'a'; \"half $([char]0xd800)\"", "values[1]: its 'value' is 'half \\ud800'"),
        ('[pscustomobject] @{ a = "half $([char]0xd800)" }', "values[0]: its 'a' is"),
        ('[pscustomobject] @{ "half $([char]0xd800)" = 1 }', "the name of a property is"),
    ],
)
def test_a_text_that_is_none_is_named(shell: Session, way: str, script: str, said: str) -> None:
    found = shell.run(script)
    with pytest.raises(ConversionError) as refused:
        getattr(found, way)()
    assert str(refused.value).startswith(said)
