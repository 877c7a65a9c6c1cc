"""Running pipelines in a runspace that psbridge owns, one at a time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing
from typing import Any

from ..engine.instances import is_net
from ..errors import PipelineTimeout, PowerShellError, SessionClosedError, StopRequested
from ..waiting import poll_until
from .ending import stay_here_at_exit
from .nested import in_hook, note
from .opening import SessionOptions
from .options import RunOptions
from .owned_runspace import POLL_SECONDS, OwnedRunspace
from .result import Result
from .session_waits import session_here, waiting_for
from .turns import Turn

__all__ = ["RunningRunspace"]

# How long a wait has to look like one that never ends.
_SURE_SECONDS = 0.5
# How long Ctrl-C waits for code that does not stop.
_INTERRUPT_SECONDS = 0.5


class RunningRunspace(OwnedRunspace):
    """The part of `Session` that runs pipelines, each in its turn, and sees that none runs on.

    A runspace runs one pipeline at a time: calls from several threads wait for one another, in
    no particular order. A call made from inside a pipeline of this session (from a cmdlet written
    in Python) runs nested in it.
    """

    # Of Python code that runs in the pipeline: what it has raised that ends all, and whether that
    # may come out of the call.
    _ending: BaseException | None = None
    _lets_out = False
    # Whether what runs waits for somebody to take its output.
    _is_held_back = False
    _options: RunOptions | None = None  # of the call whose turn it is

    def _answers(self, options: SessionOptions) -> Any:
        if options.answers is None:
            return None
        from .questions import answer_call

        return answer_call(options.answers, self)

    def _run(self, fill: Callable[[Any], None], options: RunOptions | None = None) -> Result:
        """Run one pipeline, which `fill` puts the commands into, when it is its turn."""
        if self._closed:
            stay_here_at_exit()
        self._check_open()
        options = options or RunOptions()
        if self._runs_on_this_thread():
            return self._run_nested(fill, options)
        from System import Exception as NetException

        turn = self._turns.ask(self._caller())
        try:
            with self._waited_for():
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

    def _stream(
        self, fill: Callable[[Any], None], options: RunOptions, result: Result
    ) -> Generator[Any, None, None]:
        """Run one pipeline and give its output as it comes; the result gets the rest."""
        self._check_open()
        if self._runs_on_this_thread():
            # This thread runs the pipeline, so nothing comes before its end.
            done = self._run_nested(fill, options)
            result._take(done)
            if in_hook():
                note(result)
            yield from done
            return
        from System import Exception as NetException

        turn = self._turns.ask(self._caller())
        try:
            with self._waited_for():
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
            self._is_held_back = True
            yield from stream_pipeline(
                pipeline,
                self._host,
                options,
                result,
                given_up=self._is_given_up,
                begin=lambda run: self._begin(run, options),
                waited_for=self._waited_for,
            )
            self._ended(result)
        except BaseException as error:
            self._break_off(pipeline, error)
            raise
        finally:
            self._is_held_back = False
            self._leave(pipeline)

    def _run_nested(self, fill: Callable[[Any], None], options: RunOptions) -> Result:
        from .pipeline import nested_pipeline, run_nested

        outer, self._lets_out = self._lets_out, options.console is None
        self._nested += 1
        try:
            with nested_pipeline() as pipeline:
                fill(pipeline)
                return self._ended(run_nested(pipeline, self._host, options))
        except PowerShellError as error:
            self._let_out(error)
            raise
        finally:
            self._nested -= 1
            self._lets_out = outer
            if not self._has_caller():
                self._forget_raised()

    def _has_caller(self) -> bool:
        """Whether a call of ours waits for what runs, so that Python's exceptions may come out."""
        runs = self._pipeline is not None or self._pipeline_beside is not None
        return runs or self._nested > 0

    def _ends_with(self, error: BaseException) -> bool:
        """Whether what Python code has raised in a pipeline ends that and comes out of the call.

        That is what ends a thread or a program, such as SystemExit: an ``Exception`` is an error
        of PowerShell's first, which code may handle. Where the call shows things it is one, too: it
        would end the prompt.
        """
        if isinstance(error, (Exception, StopRequested)) or not (
            self._lets_out and self._has_caller()
        ):
            return False
        self._end_with(error)
        return True

    def _end_with(self, error: BaseException) -> None:
        """Have the call that is to end raise it."""
        self._ending = error

    def _ended(self, result: Result) -> Result:
        """The result of code that has ended by itself."""
        if self._ending is not None:  # PowerShell has gone on after it
            raise PowerShellError("Python code has ended it", result=result)
        return result

    def _let_out(self, error: PowerShellError) -> None:
        """Let an error, with which code has ended, say what Python code has ended it with."""
        if self._ending is not None:
            error.raised, self._ending = self._ending, None

    def _wait_for_turn(self, turn: Turn, options: RunOptions) -> None:
        seconds, check = options.deadline.left(math.inf), self._checks(options)
        refusing = self._refusing_deadlock(check)
        if not self._turns.wait(turn, seconds, meanwhile=refusing) or options.deadline.is_over:
            raise PipelineTimeout("time was up before it was this call's turn", Result())
        check()

    def _checks(self, options: RunOptions) -> Callable[[], None]:
        """What a call asks while it waits for something before its pipeline begins."""

        def check() -> None:
            self._check_open()
            options.check()

        return check

    def _waited_for(self) -> AbstractContextManager[None]:
        """The calling thread waits for this session."""
        return waiting_for(self, self._caller())

    def _caller(self) -> Any:
        """For whom the calling thread asks: the session in whose pipeline it is, or a job."""
        return session_here()

    def _refusing_deadlock(
        self, check: Callable[[], None], *, serves: bool = False
    ) -> Callable[[], None]:
        """What is asked while this session is waited for, which may wait for who asks.

        Args:
            check: what is asked besides.
            serves: whether what is asked for runs while Python code in this session waits.

        Returns:
            Raises RuntimeError where neither would ever end. One that has what it waits for may
            seem to wait for a moment more.
        """
        since: float | None = None

        def check_all() -> None:
            nonlocal since
            check()
            said = self._deadlock(serves=serves)
            if said is None:
                since = None
            elif since is None:
                since = time.monotonic()
            elif time.monotonic() - since > _SURE_SECONDS:
                raise RuntimeError(said)

        return check_all

    def _deadlock(self, *, serves: bool = False) -> str | None:
        """What is said of such a wait; None where there is none. See `_refusing_deadlock`."""
        return None

    def _run_alone(self, fill: Callable[[Any], None], options: RunOptions) -> Result:
        from .pipeline import run_pipeline

        pipeline = self._new_pipeline(options)
        try:
            # Whoever closes after this line sees the pipeline, and asks it to stop.
            self._check_open()
            fill(pipeline)
            return self._ended(
                run_pipeline(
                    pipeline,
                    self._host,
                    options,
                    given_up=self._is_given_up,
                    begin=lambda run: self._begin(run, options),
                )
            )
        except BaseException as error:
            self._break_off(pipeline, error)
            raise
        finally:
            self._leave(pipeline)

    def _begin(self, run: Any, options: RunOptions) -> None:
        """Begin a ``PipelineRun``, in the turn."""
        run.Begin()

    def _new_pipeline(self, options: RunOptions) -> Any:
        """An empty pipeline, for this caller's turn."""
        from .pipeline import new_pipeline

        self._options = options
        check = self._checks(options)
        check()
        if not poll_until(
            lambda: not self._lingers(),
            options.deadline.left(math.inf),
            meanwhile=self._refusing_deadlock(check),
            every=POLL_SECONDS,
        ):
            raise PipelineTimeout("time was up while code that was given up still ran", Result())
        if self._console is not None:
            self._console.allow_questions()
        self._lets_out = options.console is None
        self._pipeline = new_pipeline(self._runspace)
        return self._pipeline

    def _break_off(self, pipeline: Any, error: BaseException) -> None:
        """See that nothing runs on when an exception leaves a call."""
        from .pipeline import has_ended, stopped_error, was_stopped

        if isinstance(error, PowerShellError):
            self._let_out(error)
        if is_net(error) and was_stopped(pipeline) and not self._closed:
            raise stopped_error() from error  # before it had begun
        if has_ended(pipeline) or self._is_given_up():
            return
        # Ctrl-C, or whatever else a signal handler raises; what the input raises, be it an error of
        # another session's; a job's thread that waits here was interrupted, see `jobs.stopping`;
        # somebody leaves a stream. Code that is late has had its time to stop.
        self._stop(pipeline, 0.0 if isinstance(error, PipelineTimeout) else _INTERRUPT_SECONDS)

    def _leave(self, pipeline: Any) -> None:
        """Dispose of a call's pipeline, now or when it has ended."""
        self._pipeline = self._options = None
        if not self._has_caller():
            self._forget_raised()
        self._lingering.append(pipeline)
        self._lingers()
        if self._host is not None:
            self._host.EndProgress()

    def _forget_raised(self) -> None:
        """Let go of the Python exceptions that the pipeline that has ended went through."""
        from ..values.raised import forget

        self._ending = None
        forget(self)
