"""What a job says of itself, to whoever looks at it: nothing of it is taken or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from ..engine.forking import is_forked_child

if TYPE_CHECKING:
    from ..session.session import RunspaceSession
    from .group_run import GroupRun

__all__ = ["JobFacts"]


class JobFacts:
    """The part of `JobHandle` that only looks at the job."""

    def __init__(self, net: Any, session: RunspaceSession, run: GroupRun | None = None) -> None:
        """Wrap a .NET job.

        Args:
            net: the ``System.Management.Automation.Job``, or what Get-Job gave.
            session: the session in whose repository it is.
            run: its run, where it was started from Python.
        """
        from ..values.powershell_object import PowerShellObject

        self.net = net.net if isinstance(net, PowerShellObject) else net
        self._session = session
        self._run = run

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
    def children(self) -> list[Self]:
        """Handles on its child jobs."""
        return [type(self)(child, self._session) for child in list(self.net.ChildJobs)]

    @property
    def has_more_data(self) -> bool:
        """Whether there is something to receive, or may still come."""
        return bool(self.net.HasMoreData)

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


def _reason(net: Any) -> Any:
    reason = net.JobStateInfo.Reason
    if reason is not None:
        return reason
    for child in list(net.ChildJobs):
        if (found := _reason(child)) is not None:
            return found
    return None
