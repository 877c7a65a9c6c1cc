"""A result as a table, for pandas and for Arrow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ..errors import ConversionError, PowerShellError
from ..values.enum_value import EnumValue
from ..values.names import fold
from ..values.powershell_object import PowerShellObject, property_of
from ..values.text import HALF_PAIR

__all__ = ["arrow_table", "data_frame"]

# The column of values that have no properties of their own.
_VALUE = "value"
_MISSING = object()


def data_frame(rows: Sequence[Any], names: Sequence[str] | None) -> Any:
    """A ``pandas.DataFrame`` of rows; see `_columns_of`."""
    import pandas

    columns = _columns_of(rows, names)
    with _naming_half_pairs(columns):
        return pandas.DataFrame(columns)


def _columns_of(rows: Sequence[Any], names: Sequence[str] | None) -> dict[str, list[Any]]:
    """The columns of a table, in the order in which the rows have them.

    Args:
        rows: values as psbridge gives them out, or as a program has had them made.
        names: the properties to take, or the only one; all that a row has by default, of an object
            of PowerShell's those that PowerShell shows.

    Raises:
        ConversionError: a row has no property of such a name.
    """
    if isinstance(names, str):
        names = [names]
    if names is not None:
        return {
            name: [_cell(_property(row, name, at)) for at, row in enumerate(rows)] for name in names
        }
    columns: dict[str, list[Any]] = {}
    known: dict[str, str] = {}  # a property's name is one in any letter case, as in PowerShell
    for at, row in enumerate(rows):
        for name, value in _properties(row).items():
            column = columns.setdefault(known.setdefault(fold(name), name), [])
            if len(column) > at:  # a dict of Python's has the name in two cases
                column = columns.setdefault(name, [])
            column.extend([None] * (at - len(column)))
            column.append(_cell(value))
    for column in columns.values():
        column.extend([None] * (len(rows) - len(column)))
    return columns


def arrow_table(rows: Sequence[Any], names: Sequence[str] | None) -> Any:
    """A ``pyarrow.Table`` of rows; see `_columns_of`."""
    import pyarrow

    not_of_one_type = (
        *(pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError),
        OverflowError,  # of an int beyond 64 bits
    )

    def array(column: list[Any]) -> Any:
        try:
            if not _mixes_zones(column):
                return pyarrow.array(column)
        except not_of_one_type:
            pass
        return pyarrow.array([None if cell is None else str(cell) for cell in column])

    columns = _columns_of(rows, names)
    with _naming_half_pairs(columns):
        return pyarrow.table({name: array(cells) for name, cells in columns.items()})


@contextmanager
def _naming_half_pairs(columns: dict[str, list[Any]]) -> Iterator[None]:
    """Say which text Arrow cannot have, in which pandas keeps texts, too."""
    try:
        yield
    except UnicodeEncodeError as error:
        for name, cells in columns.items():
            for at, cell in enumerate([name, *cells]):
                if isinstance(cell, str) and HALF_PAIR.search(cell):
                    where = f"values[{at - 1}]: its {name!r}" if at else "the name of a property"
                    refused = f"{where} is {cell!r}, which has half of a surrogate pair"
                    raise ConversionError(f"{refused}; a table has no such text") from error
        raise


def _mixes_zones(column: list[Any]) -> bool:
    """Whether some dates have a zone and some have none, which Arrow would take as UTC."""
    zones = {cell.tzinfo is None for cell in column if isinstance(cell, datetime)}
    return len(zones) > 1


def _properties(row: Any) -> dict[str, Any]:
    if isinstance(row, Mapping):
        return {str(name): value for name, value in row.items()}
    if isinstance(row, PowerShellObject):
        return {name: _member(row, name, None) for name in row._shown_names()}
    if dataclasses.is_dataclass(row):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    if isinstance(row, tuple) and hasattr(row, "_fields"):
        return dict(zip(row._fields, row, strict=True))
    return {_VALUE: row}


def _member(row: PowerShellObject, name: str, default: object) -> Any:
    try:
        return property_of(row, name, default)
    except PowerShellError:  # a cell that PowerShell would leave empty, too
        return None


def _property(row: Any, name: str, at: int) -> Any:
    if isinstance(row, PowerShellObject):
        found = _member(row, name, _MISSING)
    elif isinstance(row, Mapping):
        found = row.get(name, _MISSING)
    elif name == _VALUE and not hasattr(row, name):
        found = row
    else:
        found = getattr(row, name, _MISSING)
    if found is _MISSING:
        raise ConversionError(f"values[{at}] has no property {name!r}: {row!r}")
    return found


def _cell(value: Any) -> Any:
    return str(value) if isinstance(value, EnumValue) else value
