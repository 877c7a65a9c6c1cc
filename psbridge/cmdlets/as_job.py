"""A cmdlet's call with -AsJob: its records become child jobs. To be imported with the engine."""

from __future__ import annotations

import contextlib
import itertools
import queue
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..errors import StopRequested
from ..jobs import Job, JobGroup, make_parent, start_group
from ..session.session import current_session
from ..waiting import wait_until
from .cmdlet import Cmdlet, JobCmdlet, TerminatingError
from .invocation import Invocation
from .preferences import Preferences, PreferringSink, preferences_of

__all__ = ["CollectedInput", "StreamedInput"]

_Values = dict[str, Any]


class CollectedInput:
    """The records of a call, until the pipeline has ended and the job starts."""

    def __init__(
        self, cls: type[JobCmdlet], net: Any, invocation: Invocation, arguments: _Values
    ) -> None:
        """Begin to collect.

        Args:
            cls: the cmdlet.
            net: its .NET instance.
            invocation: the call.
            arguments: its arguments, without those from the pipeline.
        """
        self._call = _Call(cls, net, invocation, arguments)
        self._records: list[_Values] = []

    def add(self, values: _Values) -> None:
        """Take a record."""
        self._records.append(values)

    def end(self) -> None:
        """Start the job."""
        if self._call.is_wanted(f"{len(self._records)} records"):
            self._call.start(list(self._call.children_for(self._records)))

    def close(self) -> None:
        """The pipeline is over."""


class StreamedInput:
    """The records of a call, which go into the running job as they come."""

    def __init__(
        self, cls: type[JobCmdlet], net: Any, invocation: Invocation, arguments: _Values
    ) -> None:
        """Start the job; see `CollectedInput`."""
        call = _Call(cls, net, invocation, arguments)
        self._feed = _Feed()
        if call.is_wanted("records from the pipeline"):
            jobs = call.children_for(self._feed)
            call.start(list(jobs) if cls.children == "one" else jobs)

    def add(self, values: _Values) -> None:
        """Hand a record to the job."""
        self._feed.put(values)

    def end(self) -> None:
        """There are no more records."""
        self._feed.put(None)

    def close(self) -> None:
        """The pipeline is over; where it was stopped, no more records come either."""
        self._feed.put(None)


class _Feed:
    """Records that come from a pipeline, on the other side of a queue."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Values | None] = queue.SimpleQueue()
        self.job: Job | None = None

    def put(self, values: _Values | None) -> None:
        self._queue.put(values)

    def __iter__(self) -> Iterator[_Values]:
        found: list[_Values | None] = []

        def there(seconds: float) -> bool:
            with contextlib.suppress(queue.Empty):
                found.append(self._queue.get(timeout=seconds))
            return bool(found)

        def check() -> None:
            if self.job is not None:
                self.job.check_stop()

        while True:
            wait_until(there, meanwhile=check)
            values = found.pop()
            if values is None:
                self._queue.put(None)  # for whoever looks again
                return
            yield values


class _Call:
    """A call of a cmdlet with -AsJob."""

    def __init__(
        self, cls: type[JobCmdlet], net: Any, invocation: Invocation, arguments: _Values
    ) -> None:
        self._cls = cls
        self._net = net
        self._invocation = invocation
        self._preferences = preferences_of(net)
        self._arguments = arguments

    def is_wanted(self, what: str) -> bool:
        """Ask -WhatIf and -Confirm, once, before there is a job."""
        declaration = self._cls.declaration
        assert declaration is not None
        if not declaration.supports_should_process:
            return True
        answer = self._net.AskShouldProcess(what, f"{declaration.name} as a job")
        if answer is None:
            raise StopRequested
        return bool(answer)

    def children_for(self, records: Iterable[_Values]) -> Iterator[Job]:
        """The child jobs for records, as the author chose."""
        children = self._cls.children
        if children == "one":
            yield self._child(records)
            return
        size = 1 if children == "each" else int(children)
        each = iter(records)
        while batch := list(itertools.islice(each, size)):
            yield self._child(batch)

    def start(self, jobs: Iterable[Job]) -> None:
        net = self._net
        group = JobGroup(
            jobs,
            name=net.JobName,
            command=net.MyInvocation.MyCommand.Name,
            throttle_limit=net.ThrottleLimit,
            timeout=net.TimeoutSeconds or None,
        )

        def publish(parent: Any) -> None:
            net.JobRepository.Add(parent)
            if not net.Write(parent):
                raise StopRequested

        start_group(group, make_parent(group), owner=current_session(), publish=publish)

    def _child(self, records: Iterable[_Values]) -> Job:
        job = CmdletJob(self._cls, self._invocation, self._preferences, self._arguments, records)
        job.name = self._child_name(records[0] if isinstance(records, list) and records else None)
        return job

    def _child_name(self, record: _Values | None) -> str | None:
        if self._cls.child_name is JobCmdlet.child_name:
            return None
        values = self._arguments if record is None else record
        cmdlet = self._cls()
        cmdlet._invocation = replace(self._invocation, given=frozenset(values))
        cmdlet._set_parameters(values)
        return cmdlet.child_name()


class CmdletJob(Job):
    """A child job that runs a cmdlet's hooks over the records it was given."""

    def __init__(
        self,
        cls: type[Cmdlet],
        invocation: Invocation,
        preferences: Preferences,
        arguments: _Values,
        records: Iterable[_Values],
    ) -> None:
        assert cls.declaration is not None
        super().__init__(command=cls.declaration.name)
        self._cls = cls
        self._call = invocation
        self._preferences = preferences
        self._arguments = arguments
        self._records = records
        self._cmdlet: Cmdlet | None = None
        if isinstance(records, _Feed):
            records.job = self

    def run(self) -> None:
        self._cmdlet = cmdlet = self._cls()
        cmdlet._sink = PreferringSink(self._open_sink, self._preferences)
        try:
            self._take(cmdlet, self._arguments)
            cmdlet._begin()
            for record in self._records:
                self._take(cmdlet, record)
                cmdlet._write_outcome(cmdlet.process())
            cmdlet._write_outcome(cmdlet.end())
        except TerminatingError as error:
            if isinstance(error.error, BaseException):
                raise error.error from None
            raise
        finally:
            cmdlet._dispose()

    def stop(self) -> None:
        if self._cmdlet is not None:
            self._cmdlet.stop()

    def _take(self, cmdlet: Cmdlet, values: _Values) -> None:
        cmdlet._invocation = Invocation(
            net=self._child_job("run"),
            parameter_set_name=self._call.parameter_set_name,
            given=frozenset(values),
            variables=self._call.variables,
            in_job=True,
        )
        cmdlet._set_parameters(values)
