"""A runspace that psbridge owns: its opening, stopping what runs there, and closing."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import signal
import threading
import time
import warnings
import weakref
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..engine.forking import check_process, in_forked_child
from ..engine.starting import start
from ..errors import SessionClosedError
from ..waiting import may_wait, poll_until, serve_by
from .ending import begin_exit, check_ending, is_given_up
from .opening import SessionOptions
from .turns import Turn, Turns

if TYPE_CHECKING:
    from ..engine.starting import Engine

__all__ = ["GRACE_SECONDS", "POLL_SECONDS", "OwnedRunspace", "close_all", "open_runspaces"]

_open: weakref.WeakSet[OwnedRunspace] = weakref.WeakSet()
_at_exit_registered = False

# How long a close waits for pipelines and jobs that do not stop before it gives them up.
GRACE_SECONDS = 5.0
# How often a wait looks whether a pipeline that was given up has ended.
POLL_SECONDS = 0.05
# How long a caller that is told to give up has to leave.
_LEAVE_SECONDS = 1.0


class OwnedRunspace:
    """The part of `Session` that opens, keeps and closes its runspace; see `RunningRunspace`."""

    def __init__(self, options: SessionOptions | None = None) -> None:
        """Open a runspace, starting the engine where none runs in this process yet.

        Args:
            options: how; the usual way by default.

        Raises:
            EngineNotFound: there is no engine, and none could be fetched.
            EngineStartError: it did not start.
        """
        options = options or SessionOptions()
        self._closed = True  # until it is open, so that a failed opening leaves nothing to close
        self._console = options.console
        self._is_limited = options.visible_commands is not None
        self.engine, self._host, runspace = self._open(options)
        self._take(runspace)
        self._turns = Turns()
        self._pipeline: Any = None  # what runs, in the turn
        self._pipeline_beside: Any = None  # what runs for a member of an object
        self._lingering: list[Any] = []  # what was given up and may still run
        self._streams: weakref.WeakSet[Generator[Any, None, None]] = weakref.WeakSet()
        self._nested = 0  # how many calls are inside of pipelines
        self._give_up_at = math.inf
        self._closed = False
        _open.add(self)
        _register_at_exit()

    def _open(self, options: SessionOptions) -> tuple[Engine, Any, Any]:
        """Open the runspace; gives the engine, the host and the runspace."""
        engine = start(options.pshome)
        _let_ctrl_c_interrupt()
        from .runspace import open_runspace

        commands, help_file = self._commands(engine)
        answers = self._answers(options)
        return engine, *open_runspace(engine.home.path, options, commands, help_file, answers)

    def _take(self, runspace: Any) -> None:
        """Have what was opened, before this is known: the end of the program may close it."""
        self._runspace = runspace

    def _answers(self, options: SessionOptions) -> Any:
        """An ``AnswerCall`` that answers what it asks; or None."""
        return None

    def _commands(self, engine: Engine) -> tuple[Any, Path | None]:
        """An ``Assembly`` whose cmdlets are there from the start, and its help; or None."""
        return None, None

    @property
    def exit_code(self) -> int | None:
        """What a script gave to ``exit``, in a session with a console; None where none has."""
        return None if self._host is None else self._host.ExitCode

    @property
    def closed(self) -> bool:
        """Whether the session is closed."""
        return self._closed

    def stop(self) -> None:
        """Stop what runs in this session, from another thread; it can be used afterwards.

        Whoever waits for it gets a `PowerShellError`, which has what came before. Where nothing
        runs this does nothing; calls that wait for their turn have it next.
        """
        check_process()
        for pipeline in (self._pipeline, self._pipeline_beside):
            if pipeline is not None:
                self._stop(pipeline, 0)

    def close(self) -> None:
        """Stop what runs in this session and close it; closing twice does nothing.

        A pipeline that has not stopped within five seconds, because it is in a .NET call that
        cannot be interrupted, is given up: its caller gets SessionClosedError, and the runspace
        closes when that call returns. Inside a pipeline of this very session this only asks for
        the stop, and the session closes behind that pipeline.
        """
        if self._closed:
            return
        self._ask_to_close()
        # Else whoever has the turn disposes of it when it has left.
        if not self._runs_on_this_thread() and not self._turns.is_mine():
            self._dispose()

    def _ask_to_close(self) -> None:
        """Let nothing begin any more, and ask what runs to stop."""
        self._give_up_at = time.monotonic() + GRACE_SECONDS
        self._closed = True
        _open.discard(self)
        # Also one that an exception has left running, such as a signal handler's SystemExit.
        for pipeline in (self._pipeline, self._pipeline_beside, *self._lingering):
            if pipeline is not None:
                self._stop(pipeline, 0)

    def _dispose(self) -> None:
        """Close the runspace when the pipeline's caller has left it. May be called twice."""
        turn = Turn()
        try:
            if self._turns.is_mine():
                self._linger()  # of a stream that is never gone on with
            elif not self._turns.wait(turn, self._seconds_to_give_up() + _LEAVE_SECONDS):
                self._linger()  # another thread's
            if not poll_until(
                lambda: not self._lingers(), self._seconds_to_give_up(), every=POLL_SECONDS
            ):
                self._give_up_what_runs_on()
                self._runspace.CloseAsync()
            else:
                self._stop_what_would_run_on()
                self._give_up_what_runs_on()
                self._runspace.Dispose()
        finally:
            if self._turns.holder is turn:
                self._turns.holder = None
            self._turns.wake()

    def _leave_stream(self) -> None:
        """Leave the stream that nobody can go on with, at the end of the program.

        Python would, when modules are gone and .NET is.
        """
        holder = self._turns.holder
        if holder is None or (not self._turns.is_mine() and holder.thread.is_alive()):
            return
        for stream in list(self._streams):
            stream.close()

    def _seconds_to_give_up(self) -> float:
        return max(0.0, self._give_up_at - time.monotonic())

    def _stop_what_would_run_on(self) -> None:
        """Called before the runspace closes, when nothing runs in it."""

    def _give_up_what_runs_on(self) -> None:
        """Called at last before the runspace closes, in which a pipeline may run on."""

    def _stop(self, pipeline: Any, seconds: float) -> None:
        """Ask a pipeline to stop, a question to the user included, and wait so long for it."""
        from .pipeline import stop_pipeline

        if self._console is not None:
            self._console.refuse_questions()
        stop_pipeline(pipeline, seconds)

    def _lingers(self) -> bool:
        """Whether a pipeline that nobody waits for any more still runs; to be asked in turn."""
        from .pipeline import has_ended

        for pipeline in [each for each in self._lingering if has_ended(each)]:
            self._dispose_of(pipeline)
        return bool(self._lingering)

    def _dispose_of(self, pipeline: Any) -> None:
        """Let go of one that has ended; two threads may."""
        pipeline.Dispose()
        with contextlib.suppress(ValueError):
            self._lingering.remove(pipeline)

    def _linger(self) -> None:
        """Wait for what runs as for what was given up."""
        if self._pipeline is not None:
            self._lingering.append(self._pipeline)

    def _is_given_up(self) -> bool:
        if self._closed and time.monotonic() > self._give_up_at:
            return True
        return is_given_up()

    def _check_open(self) -> None:
        if self._closed:
            check_process()
            raise SessionClosedError("the session is closed")
        check_ending()

    def _runs_on_this_thread(self) -> bool:
        from System.Management.Automation.Runspaces import Runspace

        return bool(Runspace.DefaultRunspace == self._runspace)

    def __enter__(self) -> Self:
        try:
            self._check_open()
        except SessionClosedError:
            self.close()  # the program ends, and nobody else will
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True):
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)
        finally:
            # Not a subclass's close: what it stops would have kept this alive.
            if may_wait():
                OwnedRunspace.close(self)
            else:
                # Collected in the midst of something of ours, which others may need for their end.
                threading.Thread(target=OwnedRunspace.close, args=(self,), daemon=True).start()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"PowerShell {self.engine.home.version}"
        return f"<{type(self).__name__} {state}>"


def open_runspaces() -> list[OwnedRunspace]:
    """Those of this process that are open."""
    return list(_open)


def _let_ctrl_c_interrupt() -> None:
    """Let Ctrl-C end the waits of Python's own locks, threads and queues again.

    .NET puts a handler of its own before Python's, with the flag that makes the system go on with
    a wait after a signal. So once .NET runs, `Event.wait()` in the main thread would be deaf.
    """
    if os.name != "nt":
        signal.siginterrupt(signal.SIGINT, True)


def _register_at_exit() -> None:
    # After the engine's own handlers, so that this runs before them.
    global _at_exit_registered
    if not _at_exit_registered:
        _at_exit_registered = True
        atexit.register(close_all)


def close_all() -> None:
    """Close all sessions at the end of the program; calling it twice does nothing more."""
    begin_exit()
    sessions = list(_open)
    with ExitStack() as closing:
        closing.callback(serve_by, None)
        for session in sessions:
            closing.callback(session._dispose)  # of each, whatever becomes of another one
            closing.callback(session._leave_stream)
        for session in sessions:
            session._ask_to_close()


def _close_in_forked_child() -> None:
    """The sessions are the parent's. Closing one here does nothing: ``with`` ends in peace."""
    serve_by(None)
    for session in list(_open):
        session._closed = True
    _open.clear()


in_forked_child(_close_in_forked_child)
