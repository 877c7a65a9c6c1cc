"""Import-CsvTable: the rows of CSV files into a table of an SQLite database.

    psbridge run --module samples/csv_to_sqlite.py \
        "Import-CsvTable people.csv -Database people.db -Table people -Confirm"
"""

from __future__ import annotations

import csv
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from psbridge import JobCmdlet, Parameter

BATCH = 1000


@dataclass
class Import:
    """What became of one file."""

    Path: str
    Table: str
    Rows: int


class ImportCsvTable(JobCmdlet, verb="Import", noun="CsvTable", supports_should_process=True):
    """Import CSV files into a table of an SQLite database.

    The first line names the columns. A file is imported whole or not at all.
    """

    path: Annotated[list[Path], Parameter(position=0, mandatory=True, from_pipeline=True)]
    database: Annotated[Path, Parameter(mandatory=True)]
    table: Annotated[str, Parameter(mandatory=True, pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
    delimiter: Annotated[str, Parameter(length=(1, 1))] = ","

    def process(self) -> Iterator[Import]:
        """Import each file of this record."""
        for path in self.path:
            if self.should_process(f"{self.table} in {self.database}", f"Import {path}"):
                try:
                    yield Import(str(path), self.table, self._import(path))
                except (OSError, ValueError, csv.Error, sqlite3.Error) as error:
                    self.write_error(error, target=str(path))

    def _import(self, path: Path) -> int:
        count = 0
        with (
            path.open(newline="", encoding="utf-8-sig") as file,
            closing(sqlite3.connect(self.database)) as database,
            database,  # one transaction: an error, or a stop, takes all of the file back
        ):
            rows = csv.reader(file, delimiter=self.delimiter, strict=True)
            columns = next(rows, None)
            if not columns:
                raise ValueError(f"{path} has no line that names the columns")
            names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
            places = ", ".join("?" for _ in columns)
            database.execute(f'CREATE TABLE IF NOT EXISTS "{self.table}" ({names})')
            insert = f'INSERT INTO "{self.table}" ({names}) VALUES ({places})'
            while batch := list(itertools.islice(rows, BATCH)):
                self.check_stop()
                for row in batch:
                    if len(row) != len(columns):
                        raise ValueError(
                            f"{path}, line {rows.line_num}: {len(row)} values for "
                            f"{len(columns)} columns"
                        )
                database.executemany(insert, batch)
                count += len(batch)
                self.write_progress(f"Importing {path.name}", f"{count} rows")
        self.write_verbose(f"{count} rows of {path} are in {self.table}")
        return count
