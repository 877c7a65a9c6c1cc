"""Several jobs under one parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any, Self

from ..arguments import check_executor, check_flag, check_seconds, check_text, check_whole
from ..errors import DeclarationError
from .job import FunctionJob, Job, name_of
from .retry import Retry

if TYPE_CHECKING:
    from .places.place import Executor

__all__ = ["DEFAULT_THROTTLE_LIMIT", "JobGroup", "check_job"]

# Invoke-Command's.
DEFAULT_THROTTLE_LIMIT = 32


class JobGroup:
    """Jobs that run as the children of one parent, so many at a time.

    The children start in their order, each when a place is free. The parent runs from the start
    and ends with the last child: Failed where any child failed, else Stopped where the group was
    stopped, else Completed. What the others wrote is there in any case.

    The children of a list (or anything else that has a length) are there from the beginning, as
    NotStarted; those of a generator or another iterator are made one by one, when a place is free.
    """

    _claimed = False  # whether it has been started

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        name: str | None = None,
        command: str | None = None,
        throttle_limit: int = DEFAULT_THROTTLE_LIMIT,
        executor: Executor | None = None,
        timeout: float | None = None,
        grace: float | None = None,
        retry: Retry | None = None,
        capture: bool = False,
        pausable: bool | None = None,
        listen: str = "127.0.0.1",
    ) -> None:
        """Describe the group.

        Args:
            jobs: the children.
            name: what Get-Job shows as Name; None lets PowerShell choose one.
            command: what Get-Job shows as Command; a list's first child's by default.
            throttle_limit: how many children run at a time, 1 or more.
            executor: where the children run; None is where each of them says. ``"thread"``: each
                on a thread of this process. ``"process"``: each in a process of its own, which is
                killed where it does not stop. ``"async"``: all on one event loop in one thread;
                `run` has to be async. Or any `concurrent.futures.Executor`.
            timeout: how many seconds each child may take that does not say so itself.
            grace: how many seconds each has to stop by itself that does not say so itself.
            retry: how work is tried again that fails and does not say so itself.
            capture: whether what ``print``, ``warnings`` and ``logging`` write in a child goes to
                its streams, also where its class does not say so.
            pausable: whether the group can be suspended; by default where any job of a list is.
            listen: the address of this machine by which the processes of a given executor reach
                it. The default is for those on this machine; it is not used otherwise.

        Raises:
            DeclarationError: one of the jobs is none, or is there twice, or the executor is none,
                or something is of the wrong type.
            ValueError: the throttle limit is below 1, or a timeout or grace is no time.
        """
        if check_whole(throttle_limit, "throttle_limit") < 1:
            raise ValueError(f"throttle_limit is {throttle_limit}; it has to be 1 or more")
        if executor is not None:
            check_executor(executor)
        check_text(name, "name", optional=True)
        check_text(command, "command", optional=True)
        if timeout is not None:
            check_seconds(timeout, "timeout")
        if grace is not None:
            check_seconds(grace, "grace")
        _check_retry(retry, "retry")
        check_flag(capture, "capture")
        if pausable is not None:
            check_flag(pausable, "pausable")
        check_text(listen, "listen")
        if not isinstance(jobs, Iterable):
            raise DeclarationError(f"a JobGroup is made of Jobs, and {jobs!r} has none")
        self.jobs: tuple[Job, ...] | Iterator[Job]
        if isinstance(jobs, Sized):
            self.jobs = tuple(jobs)
            for job in self.jobs:
                check_job(job)
            if len(set(map(id, self.jobs))) < len(self.jobs):
                raise DeclarationError("a job is in this group twice; make one for each child")
            if command is None and self.jobs:
                command = self.jobs[0].command
            if pausable is None:
                pausable = any(job.pausable for job in self.jobs)
            if executor is None:
                executor = _common_executor(self.jobs)
        else:
            self.jobs = iter(jobs)
        if pausable and executor not in (None, "thread"):
            raise DeclarationError(
                f'a pausable job runs with executor="thread", and here it is {executor!r}'
            )
        self.name = name
        self.command = command if command is not None else type(self).__name__
        self.throttle_limit = throttle_limit
        self.executor = executor
        self.timeout = timeout
        self.grace = grace
        self.retry = retry
        self.capture = capture
        self.pausable = bool(pausable)
        self.listen = listen

    @classmethod
    def map(cls, function: Callable[[Any], Any], items: Iterable[Any], **options: Any) -> Self:
        """Make a group that calls a function with each of these items, in a child for each.

        Args:
            function: whatever `Job.run` may be, with one parameter.
            items: the arguments. The children are made one by one, as places become free.
            options: those of `JobGroup`.

        Raises:
            DeclarationError: there is no function to call, or an option is of the wrong type.
        """
        options.setdefault("command", name_of(function))
        options.setdefault("executor", FunctionJob.executor)
        FunctionJob(function, None)  # refused here, and not when the first child is made
        if not isinstance(items, Iterable):
            raise DeclarationError(f"items is {items!r}; it has to be an iterable")
        return cls((FunctionJob(function, item) for item in items), **options)

    def executor_of(self, job: Job) -> Executor:
        """Where one of the jobs runs: where the group says, else where its class does.

        Raises:
            DeclarationError: its class says what only a whole group can do, or be done to.
        """
        if self.executor is not None:
            return self.executor
        if job.executor == "async":
            raise DeclarationError(
                f'{type(job).__qualname__} runs with executor="async", which a group does with all '
                "its children or none: say JobGroup(executor=...)"
            )
        if self.pausable and job.executor != "thread":
            raise DeclarationError(
                f'a pausable job runs with executor="thread", and here it is {job.executor!r}'
            )
        return job.executor

    def __repr__(self) -> str:
        return f"<JobGroup {self.name or self.command!r}>"


def check_job(job: object) -> None:
    """Refuse what is no Job, and one that cannot be run as it is described.

    Raises:
        DeclarationError: it is none, or something in it is of the wrong type.
        ValueError: its timeout or grace is no time.
    """
    if not isinstance(job, Job):
        raise DeclarationError(f"a JobGroup is made of Jobs, and {job!r} is none")
    kind = type(job).__qualname__
    check_text(job.name, f"{kind}.name", optional=True)
    check_text(job.command, f"{kind}.command")
    check_text(job.location, f"{kind}.location")
    if not callable(job.stop):
        raise DeclarationError(
            f"{kind}.stop is {job.stop!r}; it is the hook that is called when the job is to stop"
        )
    check_seconds(job.grace, f"{kind}.grace")
    if job.timeout is not None:
        check_seconds(job.timeout, f"{kind}.timeout")
    _check_retry(job.retry, f"{kind}.retry")
    check_executor(job.executor)
    check_flag(job.capture, f"{kind}.capture")
    check_flag(job.pausable, f"{kind}.pausable")


def _check_retry(retry: object, what: str) -> None:
    if retry is not None and not isinstance(retry, Retry):
        raise DeclarationError(f"{what} is {retry!r}; it is a Retry")


def _common_executor(jobs: tuple[Job, ...]) -> Executor | None:
    """Where all of these run; None where they differ."""
    if not jobs:
        return "thread"
    first = jobs[0].executor
    return first if all(job.executor == first for job in jobs) else None
