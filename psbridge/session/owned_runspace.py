"""A runspace that psbridge owns: its opening, whose turn it is, stopping and closing."""

from __future__ import annotations

import atexit
import math
import os
import signal
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..engine.forking import check_process, in_forked_child
from ..engine.instances import is_net
from ..engine.starting import start
from ..errors import PipelineTimeout, PowerShellError, SessionClosedError
from ..waiting import may_wait, poll_until
from .ending import begin_exit, check_ending, is_given_up, stay_here_at_exit
from .opening import SessionOptions
from .options import RunOptions
from .result import Result
from .turns import Turn, Turns

if TYPE_CHECKING:
    from ..engine.starting import Engine

__all__ = ["GRACE_SECONDS", "OwnedRunspace", "close_all", "open_runspaces"]

T = TypeVar("T")

_open: weakref.WeakSet[OwnedRunspace] = weakref.WeakSet()
_at_exit_registered = False

# How long a close waits for pipelines and jobs that do not stop before it gives them up.
GRACE_SECONDS = 5.0
# How long Ctrl-C does.
_INTERRUPT_SECONDS = 0.5
_POLL_SECONDS = 0.05
# How long a caller that is told to give up has to leave.
_LEAVE_SECONDS = 1.0


class OwnedRunspace:
    """The part of `Session` that opens, keeps and closes its runspace.

    A runspace runs one pipeline at a time: calls from several threads wait for one another, in
    no particular order. A call made from inside a pipeline of this session (from a cmdlet written
    in Python) runs nested in it.
    """

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
        self.engine, self._host, self._runspace = self._open(options)
        self._turns = Turns()
        self._pipeline: Any = None  # what runs, in the turn
        self._lingering: Any = None  # what was given up and may still run
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

        return engine, *open_runspace(engine.home.path, options, *self._commands(engine))

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
        if (pipeline := self._pipeline) is not None:
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
        for pipeline in (self._pipeline, self._lingering):
            if pipeline is not None:
                self._stop(pipeline, 0)

    def _dispose(self) -> None:
        """Close the runspace when the pipeline's caller has left it. May be called twice."""
        turn = Turn()
        try:
            if self._turns.is_mine():
                self._lingering = self._pipeline  # of a stream that is never gone on with
            elif not self._turns.wait(turn, self._seconds_to_give_up() + _LEAVE_SECONDS):
                self._lingering = self._pipeline  # another thread's
            if not poll_until(
                lambda: not self._lingers(), self._seconds_to_give_up(), every=_POLL_SECONDS
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

    def _seconds_to_give_up(self) -> float:
        return max(0.0, self._give_up_at - time.monotonic())

    def _stop_what_would_run_on(self) -> None:
        """Called before the runspace closes, when nothing runs in it."""

    def _give_up_what_runs_on(self) -> None:
        """Called at last before the runspace closes, in which a pipeline may run on."""

    def _run(self, fill: Callable[[Any], None], options: RunOptions | None = None) -> Result:
        """Run one pipeline, which `fill` puts the commands into, when it is its turn."""
        if self._closed:
            stay_here_at_exit()
        self._check_open()
        options = options or RunOptions()
        if self._runs_on_this_thread():
            return self._run_nested(fill, options)
        from System import Exception as NetException

        turn = self._turns.ask()
        try:
            self._wait_for_turn(turn, options)
            return self._run_alone(fill, options)
        except (PowerShellError, NetException) as error:
            # A .NET exception: it was asked to stop before it began.
            if self._closed:
                raise SessionClosedError("the session was closed while this ran") from error
            raise
        finally:
            if self._turns.holder is turn:
                self._turns.holder = None
            self._turns.wake()
            stay_here_at_exit()
            if self._closed:
                self._dispose()

    def _in_turn(self, work: Callable[[], T]) -> T:
        """Do something with the runspace while nothing runs in it."""
        turn = self._turns.ask()
        try:
            self._wait_for_turn(turn, RunOptions())
            return work()
        finally:
            if self._turns.holder is turn:
                self._turns.holder = None
            self._turns.wake()
            if self._closed:
                self._dispose()

    def _stream(
        self, fill: Callable[[Any], None], options: RunOptions, result: Result
    ) -> Iterator[Any]:
        """Run one pipeline and give its output as it comes; the result gets the rest."""
        self._check_open()
        if self._runs_on_this_thread():
            # This thread runs the pipeline, so nothing comes before its end.
            done = self._run_nested(fill, options)
            result._take(done)
            yield from done
            return
        from System import Exception as NetException

        turn = self._turns.ask()
        try:
            self._wait_for_turn(turn, options)
            with closing(self._stream_alone(fill, options, result)) as values:
                for value in values:
                    yield value
                    turn.thread = threading.current_thread()  # another one may go on
        except (PowerShellError, NetException) as error:
            if self._closed:
                raise SessionClosedError("the session was closed while this ran") from error
            raise
        finally:
            if self._turns.holder is turn:
                self._turns.holder = None
            self._turns.wake()
            if self._closed:
                self._dispose()

    def _stream_alone(
        self, fill: Callable[[Any], None], options: RunOptions, result: Result
    ) -> Generator[Any, None, None]:
        from .pipeline import stream_pipeline

        pipeline = self._new_pipeline(options)
        try:
            self._check_open()
            fill(pipeline)
            yield from stream_pipeline(
                pipeline, self._host, options, result, given_up=self._is_given_up
            )
        except BaseException as error:
            self._break_off(pipeline, error)
            raise
        finally:
            self._leave(pipeline)

    def _run_nested(self, fill: Callable[[Any], None], options: RunOptions) -> Result:
        from .pipeline import nested_pipeline, run_nested

        self._nested += 1
        try:
            with nested_pipeline() as pipeline:
                fill(pipeline)
                return run_nested(pipeline, self._host, options)
        finally:
            self._nested -= 1
            if not self._has_caller():
                self._forget_raised()

    def _has_caller(self) -> bool:
        """Whether a call of ours waits for what runs, so that Python's exceptions may come out."""
        return self._pipeline is not None or self._nested > 0

    def _wait_for_turn(self, turn: Turn, options: RunOptions) -> None:
        seconds, check = options.deadline.left(math.inf), self._checks(options)
        if not self._turns.wait(turn, seconds, meanwhile=check) or options.deadline.is_over:
            raise PipelineTimeout("time was up before it was this call's turn", Result())
        check()

    def _checks(self, options: RunOptions) -> Callable[[], None]:
        """What a call asks while it waits for something before its pipeline begins."""

        def check() -> None:
            self._check_open()
            options.check()

        return check

    def _run_alone(self, fill: Callable[[Any], None], options: RunOptions) -> Result:
        from .pipeline import run_pipeline

        pipeline = self._new_pipeline(options)
        try:
            # Whoever closes after this line sees the pipeline, and asks it to stop.
            self._check_open()
            fill(pipeline)
            return run_pipeline(pipeline, self._host, options, given_up=self._is_given_up)
        except BaseException as error:
            self._break_off(pipeline, error)
            raise
        finally:
            self._leave(pipeline)

    def _new_pipeline(self, options: RunOptions) -> Any:
        """An empty pipeline, for this caller's turn."""
        from .pipeline import new_pipeline

        check = self._checks(options)
        check()
        seconds = options.deadline.left(math.inf)
        if not poll_until(
            lambda: not self._lingers(), seconds, meanwhile=check, every=_POLL_SECONDS
        ):
            raise PipelineTimeout("time was up while code that was given up still ran", Result())
        if self._console is not None:
            self._console.allow_questions()
        self._pipeline = new_pipeline(self._runspace)
        return self._pipeline

    def _break_off(self, pipeline: Any, error: BaseException) -> None:
        """See that nothing runs on when an exception leaves a call."""
        from .pipeline import stopped_error, was_stopped

        if isinstance(error, (PowerShellError, SessionClosedError, PipelineTimeout)):
            return  # it has ended, or is given up
        if is_net(error):
            if was_stopped(pipeline) and not self._closed:
                raise stopped_error() from error  # before it had begun
            return
        # Ctrl-C, or whatever else a signal handler raises; a job's thread that waits here was
        # interrupted, see `jobs.stopping`; somebody leaves a stream; it cannot be run at all.
        self._stop(pipeline, _INTERRUPT_SECONDS)

    def _leave(self, pipeline: Any) -> None:
        """Dispose of a call's pipeline, now or when it has ended."""
        self._pipeline = None
        self._forget_raised()
        self._lingering = pipeline
        self._lingers()
        if self._host is not None:
            self._host.EndProgress()

    def _forget_raised(self) -> None:
        """Let go of the Python exceptions that the pipeline that has ended went through."""
        from ..values.raised import forget

        forget(self)

    def _stop(self, pipeline: Any, seconds: float) -> None:
        """Ask a pipeline to stop, a question to the user included, and wait so long for it."""
        from .pipeline import stop_pipeline

        if self._console is not None:
            self._console.refuse_questions()
        stop_pipeline(pipeline, seconds)

    def _lingers(self) -> bool:
        """Whether a pipeline that nobody waits for any more still runs; to be asked in turn."""
        from .pipeline import has_ended

        if self._lingering is not None and has_ended(self._lingering):
            self._lingering.Dispose()
            self._lingering = None
        return self._lingering is not None

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
        for session in sessions:
            closing.callback(session._dispose)  # of each, whatever becomes of another one
        for session in sessions:
            session._ask_to_close()


def _close_in_forked_child() -> None:
    """The sessions are the parent's. Closing one here does nothing: ``with`` ends in peace."""
    for session in list(_open):
        session._closed = True
    _open.clear()


in_forked_child(_close_in_forked_child)
