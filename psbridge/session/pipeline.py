"""Running one PowerShell pipeline and collecting what it gives.

To be imported once the engine runs. A pipeline runs on a thread of .NET's while the caller waits
for it in slices: a thread that is inside one long .NET call cannot be reached by Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import System
from PSBridge import ErrorOutput
from System.Management.Automation import (
    ErrorCategory,
    PipelineStoppedException,
    PowerShell,
    PSDataCollection,
    PSInvocationSettings,
    PSObject,
    RunspaceMode,
    RuntimeException,
)
from System.Management.Automation import ErrorRecord as NetErrorRecord
from System.Management.Automation.Runspaces import PipelineResultTypes

from ..errors import PowerShellError, SessionClosedError
from ..values import from_net, to_net
from .result import ErrorRecord, InformationRecord, MessageRecord, Result

__all__ = [
    "SLICE_MILLISECONDS",
    "add_script",
    "nested_pipeline",
    "new_pipeline",
    "run_pipeline",
    "show_error",
    "show_output",
]

# The longest that Ctrl-C can take to be noticed.
SLICE_MILLISECONDS = 100


def new_pipeline(runspace: Any) -> Any:
    """Make an empty pipeline for a runspace."""
    pipeline = PowerShell.Create()
    pipeline.Runspace = runspace
    return pipeline


def nested_pipeline() -> Any:
    """Make an empty pipeline inside the one that runs on this very thread."""
    return PowerShell.Create(RunspaceMode.CurrentRunspace)


def add_script(
    pipeline: Any, script: str, arguments: Sequence[object], parameters: Mapping[str, object]
) -> None:
    """Add a script with its arguments, which are never pasted into the text."""
    pipeline.AddScript(script, False)
    for argument in arguments:
        pipeline.AddArgument(to_net(argument))
    for name, value in parameters.items():
        pipeline.AddParameter(name, to_net(value))


def show_output(pipeline: Any) -> None:
    """Let PowerShell's formatter show on the host what the commands so far write, errors too."""
    for command in pipeline.Commands.Commands:
        command.MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output)
    pipeline.AddCommand("Out-Default")


def show_error(pipeline: Any, error: PowerShellError) -> None:
    """Let PowerShell's formatter show on the host what ended a pipeline."""
    record = error.record
    if record is None:
        record = NetErrorRecord(error.exception, "", ErrorCategory.NotSpecified, None)
    pipeline.AddCommand("Out-Default").AddParameter("InputObject", ErrorOutput.Mark(record))


def run_pipeline(pipeline: Any, *, nested: bool = False, typed: bool = False) -> Result:
    """Run a pipeline to its end and collect its output and streams.

    Args:
        pipeline: what to run; disposed of afterwards.
        nested: it runs inside another one on this thread, so it has to run on this thread too.
        typed: it counts as typed by a user: it is added to the history and sets ``$?``.

    Raises:
        PowerShellError: a terminating error; its ``result`` holds what came before.
        SessionClosedError: the session was closed while it ran.
        KeyboardInterrupt: Ctrl-C; the pipeline has been stopped then.
    """
    output = PSDataCollection[PSObject]()
    try:
        try:
            if nested:
                pipeline.Invoke[PSObject](None, output)
            else:
                _invoke(pipeline, output, typed)
        except System.Exception as error:
            _raise(error, _collect(pipeline, output))
        return _collect(pipeline, output)
    finally:
        pipeline.Dispose()


def _invoke(pipeline: Any, output: Any, typed: bool) -> None:
    settings = PSInvocationSettings()
    settings.AddToHistory = typed
    running = pipeline.BeginInvoke[PSObject, PSObject](None, output, settings, None, None)
    ended = running.AsyncWaitHandle
    try:
        while not ended.WaitOne(SLICE_MILLISECONDS):
            pass
    except BaseException:
        pipeline.Stop()
        raise
    pipeline.EndInvoke(running)


def _collect(pipeline: Any, output: Any) -> Result:
    result = Result()
    result.extend(map(from_net, output.ReadAll()))
    streams = pipeline.Streams
    result.errors = [_error(record) for record in streams.Error.ReadAll()]
    result.warnings = [MessageRecord(record.Message) for record in streams.Warning.ReadAll()]
    result.verbose = [MessageRecord(record.Message) for record in streams.Verbose.ReadAll()]
    result.debug = [MessageRecord(record.Message) for record in streams.Debug.ReadAll()]
    result.information = [_information(record) for record in streams.Information.ReadAll()]
    return result


def _error(record: Any) -> ErrorRecord:
    return ErrorRecord(
        message=record.ToString(),
        error_id=record.FullyQualifiedErrorId,
        category=record.CategoryInfo.Category.ToString(),
        target=from_net(record.TargetObject),
        script_stack_trace=record.ScriptStackTrace or "",
        net=record,
    )


def _information(record: Any) -> InformationRecord:
    return InformationRecord(
        message=from_net(record.MessageData),
        source=record.Source or "",
        tags=tuple(record.Tags),
        time=from_net(record.TimeGenerated),
    )


def _raise(error: Any, result: Result) -> None:
    if isinstance(error, PipelineStoppedException):
        raise SessionClosedError("the pipeline was stopped before it had ended") from error
    record = error.ErrorRecord if isinstance(error, RuntimeException) else None
    if record is None:
        raise PowerShellError(error.Message, exception=error, result=result) from error
    raise PowerShellError(
        record.ToString(),
        exception=error,
        record=record,
        error_id=record.FullyQualifiedErrorId,
        category=record.CategoryInfo.Category.ToString(),
        result=result,
    ) from error
