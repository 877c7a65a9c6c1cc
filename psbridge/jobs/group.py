"""Several jobs under one parent."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import DeclarationError
from .job import Job

__all__ = ["DEFAULT_THROTTLE_LIMIT", "JobGroup"]

# Invoke-Command's.
DEFAULT_THROTTLE_LIMIT = 32


class JobGroup:
    """Jobs that run as the children of one parent, so many at a time.

    The children start in their order, each when a place is free. The parent runs from the start
    and ends with the last child: Failed where any child failed, else Stopped where the group was
    stopped, else Completed.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        name: str | None = None,
        command: str | None = None,
        throttle_limit: int = DEFAULT_THROTTLE_LIMIT,
    ) -> None:
        """Describe the group.

        Args:
            jobs: the children.
            name: what Get-Job shows as Name; None lets PowerShell choose one.
            command: what Get-Job shows as Command; the first child's by default.
            throttle_limit: how many children run at a time, 1 or more.

        Raises:
            DeclarationError: one of the jobs is none, or is there twice.
            ValueError: the throttle limit is below 1.
        """
        if throttle_limit < 1:
            raise ValueError(f"throttle_limit is {throttle_limit}; it has to be 1 or more")
        self.jobs = tuple(jobs)
        for job in self.jobs:
            if not isinstance(job, Job):
                raise DeclarationError(f"a JobGroup is made of Jobs, and {job!r} is none")
        if len(set(map(id, self.jobs))) < len(self.jobs):
            raise DeclarationError("a job is in this group twice; make one for each child")
        self.name = name
        first = self.jobs[0].command if self.jobs else type(self).__name__
        self.command = command if command is not None else first
        self.throttle_limit = throttle_limit

    def __repr__(self) -> str:
        return f"<JobGroup {self.name or self.command!r} of {len(self.jobs)}>"
