"""The run of a group: its children in order, so many at a time, each where it belongs.

Each group has threads of its own, as many as its throttle limit lets run at once. So a job that
starts another group never waits for a place that it holds itself. Rejected: one pool for the
process, which is where such deadlocks come from.

A thread is started when there is a child for it, and the first thing that it does is to let the
next one be started: an iterator of a million makes as many threads as the limit says, and a group
of three makes three. The threads are daemons: a job that does not stop must not keep the
interpreter from ending.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from ..errors import DeclarationError
from .child_run import ChildRun
from .group import JobGroup, check_job
from .job import Job
from .places.place import Place, open_place
from .stopping import JobThread

if TYPE_CHECKING:
    from .places.place import Executor

__all__ = ["GroupRun", "claim"]

_claiming = threading.Lock()


def claim(*works: Job | JobGroup) -> None:
    """Mark jobs and groups as started.

    Raises:
        DeclarationError: one of them has been started before; then none is marked.
    """
    with _claiming:
        for work in works:
            if work._claimed:
                raise DeclarationError(
                    f"{work!r} has been started before; a job runs once, so make a new one"
                )
        for work in works:
            work._claimed = True


class GroupRun:
    """A group that runs, or is about to.

    Attributes:
        net: the parent job.
        exceptions: what failed its children, by their numbers, and by its own what failed the
            iterator that makes them.
    """

    def __init__(
        self,
        group: JobGroup,
        net: Any,
        when_over: Callable[[], None],
        when_placed: Callable[[Executor], None],
    ) -> None:
        """Prepare the run; the children of a list are made now.

        Args:
            group: what to run.
            net: the .NET parent.
            when_over: called when nothing of it runs any more.
            when_placed: called with where each child is to run, before it does.

        Raises:
            DeclarationError: it, or one of its jobs, has been started before.
        """
        self.net = net
        self.exceptions: dict[int, BaseException] = {}
        self._group = group
        self._when_over = when_over
        self._when_placed = when_placed
        self._lock = threading.Lock()  # guards what follows; held while the iterator is asked
        self._made: deque[ChildRun] | None = None
        self._jobs: Iterator[Job] | None = None
        self._inside = 0  # threads that take children
        self._threads = 0  # that were ever started, for their names
        # A single child with its parent's name would be found beside it by that name.
        self._named = not isinstance(group.jobs, tuple) or len(group.jobs) > 1
        if isinstance(group.jobs, tuple):
            made = [self._make(job) for job in group.jobs]
            claim(group, *group.jobs)
            self._made = deque(made)
            for run in made:
                if not net.Children.Add(run.net):
                    run.net.RequestStop()  # the parent was stopped already
            net.Children.NoMore(None)
        else:
            claim(group)
            self._jobs = group.jobs

    def unclaim(self) -> None:
        """The run does not come about: the jobs may be started another time."""
        self._group._claimed = False
        if isinstance(self._group.jobs, tuple):
            for job in self._group.jobs:
                job._claimed = False

    def start(self) -> None:
        """Start it."""
        if self._group.executor == "async":
            from .places.loop import start_on_loop

            self._inside = 1
            start_on_loop(self, self._group.throttle_limit)
        elif self._made == deque():
            self._when_over()
        else:
            with self._lock:
                self._start_thread()

    def drop(self) -> None:
        """Never start it; what waits in it is Stopped."""
        self.net.RequestStop()
        self._when_over()

    def take(self) -> ChildRun | None:
        """Take the next child; None where there is none or the group is to stop."""
        with self._lock:
            if self._made is not None:
                return self._made.popleft() if self._made else None
            if self._jobs is None:
                return None
            failure = None
            try:
                # A stopped group asks for no more.
                for job in () if self.net.Children.StopRequested else self._jobs:
                    check_job(job)
                    claim(job)
                    run = self._make(job)
                    if self.net.Children.Add(run.net):
                        return run
                    break
            except BaseException as error:
                failure = error
            jobs, self._jobs = self._jobs, None
        self._end_of_jobs(jobs, failure)
        return None

    def leave(self) -> None:
        """Whoever has taken children takes none any more."""
        with self._lock:
            self._inside -= 1
            over = self._inside == 0
        if over:
            self._when_over()

    def _end_of_jobs(self, jobs: Iterator[Job], failure: BaseException | None) -> None:
        close = getattr(jobs, "close", None)  # a generator's: its finally is run now
        if close is not None:
            try:
                close()
            except BaseException as error:
                failure = failure or error
        reason = None
        if failure is not None:
            from ..values import python_exception

            self.exceptions[self.net.Id] = failure
            reason = python_exception(failure)
        self.net.Children.NoMore(reason)

    def _make(self, job: Job) -> ChildRun:
        from PSBridge import PythonChildJob

        from ..values import net_text

        group = self._group
        self._when_placed(group.executor_of(job))
        if group.capture:
            job.capture = True
        if group.grace is not None and not _says(job, "grace"):
            job.grace = group.grace
        name = net_text(job.name) if job.name and self._named else None
        net = PythonChildJob(net_text(job.command), name, net_text(job.location))
        net.IsPausable = group.pausable
        return ChildRun(
            job,
            net,
            retry=job.retry if job.retry is not None else group.retry,
            timeout=group.timeout,
            exceptions=self.exceptions,
        )

    def _start_thread(self) -> None:
        """Start one more thread; to be called under the lock."""
        group = self._group
        name = f"psbridge {group.name or group.command} {self._threads}"
        self._threads += 1
        self._inside += 1
        try:
            JobThread(target=self._work, name=name, daemon=True).start()
        except BaseException:
            self._inside -= 1
            raise

    def _work(self) -> None:
        counts = first = True
        try:
            with _Places(self._group) as places:
                while (run := self.take()) is not None:
                    if first:
                        self._let_another_begin()
                        first = False
                    if not self._run(run, places):
                        counts = False  # it was given up, and another thread has got its place
                        return
        finally:
            if counts:
                self.leave()

    def _let_another_begin(self) -> None:
        # Where there are no more threads to be had, those that there are do it all.
        with self._lock, contextlib.suppress(RuntimeError):
            more = self._jobs is not None or bool(self._made)
            if more and self._inside < self._group.throttle_limit:
                self._start_thread()

    def _replace(self) -> None:
        """A child was given up, and the thread that is stuck in it does not count any more."""
        with self._lock:
            deserted = False
            try:
                self._start_thread()
            except RuntimeError:  # there are no more to be had
                deserted = self._inside == 1
            self._inside -= 1
        if deserted:
            self.net.RequestStop()
            self._when_over()

    def _run(self, run: ChildRun, places: _Places) -> bool:
        """Run a child to its end; False where it was given up meanwhile."""
        if not run.begin(self._replace):
            return True
        error: BaseException | None = None
        try:
            place = places.place_of(run.job)
            while True:
                error = place.attempt(run)
                delay = run.delay_after(error)
                if delay is None or not run.wait(delay):
                    break
        except BaseException as unexpected:  # where it left this thread, nobody would do the rest
            error = unexpected
        return run.finish(error)


class _Places:
    """Where one thread of a group brings its children: a place for each executor that they name."""

    def __init__(self, group: JobGroup) -> None:
        self._group = group
        self._open: list[tuple[Executor, Place]] = []

    def place_of(self, job: Job) -> Place:
        executor = self._group.executor_of(job)
        for known, place in self._open:
            if known == executor:
                return place
        place = open_place(executor, self._group.listen)
        self._open.append((executor, place))
        return place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.ExitStack() as closing:
            for _executor, place in self._open:
                closing.callback(place.close)


def _says(job: Job, attribute: str) -> bool:
    """Whether a job or its class says something that Job has a default for."""
    kinds = type(job).__mro__
    return attribute in vars(job) or any(
        attribute in vars(kind) for kind in kinds[: kinds.index(Job)]
    )
