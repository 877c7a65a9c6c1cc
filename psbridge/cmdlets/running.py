"""Running a cmdlet: what its .NET instance calls, in the foreground and as a job.

To be imported once the engine runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PSBridge import PythonCmdlet
from System import Action, Func
from System.Management.Automation import (
    IContainsErrorRecord,
    RuntimeDefinedParameterDictionary,
    ScriptCallDepthException,
)
from System.Reflection import Missing

from ..engine.environment import take_changes
from ..engine.instances import is_net, is_net_of
from ..errors import PowerShellError, StopRequested
from ..jobs.stopping import InterruptibleThread
from ..jobs.timers import call_later, start_clock
from ..session.nested import enter_hook, leave_hook
from ..session.session import RunspaceSession, current_session
from ..values import error_record, from_net
from ..values.raised import record_of, remember
from .as_job import CollectedInput, StreamedInput
from .cmdlet import Cmdlet, JobCmdlet, TerminatingError
from .declaration import DeclaredParameter
from .depth import has_room
from .dynamic import dynamic_values, runtime_parameters
from .foreground import ForegroundSink
from .invocation import Invocation
from .thread_state import KeptThreadState

__all__ = ["Piped", "attach", "piped"]

Piped = list[tuple[DeclaredParameter, bool]] | None


def attach(cls: type[Cmdlet], piped: Piped, net: Any) -> None:
    """Give a .NET instance of a cmdlet its hooks.

    Args:
        cls: the Python class.
        piped: what `piped` says of it.
        net: the ``PythonCmdlet`` that PowerShell has made. Its parameters are bound, or are about
            to be where it has dynamic ones.
    """
    thread = InterruptibleThread()
    guard = _Guard(net, thread)
    with guard:
        if not has_room():
            raise ScriptCallDepthException()
        running = _Running(cls, piped, net)
        net.OnBegin = guard.action(running.begin)
        net.OnProcess = guard.action(running.process)
        net.OnEnd = guard.action(running.end)
        net.OnStop = _stop_action(running.cmdlet, thread)
        net.OnDispose = guard.quiet_action(running.dispose)
        if cls.dynamic_parameters is not Cmdlet.dynamic_parameters:
            net.OnDynamicParameters = guard.function(running.dynamic_parameters)


class _Guard:
    """Keeps Python's exceptions on this side: the .NET side throws what it finds in Failure."""

    def __init__(self, net: Any, thread: InterruptibleThread) -> None:
        self._net = net
        self._thread = thread

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        asked_for = isinstance(error, StopRequested) and self._net.StopRequested
        if error is None or asked_for:
            return True
        session = current_session()
        if session is not None and session._ends_with(error):
            self._net.EndsAll = True
        else:
            self._net.Failure = _remembered(session, error)
        return True

    def quiet_action(self, hook: Callable[[], None]) -> Any:
        """What .NET calls for a hook that is not to be interrupted."""

        def call() -> None:
            with self:
                hook()

        return Action(call)

    def action(self, hook: Callable[[], None]) -> Any:
        """What .NET calls for a hook."""

        def call() -> None:
            with self:
                self._thread.enter()
                around = enter_hook()
                try:
                    hook()
                finally:
                    for error in leave_hook(around):
                        self._net.WriteError(error.net)
                    self._thread.leave()

        return Action(call)

    def function(self, hook: Callable[[], Any]) -> Any:
        """What .NET calls for the dynamic parameters."""

        def call() -> Any:
            with self:
                return hook()
            return None

        return Func[RuntimeDefinedParameterDictionary](call)


# How long a hook may take to notice a stop before it is interrupted.
_GRACE_SECONDS = 0.5


def _stop_action(cmdlet: Cmdlet, thread: InterruptibleThread) -> Any:
    """What .NET calls, on a thread of its own, when the pipeline is stopped (Ctrl-C, a close).

    A hook notices by itself when it writes; one that never does is interrupted, as Ctrl-C does in
    Python: StopRequested is raised in it. A call that is not Python's has to return first.
    """

    def stop() -> None:
        call_later(_GRACE_SECONDS, thread.interrupt)
        try:
            cmdlet.stop()
        except StopRequested:
            pass  # it wrote, and the streams take nothing any more
        except BaseException:
            logging.getLogger("psbridge").exception("the stop of %r failed", cmdlet)

    start_clock()
    return Action(stop)


def _remembered(session: RunspaceSession | None, error: BaseException) -> Any:
    """The record of an exception, which comes out of the session's pipeline as itself.

    One that ends an iteration does not: it would end the caller's, too.
    """
    if (
        session is None
        or not session._has_caller()
        or not isinstance(error, Exception)
        or is_net(error)
        or isinstance(error, _NOT_RAISED)
    ):
        return _record(error)
    # Of another command that it ran: it stays that one's.
    record = record_of(session, error) or _record(error)
    remember(session, error, record)
    return record


_NOT_RAISED = (PowerShellError, TerminatingError, StopIteration, StopAsyncIteration)


def _record(error: BaseException) -> Any:
    if isinstance(error, TerminatingError):
        return error_record(
            error.error, error_id=error.error_id, category=error.category, target=error.target
        )
    if is_net_of(error, IContainsErrorRecord):  # PowerShell's own, such as of a path
        return error.ErrorRecord  # type: ignore[attr-defined]
    if isinstance(error, PowerShellError) and error.record is not None:  # of code that it ran
        return error.record
    return error_record(error)


class _Running:
    """A call of a cmdlet, in the foreground or with -AsJob."""

    _invocation: Invocation

    def __init__(self, cls: type[Cmdlet], piped: Piped, net: Any) -> None:
        self._cls = cls
        self._net = net
        self._dynamic: list[DeclaredParameter] = []
        self._variables: dict[str, Any] | None = None
        self._fixed: dict[str, Any] = {}  # what was given by the caller, not by the pipeline
        self._piped = piped
        self._job: CollectedInput | StreamedInput | None = None
        self._thread_state = KeptThreadState()
        self.cmdlet = cls()
        self.cmdlet._sink = ForegroundSink(net)

    def dynamic_parameters(self) -> Any:
        self._take_values()
        found, self._dynamic = runtime_parameters(self._cls, self.cmdlet.dynamic_parameters())
        return found

    def begin(self) -> None:
        self._thread_state.keep()
        take_changes()
        self._take_values()
        self._fixed = self._values
        cls = self._cls
        if issubclass(cls, JobCmdlet) and self._net.AsJob.IsPresent:
            kind = StreamedInput if cls.stream_input else CollectedInput
            self._job = kind(cls, self._net, self._invocation, self._values)
            return
        self.cmdlet._begin()

    def process(self) -> None:
        self._take_record()
        if self._job is not None:
            self._job.add(self._values)
        else:
            self.cmdlet._write_outcome(self.cmdlet.process())

    def end(self) -> None:
        if self._job is not None:
            self._job.end()
        else:
            self.cmdlet._write_outcome(self.cmdlet.end())

    def dispose(self) -> None:
        if self._job is not None:
            self._job.close()
        try:
            self.cmdlet._dispose()
        finally:
            self._thread_state.release()

    def _take_record(self) -> None:
        """Take what the pipeline has brought; what the caller gave stays as it is.

        Taking everything costs 5 µs more, and there may be a million records.
        """
        if self._piped is None:
            self._take_values()
            return
        net, cmdlet = self._net, self.cmdlet
        values = self._fixed.copy()
        for parameter, by_value in self._piped:
            attribute = parameter.attribute
            if attribute in self._fixed:
                continue
            value = from_net(getattr(net, parameter.name))
            if value is not None:
                value = parameter.kind.convert(value, net)
            elif not (by_value and net.IsBound(parameter.name)):
                # A property that is not there, or $null, gives nothing.
                setattr(cmdlet, attribute, cmdlet._default(attribute))
                continue
            values[attribute] = value
            setattr(cmdlet, attribute, value)
        self._values = values
        parameter_set_name = net.ParameterSetName
        before = self._invocation
        if values.keys() != before.given or parameter_set_name != before.parameter_set_name:
            cmdlet._invocation = self._invocation = replace(
                before, given=frozenset(values), parameter_set_name=parameter_set_name
            )

    def _take_values(self) -> None:
        if self._variables is None:
            self._variables = _variables(self._cls, self._net)
        self._values = _values(self._cls, self._net) | dynamic_values(self._dynamic, self._net)
        self.cmdlet._invocation = self._invocation = Invocation(
            net=self._net,
            parameter_set_name=str(self._net.ParameterSetName),
            given=frozenset(self._values),
            variables=self._variables,
        )
        self.cmdlet._set_parameters(self._values)


def piped(cls: type[Cmdlet]) -> Piped:
    """The parameters that may come from the pipeline, and whether by value.

    None where they cannot be read one by one.
    """
    assert cls.declaration is not None
    found = []
    for parameter in cls.declaration.parameters:
        by_value = any(each.from_pipeline for each in parameter.in_sets)
        if by_value or any(each.from_pipeline_by_property_name for each in parameter.in_sets):
            # A switch is never null, and one that hides a property of PSCmdlet's is not found
            # by its name alone.
            if parameter.kind.is_switch or hasattr(PythonCmdlet, parameter.name):
                return None
            found.append((parameter, by_value))
    return None if cls.declaration.dynamic else found


def _variables(cls: type[Cmdlet], net: Any) -> dict[str, Any]:
    assert cls.declaration is not None
    names = cls.declaration.uses_variables
    return {name: from_net(net.GetVariableValue(name)) for name in names}


def _values(cls: type[Cmdlet], net: Any) -> dict[str, Any]:
    """The parameters that were given, as Python values by attribute."""
    assert cls.declaration is not None
    values = {}
    for parameter, value in zip(cls.declaration.parameters, net.GetGivenValues(), strict=True):
        if not is_net_of(value, Missing):
            given = from_net(value)
            convert = parameter.kind.convert
            values[parameter.attribute] = None if given is None else convert(given, net)
    return values
