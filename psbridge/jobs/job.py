"""A job written in Python: the work of one child job."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
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

        stop = _AsyncStop()
        if not child.TryBegin(_action(stop.request)):
            return
        self._sink = child
        failure = None
        try:
            self._drive(self.run(), stop)
        except StopRequested:
            pass
        except BaseException as error:
            self.exception = error
            failure = python_exception(error)
        finally:
            child.Finish(failure)

    def _drive(self, outcome: Any, stop: _AsyncStop) -> None:
        if isinstance(outcome, AsyncIterator):
            stop.run(self._drain(outcome))
        elif isinstance(outcome, Awaitable):
            self._write_outcome(stop.run(_await(outcome)))
        else:
            self._write_outcome(outcome)

    async def _drain(self, outcome: AsyncIterator[Any]) -> None:
        async for value in outcome:
            self.write(value)


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


class _AsyncStop:
    """Runs a coroutine on this thread so that a stop, from any thread, cancels it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._requested = False

    def request(self) -> None:
        self._requested = True
        if self._loop is not None and self._task is not None:
            # A loop that has closed says RuntimeError: the work has ended by itself.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    def run(self, work: Any) -> Any:
        async def main() -> Any:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.current_task()
            # A request from before this line found no task to cancel.
            if self._requested:
                raise StopRequested
            return await work

        try:
            return asyncio.run(main())
        except asyncio.CancelledError:
            if self._requested:
                raise StopRequested from None
            raise
        finally:
            if inspect.iscoroutine(work):
                work.close()


async def _await(outcome: Awaitable[Any]) -> Any:
    return await outcome


def _action(function: Callable[[], None]) -> Any:
    from System import Action

    return Action(function)
