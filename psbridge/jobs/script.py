"""Scripts that run as jobs of PowerShell's, and what is to be before they begin."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..arguments import check_name, check_seconds, check_text
from ..engine.paths import net_path, possible_path
from ..errors import DeclarationError
from ..session.options import merged, run_options

__all__ = ["JobScript", "starting_options", "thread_options"]


class JobScript:
    """PowerShell code with its arguments, to be started with others by `Session.start_jobs`."""

    def __init__(
        self,
        script: str,
        /,
        *arguments: object,
        name: str | None = None,
        timeout: float | None = None,
        input: Iterable[object] | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> None:
        """Describe it; all arguments as for `Session.start_job`.

        Args:
            script: the code.
            arguments: its arguments by position.
            name: the child job's name.
            timeout: how many seconds it may take, from when its process is started.
            input: what it gets from the pipeline.
            parameters: as for `Session.start_job`.
            named: its arguments by name.

        Raises:
            DeclarationError: something is of the wrong type.
            TypeError: an argument was given twice.
            ValueError: the time is none.
        """
        check_text(script, "script")
        check_text(name, "name", optional=True)
        run_options(input, None)  # refuses what is no input
        self.script = script
        self.arguments = arguments
        self.name = name
        self.timeout = None if timeout is None else check_seconds(timeout, "timeout")
        self.input = input
        self.named = merged(parameters, named)

    def __repr__(self) -> str:
        return f"<JobScript {self.name or self.script!r}>"

    def to_net(self) -> Any:
        """What the engine starts. The input is gone through.

        Raises:
            PowerShellError: the code is no PowerShell.
            TypeError: it has no parameter of such a name, or takes not so many arguments.
            ConversionError: an argument or an input has no counterpart in PowerShell.
        """
        from PSBridge import ScriptToStart
        from System import Array, Object, String

        from ..session.commands import check_arguments, script_block
        from ..values import net_text, to_net

        block = script_block(self.script)
        check_arguments(net_text(self.script), self.arguments, self.named)
        arguments = [
            to_net(value, f"arguments[{number}]") for number, value in enumerate(self.arguments)
        ]
        names = [net_text(name) for name in self.named]
        values = [to_net(value, net_text(name)) for name, value in self.named.items()]
        lines = None
        if self.input is not None:
            lines = [to_net(value, f"input[{number}]") for number, value in enumerate(self.input)]
        return ScriptToStart(
            block,
            Array[Object](arguments),
            Array[String](names),
            Array[Object](values),
            None if lines is None else Array[Object](lines),
        )


def starting_options(
    modules: Iterable[str | Path],
    working_directory: str | Path | None,
    *,
    set_location: bool = False,
) -> dict[str, Any]:
    """The parameters of a cmdlet that say what is to be before the code begins.

    Args:
        modules: what is to be imported.
        working_directory: where it is to be.
        set_location: whether code has to go there.

    Raises:
        DeclarationError: the modules are no list of names or paths.
        OSError: there is no such working directory.
    """
    from ..session.commands import script_block

    if isinstance(modules, (str, bytes)) or not isinstance(modules, Iterable):
        raise DeclarationError(f"modules is {modules!r}; it is a list of names or paths")
    lines = [_import_of(module) for module in modules]
    options: dict[str, Any] = {}
    if working_directory is not None:
        folder = possible_path(working_directory)
        os.scandir(folder).close()  # says what is wrong with it
        path = net_path(folder.absolute())
        if set_location:
            lines.insert(0, f"Set-Location -LiteralPath {_quoted(path)}")
        else:
            options["Folder"] = path
    if lines:
        options["InitializationScript"] = script_block("\n".join(lines))
    return options


def thread_options(one: JobScript) -> tuple[dict[str, Any], Any]:
    """The parameters of Start-ThreadJob that say what it runs, and its input.

    Raises:
        TypeError: it has arguments by name and ``$using:``.
        Exception: what `JobScript.to_net` raises.
    """
    from PSBridge import CommandText

    from ..session.commands import script_block
    from ..values import net_text

    script = one.to_net()
    if not (one.named or script.HasNullInput):
        return {"ScriptBlock": script.Block, "ArgumentList": script.Arguments}, script.Lines
    if CommandText.UsesUsing(net_text(one.script)):
        raise TypeError(
            "a script with $using: takes no arguments by name on a thread, and no None as input; "
            "give all values as arguments by position"
        )
    return {"ScriptBlock": script_block(_SPLAT), "ArgumentList": script.Handed}, None


# Start-ThreadJob takes arguments by position only, and no null as input. The variables are private:
# the script sees none of them.
_SPLAT = """\
$private:code, $private:positional, $private:named, $private:piped = $args
if ($null -ne $piped) { $piped | & $code @positional @named } else { & $code @positional @named }
"""


def _import_of(module: str | Path) -> str:
    """Code that imports a module, or fails the job with one error that says which."""
    if isinstance(module, os.PathLike) or (
        isinstance(module, str) and (os.sep in module or (os.altsep and os.altsep in module))
    ):
        module = net_path(possible_path(module).absolute())
    check_name(module, "modules")
    name = _quoted(str(module))
    return (
        f"try {{ Import-Module -Name {name} -Global -ErrorAction Stop }} "
        f"catch {{ throw ('the module ' + {name} + ' could not be imported: ' + $_) }}"
    )


def _quoted(text: str) -> str:
    """A text as a literal of PowerShell's: an initialization script takes no arguments."""
    from System.Management.Automation.Language import CodeGeneration

    from ..values import net_text

    return f"'{CodeGeneration.EscapeSingleQuotedStringContent(net_text(text))}'"
