"""One call of a `JobExecutor`: a future and a job, from the submit to the end."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..errors import JobStopped, SessionClosedError, StopRequested
from .group import JobGroup
from .handle import JobHandle
from .job import FunctionJob
from .start import make_parent, start_group

if TYPE_CHECKING:
    from .executor import JobExecutor
    from .group_run import GroupRun

__all__ = ["CallJob", "ExecutorCall"]

T = TypeVar("T")


class CallJob(FunctionJob):
    """A call whose outcome is the future's: nothing of it is written to the job's output.

    Whatever the function returns, be it a generator or awaitable, is only returned.
    """

    outcome: tuple[Any, BaseException | None] | None = None
    thread: threading.Thread | None = None

    def run(self) -> None:
        """Call the function and keep what comes of it."""
        self.thread = threading.current_thread()
        try:
            self.outcome = super().run(), None
        except BaseException as error:
            self.outcome = None, error
            raise


class ExecutorCall(Generic[T]):
    """One call: its future and its job."""

    def __init__(self, executor: JobExecutor, job: CallJob) -> None:
        self.future: Future[T] = Future()
        self.job = job
        self._executor = executor
        self._parent: Any = None
        self._run: GroupRun | None = None
        self._over_on: threading.Thread | None = None
        self._started = False

    @property
    def thread(self) -> threading.Thread | None:
        """Which thread does the call, or tells that it is done."""
        return self._over_on or self.job.thread

    def list_it(self) -> None:
        """Let it be listed while it waits."""
        try:
            self._make_job()
        except Exception:
            self._parent = None  # its beginning fails for the same reason, and tells it
            return
        from System import Action

        # .NET may keep it for long after it is called: neither the call nor what it gives.
        future = weakref.ref(self.future)
        self._parent.ChildJobs[0].WhenDropped(Action(lambda: _was_stopped(future())))

    def begin(self) -> None:
        """Begin it; who calls this has taken it out of the queues, and goes on with the next."""
        try:
            if self._run is None:
                self._make_job()
            assert self._run is not None
            if self.future.set_running_or_notify_cancel():
                self._started = True
                self._parent.Children.Run()
                self._run.start()
            else:
                self._drop()
        except BaseException as error:
            self._started = False
            self._fail(error)
            if not isinstance(error, Exception):  # a signal handler's
                raise

    def drop_when_cancelled(self) -> None:
        """Let it be dropped when its future is cancelled; the executor keeps it while it waits."""
        this = weakref.ref(self)  # else the two would wait for Python's garbage collector

        def drop(future: Future[Any]) -> None:
            if (call := this()) is not None:
                call.drop_where_cancelled()

        self.future.add_done_callback(drop)

    def drop_where_cancelled(self) -> None:
        """Drop it where its future is cancelled, and it waits."""
        if self.future.cancelled() and self._executor._withdraw(self):
            self.future.set_running_or_notify_cancel()  # tells who waits for it
            self._drop()
            self._executor._go_on()

    def _fail(self, error: BaseException) -> None:
        """It cannot begin."""
        if self._run is not None:
            self._run.drop()
        if isinstance(error, SessionClosedError):
            self.future.cancel()
        if self.future.running() or self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)
        self._end()

    def _make_job(self) -> None:
        session = self._executor._session
        group = JobGroup([self.job], name=self.job.name)
        self._parent = parent = make_parent(group)
        parent.Children.WaitsToBegin = True
        self._run = start_group(
            group,
            parent,
            owner=session,
            publish=session.jobs.net.Add,
            when_over=self._is_over,
            hold=True,
        )

    def _is_over(self) -> None:
        """Nothing of the job runs any more, or it was given up."""
        if not self._started:
            return
        self._started = False
        self._over_on = threading.current_thread()
        value: Any
        error: BaseException | None
        value, error = self.job.outcome or (..., StopRequested())  # none, where it was given up
        self.job.outcome = None
        handle = JobHandle(self._parent, self._executor._session)
        if isinstance(error, StopRequested) and handle.state != "Failed":
            error = JobStopped(f"job {self.job.name} was stopped", job=handle)
        self._remove()
        if error is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(error)
        del error
        self._end()
        self._executor._go_on()

    def _drop(self) -> None:
        if self._run is not None:
            self._run.drop()
            self._remove()
        self._end()

    def _remove(self) -> None:
        """Take its job out of the repository, as Remove-Job does."""
        if self._executor._keep:
            return
        from System import ArgumentException

        try:
            self._executor._session.jobs.net.Remove(self._parent)
        except ArgumentException:
            return  # somebody has
        self._parent.Dispose()

    def _end(self) -> None:
        self._run = self._parent = None
        vars(self.job).pop("_call", None)  # with its arguments
        self._executor._leave(self)


def _was_stopped(future: Future[Any] | None) -> None:
    """Its job was stopped while it waited; called by .NET."""
    try:
        if future is not None:
            future.cancel()
    except BaseException:
        import logging

        logging.getLogger("psbridge").exception("a callback of a future failed")
