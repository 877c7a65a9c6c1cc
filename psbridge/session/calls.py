"""The calls of a session that run PowerShell code, one command or a file."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import check_flag, check_name, check_whole
from ..engine.paths import possible_path
from ..errors import PowerShellError
from ..terminal import without_styles
from .asynchronous import asynchronous, asynchronous_stream
from .member_calls import MemberCalls
from .nested import in_hook, note
from .options import RunOptions, merged, reader_of, run_options
from .result import Result, T
from .stream import PipelineStream

if TYPE_CHECKING:
    from ..values.typed import Reader

__all__ = ["RunspaceCalls", "script_text"]


def _runs_here(session: MemberCalls) -> bool:
    """Whether only the calling thread can do what a session is asked for: it is in its pipeline.

    Raises:
        RuntimeError: the running task goes through what the session's call waits for.
    """
    if session.closed:  # as it is in a forked child
        return False
    session._turns.check_task()
    return session._runs_on_this_thread()


class RunspaceCalls(MemberCalls):
    """The part of `Session` that runs PowerShell code and gives its output."""

    _is_far = False  # whether it runs code on another machine, which has none of our files

    def run(
        self,
        script: str,
        /,
        *arguments: object,
        input: Iterable[object] | AsyncIterable[object] | None = None,
        timeout: float | None = None,
        check: bool = False,
        as_: type[T] | Reader[T] | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> Result[T]:
        """Run PowerShell code and wait for it.

        Args:
            script: the code, in the session's own scope: what it defines stays.
            arguments: its arguments by position, ``$args`` in the code.
            input: what it gets from the pipeline: ``$input``, or ``$_`` in a ``process`` block. It
                is gone through while the code runs, a few values ahead of what that reads, and no
                further when the code has ended. For asyncio it may be asynchronous.
            timeout: how many seconds it may take, the wait for its turn included. None is for ever.
            check: whether errors that do not end the code, and an exit code other than 0, raise.
            as_: the type that each value of the output is made into, as `reader_for` says; a type,
                or what that gives. As they are by default.
            parameters: its arguments by name, for a script that begins with ``param(...)``; for
                those that have a name of this call's own.
            named: the others by name. All are handed over as values and never become a part of the
                text.

        Returns:
            The output as Python values; errors, warnings and the rest are its attributes.

        Raises:
            PowerShellError: a terminating error, or any with `check`. Its ``result`` holds what
                came before. One that Python code in PowerShell has raised, such as a cmdlet's or
                that of `Session.functions`, is raised itself.
            PipelineTimeout: time was up, and the code was stopped. Its ``result`` holds what came
                before. Code that is in a .NET call is waited for as for Ctrl-C.
            SessionClosedError: the session is closed, or was closed meanwhile.
            ForkedProcessError: this is a forked child of the process that opened it.
            TypeError: the code has no parameter of such a name, or takes no arguments, or not so
                many; an argument of this call is of the wrong type, or was given twice.
            ValueError: the time is none.
            RuntimeError: the input, or a signal handler, asks the session whose call it is in.
            ConversionError: an argument or an input has no counterpart in PowerShell, or a value of
                the output cannot be made into that type; its ``result`` has the output as it is.
            KeyboardInterrupt: Ctrl-C. Whatever leaves this call, an exception of the input's or of
                a signal handler's too, has stopped the pipeline. Code that is in a .NET call, which
                nothing can interrupt, is waited for for half a second or until Ctrl-C is pressed
                again; it stops when that call returns, and the next pipeline of this session waits
                for that.
        """
        by_name = merged(parameters, named)
        return self._run_checked(
            lambda pipeline: self._add(pipeline, script, arguments, by_name),
            run_options(input, timeout),
            check,
            as_,
        )

    def run_file(
        self,
        path: str | Path,
        /,
        *arguments: object,
        input: Iterable[object] | None = None,
        timeout: float | None = None,
        check: bool = False,
        as_: type[T] | Reader[T] | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> Result[T]:
        """Run a script file and wait for it; all but the first argument as for `run`.

        It has a scope of its own, as a script that is called by its name. ``$PSScriptRoot`` and the
        places of errors are the file's. ``exit`` ends it. On another machine, which has no such
        file, it runs as a text.

        Args:
            path: the file, which ends with ``.ps1``.
            arguments: its arguments by position.
            input: as for `run`.
            timeout: as for `run`.
            check: as for `run`.
            as_: as for `run`.
            parameters: as for `run`.
            named: its arguments by name.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no ``.ps1``, or the time is none.
            Exception: all that `run` raises.
        """
        from .commands import add_file_with_arguments

        self._check_open()
        by_name = merged(parameters, named)
        path = possible_path(path)
        if path.suffix.lower() != ".ps1":
            raise ValueError(f"{path} is no script file: its name does not end with .ps1")
        text = script_text(path)

        def fill(pipeline: Any) -> None:
            if self._is_far:
                self._add(pipeline, text, arguments, by_name)
            else:
                self._check_script(text)
                add_file_with_arguments(pipeline, path.absolute(), text, arguments, by_name)

        return self._run_checked(fill, run_options(input, timeout), check, as_)

    def call(
        self,
        command: str,
        /,
        *arguments: object,
        select: Sequence[str] | None = None,
        first: int | None = None,
        input: Iterable[object] | AsyncIterable[object] | None = None,
        timeout: float | None = None,
        check: bool = False,
        as_: type[T] | Reader[T] | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> Result[T]:
        """Call one command and wait for it: a cmdlet, a function, an alias or a program.

        Args:
            command: its name, which is never read as code.
            arguments: its arguments by position.
            select: the properties to keep, of each object; PowerShell's Select-Object does it.
            first: how many objects are wanted; the command is stopped when it has written so many.
            input: what it gets from the pipeline, as for `run`.
            timeout: as for `run`.
            check: as for `run`.
            as_: as for `run`.
            parameters: its parameters that have a name of this call's own.
            named: the others. True and False are for switches, too.

        Raises:
            PowerShellError: as for `run`; there is no such command, or it has no such parameter.
            Exception: all else that `run` raises.
        """
        from .commands import add_command, add_selection

        by_name = merged(parameters, named)
        check_name(command, "command")
        names = None
        if select is not None:
            names = [select] if isinstance(select, str) else list(select)
            for name in names:
                check_name(name, "select")
            if not names:
                raise ValueError("select is empty; it names at least one property")
        if first is not None:
            _check_number(first, "first")

        if self._is_limited and "\\" in command:
            raise PowerShellError(
                f"{command!r} names a module; a session with visible commands takes bare names"
            )

        def fill(pipeline: Any) -> None:
            add_command(pipeline, command, by_name, arguments)
            add_selection(pipeline, names, first)

        return self._run_checked(fill, run_options(input, timeout), check, as_)

    def stream(
        self,
        script: str,
        /,
        *arguments: object,
        input: Iterable[object] | AsyncIterable[object] | None = None,
        timeout: float | None = None,
        check: bool = False,
        as_: type[T] | Reader[T] | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> PipelineStream[T]:
        """Run PowerShell code and give its output as it comes; all arguments as for `run`.

        The code begins when the first value is asked for, and stops where the loop is left. Until
        then the session is busy: it can be asked for nothing else, in the loop neither.

        Args:
            script: as for `run`.
            arguments: as for `run`.
            input: as for `run`; it is gone through while values are asked for.
            timeout: as for `run`; it counts from this call on.
            check: as for `run`; errors raise at the end.
            as_: as for `run`.
            parameters: as for `run`.
            named: as for `run`.

        Returns:
            The values, to go through once; at the end its ``result`` has the other streams.

        Raises:
            Exception: what `run` raises; that of the code when values are asked for.
        """
        self._check_open()
        by_name = merged(parameters, named)
        options = run_options(input, timeout)
        check_flag(check, "check")

        def fill(pipeline: Any) -> None:
            self._add(pipeline, script, arguments, by_name)

        def begin(result: Result[Any]) -> Iterator[Any]:
            values = self._stream(fill, options, result)
            self._streams.add(values)
            return values

        return PipelineStream(begin, check=check, read=reader_of(as_))

    def text(
        self,
        script: str,
        /,
        *arguments: object,
        width: int = 120,
        colours: bool = False,
        input: Iterable[object] | None = None,
        timeout: float | None = None,
        check: bool = False,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> str:
        """Run PowerShell code and give what a console would show.

        That is output, errors, warnings and what is said to the host, in their order. From another
        machine come output, errors, warnings and what Write-Host says.

        Args:
            script: as for `run`.
            arguments: as for `run`.
            width: how many columns the console has.
            colours: whether the text has the escape sequences of colours and styles.
            input: as for `run`.
            timeout: as for `run`.
            check: whether an exit code other than 0 raises. Errors are in the text.
            parameters: as for `run`.
            named: as for `run`.

        Raises:
            ValueError: the width is less than 1, or the time is none.
            Exception: all else that `run` raises.
        """
        from .commands import add_text_output, colours_on

        by_name = merged(parameters, named)
        check_flag(colours, "colours")
        _check_number(width, "width")

        def fill(pipeline: Any) -> None:
            self._add(pipeline, script, arguments, by_name)
            add_text_output(pipeline, width, far=self._is_far)

        with colours_on() if colours else nullcontext():
            options = run_options(input, timeout, (width, colours))
            shown = "".join(self._run_checked(fill, options, check))
        return shown if colours else without_styles(shown)

    arun = asynchronous(run, _runs_here)
    acall = asynchronous(call, _runs_here)
    astream = asynchronous_stream(stream, _runs_here)

    def _run_checked(
        self,
        fill: Callable[[Any], None],
        options: RunOptions,
        check: bool,
        kind: type[T] | Reader[T] | None = None,
    ) -> Result[T]:
        """Run one pipeline with what all calls take."""
        check_flag(check, "check")
        read = reader_of(kind)
        try:
            result = self._run(fill, options)
        except PowerShellError as error:
            if error.raised is None:
                raise
            raised = error.raised
        else:
            if check:
                result.raise_for_errors()
            if in_hook() and self._runs_on_this_thread():
                note(result)
            if read is not None:
                result._read_as(read)
            return result
        try:
            raise raised  # not where it would get the other one as its context
        finally:
            del raised  # whose traceback has this frame

    def _add(
        self,
        pipeline: Any,
        script: str,
        arguments: Sequence[object],
        parameters: Mapping[str, object],
    ) -> None:
        """Add the code of `run` to a pipeline."""
        from .commands import add_script

        self._check_script(script)
        add_script(pipeline, script, arguments, parameters)

    def _check_script(self, script: str) -> None:
        """Refuse a script that would widen the limits of this session."""
        if self._is_limited:
            from .commands import refuse_modules

            refuse_modules(script)

    def _call(self, command: str, **parameters: object) -> Result:
        """Call a cmdlet for psbridge itself, which leaves the user's variables alone."""
        from .commands import add_engine_command

        return self._run(lambda pipeline: add_engine_command(pipeline, command, parameters))

    def _evaluate(self, expression: str, *arguments: object) -> Result:
        """Run an expression whose .NET exceptions raise PowerShellError."""
        # An exception of a method ends a statement only; thrown again, it ends the script.
        return self.run(f"try {{ {expression} }} catch {{ throw }}", *arguments)


def _check_number(value: object, what: str) -> None:
    """Refuse what PowerShell takes as no number from 1 on."""
    if not 1 <= check_whole(value, what) <= 2_147_483_647:
        raise ValueError(f"{what} is {value}; it has to be 1 or more, and less than 2^31")


def script_text(path: Path) -> str:
    """A script file's text, as PowerShell reads it: what its first bytes say, else UTF-8."""
    data = path.read_bytes()
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    return data.decode("utf-8-sig", "replace")


# UTF-32's little-endian mark begins with UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
