"""PowerShell's host on a `Console`. To be imported once the engine runs.

The host is C# (``SessionHost.cs``); what it shows and asks goes to the console through one
delegate, which enters Python by the border and lets no exception out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PSBridge import ConsoleCall, SessionHost

from ..values import net_text

if TYPE_CHECKING:
    from .console import Console

__all__ = ["make_host", "show_on"]


def make_host(console: Console) -> Any:
    """Make the .NET host of a session that shows things on a console."""
    return SessionHost(*_calls_of(console))


def show_on(run: Any, console: Console) -> None:
    """Let a run that has not begun show things on a console, and no other."""
    run.ShowOn(*_calls_of(console))


def _calls_of(console: Console) -> tuple[Any, bool, bool]:
    return ConsoleCall(_Operations(console).call), console.colours, console.shows_progress


class _Operations:
    """What the host may ask for, by the names that the C# side uses."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._operations: dict[str, Callable[[str], Any]] = {
            "write": console.write,
            "error": console.write_error,
            "note": console.write_note,
            "progress": console.show_progress,
            "progress colours": lambda _: "" if console.progress_colours else None,
            "indicator": console.write_indicator,
            "control": console.write_control,
            "size": lambda stream: "{},{}".format(*console.size_of(stream)),
            "interactive": lambda _: "" if console.interactive else None,
            "ask": console.ask,
            "secret": console.ask_secret,
            "key": lambda _: console.ask_key(),
            "key available": lambda _: "" if console.key_waits() else None,
            "flush keys": lambda _: console.drop_keys(),
            "cursor": lambda _: _pair(console.cursor()),
        }

    def call(self, operation: str, text: str | None) -> str | None:
        """Do an operation; the answer is as `ConsoleCall` says."""
        try:
            answer = self._operations[operation](text or "")
        except Exception as error:
            return f"!{net_text(str(error) or type(error).__name__)}"
        if answer is not None:
            return f"={net_text(answer)}"
        return "." if operation == "write" and self._console.broken else None


def _pair(found: tuple[int, int] | None) -> str | None:
    return None if found is None else f"{found[0]},{found[1]}"
