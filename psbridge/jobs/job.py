"""A job written in Python: the work of one child job."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DeclarationError, PsbridgeError
from ..session.sink import NetSink
from ..session.writer import RecordWriter
from ..waiting import milliseconds, wait_until

if TYPE_CHECKING:
    from .places.place import Executor
    from .retry import Retry

__all__ = ["FunctionJob", "Job", "name_of"]


class Job(RecordWriter):
    """Work that PowerShell's job cmdlets manage; derive from it and write `run`.

    The object describes the work. Once it is started it appears in the session's repository as a
    parent job with this work as its child job, and `run` is called on a thread of its own.

    Attributes:
        name: what Get-Job shows as Name.
        command: what Get-Job shows as Command.
        location: what Get-Job shows as Location.
        timeout: how many seconds the work may take, with all its tries; then it is stopped as by
            Stop-Job, and the job is Failed with a TimeoutError. None is for ever.
        grace: how many seconds the work has to stop by itself when a stop is asked for. Then its
            thread is interrupted (its process is killed), and after as long again it is given up.
        capture: whether what ``print``, ``warnings`` and ``logging`` write in `run` goes to the
            job's streams.
        pausable: whether the job can be suspended and resumed; see `pause_point`.
        retry: how it is tried again when it fails; None is not at all.
        executor: where it runs, where its group does not say; see `JobGroup`.
        exception: what ended `run`, where something did.
    """

    # Whether it has been started. Not set in __init__, so that a class that forgets to call it
    # still works.
    _claimed = False
    name: str | None = None
    command: str = "Job"
    location = "localhost"
    timeout: float | None = None
    grace: float = 2.5
    retry: Retry | None = None
    capture: bool = False
    pausable: ClassVar[bool] = False
    executor: ClassVar[Executor] = "thread"
    exception: BaseException | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Name the class's jobs after it."""
        super().__init_subclass__(**options)
        if "command" not in vars(cls):
            cls.command = cls.__name__

    def __init__(
        self,
        name: str | None = None,
        command: str | None = None,
        location: str = "localhost",
        *,
        timeout: float | None = None,
        grace: float | None = None,
        retry: Retry | None = None,
        capture: bool | None = None,
    ) -> None:
        """Describe the job; what is wrong in it is refused when it is started.

        Args:
            name: its name; None lets PowerShell choose one, such as ``Job3``.
            command: in words, what is run; the class's name by default.
            location: where the work runs, in words.
            timeout: how many seconds the work may take; None is what the class says.
            grace: how many seconds it has to stop by itself; likewise.
            retry: how it is tried again when it fails; likewise.
            capture: whether ``print`` and the like go to the job's streams; likewise.
        """
        self.name = name
        if command is not None:
            self.command = command
        self.location = location
        if timeout is not None:
            self.timeout = timeout
        if grace is not None:
            self.grace = grace
        if retry is not None:
            self.retry = retry
        if capture is not None:
            self.capture = capture

    def run(self) -> Any:
        """Do the work; to be written by the author.

        A function: what it returns, unless that is None, is written to the output. A generator:
        each value it yields is. Both may be ``async`` too. An exception that leaves it fails the
        job.
        """
        raise DeclarationError(f"{type(self).__qualname__} has no run method")

    def stop(self) -> None:
        """Called once, on a thread of its own, when a stop is asked for while `run` runs.

        It is called in the process in which `run` runs. For work that waits for something else:
        close the socket, end the program. What it raises is logged and harms nothing. This is the
        author's hook, as a cmdlet's is; what stops the job is `JobHandle.stop`.
        """

    def pause_point(self) -> None:
        """Wait here while the job is suspended (``$job.SuspendJob()``, `JobHandle.suspend`).

        Raises:
            StopRequested: the work is to stop.
            PsbridgeError: the work runs in another process, where it cannot be suspended.
        """
        child = self._child_job("suspended")
        wait_until(lambda seconds: not child.IsSuspended(milliseconds(seconds)))
        self.check_stop()

    def block(self, message: str) -> None:
        """Wait until somebody unblocks the job; its state is Blocked meanwhile.

        It is unblocked by ``$job.UnblockJob()``, `JobHandle.unblock` and, as PowerShell's own
        jobs are, by Receive-Job.

        Args:
            message: what it waits for; Get-Job's StatusMessage of the child.

        Raises:
            StopRequested: the work is to stop.
            PsbridgeError: the work runs in another process, where it cannot be blocked.
        """
        from ..values import net_text

        child = self._child_job("blocked")
        said = child.StatusMessage
        child.SetStatusMessage(net_text(message))
        child.Block()
        wait_until(lambda seconds: not child.IsBlocked(milliseconds(seconds)))
        child.SetStatusMessage(said)
        self.check_stop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.command!r}>"

    def __getstate__(self) -> dict[str, Any]:
        """What goes along to another process: all but what belongs to this one."""
        return {name: value for name, value in vars(self).items() if name not in _LOCAL}

    def _child_job(self, what: str) -> Any:
        sink = self._open_sink
        if isinstance(sink, NetSink):
            return sink.net
        raise PsbridgeError(
            f"{self!r} runs in another process, where a job cannot be {what}; "
            'executor="thread" is where it can'
        )


_LOCAL = frozenset(["_sink", "_claimed", "exception"])


def name_of(function: object) -> str:
    """What to call a function; other callables by their type, for a repr may show secrets."""
    function = _called(function)
    name = getattr(function, "__qualname__", None)
    return name if name and isinstance(name, str) else type(function).__qualname__


def _called(function: object) -> object:
    """The function below each `functools.partial`."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


class FunctionJob(Job):
    """A job whose work is a call of a function."""

    def __init__(
        self, function: Callable[..., Any], /, *arguments: Any, **named_arguments: Any
    ) -> None:
        """Describe the call; the function may be whatever `Job.run` may be.

        Raises:
            DeclarationError: it cannot be called, or gives a job where it does.
        """
        # A job, a group (which like a job can be claimed) or a cmdlet.
        called = _called(function)
        if isinstance(called, type) and (
            issubclass(called, RecordWriter) or hasattr(called, "_claimed")
        ):
            raise DeclarationError(
                f"{called.__qualname__} is a class, and calling it does no work; to start a job "
                f"of it, make one: {called.__qualname__}(...)"
            )
        if not callable(function):
            raise DeclarationError(f"{function!r} is no function")
        super().__init__(command=name_of(function))
        self._call = (function, arguments, named_arguments)

    def run(self) -> Any:
        """Call the function."""
        function, arguments, named_arguments = self._call
        return function(*arguments, **named_arguments)
