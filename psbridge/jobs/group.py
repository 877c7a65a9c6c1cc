"""Several jobs under one parent."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

from ..errors import DeclarationError
from .job import FunctionJob, Job, name_of

if TYPE_CHECKING:
    from .places.place import Executor

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
        kinds = self.on if isinstance(self.on, tuple) else (self.on,)
        if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
            raise DeclarationError(f"on is {self.on!r}; it is an exception, or a tuple of them")
        if _whole(self.times, "times") < 0:
            raise ValueError(f"times is {self.times!r}; it has to be 0 or more")
        check_seconds(self.delay, "delay")
        if not 0 < check_seconds(self.backoff, "backoff") < math.inf:
            raise ValueError(f"backoff is {self.backoff!r}; it has to be more than 0, and finite")

    def delay_before(self, retry: int) -> float:
        """How many seconds to wait before this retry; the first one has number 1."""
        if not self.delay:
            return 0.0
        try:
            return float(self.delay * self.backoff ** (retry - 1))
        except OverflowError:
            return math.inf


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
            DeclarationError: one of the jobs is none, or is there twice, or the executor is none,
                or something is of the wrong type.
            ValueError: the throttle limit is below 1, or a timeout or grace is no time.
        """
        if _whole(throttle_limit, "throttle_limit") < 1:
            raise ValueError(f"throttle_limit is {throttle_limit}; it has to be 1 or more")
        check_executor(executor)
        _check_text(name, "name", optional=True)
        _check_text(command, "command", optional=True)
        if timeout is not None:
            check_seconds(timeout, "timeout")
        if retry is not None and not isinstance(retry, Retry):
            raise DeclarationError(f"retry is {retry!r}; it is a Retry")
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
        options.setdefault("command", name_of(function))
        return cls((FunctionJob(function, item) for item in items), **options)

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
    _check_text(job.name, f"{kind}.name", optional=True)
    _check_text(job.command, f"{kind}.command")
    _check_text(job.location, f"{kind}.location")
    check_seconds(job.grace, f"{kind}.grace")
    if job.timeout is not None:
        check_seconds(job.timeout, f"{kind}.timeout")


def check_seconds(value: object, what: str) -> float:
    """Refuse what is no length of time; infinity is one.

    Raises:
        DeclarationError: it is no number.
        ValueError: it is negative, or NaN.
    """
    if not isinstance(value, Real):
        raise DeclarationError(f"{what} is {value!r}; it is a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf  # type: ignore[operator]
    if not number >= 0:
        raise ValueError(f"{what} is {number}; it has to be 0 or more")
    return number


def _whole(value: object, what: str) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DeclarationError(f"{what} is {value!r}; it is a whole number") from None


def _check_text(value: object, what: str, *, optional: bool = False) -> None:
    if not isinstance(value, str) and not (optional and value is None):
        raise DeclarationError(f"{what} is {value!r}; it is a text")


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
