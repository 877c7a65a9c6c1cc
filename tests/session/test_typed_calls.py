"""Calls whose output is made into the types that a program asks for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from psbridge import ConversionError, DeclarationError, PowerShellError, Session, reader_for


@dataclass
class Row:
    name: str
    number: int = 0


ROWS = "[pscustomobject] @{ Name = 'a'; Number = 1 }; [pscustomobject] @{ NAME = 'b'; Other = 2 }"
MADE = [Row("a", 1), Row("b")]


def test_each_way_to_call_makes_types(shell: Session, tmp_path: Path) -> None:
    file = tmp_path / "rows.ps1"
    file.write_text(ROWS)
    shell.run(f"function Get-Row {{ {ROWS} }}")
    assert shell.run(ROWS, as_=Row) == MADE
    assert shell.run_file(file, as_=Row) == MADE
    assert shell.call("Get-Row", as_=Row) == MADE
    assert shell.commands.Get_Row(as_=Row) == MADE
    assert list(shell.stream(ROWS, as_=Row)) == MADE
    assert asyncio.run(shell.arun(ROWS, as_=Row)) == MADE
    assert asyncio.run(shell.acall("Get-Row", as_=Row)) == MADE

    async def gone_through() -> list[Row]:
        return [row async for row in shell.astream(ROWS, as_=Row)]

    assert asyncio.run(gone_through()) == MADE


def test_a_result_of_types_has_the_streams_as_well(shell: Session) -> None:
    result = shell.run(f"{ROWS}; Write-Warning 'w'; exit 3", as_=Row)
    assert (result.one if len(result) == 1 else result.first)() == MADE[0]
    assert [str(record) for record in result.warnings] == ["w"]
    assert result.exit_code == 3


def test_live_objects_have_only_their_wanted_members_read(shell: Session) -> None:
    @dataclass
    class Item:
        Name: str
        FullName: Path

    (item,) = shell.run(
        "Get-Item . | Add-Member -PassThru ScriptProperty Throws { throw 'never' }", as_=Item
    )
    assert item.FullName == Path.cwd()


def test_a_value_that_cannot_be_made_is_named_and_nothing_is_lost(shell: Session) -> None:
    with pytest.raises(ConversionError, match=r"values\[1\]\.number") as caught:
        shell.run("@{ name = 'a'; number = 1 }; @{ name = 'b'; number = 'x' }", as_=Row)
    assert caught.value.result == [{"name": "a", "number": 1}, {"name": "b", "number": "x"}]


def test_a_value_that_cannot_be_made_stops_the_stream(shell: Session) -> None:
    values = shell.stream("1; 'x'; while ($true) { 1 }", as_=int)
    assert next(values) == 1
    with pytest.raises(ConversionError, match=r"values\[1\]"):
        next(values)
    assert shell.run("'free'") == ["free"]


def test_errors_of_the_code_come_first(shell: Session) -> None:
    with pytest.raises(PowerShellError, match="no") as caught:
        shell.run("'x'; throw 'no'", as_=int)
    assert caught.value.result == ["x"]


def test_unknown_properties_may_be_refused(shell: Session) -> None:
    assert shell.run(ROWS, as_=reader_for(Row)) == MADE
    with pytest.raises(ConversionError, match="Other"):
        shell.run(ROWS, as_=reader_for(Row, unknown="refuse"))


def test_what_cannot_be_made_at_all_is_refused_before_anything_runs(shell: Session) -> None:
    with pytest.raises(DeclarationError):
        shell.run("$global:ran = 1", as_=Session)
    with pytest.raises(DeclarationError):
        shell.stream("$global:ran = 1", as_=Session)
    assert shell.run("$ran") == [None]


def test_a_type_checker_knows_the_types(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """
from dataclasses import dataclass
from typing import assert_type, Any
from psbridge import Result, Session, reader_for

@dataclass
class Row:
    name: str

async def use(shell: Session) -> None:
    assert_type(shell.run("x", as_=Row), Result[Row])
    assert_type(shell.run("x"), Result[Any])
    assert_type(shell.run("x", as_=Row).one(), Row)
    assert_type(shell.call("x", as_=Row).first(), Row | None)
    assert_type(shell.run("x", as_=Row).first(0), Row | int)
    assert_type(shell.run("x", as_=reader_for(Row | None)), Result[Row | None])
    assert_type(await shell.arun("x", as_=Row), Result[Row])
    for row in shell.stream("x", as_=Row):
        assert_type(row, Row)
    async for row in shell.astream("x", as_=Row):
        assert_type(row, Row)
    shell.run("x", as_=3)
"""
    )
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir=cache", program.name],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,  # where psbridge is what somebody has installed
    )
    errors = [line for line in ran.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, ran.stdout
    assert "program.py:22" in errors[0]
