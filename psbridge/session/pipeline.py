"""Running one PowerShell pipeline and collecting what it gives.

To be imported once the engine runs. A pipeline runs on a thread of .NET's while the caller waits
for it in slices: a thread that is inside one long .NET call cannot be reached by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

import System
from PSBridge import PipelineRun
from System.Management.Automation import PowerShell, PSInvocationState

from ..engine.environment import take_changes
from ..engine.instances import is_net_of
from ..errors import PipelineTimeout, PowerShellError, SessionClosedError
from ..values import (
    ReadingBrokenOff,
    list_from_net,
    powershell_error,
    seen_from,
)
from ..waiting import SLICE_SECONDS, milliseconds, poll_until, serve, wait_until
from .feeding import FEED_MILLISECONDS, feed, filled, offers
from .options import RunOptions
from .records import error_record, information_record, message_record
from .result import Result
from .stream_records import InformationRecord

__all__ = [
    "has_ended",
    "nested_pipeline",
    "new_pipeline",
    "run_nested",
    "run_pipeline",
    "stop_pipeline",
    "stopped_error",
    "stream_pipeline",
    "was_stopped",
]


T = TypeVar("T")


def new_pipeline(runspace: Any) -> Any:
    """Make an empty pipeline for a runspace."""
    pipeline = PowerShell.Create()
    pipeline.Runspace = runspace
    return pipeline


def nested_pipeline() -> Any:
    """Make an empty pipeline inside the one that runs on this very thread."""
    from System.Management.Automation import RunspaceMode

    return PowerShell.Create(RunspaceMode.CurrentRunspace)


def run_pipeline(
    pipeline: Any,
    host: Any,
    options: RunOptions,
    *,
    given_up: Callable[[], bool],
    begin: Callable[[Any], None],
) -> Result:
    """Run a pipeline to its end and collect its output and streams.

    Args:
        pipeline: what to run.
        host: its session's host; None where it runs on another machine.
        options: how to run it, and on which console it shows things.
        given_up: whether to wait no longer for it; asked ten times a second.
        begin: begins a ``PipelineRun`` when nothing else runs in the runspace.

    Raises:
        PowerShellError: a terminating error; its ``result`` holds what came before.
        PipelineTimeout: time was up; it was stopped.
        SessionClosedError: it was given up, and may not have ended.
        Exception: what going through the input raises; it runs on.
        KeyboardInterrupt: Ctrl-C; it runs on.
    """
    run, room, check = _prepare(pipeline, host, options, given_up)
    begin(run)
    _limit(run, options)
    if room is not None:
        feed(run, room, options, check)
    in_time = wait_until(
        lambda seconds: run.Wait(milliseconds(seconds)),
        options.deadline.left(math.inf),
        meanwhile=check,
    )
    check()
    if not in_time:
        stop_pipeline(pipeline, _LATE_SECONDS)
    return _finish(pipeline, run, run.GetFailure(), late=run.WasLate() or not in_time)


def run_nested(pipeline: Any, host: Any, options: RunOptions) -> Result:
    """Run a pipeline inside the one that runs on this very thread; see `run_pipeline`.

    Its input is all taken before: this thread runs the pipeline.
    """
    lines = options.lines
    if options.input is not None:
        lines = filled(options.input)
    run = PipelineRun(pipeline, None, options.settings, lines)
    _show(run, host, options)
    failure, late = None, False
    try:
        left = options.deadline.left(math.inf)
        late = run.InvokeNested(-1 if left > _LONGEST_SECONDS else milliseconds(left), host)
        failure = run.GetFailure()
    except System.Exception as error:
        failure = error
    return _finish(pipeline, run, failure, late=late)


def stream_pipeline(
    pipeline: Any,
    host: Any,
    options: RunOptions,
    result: Result,
    *,
    given_up: Callable[[], bool],
    begin: Callable[[Any], None],
    waited_for: Callable[[], AbstractContextManager[None]],
) -> Iterator[Any]:
    """Run a pipeline and give its output as it comes; see `run_pipeline`.

    It runs no more than some hundred values ahead of who takes them. Its input is gone through
    between two values.

    Args:
        pipeline: what to run.
        host: as there.
        options: as there.
        result: gets its other streams at the end.
        given_up: as there.
        begin: as there.
        waited_for: notes that it is waited for, while this waits for a value.
    """
    run, room, check = _prepare(pipeline, host, options, given_up)
    run.HoldBack()
    begin(run)
    offered = iter(()) if options.input is None else offers(room, options.input, options.deadline)
    feeding, late = room is not None, False
    _limit(run, options)
    while True:
        feeding = feeding and next(offered, None) is not None
        ended = run.Wait(0)  # before the last values are taken
        with waited_for():
            seconds = options.deadline.left(serve(SLICE_SECONDS))
            wait = FEED_MILLISECONDS if feeding else milliseconds(seconds)
            taken = run.Take(0 if ended else wait)
        is_over = was_stopped(pipeline)
        (values, _), broken = _read(pipeline, partial(list_from_net, taken), is_over=is_over)
        yield from values
        if broken is not None and not isinstance(broken, PipelineTimeout):
            raise broken
        if ended and not values:
            break
        check()
        if late := options.deadline.is_over:
            stop_pipeline(pipeline, _LATE_SECONDS)
            break
    try:
        result._take(_finish(pipeline, run, run.GetFailure(), late=run.WasLate() or late))
    except (PowerShellError, PipelineTimeout) as error:
        result._take(error.result)
        raise


def _prepare(
    pipeline: Any, host: Any, options: RunOptions, given_up: Callable[[], bool]
) -> tuple[Any, Any, Callable[[], None]]:
    """A run, what takes its input (or None), and what is to be asked while it runs."""

    def check() -> None:
        options.check()
        if given_up():
            raise SessionClosedError("the session was closed while this ran")

    room = None
    if options.input is not None:
        from PSBridge import PipelineInput

        room = PipelineInput()
    lines = options.lines if room is None else room.Lines
    run = PipelineRun(pipeline, host, options.settings, lines)
    _show(run, host, options)
    return run, room, check


def _show(run: Any, host: Any, options: RunOptions) -> None:
    """Let a run show things where its call wants them."""
    if options.text is not None:
        run.ShowAsText(*options.text, host is None)
    elif options.console is not None and host is not None:
        from .host import show_on

        show_on(run, options.console)


def _limit(run: Any, options: RunOptions) -> None:
    """Let a run stop when its time is up, whatever this thread is in: its input, what it serves."""
    left = options.deadline.left(math.inf)
    if left < _LONGEST_SECONDS:
        run.StopAfter(milliseconds(left))


def _finish(pipeline: Any, run: Any, failure: Any, *, late: bool) -> Result:
    """What a run gave, or raises what went wrong."""
    take_changes()
    # Before records are read, whose scripts may run programs.
    ended = (run.GetExitCode(), run.HasExited()) if has_ended(pipeline) else (None, False)
    is_over = late or was_stopped(pipeline)
    result, broken = _read(pipeline, partial(_collect, pipeline, run), is_over=is_over)
    result.exit_code, result.exited = ended
    if late or isinstance(broken, PipelineTimeout):
        raise PipelineTimeout("time was up before the code had ended; it was stopped", result)
    if failure is not None:
        from PSBridge import CommandText

        error = powershell_error(CommandText.WithPlaces(failure, pipeline.Commands), result)
        error.errors = [error_record(record) for record in _records_of(error)]
        raise error
    if broken is not None:
        if isinstance(broken, PowerShellError):
            broken.result = result
        raise broken
    return result


def _read(
    pipeline: Any, read: Callable[[], T], *, is_over: bool = False
) -> tuple[T, Exception | None]:
    """Read values of a call's, and say what has ended the call meanwhile.

    Args:
        pipeline: the call's pipeline.
        read: converts the values, whose scripts run in the session.
        is_over: whether the call is over, and scripts of records run no more.
    """
    try:
        with seen_from(pipeline.Runspace, scripts="Nowhere" if is_over else "Session"):
            return read(), None
    except ReadingBrokenOff as unwound:
        with seen_from(pipeline.Runspace, scripts="Nowhere"):
            return read(), unwound.error


def _records_of(error: PowerShellError) -> list[Any]:
    """The ErrorRecords of what ended the code: one, or one for each mistake in it."""
    from System.Management.Automation import ParseException

    if is_net_of(error.exception, ParseException) and error.exception.Errors is not None:
        from PSBridge import CommandText

        return list(CommandText.RecordsOf(error.exception))
    return [] if error.record is None else [error.record]


def was_stopped(pipeline: Any) -> bool:
    """Whether a pipeline was asked to stop, be it before it began."""
    return pipeline.InvocationStateInfo.State in _STOPPED


def stopped_error() -> PowerShellError:
    """What a pipeline ends with that was stopped before it began."""
    from System.Management.Automation import PipelineStoppedException

    return powershell_error(PipelineStoppedException())


def has_ended(pipeline: Any) -> bool:
    """Whether a pipeline does not run, any more or yet. To dispose of it is to wait for that."""
    return pipeline.InvocationStateInfo.State not in _RUNNING


_STOPPED = (PSInvocationState.Stopping, PSInvocationState.Stopped)
_RUNNING = (PSInvocationState.Running, PSInvocationState.Stopping)


def stop_pipeline(pipeline: Any, seconds: float) -> None:
    """Ask a pipeline to stop, and wait so long for it; a second Ctrl-C ends the wait."""
    from PSBridge import LastingStop

    with contextlib.suppress(System.ObjectDisposedException):  # it has ended meanwhile
        LastingStop.Begin(pipeline)
        poll_until(lambda: has_ended(pipeline), seconds, every=_POLL_SECONDS)


_POLL_SECONDS = 0.01
# The longest that .NET's timers take, 24 days. No power: see `remote.terminating`.
_LONGEST_SECONDS = 2_147_483
# How long code that is stopped because it is late is waited for.
_LATE_SECONDS = 0.5


def _collect(pipeline: Any, run: Any) -> Result:
    result = Result()
    values, result.origins = list_from_net(run.GetOutput())
    result.extend(values)
    if not run.HasRecords():
        return result
    streams = pipeline.Streams
    result.errors = [error_record(record) for record in _items(streams.Error)]
    result.warnings = [message_record(record) for record in _items(streams.Warning)]
    result.verbose = [message_record(record) for record in _items(streams.Verbose)]
    result.debug = [message_record(record) for record in _items(streams.Debug)]
    result.information = _once(
        [information_record(record) for record in _items(streams.Information)]
    )
    return result


def _once(records: list[InformationRecord]) -> list[InformationRecord]:
    """Without what Receive-Job has shown on the host of records that it has given, too.

    The engine marks these: "so that it is not written twice", as `PSHOST` and `FORWARDED`.
    """
    shown = [record.message for record in records if "FORWARDED" in record.tags]
    if not shown:
        return records
    kept = []
    for record in records:
        if record.source == "Host" and record.message in shown:
            shown.remove(record.message)
        else:
            kept.append(record)
    return kept


def _items(stream: Any) -> list[Any]:
    # Not by iteration, which waits for more.
    return [stream[index] for index in range(stream.Count)]
