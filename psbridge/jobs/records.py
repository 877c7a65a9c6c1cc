"""What a job has written, as Python's values and records. To be imported once the engine runs.

It is read from the job itself, see ``JobRecords.cs``: not by a pipeline, which would have to wait
for the session's turn, and not by Receive-Job, which shows a part of it past all streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from PSBridge import JobRecords, RemotingJobs

from ..session.records import error_record, information_record, message_record, progress_record
from ..session.result import Result
from ..session.stream_records import MessageRecord
from ..values import list_from_net, seen_from

__all__ = ["Written", "read_all", "written"]

# By `JobStream`.
STREAMS = ("output", "error", "warning", "verbose", "debug", "information", "progress")
_OUTPUT = STREAMS.index("output")


class Written(NamedTuple):
    """A record of a job, and the .NET job that wrote it."""

    stream: str
    value: Any
    origin: str | None
    job: Any


def read_all(job: Any, runspace: Any, *, keep: bool) -> tuple[Result, Any]:
    """Read all that a job and its children have written and nobody has taken.

    Args:
        job: the .NET job.
        runspace: whose types the values have.
        keep: leave it there.

    Returns:
        It, and the job that waits for Receive-Job to let it go on; None where none does.
    """
    read = JobRecords.ReadAll(job, keep)
    result = Result()
    with seen_from(runspace):
        values, result.origins = list_from_net(read.GetOutput())
        result.extend(values)
        if len(values) < read.Count:
            lists = result._by_stream()
            for stream, value, _, _ in _in_order(read, []):
                if stream in lists:
                    lists[stream].append(value)
    result.exit_code = RemotingJobs.ExitCodeOf(job)
    return result, read.Waiting


def written(read: Any, runspace: Any) -> list[Written]:
    """What was read of a job that is followed.

    Args:
        read: a ``JobRecords``.
        runspace: whose types the values have.
    """
    with seen_from(runspace):
        values, origins = list_from_net(read.GetOutput())
        return list(_in_order(read, list(zip(values, origins, strict=True))))


def _in_order(read: Any, values: list[tuple[Any, str | None]]) -> Iterator[Written]:
    """The records, with values among them where those are given."""
    jobs, machines = list(read.GetJobs()), list(read.GetMachines())
    output, others = iter(values), iter(read.GetOthers())
    places = memoryview(bytes(read.GetPlaces())).cast("i")
    for code, place in zip(bytes(read.GetStreams()), places, strict=True):
        if code == _OUTPUT:
            value, origin = next(output, (None, None))
        else:
            origin = machines[place]
            value = _record(STREAMS[code], next(others), origin)
            origin = value.origin
        if code != _OUTPUT or values:
            yield Written(STREAMS[code], value, origin, jobs[place])


def _record(stream: str, record: Any, origin: str | None) -> Any:
    if stream == "error":
        return error_record(record)
    if stream == "information":
        return information_record(record, origin)
    if stream == "progress":
        return progress_record(record, origin)
    return (
        MessageRecord(record, origin) if isinstance(record, str) else message_record(record, origin)
    )
