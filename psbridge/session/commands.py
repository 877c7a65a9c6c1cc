"""Putting commands into a pipeline: code, files, single commands, what shows or selects.

To be imported once the engine runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import System
from PSBridge import EngineCommands

from ..arguments import check_text
from ..engine.paths import net_path
from ..errors import PowerShellError
from ..values import net_text, powershell_error
from ..waiting import guard

__all__ = [
    "add_command",
    "add_engine_command",
    "add_file",
    "add_file_with_arguments",
    "add_script",
    "add_selection",
    "add_text_output",
    "add_words",
    "check_arguments",
    "colours_on",
    "refuse_modules",
    "script_block",
    "show_error",
    "show_output",
    "show_settings",
    "standard_input_for",
]


def add_script(
    pipeline: Any, script: str, arguments: Sequence[object], parameters: Mapping[str, object]
) -> None:
    """Add a script with its arguments, which are never pasted into the text.

    Raises:
        DeclarationError: the script is no text.
        TypeError: the script has no parameter of this name, or does not take so many arguments.
    """
    check_text(script, "the script")
    text = net_text(script)
    check_arguments(text, arguments, parameters)
    pipeline.AddScript(text, False)
    _add_arguments(pipeline, arguments, parameters)


def _add_arguments(
    pipeline: Any, arguments: Sequence[object], parameters: Mapping[str, object]
) -> None:
    """Give arguments to the command that was added last."""
    if not (arguments or parameters):
        return
    from ..values import to_net

    for number, argument in enumerate(arguments):
        pipeline.AddArgument(to_net(argument, f"arguments[{number}]"))
    for name, value in parameters.items():
        pipeline.AddParameter(net_text(name), to_net(value, net_text(name)))


def check_arguments(
    text: str, arguments: Sequence[object], parameters: Mapping[str, object]
) -> None:
    """Refuse what PowerShell would drop without a word.

    Raises:
        TypeError: the script has no parameter of this name, or does not take so many arguments.
    """
    if not (arguments or parameters):
        return
    from PSBridge import CommandText

    names = System.Array[System.String]([net_text(name) for name in parameters])
    checked = CommandText.CheckArguments(text, names)
    if (taken := checked.Item2) < len(arguments):
        count = "one argument" if taken == 1 else f"{taken or 'no'} arguments"
        raise TypeError(
            f"the script takes {count} by position, and {len(arguments)} were given; code that "
            "takes some begins with param(...) or uses $args"
        )
    if checked.Item1 is not None:
        known = "one that takes arguments by name begins with param(...) and names them"
        if declared := ", ".join(checked.Item3):
            known = f"it has {declared}"
        raise TypeError(f"the script has no parameter {checked.Item1!r}; {known}")


def add_command(
    pipeline: Any,
    command: str,
    parameters: Mapping[str, object],
    arguments: Sequence[object] = (),
) -> None:
    """Add a command with its arguments; no variable of the session is touched."""
    pipeline.AddCommand(net_text(command))
    _add_arguments(pipeline, arguments, parameters)


def refuse_modules(script: str) -> None:
    """Refuse a script that has modules loaded before it runs, by no command.

    Raises:
        PowerShellError: it does.
    """
    from PSBridge import CommandText

    if CommandText.LoadsModules(net_text(script)):
        raise PowerShellError(
            "a session with visible commands takes no script that begins with using module, using "
            "assembly, or #requires with a module: that would make others visible"
        )


def add_engine_command(pipeline: Any, command: str, parameters: Mapping[str, object]) -> None:
    """Add a cmdlet that psbridge calls for itself, whatever commands a session has."""
    EngineCommands.Add(pipeline, command)
    _add_arguments(pipeline, (), parameters)


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


def add_file(pipeline: Any, path: Path, *, own_scope: bool = False) -> None:
    """Add a script file, whose ``exit`` ends the session with its code."""
    from PSBridge import SessionVariables

    pipeline.AddCommand(net_path(path), own_scope)
    SessionVariables.LetFileExit(pipeline.Runspace)


def add_file_with_arguments(
    pipeline: Any,
    path: Path,
    text: str,
    arguments: Sequence[object],
    parameters: Mapping[str, object],
) -> None:
    """Add a script file, of which this is the text, with its arguments; see `add_script`."""
    check_arguments(net_text(text), arguments, parameters)
    add_file(pipeline, path, own_scope=True)
    _add_arguments(pipeline, arguments, parameters)


def add_selection(pipeline: Any, select: Sequence[str] | None, first: int | None) -> None:
    """Let PowerShell keep certain properties only, of the first objects only."""
    if select is None and first is None:
        return
    EngineCommands.Add(pipeline, "Select-Object")
    if select is not None:
        names = System.Array[System.Object]([net_text(name) for name in select])
        pipeline.AddParameter("Property", names)
    if first is not None:
        pipeline.AddParameter("First", System.Int32(first))


def add_text_output(pipeline: Any, width: int, *, far: bool) -> None:
    """Let PowerShell's formatter make lines of what the commands so far write, errors too.

    Args:
        pipeline: where the commands are.
        width: the columns of a line.
        far: whether it runs on another machine. Else its host shows the lines.
    """
    _merge_errors(pipeline)
    EngineCommands.Add(pipeline, "Out-String")
    pipeline.AddParameter("Width", System.Int32(width)).AddParameter("Stream")
    if not far:
        EngineCommands.Add(pipeline, "Show-Line")


@contextmanager
def colours_on() -> Iterator[None]:
    """Let PowerShell's formatter use colours meanwhile; in all sessions, which have one setting."""
    from System.Management.Automation import OutputRendering, PSStyle

    global _coloured, _rendering_before
    with _colours:
        _coloured += 1
        if _coloured == 1:
            _rendering_before = PSStyle.Instance.OutputRendering
            PSStyle.Instance.OutputRendering = OutputRendering.Ansi
    try:
        yield
    finally:
        with _colours:
            _coloured -= 1
            if _coloured == 0:
                PSStyle.Instance.OutputRendering = _rendering_before


_colours = guard()
_coloured = 0  # how many calls want them now
_rendering_before: Any = None


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
    _merge_errors(pipeline)
    pipeline.AddCommand("Out-Default")


def _merge_errors(pipeline: Any) -> None:
    """Let the errors of the commands so far come with their output, in the order of writing."""
    from System.Management.Automation.Runspaces import PipelineResultTypes

    for command in pipeline.Commands.Commands:
        command.MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output)


def show_error(pipeline: Any, error: PowerShellError) -> None:
    """Let PowerShell's formatter show on the host what ended a pipeline."""
    from PSBridge import ErrorOutput
    from System.Management.Automation import ErrorCategory
    from System.Management.Automation import ErrorRecord as NetErrorRecord

    record = error.record
    if record is None:
        record = NetErrorRecord(error.exception, "", ErrorCategory.NotSpecified, None)
    pipeline.AddCommand("Out-Default").AddParameter("InputObject", ErrorOutput.Mark(record))


def show_settings() -> Any:
    """How a pipeline that shows its output is run: a user's command, which sets ``$?``."""
    from System.Management.Automation import PSInvocationSettings

    settings = PSInvocationSettings()
    settings.AddToHistory = True
    return settings
