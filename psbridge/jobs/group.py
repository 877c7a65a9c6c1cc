"""Several jobs under one parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..errors import DeclarationError
from .job import FunctionJob, Job

if TYPE_CHECKING:
    from .places import Executor

__all__ = ["DEFAULT_THROTTLE_LIMIT", "JobGroup", "Retry"]

# Invoke-Command's.
DEFAULT_THROTTLE_LIMIT = 32


@dataclass(frozen=True)
class Retry:
    """How often and when work that fails is tried again.

    Attributes:
        times: how many more tries there are after the first.
        delay: how many seconds to wait before the second try.
        backoff: by how much the delay grows with each further try; 2 doubles it.
        on: the exceptions after which to try again.
    """

    times: int
    delay: float = 0.0
    backoff: float = 1.0
    on: type[BaseException] | tuple[type[BaseException], ...] = Exception

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.times < 0 or not self.delay >= 0 or not self.backoff > 0:
            raise ValueError(
                f"{self}: times and delay have to be 0 or more, and backoff more than 0"
            )
        kinds = self.on if isinstance(self.on, tuple) else (self.on,)
        if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
            raise TypeError(f"{self}: on has to be an exception's class or a tuple of them")

    def delay_before(self, retry: int) -> float:
        """How many seconds to wait before this retry; the first one has number 1."""
        return float(self.delay * self.backoff ** (retry - 1))


class JobGroup:
    """Jobs that run as the children of one parent, so many at a time.

    The children start in their order, each when a place is free. The parent runs from the start
    and ends with the last child: Failed where any child failed, else Stopped where the group was
    stopped, else Completed. What the others wrote is there in any case.

    The children of a list (or anything else that has a length) are there from the beginning, as
    NotStarted; those of a generator or another iterator are made one by one, when a place is free.
    """

    _claimed = False  # whether a group that makes its jobs has been started

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        name: str | None = None,
        command: str | None = None,
        throttle_limit: int = DEFAULT_THROTTLE_LIMIT,
        executor: Executor = "thread",
        timeout: float | None = None,
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
            executor: where the children run. ``"thread"``: each on a thread of this process.
                ``"process"``: each in a process of its own, which is killed where it does not
                stop. ``"async"``: all on one event loop in one thread; `run` has to be async.
                Or any `concurrent.futures.Executor`.
            timeout: how many seconds each child may take that does not say so itself.
            retry: how work that fails is tried again; None is not at all.
            capture: whether what ``print``, ``warnings`` and ``logging`` write in a child goes to
                its streams, also where its class does not say so.
            pausable: whether the group can be suspended; by default where any job of a list is.
            listen: the address of this machine by which the processes of a given executor reach
                it. The default is for those on this machine; it is not used otherwise.

        Raises:
            DeclarationError: one of the jobs is none, or is there twice, or the executor is none.
            ValueError: the throttle limit is below 1.
        """
        if throttle_limit < 1:
            raise ValueError(f"throttle_limit is {throttle_limit}; it has to be 1 or more")
        check_executor(executor)
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
        else:
            self.jobs = iter(jobs)
        if pausable and executor != "thread":
            raise DeclarationError(
                f'a pausable job runs with executor="thread", and here it is {executor!r}'
            )
        self.name = name
        self.command = command if command is not None else type(self).__name__
        self.throttle_limit = throttle_limit
        self.executor = executor
        self.timeout = timeout
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
        """
        name = getattr(function, "__qualname__", None) or repr(function)
        options.setdefault("command", name)
        return cls((FunctionJob(function, item) for item in items), **options)

    def __repr__(self) -> str:
        return f"<JobGroup {self.name or self.command!r}>"


def check_job(job: object) -> None:
    """Refuse what is no Job.

    Raises:
        DeclarationError: it is none.
    """
    if not isinstance(job, Job):
        raise DeclarationError(f"a JobGroup is made of Jobs, and {job!r} is none")


def check_executor(executor: object) -> None:
    """Refuse what is no executor.

    Raises:
        DeclarationError: it is none.
    """
    if isinstance(executor, str):
        if executor in ("thread", "process", "async"):
            return
    elif callable(getattr(executor, "submit", None)):
        return
    raise DeclarationError(
        f'executor is {executor!r}; it can be "thread", "process", "async" or a '
        "concurrent.futures.Executor"
    )
