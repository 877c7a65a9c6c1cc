"""The sample, on real files and a real database."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from psbridge import Session

SAMPLE = Path(__file__).parents[2] / "samples" / "csv_to_sqlite.py"
COMMAND = "Import-CsvTable $args[0] -Database $args[1] -Table people"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    lines = ["name,age", *(f'"person {n}",{n}' for n in range(2500))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def rows(database: Path) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT name, age FROM people").fetchall()


@pytest.mark.parametrize("tail", ["", " -AsJob | Wait-Job | Receive-Job"])
def test_it_imports_the_rows(shell: Session, people: Path, tmp_path: Path, tail: str) -> None:
    shell.import_module(SAMPLE)
    result = shell.run(COMMAND + tail, people, tmp_path / "my.db")
    assert result == [{"Path": str(people), "Table": "people", "Rows": 2500}]
    assert rows(tmp_path / "my.db")[2499] == ("person 2499", "2499")


def test_what_if_imports_nothing(shell: Session, people: Path, tmp_path: Path) -> None:
    shell.import_module(SAMPLE)
    for tail in (" -WhatIf", " -AsJob -WhatIf"):
        assert shell.run(COMMAND + tail, people, tmp_path / "my.db") == []
    assert not (tmp_path / "my.db").exists()


def test_a_file_with_a_mistake_is_not_imported_at_all(
    shell: Session, people: Path, tmp_path: Path
) -> None:
    shell.import_module(SAMPLE)
    with people.open("a", encoding="utf-8") as file:
        file.write("\none,two,three\n")
    result = shell.run(COMMAND, people, tmp_path / "my.db")
    assert result == []
    assert "line 2502: 3 values for 2 columns" in result.errors[0].message
    assert rows(tmp_path / "my.db") == []


def test_the_name_of_the_table_is_checked(shell: Session, people: Path, tmp_path: Path) -> None:
    shell.import_module(SAMPLE)
    script = "Import-CsvTable $args[0] -Database $args[1] -Table 'x; DROP TABLE y'"
    (error,) = shell.run(script, people, tmp_path / "my.db").errors
    assert error.error_id.startswith("ParameterArgumentValidationError")
