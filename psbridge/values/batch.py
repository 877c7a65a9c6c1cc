"""Many .NET values as Python values, in one piece. To be imported once the engine runs."""

from __future__ import annotations

import io
import pickle
from typing import Any

from PSBridge import ValueBatch

from .custom_object import CustomObject
from .member_calls import asked_for_records
from .viewpoint import place_of_scripts, runspace_seen_from

__all__ = ["read_batch"]


class _Reader(pickle.Unpickler):
    """Reads what `ValueBatch` has written, which refers to what it has not written by a number."""

    def __init__(self, data: bytes, rest: list[Any], views: list[Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._rest = rest
        self._views = views

    def persistent_load(self, pid: int) -> Any:
        return self._rest[pid] if pid >= 0 else self._views[-1 - pid]


def read_batch(array: Any, convert_items: Any, kept: Any) -> tuple[list[Any], list[str | None]]:
    """Convert the items of a .NET array of objects, and say which machine each came from.

    Args:
        array: the array.
        convert_items: converts the items that C# leaves to Python.
        kept: makes PowerShellObjects of views and their handles.
    """
    found: list[Any] = []
    origins: list[str | None] = []
    batch = ValueBatch.Of(array, __package__, runspace_seen_from(), place_of_scripts())
    while batch is not None:
        data, rest, views, handles, machines, records, has_scripts = batch.GetParts()
        if has_scripts:
            rest = asked_for_records("ReadAhead", rest, runspace_seen_from())
        others = [] if rest is None else convert_items(rest, (array,))
        objects = []
        if views is not None:
            objects = kept(list(views), memoryview(bytes(handles)).cast("q"))
        values = _Reader(bytes(data), others, objects).load()
        if records is True:
            values = map(CustomObject, values)
        elif records is not None:
            for at in memoryview(bytes(records)).cast("i"):
                values[at] = CustomObject(values[at])
        found += values
        origins += machines or [None] * (len(found) - len(origins))
        batch = batch.GetNext()
    return found, origins
