"""Running a cmdlet: what its .NET instance calls, in the foreground and as a job.

To be imported once the engine runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from System import Action, Func
from System.Management.Automation import IContainsErrorRecord, RuntimeDefinedParameterDictionary
from System.Reflection import Missing

from ..errors import StopRequested
from ..session.sink import NetSink
from ..values import error_record, from_net
from .as_job import CollectedInput, StreamedInput
from .cmdlet import Cmdlet, JobCmdlet, TerminatingError
from .declaration import DeclaredParameter
from .dynamic import dynamic_values, runtime_parameters
from .invocation import Invocation

__all__ = ["attach"]


def attach(cls: type[Cmdlet], net: Any) -> None:
    """Give a .NET instance of a cmdlet its hooks.

    Args:
        cls: the Python class.
        net: the ``PythonCmdlet`` that PowerShell has made. Its parameters are bound, or are about
            to be where it has dynamic ones.
    """
    guard = _Guard(net)
    with guard:
        running = _Running(cls, net)
        net.OnBegin = guard.action(running.begin)
        net.OnProcess = guard.action(running.process)
        net.OnEnd = guard.action(running.end)
        if cls.stop is not Cmdlet.stop:
            net.OnStop = guard.action(running.cmdlet.stop)
        if cls.dispose is not Cmdlet.dispose or issubclass(cls, JobCmdlet):
            net.OnDispose = guard.action(running.dispose)
        if cls.dynamic_parameters is not Cmdlet.dynamic_parameters:
            net.OnDynamicParameters = guard.function(running.dynamic_parameters)


class _Guard:
    """Keeps Python's exceptions on this side: the .NET side throws what it finds in Failure."""

    def __init__(self, net: Any) -> None:
        self._net = net

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        asked_for = isinstance(error, StopRequested) and self._net.StopRequested
        if error is not None and not asked_for:
            self._net.Failure = _record(error)
        return True

    def action(self, hook: Callable[[], None]) -> Any:
        def call() -> None:
            with self:
                hook()

        return Action(call)

    def function(self, hook: Callable[[], Any]) -> Any:
        def call() -> Any:
            with self:
                return hook()
            return None

        return Func[RuntimeDefinedParameterDictionary](call)


def _record(error: BaseException) -> Any:
    if isinstance(error, TerminatingError):
        return error_record(
            error.error, error_id=error.error_id, category=error.category, target=error.target
        )
    if isinstance(error, IContainsErrorRecord):  # PowerShell's own, such as of a path
        return error.ErrorRecord
    return error_record(error)


class _Running:
    """A call of a cmdlet, in the foreground or with -AsJob."""

    def __init__(self, cls: type[Cmdlet], net: Any) -> None:
        self._cls = cls
        self._net = net
        self._dynamic: list[DeclaredParameter] = []
        self._job: CollectedInput | StreamedInput | None = None
        self.cmdlet = cls()
        self.cmdlet._sink = NetSink(net)

    def dynamic_parameters(self) -> Any:
        self._take_values()
        found, self._dynamic = runtime_parameters(self._cls, self.cmdlet.dynamic_parameters())
        return found

    def begin(self) -> None:
        self._take_values()
        cls = self._cls
        if issubclass(cls, JobCmdlet) and self._net.AsJob.IsPresent:
            kind = StreamedInput if cls.stream_input else CollectedInput
            self._job = kind(cls, self._net, self._invocation, self._values)
            return
        self.cmdlet._write_outcome(self.cmdlet.begin())

    def process(self) -> None:
        self._take_values()
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
        self.cmdlet.dispose()

    def _take_values(self) -> None:
        self._values = _values(self._cls, self._net) | dynamic_values(self._dynamic, self._net)
        self.cmdlet._invocation = self._invocation = Invocation(
            net=self._net,
            parameter_set_name=str(self._net.ParameterSetName),
            given=frozenset(self._values),
        )
        self.cmdlet._set_parameters(self._values)


def _values(cls: type[Cmdlet], net: Any) -> dict[str, Any]:
    """The parameters that were given, as Python values by attribute."""
    assert cls.declaration is not None
    values = {}
    for parameter, value in zip(cls.declaration.parameters, net.GetGivenValues(), strict=True):
        if not isinstance(value, Missing):
            given = from_net(value)
            convert = parameter.kind.convert
            values[parameter.attribute] = None if given is None else convert(given, net)
    return values
