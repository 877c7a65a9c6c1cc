"""Running a cmdlet: what its .NET instance calls, in the foreground and as a job.

To be imported once the engine runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from System import Action
from System.Reflection import Missing

from ..errors import StopRequested
from ..jobs import Job, JobGroup, make_parent, start_group
from ..session.session import current_session
from ..session.sink import NetSink
from ..values import error_record, from_net
from .cmdlet import Cmdlet, JobCmdlet

__all__ = ["attach"]


def attach(cls: type[Cmdlet], net: Any) -> None:
    """Give a .NET instance of a cmdlet its hooks.

    Args:
        cls: the Python class.
        net: the ``PythonCmdlet`` that PowerShell has made; its parameters are bound.
    """
    guard = _Guard(net)
    with guard:
        if issubclass(cls, JobCmdlet) and net.AsJob.IsPresent:
            collected = _Collected(cls, net)
            net.OnBegin = guard.action(collected.begin)
            net.OnProcess = guard.action(collected.process)
            net.OnEnd = guard.action(collected.start)
            return
        cmdlet = cls()
        cmdlet._sink = NetSink(net)

        def process() -> None:
            cmdlet._set_parameters(_values(cls, net))
            cmdlet._write_outcome(cmdlet.process())

        def begin() -> None:
            cmdlet._set_parameters(_values(cls, net))
            cmdlet._write_outcome(cmdlet.begin())

        net.OnBegin = guard.action(begin)
        net.OnProcess = guard.action(process)
        net.OnEnd = guard.action(lambda: cmdlet._write_outcome(cmdlet.end()))
        if cls.stop is not Cmdlet.stop:
            net.OnStop = guard.action(cmdlet.stop)


class _Guard:
    """Keeps Python's exceptions on this side: the .NET side throws what it finds in Failure."""

    def __init__(self, net: Any) -> None:
        self._net = net

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        asked_for = isinstance(error, StopRequested) and self._net.StopRequested
        if error is not None and not asked_for:
            self._net.Failure = error_record(error)
        return True

    def action(self, hook: Callable[[], None]) -> Any:
        def call() -> None:
            with self:
                hook()

        return Action(call)


class _Collected:
    """The records of a call with -AsJob, until the pipeline has ended and the job starts."""

    def __init__(self, cls: type[JobCmdlet], net: Any) -> None:
        self._cls = cls
        self._net = net
        self._arguments: dict[str, Any] = {}
        self._records: list[dict[str, Any]] = []

    def begin(self) -> None:
        self._arguments = _values(self._cls, self._net)

    def process(self) -> None:
        self._records.append(_values(self._cls, self._net))

    def start(self) -> None:
        net, cls, arguments = self._net, self._cls, self._arguments
        if cls.children == "each":
            jobs = [CmdletJob(cls, arguments, [record]) for record in self._records]
        else:
            jobs = [CmdletJob(cls, arguments, self._records)]
        group = JobGroup(
            jobs,
            name=net.JobName,
            command=net.MyInvocation.MyCommand.Name,
            throttle_limit=net.ThrottleLimit,
        )

        def publish(parent: Any) -> None:
            net.JobRepository.Add(parent)
            if not net.Write(parent):
                raise StopRequested

        start_group(group, make_parent(group), owner=current_session(), publish=publish)


class CmdletJob(Job):
    """A child job that runs a cmdlet's hooks over the records it was given."""

    def __init__(
        self, cls: type[Cmdlet], arguments: dict[str, Any], records: list[dict[str, Any]]
    ) -> None:
        assert cls.declaration is not None
        super().__init__(command=cls.declaration.name)
        self._cls = cls
        self._arguments = arguments
        self._records = records
        self._cmdlet: Cmdlet | None = None

    def run(self) -> None:
        self._cmdlet = cmdlet = self._cls()
        cmdlet._sink = self._sink
        cmdlet._set_parameters(self._arguments)
        cmdlet._write_outcome(cmdlet.begin())
        for record in self._records:
            cmdlet._set_parameters(record)
            cmdlet._write_outcome(cmdlet.process())
        cmdlet._write_outcome(cmdlet.end())

    def on_stop(self) -> None:
        if self._cmdlet is not None:
            self._cmdlet.stop()


def _values(cls: type[Cmdlet], net: Any) -> dict[str, Any]:
    """The parameters that were given, as Python values by attribute."""
    assert cls.declaration is not None
    values = {}
    for parameter, value in zip(cls.declaration.parameters, net.GetGivenValues(), strict=True):
        if not isinstance(value, Missing):
            given = from_net(value)
            values[parameter.attribute] = None if given is None else parameter.convert(given)
    return values
