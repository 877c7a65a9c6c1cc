"""A job written in Python: the work of one child job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..errors import DeclarationError, StopRequested
from ..session.writer import RecordWriter

__all__ = ["FunctionJob", "Job"]


class Job(RecordWriter):
    """Work that PowerShell's job cmdlets manage; derive from it and write `run`.

    The object describes the work. Once it is started it appears in the session's repository as a
    parent job with this work as its child job, and `run` is called on a thread of its own.

    Attributes:
        name: what Get-Job shows as Name.
        command: what Get-Job shows as Command.
        location: what Get-Job shows as Location.
        exception: what ended `run`, where something did.
    """

    # Whether it has been started, and its PythonChildJob then. Not set in __init__, so that a
    # class that forgets to call it still works.
    _claimed = False
    _child: Any = None
    name: str | None = None
    command: str = "Job"
    location = "localhost"
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
    ) -> None:
        """Describe the job.

        Args:
            name: its name; None lets PowerShell choose one, such as ``Job3``.
            command: in words, what is run; the class's name by default.
            location: where the work runs, in words.
        """
        self.name = name
        if command is not None:
            self.command = command
        self.location = location

    def run(self) -> Any:
        """Do the work; to be written by the author.

        A function: what it returns, unless that is None, is written to the output. A generator:
        each value it yields is. Both may be ``async`` too. An exception that leaves it fails the
        job.
        """
        raise DeclarationError(f"{type(self).__qualname__} has no run method")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.command!r}>"

    def _perform(self, child: Any) -> None:
        """Do the work in a child job, from its beginning to its end, on the calling thread."""
        from ..values import python_exception

        stop = _Stop(self._on_stop)
        if not child.TryBegin(_action(stop.request)):
            return
        self._sink = child
        failure = None
        try:
            self._drive(self.run(), stop)
        except BaseException as error:
            if not (isinstance(error, StopRequested) and child.StopRequested):
                self.exception = error
                failure = python_exception(error)
        finally:
            child.Finish(failure)

    def _on_stop(self) -> None:
        """Called once, on the thread that asks for the stop, while the work runs."""

    def _drive(self, outcome: Any, stop: _Stop) -> None:
        if isinstance(outcome, (AsyncIterator, Awaitable)):
            # Imported here: asyncio takes longer than the rest of psbridge.
            from .async_work import run_async

            run_async(outcome, self._write_outcome, stop)
        else:
            self._write_outcome(outcome)


class FunctionJob(Job):
    """A job whose work is a call of a function."""

    def __init__(
        self, function: Callable[..., Any], *arguments: Any, **named_arguments: Any
    ) -> None:
        """Describe the call; the function may be whatever `Job.run` may be."""
        name = getattr(function, "__qualname__", None) or repr(function)
        super().__init__(command=name)
        self._call = (function, arguments, named_arguments)

    def run(self) -> Any:
        """Call the function."""
        function, arguments, named_arguments = self._call
        return function(*arguments, **named_arguments)


class _Stop:
    """A request to stop, and what passes it on to the work where something can."""

    def __init__(self, hook: Callable[[], None]) -> None:
        self.requested = False
        self.pass_on: Callable[[], None] | None = None
        self._hook = hook

    def request(self) -> None:
        """Called by .NET, which must not see what an author's hook raises."""
        self.requested = True
        try:
            if self.pass_on is not None:
                self.pass_on()
            self._hook()
        except Exception:
            import logging

            logging.getLogger("psbridge").exception("a job's stop hook failed")


def _action(function: Callable[[], None]) -> Any:
    from System import Action

    return Action(function)
