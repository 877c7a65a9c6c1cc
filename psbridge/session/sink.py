"""Where records go that Python code writes: the Python side of a .NET IRecordSink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from ..errors import ConversionError, StopRequested

__all__ = ["NetSink", "RecordSink"]


class RecordSink(Protocol):
    """What takes the records of a job or a cmdlet, here or in another process.

    Each method raises StopRequested once the work is to stop.
    """

    @property
    def stop_requested(self) -> bool:
        """Whether a stop has been asked for."""

    def write(self, value: object) -> None:
        """Take a value for the output."""

    def write_error(
        self,
        error: BaseException | str,
        error_id: str | None = None,
        category: str | None = None,
        target: object = None,
    ) -> None:
        """Take a non-terminating error."""

    def write_text(self, stream: str, text: str) -> None:
        """Take a text for the stream ``"Warning"``, ``"Verbose"`` or ``"Debug"``."""

    def write_information(self, message: object, source: str, tags: Iterable[str]) -> None:
        """Take an information record."""

    def write_progress(self, activity: str, status: str, options: dict[str, Any]) -> None:
        """Take a progress record; the options are those of `values.progress_record`."""


class NetSink:
    """Turns what is written into PowerShell's records and hands them to .NET."""

    __slots__ = ("net",)

    def __init__(self, net: Any) -> None:
        """Write to a .NET ``IRecordSink``: a job or a running cmdlet."""
        self.net = net

    @property
    def stop_requested(self) -> bool:
        """Whether a stop has been asked for."""
        return bool(self.net.StopRequested)

    def write(self, value: object) -> None:
        """Write a value; one that has no counterpart becomes an error record that says so."""
        from ..values import to_record

        try:
            record = to_record(value)
        except ConversionError as error:
            self.write_error(error, "ConversionError")
        else:
            self._check(self.net.Write(record))

    def write_error(
        self,
        error: BaseException | str,
        error_id: str | None = None,
        category: str | None = None,
        target: object = None,
    ) -> None:
        """Write a non-terminating error."""
        from ..values import error_record

        record = error_record(error, error_id=error_id, category=category, target=target)
        self._check(self.net.WriteError(record))

    def write_text(self, stream: str, text: str) -> None:
        """Write a text to a stream."""
        from ..values import net_text

        self._check(getattr(self.net, f"Write{stream}")(net_text(text)))

    def write_information(self, message: object, source: str, tags: Iterable[str]) -> None:
        """Write an information record."""
        from ..values import information_record

        try:
            record = information_record(message, source, tags)
        except Exception as error:
            self.write_error(error, "ConversionError")
        else:
            self._check(self.net.WriteInformation(record))

    def write_progress(self, activity: str, status: str, options: dict[str, Any]) -> None:
        """Write a progress record."""
        from ..values import progress_record

        try:
            record = progress_record(activity, status, **options)
        except Exception as error:  # text where a number should be, for one
            self.write_error(error, "ConversionError")
        else:
            self._check(self.net.WriteProgress(record))

    def refusal(self) -> BaseException:
        """Why .NET has not taken a record."""
        return StopRequested()

    def _check(self, taken: bool) -> None:
        if not taken:
            raise self.refusal()
