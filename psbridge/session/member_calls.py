"""Running the scripts of objects' members where they belong: in the session of the object.

Who asks an object for such a member, outside of any pipeline, makes a call of the session, which
is run in its turn, stopped and waited for as any other (``ScriptMembers.cs`` decides which are).
These callers cannot wait for the turn:

- who has it: he converts what his pipeline has given, or the pipeline runs, and he goes through its
  stream or its input;
- who is given what a stream gives by him who goes through that;
- an event loop, which must not wait for its own tasks, and a pipeline of another session's, whose
  turn others may wait for;
- the work of a job, for whose end the session may be waiting: see `jobs.session`.

Their calls are made beside the turn, one at a time. Where no pipeline runs, one is made for the
call. Where one runs, it runs the call in its midst: by an event of PowerShell's between two of its
statements and where it waits for room or for input; and where Python code in it waits for something
of ours. Any other long statement is waited for.

What runs in such a call may lead to the session again, over others. The pipeline waits for that,
and so does whoever has the turn of those beside: it is run in the wait, in no turn.

Guarantees:

- The code of a session runs on one thread at a time, in a pipeline, so that it can be stopped.
- A pipeline begins where none runs: each does so under the turn of those that are beside.

PowerShell itself may make a pipeline for an event: where the one that it was for has ended in the
very moment. Such a one is stopped as what else runs in the runspace.

Rejected: PowerShell's own way for the methods of its classes; see ``MemberCall.cs``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..errors import PowerShellError, SessionClosedError
from ..waiting import milliseconds, serve_by, wait_until
from .beside import RunsBeside, late
from .options import CallCancelled, RunOptions
from .result import Result
from .session_waits import waits_for_this_thread
from .turns import Turn

__all__ = ["MemberCalls"]


class MemberCalls(RunsBeside):
    """The part of `Session` that runs the scripts of objects' members."""

    def _take(self, runspace: Any) -> None:
        super()._take(runspace)
        from ..values import runs_scripts

        serve_by(_serve_here)
        runs_scripts(self, runspace)

    def _call_member(self, call: Any, *, bound: bool) -> None:
        """Run a ``MemberCall``; see `values.viewpoint.ScriptRunner`."""
        is_mine = self._turns.is_mine()
        if self.closed and (is_mine or self._is_limited):
            self._check_open()
        if self.closed:
            call.RunHere()
        elif is_mine or self._is_to_go_beside():
            self._call_beside(call)
        else:
            # A stream may begin before it is this call's turn, and another call as well.
            options = RunOptions(is_cancelled=self._is_to_go_beside)
            try:
                _let_call_fail(call, lambda: self._run(_filled_with(call), options))
            except CallCancelled:
                self._call_beside(call)

    def _is_to_go_beside(self) -> bool:
        """Whether a call must wait no more, for its turn or, in it, for its pipeline to begin."""
        from .pipeline import has_ended

        holder, is_mine = self._turns.holder, self._turns.is_mine()
        if is_mine and self._pipeline is not None and not has_ended(self._pipeline):
            return False
        if self._is_held_beside() or self._deadlock() is not None:
            return True
        if holder is None or is_mine:
            return False
        return self._is_held_back or _is_in_event_loop() or _is_in_pipeline()

    def _call_beside(self, call: Any, *, stops: bool = True) -> None:
        """Run a ``MemberCall`` beside the turn.

        Args:
            call: the call.
            stops: whether an exception that leaves this stops the pipeline in which the call runs.
        """
        from System import Exception as NetException

        options = self._options_of_caller()
        turn = Turn(self._caller())
        try:
            with self._waited_for():
                is_taken = waits_for_this_thread(self)
                if is_taken and self._call_in_wait(call, options, stops=stops):
                    return
                self._wait_beside(turn, options)
                pipeline = self._running()
                if pipeline is not None:
                    if is_taken:
                        call.GiveBack()
                    if self._call_inside(pipeline, call, options, stops=stops):
                        return
                ended = self._pipeline if pipeline is None else pipeline
                _let_call_fail(call, lambda: self._run_for(call, options, ended))
        except (PowerShellError, NetException) as error:
            # A .NET exception: it was asked to stop before it began.
            if self._closed:
                raise SessionClosedError("the session was closed while this ran") from error
            raise
        finally:
            if self._beside.holder is turn:
                self._beside.holder = None
            self._beside.wake()

    def _call_aside(self, call: Any) -> None:
        """Run a ``MemberCall`` in no session, on a thread of its own."""
        call.BeginAside()
        options = self._options_of_caller()
        self._wait_for(call, options, check=self._checks(options))

    def _call_in_wait(self, call: Any, options: RunOptions, *, stops: bool) -> bool:
        """Have the pipeline run a call that waits for this thread; says whether it has."""
        call.BeginInWait(self._runspace)
        if (pipeline := self._running()) is not None:  # it may go on before it comes to the call
            return self._call_inside(pipeline, call, options, stops=stops)
        return self._have_run(
            call,
            options,
            begin=lambda: None,
            is_over=lambda: not waits_for_this_thread(self),
            stops=stops,
        )

    def _call_inside(self, pipeline: Any, call: Any, options: RunOptions, *, stops: bool) -> bool:
        """Have a pipeline run a call in its midst; says whether it has, or had ended before."""
        from PSBridge import VisitedPipeline

        from .pipeline import has_ended, stopped_error, was_stopped

        def is_over() -> bool:
            VisitedPipeline.Wake(pipeline)
            return has_ended(pipeline)

        def begin() -> None:
            call.BeginIn(self._runspace, pipeline)

        is_mine, was_stopping = self._turns.is_mine(), was_stopped(pipeline)
        try:
            VisitedPipeline.Visit(pipeline, True, is_mine)
            if self._have_run(call, options, begin=begin, is_over=is_over, stops=stops):
                return True
        finally:
            VisitedPipeline.Visit(pipeline, False, is_mine)
        if is_mine and was_stopped(pipeline) and not was_stopping:
            raise stopped_error()
        return False

    def _have_run(
        self,
        call: Any,
        options: RunOptions,
        *,
        begin: Callable[[], None],
        is_over: Callable[[], bool],
        stops: bool,
    ) -> bool:
        """Have a call run by whoever comes to it.

        Args:
            call: the call.
            options: how long.
            begin: lets it be known.
            is_over: whether nobody comes to it any more.
            stops: see `_call_beside`.

        Returns:
            Whether somebody has run it; else it is the caller's now.
        """
        is_ours = False
        try:
            self._inside.append(call)
            begin()
            self._wait_for(call, options, is_over=is_over)
            is_ours = call.TryTake()
            if is_ours:
                return False
            self._wait_for(call, options)  # PowerShell may have made a pipeline for it
        finally:
            with suppress(ValueError):
                self._inside.remove(call)
            if not (is_ours or call.TryTake() or call.Wait(0)):
                self._left.append(call)
                if stops:  # the pipeline comes to nothing else before that ends
                    self._stop_all()
        raised = self._endings.pop(call.GetNumber(), None)
        try:
            if raised is not None:
                raise raised
            return True
        finally:
            del raised  # whose traceback has this frame

    def _end_with(self, error: BaseException) -> None:
        """See `RunningRunspace`; in a pipeline's midst it is the member's call that is to end."""
        from PSBridge import MemberCall

        if number := MemberCall.NumberHere():
            self._endings[number] = error
        else:
            super()._end_with(error)

    def _wait_for(
        self,
        call: Any,
        options: RunOptions,
        *,
        is_over: Callable[[], bool] = lambda: False,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Wait for the end of a call, or for something else.

        Args:
            call: the call.
            options: how long.
            is_over: whether it is not to be waited for any more.
            check: what is asked meanwhile; `_checks_beside` by default.
        """
        if not wait_until(
            lambda seconds: call.Wait(milliseconds(seconds)) or is_over(),
            options.deadline.left(math.inf),
            meanwhile=check or self._checks_beside(options),
        ):
            raise late()

    def _run_for(self, call: Any, options: RunOptions, ended: Any) -> Result:
        """Run a pipeline that runs a call, where none runs.

        Args:
            call: the call.
            options: how.
            ended: the pipeline that has ended and whose turn it may still be; or None.
        """
        from .pipeline import has_ended, new_pipeline, run_pipeline

        pipeline = new_pipeline(self._runspace)
        if ended is not None:
            # What is said is that call's.
            for stream in ("Warning", "Verbose", "Debug", "Information"):
                setattr(pipeline.Streams, stream, getattr(ended.Streams, stream))
        below, self._pipeline_beside = self._pipeline_beside, pipeline
        try:
            # Whoever closes after this line sees the pipeline, and asks it to stop.
            self._check_open()
            _filled_with(call)(pipeline)
            # Without the host, which knows what the other one has ended with.
            return run_pipeline(
                pipeline, None, options, given_up=self._is_given_up, begin=lambda run: run.Begin()
            )
        except BaseException as error:
            self._break_off(pipeline, error)
            raise
        finally:
            self._lingering.append(pipeline)  # first: a second Ctrl-C may come between two lines
            self._pipeline_beside = below
            if has_ended(pipeline):
                self._dispose_of(pipeline)
            if not self._has_caller():
                self._forget_raised()

    def _options_of_caller(self) -> RunOptions:
        """How long the caller waits: as long as the call that it is in, where it is in one."""
        options = RunOptions()
        if self._options is not None and self._turns.is_mine():
            options.deadline = self._options.deadline
            if self._options.is_cancelled != self._is_to_go_beside:  # that is of its own turn
                options.is_cancelled = self._options.is_cancelled
        return options


def _serve_here() -> bool:
    """Do what others need of the pipeline on this thread; says whether it is in one."""
    from PSBridge import VisitedPipeline

    from ..values import seen_from

    with seen_from(None):  # and not as what is being read here
        return bool(VisitedPipeline.ServeHere())


def _is_in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _is_in_pipeline() -> bool:
    """Whether this thread is in a pipeline, of another session's."""
    from System.Management.Automation.Runspaces import Runspace

    return Runspace.DefaultRunspace is not None


def _filled_with(call: Any) -> Callable[[Any], None]:
    def fill(pipeline: Any) -> None:
        from PSBridge import EngineCommands

        EngineCommands.Add(pipeline, "Invoke-Member")
        pipeline.AddParameter("Call", call)

    return fill


def _let_call_fail(call: Any, run: Callable[[], Result]) -> None:
    """Run a pipeline with a call, which says itself what it has thrown.

    Raises:
        PowerShellError: the pipeline was stopped.
        Exception: what Python code raised that the call has led to.
    """
    try:
        run()
    except PowerShellError as error:
        if error.raised is None:
            if call.HasFailed():
                return
            raise
        raised = error.raised
    else:
        return
    try:
        raise raised  # not where it would get the other one as its context
    finally:
        del raised  # whose traceback has this frame
