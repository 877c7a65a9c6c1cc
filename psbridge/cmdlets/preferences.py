"""What a caller wants done with errors and warnings, where a cmdlet runs as a job.

In the foreground PowerShell sees to it. A job has no caller any more, so what -ErrorAction and
-WarningAction or their preference variables said goes along into it. The other streams are
recorded whatever was said, and Receive-Job shows them as whoever calls it prefers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..session.sink import RecordSink
from .cmdlet import TerminatingError

__all__ = ["Preferences", "PreferringSink", "preferences_of"]


class Preferences(NamedTuple):
    """The names of two ActionPreferences.

    Attributes:
        error: what is to be done with a non-terminating error.
        warning: what is to be done with a warning.
    """

    error: str
    warning: str


def preferences_of(net: Any) -> Preferences:
    """The preferences of whoever called a cmdlet.

    Args:
        net: its .NET instance.
    """
    bound = net.MyInvocation.BoundParameters

    def preference(parameter: str, variable: str) -> str:
        if bound.ContainsKey(parameter):
            return str(bound[parameter].ToString())
        return str(net.GetVariableValue(variable) or "Continue")

    return Preferences(
        preference("ErrorAction", "ErrorActionPreference"),
        preference("WarningAction", "WarningPreference"),
    )


class PreferringSink:
    """A `RecordSink` that does with errors and warnings what is preferred."""

    def __init__(self, sink: RecordSink, preferences: Preferences) -> None:
        """Pass on to a sink what is to be recorded."""
        self._sink = sink
        self._preferences = preferences

    @property
    def stop_requested(self) -> bool:
        """Whether a stop has been asked for."""
        return self._sink.stop_requested

    def write(self, value: object) -> None:
        """Take a value for the output."""
        self._sink.write(value)

    def write_error(
        self,
        error: BaseException | str,
        error_id: str | None = None,
        category: str | None = None,
        target: object = None,
    ) -> None:
        """Take a non-terminating error, which ends the work where that is preferred."""
        if self._preferences.error in _ENDS:
            raise TerminatingError(error, error_id, category, target)
        if self._preferences.error not in _DROPS:
            self._sink.write_error(error, error_id, category, target)

    def write_text(self, stream: str, text: str) -> None:
        """Take a text for a stream; a warning ends the work where that is preferred."""
        if stream == "Warning" and self._preferences.warning in _ENDS:
            raise TerminatingError(text, "ActionPreferenceStop", None, None)
        if stream != "Warning" or self._preferences.warning not in _DROPS:
            self._sink.write_text(stream, text)

    def write_information(self, message: object, source: str, tags: Iterable[str]) -> None:
        """Take an information record."""
        self._sink.write_information(message, source, tags)

    def write_progress(self, activity: str, status: str, options: dict[str, Any]) -> None:
        """Take a progress record."""
        self._sink.write_progress(activity, status, options)


_ENDS = ("Stop", "Break")
_DROPS = ("SilentlyContinue", "Ignore")
