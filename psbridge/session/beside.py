"""Code that runs beside the turn of a session, in the midst of a pipeline or where none runs.

`member_calls` says who needs that. Here is what keeps such calls, and pipelines that begin, apart:
a turn of those that are beside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import PipelineTimeout
from ..waiting import Deadline, poll_until, wait_until
from .options import RunOptions
from .owned_runspace import POLL_SECONDS
from .result import Result
from .runs import RunningRunspace
from .session_waits import waits_behind
from .turns import Turn, Turns

__all__ = ["RunsBeside", "late"]

# How long a stream that is left waits for the script of somebody's.
_LEAVE_SECONDS = 0.5


class RunsBeside(RunningRunspace):
    """The part of `Session` that lets one caller at a time run something beside its turn."""

    def _take(self, runspace: Any) -> None:
        super()._take(runspace)
        self._beside = Turns()  # of whoever makes a call beside the turn, or begins a pipeline
        self._inside: list[Any] = []  # calls that a pipeline is to run, and whose callers wait
        self._left: list[Any] = []  # calls that have begun, and whose callers may have left
        # What ends all that Python code has raised in calls, by their numbers.
        self._endings: dict[int, BaseException] = {}

    def _running(self) -> Any:
        """The pipeline that runs; None where none does."""
        from .pipeline import has_ended

        for pipeline in (self._pipeline_beside, self._pipeline):
            if pipeline is not None and not has_ended(pipeline):
                return pipeline
        return None

    def _begin(self, run: Any, options: RunOptions) -> None:
        """See `RunningRunspace`: where nobody runs a pipeline beside."""
        turn = Turn(self._caller())
        try:
            self._wait_beside(turn, options, serves=False)
            run.Begin()
        finally:
            if self._beside.holder is turn:
                self._beside.holder = None
            self._beside.wake()

    def _checks_beside(self, options: RunOptions, *, serves: bool = True) -> Callable[[], None]:
        """What is asked while a call is waited for that does not wait for the turn."""
        return self._refusing_deadlock(self._checks(options), serves=serves)

    def _wait_beside(self, turn: Turn, options: RunOptions, *, serves: bool = True) -> None:
        """Take the turn of those that are beside, when nothing runs that was given up.

        Nor a pipeline that PowerShell has made: the engine waits for its end, and the thread that
        begins another one would serve nobody meanwhile, while code in there may wait for that.
        """
        from PSBridge import LastingStop

        from .pipeline import has_ended

        def is_free() -> bool:
            return (
                turn.caller is None
                or self._running() is not None
                or not LastingStop.RunsIn(self._runspace)
            )

        left, check = options.deadline.left, self._checks_beside(options, serves=serves)
        is_there = wait_until(
            lambda seconds: self._is_held_beside() or self._beside.wait(turn, seconds),
            left(math.inf),
            meanwhile=check,
        )
        if not is_there or not poll_until(
            lambda: (
                all(has_ended(each) for each in list(self._lingering))
                and all(each.Wait(0) for each in list(self._left))
                and is_free()
            ),
            left(math.inf),
            meanwhile=check,
            every=POLL_SECONDS,
        ):
            raise late()

    def _runs_inside(self) -> bool:
        """Whether somebody runs a call whose caller waits."""
        return any(each.IsRunning() for each in list(self._inside))

    def _is_held_beside(self) -> bool:
        """Whether the turn beside is somebody's who goes on behind what this thread does."""
        holder = self._beside.holder
        return holder is not None and waits_behind(holder)

    def _break_off(self, pipeline: Any, error: BaseException) -> None:
        """See `RunningRunspace`; who only leaves a stream leaves time to scripts in its midst."""
        if not isinstance(error, GeneratorExit):
            super()._break_off(pipeline, error)
            return
        turn, left = Turn(), Deadline(_LEAVE_SECONDS).left
        try:
            self._beside.wait(turn, left(_LEAVE_SECONDS))
            poll_until(lambda: not self._runs_inside(), left(_LEAVE_SECONDS), every=POLL_SECONDS)
            super()._break_off(pipeline, error)
        finally:
            if self._beside.holder is turn:
                self._beside.holder = None
            self._beside.wake()

    def stop(self) -> None:
        """See `OwnedRunspace`."""
        super().stop()
        if self._beside.holder is not None:
            self._stop_all()

    def _lingers(self) -> bool:
        """See `OwnedRunspace`; a call may run on as well."""
        from .pipeline import has_ended

        beside = self._pipeline_beside
        if super()._lingers() or (beside is not None and not has_ended(beside)):
            return True
        for call in [each for each in self._left if each.Wait(0)]:
            self._left.remove(call)
            self._endings.pop(call.GetNumber(), None)
        if self._left and self._beside.holder is None:
            self._stop_all()
        return bool(self._left)

    def _stop_all(self) -> None:
        """Stop what runs in the runspace, be it a pipeline that PowerShell has made."""
        from PSBridge import MemberCall

        MemberCall.StopIn(self._runspace)


def late() -> PipelineTimeout:
    """What a call that waits for a member's script ends with when its time is up."""
    return PipelineTimeout("time was up while a script of a member ran", Result())
