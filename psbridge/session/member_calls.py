"""Running the scripts of objects' members where they belong: in the session of the object.

Who asks an object for such a member, outside of any pipeline, makes a call of the session, which
is run in its turn, stopped and waited for as any other (``ScriptMembers.cs`` decides which are).
These callers cannot wait for the turn:

- who has it, and converts what his pipeline has given: that has ended, and another one runs the
  call;
- who has it while his pipeline runs, and whoever goes through a stream, which waits for him;
- an event loop, which must not wait for its own tasks, and a pipeline of another session's, whose
  turn others may wait for;
- the work of a job, for whose end the session may be waiting: see `jobs.session`.

For them PowerShell's events have the call run in the midst of the pipeline, between two of its
statements or where it waits for room. Where a pipeline is in one long statement PowerShell has the
thread that waits run the script, after a quarter of a second: that is its own way for classes. One
such call runs at a time, for PowerShell tells two of them to both of those that wait.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from ..errors import PipelineTimeout, PowerShellError
from ..waiting import milliseconds, wait_until
from .options import RunOptions
from .result import Result
from .runs import RunningRunspace
from .turns import Turn, Turns

__all__ = ["MemberCalls"]


class MemberCalls(RunningRunspace):
    """The part of `Session` that runs the scripts of objects' members."""

    def _take(self, runspace: Any) -> None:
        super()._take(runspace)
        self._turns_beside = Turns()
        from ..values import runs_scripts

        runs_scripts(self, runspace)

    def _call_member(self, call: Any, *, bound: bool) -> None:
        """Run a ``MemberCall``; see `values.viewpoint.ScriptRunner`."""
        from .pipeline import has_ended

        is_mine = self._turns.is_mine()
        if self.closed and (is_mine or self._is_limited):
            self._check_open()
        if self.closed:
            call.RunHere()
        elif is_mine and (self._pipeline is None or has_ended(self._pipeline)):
            _let_call_fail(call, lambda: self._run_after(_filled_with(call)))
        elif is_mine or self._is_held_back:
            self._call_beside(call, self._runspace)
        elif self._turns.holder is not None and (_is_in_event_loop() or _is_in_pipeline()):
            self._call_beside(call, None if bound else self._runspace)
        else:
            _let_call_fail(call, lambda: self._run(_filled_with(call)))

    def _options_of_caller(self) -> RunOptions:
        """How long the caller waits: as long as the call that it is in, where it is in one."""
        options = RunOptions()
        if self._options is not None and self._turns.is_mine():
            options.deadline = self._options.deadline
            options.is_cancelled = self._options.is_cancelled
        return options

    def _run_after(self, fill: Callable[[Any], None]) -> Result:
        """Run a pipeline behind the one whose turn it is, which has ended."""
        from .pipeline import new_pipeline, run_pipeline

        ended, pipeline = self._pipeline, new_pipeline(self._runspace)
        self._pipeline = pipeline
        if ended is not None:
            # What is said is the call's.
            for stream in ("Warning", "Verbose", "Debug", "Information"):
                setattr(pipeline.Streams, stream, getattr(ended.Streams, stream))
        try:
            fill(pipeline)
            # Without the host, which knows what the other one has ended with.
            options = self._options_of_caller()
            return run_pipeline(pipeline, None, options, given_up=self._is_given_up)
        except BaseException as error:
            self._break_off(pipeline, error)
            raise
        finally:
            self._pipeline = ended
            self._lingering.append(pipeline)
            self._lingers()

    def _call_beside(self, call: Any, runspace: Any) -> None:
        """Run a call on a thread of its own; what it waits for goes on where nobody waits for it.

        Args:
            call: a ``MemberCall``.
            runspace: in which its scripts run, by events; None where PowerShell decides.
        """
        from PSBridge import PipelineRun

        held = self._pipeline if self._is_held_back else None
        options = self._options_of_caller()
        check = self._checks_beside(options)
        turn, visited = Turn(), None
        try:
            seconds = options.deadline.left(math.inf)
            in_time = self._turns_beside.wait(turn, seconds, meanwhile=check)
            if in_time:
                if held is not None:
                    PipelineRun.Visit(held, True)
                    visited = held
                call.Begin(runspace)
                in_time = wait_until(
                    lambda seconds: call.Wait(milliseconds(seconds)),
                    options.deadline.left(math.inf),
                    meanwhile=check,
                )
        finally:
            if self._turns_beside.holder is turn:
                self._turns_beside.holder = None
            self._turns_beside.wake()
            if visited is not None:
                PipelineRun.Visit(visited, False)
        if not in_time:
            raise PipelineTimeout("time was up while a script of a member ran", Result())

    def _checks_beside(self, options: RunOptions) -> Callable[[], None]:
        from .pipeline import stopped_error, was_stopped

        check = RunningRunspace._checks(self, options)  # it does not wait for the session
        pipeline = self._pipeline if self._turns.is_mine() else None

        def check_all() -> None:
            check()
            if pipeline is not None and was_stopped(pipeline):
                raise stopped_error()

        return check_all


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
