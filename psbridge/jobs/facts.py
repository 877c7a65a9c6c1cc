"""What a job says of itself, to whoever looks at it: nothing of it is taken or changed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from ..engine.forking import is_forked_child

if TYPE_CHECKING:
    import datetime as dt

    from ..session.session import RunspaceSession
    from .progress import JobProgress

__all__ = ["JobFacts"]


class JobFacts:
    """The part of `JobHandle` that only looks at the job."""

    def __init__(
        self,
        net: Any,
        session: RunspaceSession,
        exceptions: Mapping[int, BaseException] = MappingProxyType({}),
    ) -> None:
        """Wrap a .NET job.

        Args:
            net: the ``System.Management.Automation.Job``, or what Get-Job gave.
            session: the session in whose repository it is.
            exceptions: the Python exceptions that have failed it and its children, or will have,
                by the jobs' numbers.
        """
        from ..values.powershell_object import PowerShellObject

        self.net = net.net if isinstance(net, PowerShellObject) else net
        self._session = session
        self._exceptions = exceptions
        from PSBridge import JobPicture

        JobPicture.Follow(self.net)  # from now on it counts what somebody takes, too

    @property
    def id(self) -> int:
        """The number by which Get-Job knows it."""
        return int(self.net.Id)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.net.Name or "")

    @property
    def state(self) -> str:
        """Its state, as PowerShell names it: ``"Running"``, ``"Completed"`` and so on."""
        return str(self.net.JobStateInfo.State.ToString())

    @property
    def reason(self) -> str | None:
        """Why it failed, in words; a parent's is that of its first child that has one."""
        reason = _reason(self.net)
        return None if reason is None else str(reason.Message)

    @property
    def location(self) -> str:
        """Where it runs, as Get-Job shows it: a machine, ``"localhost"``, ``"PowerShell"``."""
        return str(self.net.Location or "")

    @property
    def command(self) -> str:
        """What it runs, as Get-Job shows it: its code, or what its author calls it."""
        return str(self.net.Command or "")

    @property
    def status(self) -> str:
        """What it says of how it stands: StatusMessage, else that of its first child with one.

        A job written in Python says there what it is blocked by. PowerShell's own jobs say
        nothing: their progress is in `progress`.
        """
        from PSBridge import JobPicture

        return str(JobPicture.StatusOf(self.net))

    @property
    def began(self) -> dt.datetime | None:
        """When it first was Running, PowerShell's PSBeginTime, in the local time zone.

        None where it has not been yet; a job that was stopped before has none. A job of
        Register-ObjectEvent begins with its first event.
        """
        from PSBridge import JobPicture

        return _time(JobPicture.BeganOf(self.net))

    @property
    def ended(self) -> dt.datetime | None:
        """When it first was Completed, Failed or Stopped, PowerShell's PSEndTime; else None."""
        from PSBridge import JobPicture

        return _time(JobPicture.EndedOf(self.net))

    @property
    def error_count(self) -> int:
        """How many errors it has written, with its children; none is taken.

        All are counted that were there when the first handle on it was made, or have come since,
        whoever has received them. The `reason` of a failed job is not among them.
        """
        from PSBridge import JobPicture

        return int(JobPicture.ErrorsOf(self.net))

    @property
    def progress(self) -> JobProgress | None:
        """How far it is, by its last Write-Progress; nothing is taken.

        Of several activities in one another it is the outermost. A job with several children
        always has a progress, which is made of theirs. Any other one has none (None) where it
        reports nothing, or has reported that its activity is completed. As with `error_count`,
        what was received stays known once there is a handle.
        """
        from PSBridge import JobPicture

        from .progress import progress_in

        return progress_in(JobPicture.Take(self.net, False, 0))

    @property
    def children(self) -> list[Self]:
        """Handles on its child jobs."""
        make = type(self)
        return [make(child, self._session, self._exceptions) for child in list(self.net.ChildJobs)]

    @property
    def has_more_data(self) -> bool:
        """Whether there is something to receive, or may still come.

        The last progress record, which stays with the job, does not count.
        """
        from PSBridge import JobRecords

        return bool(JobRecords.HasMore(self.net))

    @property
    def finished(self) -> bool:
        """Whether it has ended, with all of its children: Completed, Failed or Stopped."""
        from PSBridge import JobInternals

        return bool(JobInternals.HasEnded(self.net))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JobFacts):
            return NotImplemented
        return bool(self.net.InstanceId == other.net.InstanceId)

    def __hash__(self) -> int:
        return hash(str(self.net.InstanceId))

    def __repr__(self) -> str:
        if is_forked_child():
            return "<JobHandle of the process that forked>"
        return f"<JobHandle {self.id} {self.name!r} {self.state}>"

    def _repr_html_(self) -> str:
        from .notebook_tables import job_table

        return job_table(self)


def _time(seconds: float) -> dt.datetime | None:
    """A time of .NET's, from seconds since 1970; NaN is none."""
    import datetime as dt

    if seconds != seconds:  # NaN
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone()


def _reason(net: Any) -> Any:
    reason = net.JobStateInfo.Reason
    if reason is not None:
        return reason
    for child in list(net.ChildJobs):
        if (found := _reason(child)) is not None:
            return found
    return None
