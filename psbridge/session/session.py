"""A runspace of the engine: where PowerShell code runs, with its variables and its jobs."""

from __future__ import annotations

import atexit
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..engine.starting import start
from ..errors import PowerShellError, SessionClosedError
from .result import Result

if TYPE_CHECKING:
    from .console import Console

__all__ = ["RunspaceSession", "current_session"]

_open: weakref.WeakSet[RunspaceSession] = weakref.WeakSet()
_at_exit_registered = False


class RunspaceSession:
    """The part of `Session` that runs PowerShell code.

    A runspace runs one pipeline at a time: calls from several threads wait for one another, in
    no particular order. A call made from inside a pipeline of this session (from a cmdlet written
    in Python) runs nested in it.
    """

    def __init__(self, pshome: str | Path | None = None, *, console: Console | None = None) -> None:
        """Open a runspace, starting the engine where none runs in this process yet.

        Args:
            pshome: the folder of the PowerShell to use; None follows the search order.
            console: where PowerShell's host shows what it has to show. Without one, prompts are
                errors, and what is written to the host is only in the information stream.

        Raises:
            EngineNotFound: there is no engine, and none could be fetched.
            EngineStartError: it did not start.
        """
        self._closed = True  # until it is open, so that a failed opening leaves nothing to close
        self.engine = start(pshome)
        from .runspace import open_runspace

        self._host, self._runspace = open_runspace(console)
        self._pipeline: Any = None
        self._lock = threading.Lock()
        self._closed = False
        _open.add(self)
        _register_at_exit()

    def run(self, script: str, *arguments: object, **parameters: object) -> Result:
        """Run PowerShell code and wait for it.

        Args:
            script: the code, in the session's own scope: what it defines stays.
            arguments: its arguments by position, ``$args`` in the code.
            parameters: its arguments by name, for a script that begins with ``param(...)``.
                They are handed over as values and never become a part of the text.

        Returns:
            The output as Python values; errors, warnings and the rest are its attributes.

        Raises:
            PowerShellError: a terminating error. Its ``result`` holds what came before.
            SessionClosedError: the session is closed, or was closed meanwhile.
            ConversionError: an argument has no counterpart in PowerShell.
        """
        from .pipeline import add_script

        return self._run(lambda pipeline: add_script(pipeline, script, arguments, parameters))

    def show(self, script: str) -> bool:
        """Run PowerShell code and let PowerShell's own formatter show what it gives.

        Output and errors, terminating ones too, go to the session's console.

        Returns:
            Whether it succeeded: PowerShell's ``$?`` after it.

        Raises:
            SessionClosedError: the session is closed, or was closed meanwhile.
        """
        from .pipeline import add_script, show_error, show_output

        def show_script(pipeline: Any) -> None:
            add_script(pipeline, script, (), {})
            show_output(pipeline)

        try:
            self._run(show_script, typed=True)
        except PowerShellError as error:
            failure = error
        else:
            return bool(self.run("$global:?") == [True])
        self._run(lambda pipeline: show_error(pipeline, failure))
        return False

    @property
    def exit_code(self) -> int | None:
        """What a script gave to ``exit``, in a session with a console; None where none has."""
        return None if self._host is None else self._host.exit_code

    @property
    def closed(self) -> bool:
        """Whether the session is closed."""
        return self._closed

    def close(self) -> None:
        """Stop what runs in this session and close it; closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        _open.discard(self)
        running = self._pipeline
        if running is not None:
            running.Stop()
        with self._lock:
            self._runspace.Dispose()

    def _run(self, fill: Callable[[Any], None], *, typed: bool = False) -> Result:
        """Run one pipeline, which `fill` puts the commands into, when it is its turn."""
        from .pipeline import nested_pipeline, new_pipeline, run_pipeline

        with self._turn() as nested:
            if nested:
                pipeline = nested_pipeline()
                fill(pipeline)
                return run_pipeline(pipeline, nested=True)
            self._pipeline = pipeline = new_pipeline(self._runspace)
            try:
                fill(pipeline)
                return run_pipeline(pipeline, typed=typed)
            finally:
                self._pipeline = None

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Wait for this caller's turn; tell whether it is inside a pipeline of ours already."""
        self._check_open()
        if self._runs_on_this_thread():
            yield True
            return
        with self._lock:
            self._check_open()
            yield False

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosedError("the session is closed")

    def _runs_on_this_thread(self) -> bool:
        from System.Management.Automation.Runspaces import Runspace

        return bool(Runspace.DefaultRunspace == self._runspace)

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"PowerShell {self.engine.home.version}"
        return f"<{type(self).__name__} {state}>"


def current_session() -> RunspaceSession | None:
    """The session in whose pipeline the calling thread is; None outside of any."""
    for session in list(_open):
        if session._runs_on_this_thread():
            return session
    return None


def _register_at_exit() -> None:
    # After the engine's own handlers, so that this runs before them.
    global _at_exit_registered
    if not _at_exit_registered:
        _at_exit_registered = True
        atexit.register(_close_all)


def _close_all() -> None:
    for session in list(_open):
        session.close()
