"""What PowerShell offers to complete a text with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..arguments import check_text, check_whole

if TYPE_CHECKING:
    from .session import RunspaceSession

__all__ = ["Completion", "complete"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One of the texts that PowerShell offers; see `CompletionResult`.

    ``text[:start] + completion.text + text[start + length:]`` is the completed text.

    Attributes:
        text: what takes the place of what is there.
        list_item: what a list of them shows.
        kind: such as ``"Command"``, ``"ParameterName"``, ``"ParameterValue"``, ``"Variable"``,
            ``"ProviderItem"``, ``"Property"`` or ``"Type"``.
        tooltip: what is to be said of it, such as a command's syntax.
        start: where in the text it belongs.
        length: how much of the text it replaces.
    """

    text: str
    list_item: str
    kind: str
    tooltip: str
    start: int
    length: int


def complete(session: RunspaceSession, text: str, cursor: int | None) -> list[Completion]:
    """Ask PowerShell to complete a text; see `RunspaceSession.complete`."""
    check_text(text, "text")
    place = len(text) if cursor is None else check_whole(cursor, "cursor")
    if not 0 <= place <= len(text):
        raise ValueError(f"cursor is {place}; it has to be from 0 to {len(text)}, the text's end")
    from .commands import add_command

    given = {"inputScript": text, "cursorColumn": _units(text[:place])}
    offered: list[Completion] = []
    # The function that PowerShell's own hosts call; a user may have another one of this name.
    for one in session._run(lambda pipeline: add_command(pipeline, "TabExpansion2", given)):
        start, end = one.ReplacementIndex, one.ReplacementIndex + one.ReplacementLength
        start, end = _letters(text, start), _letters(text, end)
        offered += [
            Completion(
                str(each.CompletionText),
                str(each.ListItemText),
                str(each.ResultType),
                str(each.ToolTip),
                start,
                end - start,
            )
            for each in one.CompletionMatches
        ]
    return offered


def _units(text: str) -> int:
    """How long a text is in .NET, where a letter beyond the first 65,536 counts twice."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def _letters(text: str, units: int) -> int:
    """How many of Python's letters so many of .NET's are."""
    if text.isascii():
        return units
    return len(
        text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "replace")
    )
