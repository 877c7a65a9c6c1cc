"""The jobs of a session: the runspace's own repository, seen from Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .handle import JobHandle

if TYPE_CHECKING:
    from ..session.session import RunspaceSession

__all__ = ["JobRepository"]


class JobRepository:
    """What Get-Job lists: iterate over it, ask for its length, or for a job by name or number."""

    def __init__(self, session: RunspaceSession, net: Any) -> None:
        """See a .NET ``JobRepository`` as part of a session."""
        self._session = session
        self._net = net

    def add(self, job: Any) -> JobHandle:
        """Put a .NET job into the repository.

        Args:
            job: a ``System.Management.Automation.Job``, such as one whose class derives from
                it through pythonnet.
        """
        self._net.Add(job)
        return JobHandle(job, self._session)

    def __iter__(self) -> Iterator[JobHandle]:
        return iter([JobHandle(net, self._session) for net in self._list()])

    def __len__(self) -> int:
        return len(self._list())

    def __getitem__(self, key: str | int) -> JobHandle:
        """The job with this name (not a pattern) or this number.

        Raises:
            KeyError: there is none.
        """
        for handle in self:
            if key == (handle.id if isinstance(key, int) else handle.name):
                return handle
        raise KeyError(f"there is no job {key!r} in this session")

    def __contains__(self, item: object) -> bool:
        if isinstance(item, JobHandle):
            return any(item == handle for handle in self)
        if isinstance(item, (str, int)):
            return any(item in (handle.id, handle.name) for handle in self)
        return False

    def _list(self) -> list[Any]:
        # Get-Job rather than the repository: jobs of job source adapters are listed there only.
        found = self._session.run("Get-Job")
        return list(found)
