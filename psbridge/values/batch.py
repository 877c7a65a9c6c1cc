"""Many .NET values as Python values, in one piece. To be imported once the engine runs."""

from __future__ import annotations

import io
import pickle
from typing import Any

from PSBridge import ValueBatch

from . import custom_object
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
    batch = ValueBatch.Of(array, custom_object.__name__, runspace_seen_from(), place_of_scripts())
    while batch is not None:
        rest = batch.GetRest()
        if batch.HasScripts():
            asked_for_records("ReadAhead", rest, runspace_seen_from())
        rest = convert_items(rest, (array,))
        views = list(batch.GetViews())
        if views:
            views = kept(views, memoryview(bytes(batch.GetHandles())).cast("q"))
        found += _Reader(bytes(batch.GetData()), rest, views).load()
        origins += batch.GetOrigins() or [None] * (len(found) - len(origins))
        batch = batch.GetNext()
    return found, origins
