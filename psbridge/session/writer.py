"""Writing to PowerShell's streams from Python code that runs in a job or in a cmdlet."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from ..errors import PsbridgeError, StopRequested
from .sink import RecordSink

__all__ = ["RecordWriter"]


class RecordWriter:
    """The ``write…`` methods that jobs and cmdlets share.

    In a job each may be called from any thread while the work runs; in the foreground PowerShell
    takes what is written from a cmdlet's hooks only, and any other thread is told so. A value that
    has no counterpart in PowerShell, and progress for which it has no record, becomes an error
    record that says so, and the work goes on. Once a stop has been asked for each raises
    `StopRequested`, which unwinds the
    work.
    """

    _sink: RecordSink | None = None  # set while the work runs

    @property
    def stopping(self) -> bool:
        """Whether a stop has been asked for."""
        return self._sink is not None and self._sink.stop_requested

    def check_stop(self) -> None:
        """Raise `StopRequested` once a stop has been asked for; for long work between writes."""
        if self.stopping:
            raise StopRequested

    def write(self, value: object) -> None:
        """Write a value to the output.

        Args:
            value: what to write. A dict with text keys or a dataclass becomes an object with
                properties; None is written as ``$null``.

        Raises:
            StopRequested: the work is to stop.
        """
        self._open_sink.write(value)

    def write_many(self, values: Iterable[object]) -> None:
        """Write each of these values to the output.

        Raises:
            StopRequested: the work is to stop.
        """
        write = self._open_sink.write
        for value in values:
            write(value)

    def write_error(
        self,
        error: BaseException | str,
        *,
        error_id: str | None = None,
        category: str | None = None,
        target: object = None,
    ) -> None:
        """Write a non-terminating error; the work goes on.

        Args:
            error: an exception, or a text.
            error_id: the first part of FullyQualifiedErrorId; the exception's class by default.
            category: an `ErrorCategory` by name, such as ``"ObjectNotFound"``; chosen from the
                exception's class by default.
            target: the object that was being worked on.

        Raises:
            StopRequested: the work is to stop.
            ValueError: there is no such category.
        """
        self._open_sink.write_error(error, error_id, category, target)

    def write_warning(self, text: str) -> None:
        """Write a warning.

        Raises:
            StopRequested: the work is to stop.
        """
        self._open_sink.write_text("Warning", str(text))

    def write_verbose(self, text: str) -> None:
        """Write a verbose message, which is shown with ``-Verbose``.

        Raises:
            StopRequested: the work is to stop.
        """
        self._open_sink.write_text("Verbose", str(text))

    def write_debug(self, text: str) -> None:
        """Write a debug message, which is shown with ``-Debug``.

        Raises:
            StopRequested: the work is to stop.
        """
        self._open_sink.write_text("Debug", str(text))

    def write_information(self, message: object, *, tags: Iterable[str] = ()) -> None:
        """Write to the information stream.

        Args:
            message: a text, or a value as for `write`.
            tags: by which a reader may choose records.

        Raises:
            StopRequested: the work is to stop.
        """
        self._open_sink.write_information(message, type(self).__name__, tuple(tags))

    def write_progress(
        self,
        activity: str,
        status: str = "",
        *,
        percent: float | None = None,
        seconds_remaining: float | None = None,
        current_operation: str | None = None,
        activity_id: int = 0,
        parent_id: int = -1,
        completed: bool = False,
    ) -> None:
        """Write progress, as Write-Progress does.

        Args:
            activity: what is being done.
            status: how far it is, in words.
            percent: how far it is, from 0 to 100.
            seconds_remaining: how many seconds it may still take.
            current_operation: the step that is being done.
            activity_id: tells several bars apart.
            parent_id: the bar under which this one stands.
            completed: take the bar away.

        Raises:
            StopRequested: the work is to stop.
        """
        options = {
            "percent": percent,
            "seconds_remaining": seconds_remaining,
            "current_operation": current_operation,
            "activity_id": activity_id,
            "parent_id": parent_id,
            "completed": completed,
        }
        self._open_sink.write_progress(activity, status, options)

    def _write_outcome(self, outcome: Any) -> None:
        """Write what a hook gave: each value of a generator, or a value that is not None."""
        if isinstance(outcome, Generator):
            # A stop is raised at the yield, so that the author's own code is what it unwinds.
            for value in outcome:
                try:
                    self.write(value)
                except StopRequested as stop:
                    with contextlib.suppress(StopIteration):
                        outcome.throw(stop)
                    outcome.close()
                    raise
        elif isinstance(outcome, Iterator):
            self.write_many(outcome)
        elif outcome is not None:
            self.write(outcome)

    @property
    def _open_sink(self) -> RecordSink:
        if self._sink is None:
            raise PsbridgeError(
                f"{type(self).__name__} is not running: it can write only while PowerShell runs it"
            )
        return self._sink
