"""Running one PowerShell pipeline and collecting what it gives.

To be imported once the engine runs. A pipeline runs on a thread of .NET's while the caller waits
for it in slices: a thread that is inside one long .NET call cannot be reached by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import System
from PSBridge import PipelineRun
from System.Management.Automation import PowerShell, PSInvocationState, PSObject

from ..engine.environment import take_changes
from ..engine.paths import net_path
from ..errors import PipelineTimeout, PowerShellError, SessionClosedError
from ..values import (
    from_net,
    list_from_net,
    net_text,
    powershell_error,
    seen_from,
    text_of,
)
from ..waiting import SLICE_SECONDS, Deadline, milliseconds, poll_until, wait_until
from .options import RunOptions
from .result import ErrorRecord, InformationRecord, MessageRecord, Result

__all__ = [
    "add_command",
    "add_file",
    "add_script",
    "add_words",
    "filled",
    "has_ended",
    "message_record",
    "nested_pipeline",
    "new_pipeline",
    "run_nested",
    "run_pipeline",
    "script_block",
    "show_error",
    "show_output",
    "show_settings",
    "standard_input_for",
    "stop_pipeline",
    "stopped_error",
    "was_stopped",
]

# The longest that Ctrl-C can take to be noticed.


def new_pipeline(runspace: Any) -> Any:
    """Make an empty pipeline for a runspace."""
    pipeline = PowerShell.Create()
    pipeline.Runspace = runspace
    return pipeline


def nested_pipeline() -> Any:
    """Make an empty pipeline inside the one that runs on this very thread."""
    from System.Management.Automation import RunspaceMode

    return PowerShell.Create(RunspaceMode.CurrentRunspace)


def add_script(
    pipeline: Any, script: str, arguments: Sequence[object], parameters: Mapping[str, object]
) -> None:
    """Add a script with its arguments, which are never pasted into the text.

    Raises:
        TypeError: the script has no parameter of this name, or does not take so many arguments.
    """
    text = net_text(script)
    if arguments:
        from PSBridge import CommandText

        if (taken := CommandText.CountTaken(text, len(parameters))) < len(arguments):
            count = "one argument" if taken == 1 else f"{taken or 'no'} arguments"
            raise TypeError(
                f"the script takes {count} by position, and {len(arguments)} were given; code that "
                "takes some begins with param(...) or uses $args"
            )
    if parameters:
        from PSBridge import CommandText

        names = System.Array[System.String]([net_text(name) for name in parameters])
        if (unknown := CommandText.FindUnknown(text, names)) is not None:
            raise TypeError(
                f"the script has no parameter {unknown!r}; one that takes arguments by name begins "
                "with param(...) and names them"
            )
    pipeline.AddScript(text, False)
    if not (arguments or parameters):
        return
    from ..values import to_net

    for argument in arguments:
        pipeline.AddArgument(to_net(argument))
    for name, value in parameters.items():
        pipeline.AddParameter(net_text(name), to_net(value))


def add_command(pipeline: Any, command: str, parameters: Mapping[str, object]) -> None:
    """Add a command with its arguments by name; no variable of the session is touched."""
    from ..values import to_net

    pipeline.AddCommand(command)
    for name, value in parameters.items():
        pipeline.AddParameter(name, to_net(value))


def script_block(script: str) -> Any:
    """Parse code.

    Raises:
        PowerShellError: it is no PowerShell.
    """
    from System.Management.Automation import ParseException, ScriptBlock

    try:
        return ScriptBlock.Create(net_text(script))
    except ParseException as error:
        raise powershell_error(error)  # noqa: B904  (it knows its cause)


def add_file(pipeline: Any, path: Path) -> None:
    """Add a script file, whose ``exit`` ends the session with its code."""
    from PSBridge import SessionVariables

    pipeline.AddCommand(net_path(path), False)
    SessionVariables.LetFileExit(pipeline.Runspace)


def add_words(pipeline: Any, words: Sequence[str]) -> None:
    """Add the words of a command line as the arguments of the command that was added last."""
    if words:
        from PSBridge import CommandText

        texts = System.Array[System.String]([net_text(word) for word in words])
        CommandText.AddArguments(pipeline.Commands.Commands[0], texts)


def standard_input_for(script: str) -> Any:
    """The lines of standard input as they come, for a script that uses ``$input``; else None.

    A standard input that nobody asked for is left alone: it may never end, and a program that the
    script starts may want it.
    """
    # Most scripts do without, and need not be parsed twice.
    if "input" not in script.lower():
        return None
    from PSBridge import CommandText, StandardInput

    return StandardInput.Lines() if CommandText.UsesInput(script) else None


def show_output(pipeline: Any) -> None:
    """Let PowerShell's formatter show on the host what the commands so far write, errors too."""
    from System.Management.Automation.Runspaces import PipelineResultTypes

    for command in pipeline.Commands.Commands:
        command.MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output)
    pipeline.AddCommand("Out-Default")


def show_error(pipeline: Any, script: str, error: PowerShellError) -> None:
    """Let PowerShell's formatter show on the host what ended the pipeline of a script."""
    from PSBridge import ErrorOutput
    from System.Management.Automation import (
        ErrorCategory,
        IncompleteParseException,
        ParseException,
    )
    from System.Management.Automation import ErrorRecord as NetErrorRecord
    from System.Management.Automation.Language import Parser

    record = error.record
    if isinstance(error.exception, IncompleteParseException):
        # It is refused without the place where it is, and the formatter, which wants to point
        # there, then shows an empty line. So it is looked for once more.
        _, _, mistakes = Parser.ParseInput(script, None, None)
        record = ParseException(mistakes).ErrorRecord
    elif record is None:
        record = NetErrorRecord(error.exception, "", ErrorCategory.NotSpecified, None)
    pipeline.AddCommand("Out-Default").AddParameter("InputObject", ErrorOutput.Mark(record))


def show_settings() -> Any:
    """How a pipeline that shows its output is run: a user's command, which sets ``$?``."""
    from System.Management.Automation import PSInvocationSettings

    settings = PSInvocationSettings()
    settings.AddToHistory = True
    return settings


def run_pipeline(
    pipeline: Any, host: Any, options: RunOptions, *, given_up: Callable[[], bool]
) -> Result:
    """Run a pipeline to its end and collect its output and streams.

    Args:
        pipeline: what to run.
        host: its session's host; None where it runs on another machine.
        options: how to run it.
        given_up: whether to wait no longer for it; asked ten times a second.

    Raises:
        PowerShellError: a terminating error; its ``result`` holds what came before.
        PipelineTimeout: time was up; it was stopped.
        SessionClosedError: it was given up, and may not have ended.
        Exception: what going through the input raises; it runs on.
        KeyboardInterrupt: Ctrl-C; it runs on.
    """

    def check() -> None:
        if given_up():
            raise SessionClosedError("the session was closed while this ran")

    feed = None
    if options.input is not None:
        from PSBridge import PipelineInput

        feed = PipelineInput()
    run = PipelineRun(pipeline, host, options.settings, feed.Lines if feed else options.lines)
    run.Begin()
    if feed:
        _feed(run, feed, options, check)
    in_time = wait_until(
        lambda seconds: run.Wait(milliseconds(seconds)),
        options.deadline.left(math.inf),
        meanwhile=check,
    )
    check()
    if not in_time:
        stop_pipeline(pipeline, _LATE_SECONDS)
    return _finish(pipeline, run, run.GetFailure(), late=not in_time)


def run_nested(pipeline: Any, options: RunOptions) -> Result:
    """Run a pipeline inside the one that runs on this very thread; see `run_pipeline`.

    Its input is all taken before: this thread runs the pipeline.
    """
    lines = options.lines
    if options.input is not None:
        lines = filled(options.input)
    run = PipelineRun(pipeline, None, options.settings, lines)
    failure, late = None, False
    try:
        left = options.deadline.left(math.inf)
        late = run.InvokeNested(-1 if left == math.inf else milliseconds(left))
        failure = run.GetFailure()
    except System.Exception as error:
        failure = error
    return _finish(pipeline, run, failure, late=late)


def filled(values: Iterable[object]) -> Any:
    """A complete PSDataCollection of values, for a pipeline's input."""
    from System.Management.Automation import PSDataCollection

    from ..values import to_net

    lines = PSDataCollection[System.Object]()
    for value in values:
        lines.Add(to_net(value))
    lines.Complete()
    return lines


def _feed(run: Any, feed: Any, options: RunOptions, check: Callable[[], None]) -> None:
    """Hand the input over, until there is no more, nobody reads it any more, or time is up."""
    from ..values import to_net

    def is_wanted() -> bool:
        check()
        return not run.Wait(0) and not options.deadline.is_over

    assert options.input is not None
    look = Deadline(SLICE_SECONDS)
    try:
        for value in options.input:
            if look.is_over:
                if not is_wanted():
                    return
                look = Deadline(SLICE_SECONDS)
            item = to_net(value)
            while not feed.Offer(item, _FEED_MILLISECONDS):
                if not is_wanted():
                    return
    finally:
        feed.Complete()


def _finish(pipeline: Any, run: Any, failure: Any, *, late: bool) -> Result:
    """What a run gave, or raises what went wrong."""
    take_changes()
    with seen_from(pipeline.Runspace):
        result = _collect(pipeline, run)
    if has_ended(pipeline):
        result.exit_code, result.exited = run.GetExitCode(), run.HasExited()
    if late:
        raise PipelineTimeout("time was up before the code had ended; it was stopped", result)
    if failure is not None:
        raise powershell_error(failure, result)
    return result


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
# How long code that is stopped because it is late is waited for.
_LATE_SECONDS = 0.5
# How long to wait for room for a value before a look whether anybody reads.
_FEED_MILLISECONDS = 10


def _collect(pipeline: Any, run: Any) -> Result:
    result = Result()
    result.extend(list_from_net(run.GetOutput()))
    result.origins = list(run.GetOrigins() or [None] * len(result))
    if not run.HasRecords():
        return result
    streams = pipeline.Streams
    result.errors = [_error(record) for record in _items(streams.Error)]
    result.warnings = [message_record(record) for record in _items(streams.Warning)]
    result.verbose = [message_record(record) for record in _items(streams.Verbose)]
    result.debug = [message_record(record) for record in _items(streams.Debug)]
    result.information = [_information(record) for record in _items(streams.Information)]
    return result


def _items(stream: Any) -> list[Any]:
    # Not by iteration, which waits for more.
    return [stream[index] for index in range(stream.Count)]


def _error(record: Any) -> ErrorRecord:
    return ErrorRecord(
        message=text_of(record),
        error_id=str(record.FullyQualifiedErrorId),
        category=record.CategoryInfo.Category.ToString(),
        target=from_net(record.TargetObject),
        script_stack_trace=record.ScriptStackTrace or "",
        net=record,
        origin=_origin(record),
    )


def _is_shown(data: Any) -> bool:
    """Whether it is Write-Host's, a text with its colours, live or from another process."""
    return data is not None and str(PSObject.AsPSObject(data).TypeNames[0]).endswith(
        "System.Management.Automation.HostInformationMessage"
    )


def _information(record: Any) -> InformationRecord:
    data = record.MessageData
    return InformationRecord(
        message=text_of(record) if _is_shown(data) else from_net(data),
        source=record.Source or "",
        tags=tuple(record.Tags),
        time=from_net(record.TimeGenerated),
        origin=_origin(record),
    )


def message_record(record: Any, origin: str | None = None) -> MessageRecord:
    """A WarningRecord, VerboseRecord or DebugRecord as what it is to Python's users.

    Args:
        record: the record.
        origin: the machine it came from, where the record does not say so.
    """
    return MessageRecord(text_of(record), _origin(record) or origin)


def _origin(record: Any) -> str | None:
    # The records of remoting have it, and no others.
    info = getattr(record, "OriginInfo", None)
    return None if info is None else str(info.PSComputerName)
