"""The picture of jobs on a terminal: what there is room for, a line each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .looking import TERMINAL_COLOURS, duration, one_line, tally
from .progress import progress_in

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.text import Text

    from .facts import JobFacts

__all__ = ["WatchedJobs"]

# How many children of a group have lines of their own, at most.
_MOST_CHILDREN = 10
_BAR_CELLS = 12
# From how many columns on there is a bar, and what jobs have written.
_COLUMNS_FOR_BAR = 60
_COLUMNS_FOR_TEXT = 40


class _Row(NamedTuple):
    """What a line says; without a state it is how many more there are."""

    name: str
    state: str = ""
    fraction: float | None = None
    figure: str = ""
    text: str = ""
    time: str = ""


class WatchedJobs:
    """Jobs that are looked at again and again, and the picture of the last look."""

    def __init__(self, console: RichConsole) -> None:
        """Draw for a terminal, whose size is asked for each time."""
        self._console = console
        self._ended: dict[Any, Any] = {}  # pictures that do not change any more
        self._pictures: list[Any] = []
        encoding = console.encoding
        can = "━…".encode(encoding, "replace").decode(encoding) == "━…"
        self._bar, self._cut = ("━", "…") if can else ("#", ".")

    def look(self, handles: Sequence[JobFacts]) -> list[Any]:
        """Take the pictures of the jobs, ``PSBridge.JobPicture`` each."""
        from PSBridge import JobPicture

        self._pictures = []
        for handle in handles:
            picture = self._ended.get(handle)
            if picture is None:
                picture = JobPicture.Take(handle.net, True, _MOST_CHILDREN)
                if picture.HasEnded:
                    self._ended[handle] = picture
            self._pictures.append(picture)
        return self._pictures

    def drawn(self) -> Text:
        """The picture, in no more lines and columns than the terminal has."""
        from rich.text import Text

        size = self._console.size
        # The last line stays free for what stands there when it ends; a character may be wider
        # than it is known to be.
        rows, columns = self._rows(max(1, size.height - 1)), max(1, size.width - 1)
        picture = Text(no_wrap=True, overflow="crop", end="")
        for index, line in enumerate(self._lines(rows, columns)):
            picture.append("\n" if index else "")
            picture.append_text(line)
        return picture

    def _rows(self, room: int) -> list[_Row]:
        pictures = self._pictures
        if len(pictures) > room:
            return self._folded(room)
        rooms = _shared(room - len(pictures), [_wanted(picture) for picture in pictures])
        rows = []
        for picture, lines in zip(pictures, rooms, strict=True):
            rows.append(self._row(picture))
            rows += self._children(picture, lines)
        return rows

    def _folded(self, room: int) -> list[_Row]:
        """As many jobs as there is room for, those first that are worth a look."""
        pictures = self._pictures
        by_worth = sorted(range(len(pictures)), key=lambda at: _worth(pictures[at]))
        shown, hidden = sorted(by_worth[: room - 1]), by_worth[room - 1 :]
        counts: dict[str, int] = {}
        for at in hidden:
            counts[pictures[at].State] = counts.get(pictures[at].State, 0) + 1
        more = _Row(f"and {len(hidden):,} more: {tally(counts.items())}")
        return [*(self._row(pictures[at]) for at in shown), more]

    def _children(self, picture: Any, room: int) -> list[_Row]:
        wanted = _wanted(picture)
        if not wanted or not room:
            return []
        shown = list(picture.Children)[: room if wanted <= room else room - 1]
        rows = [self._row(child, "  ") for child in shown]
        if (more := wanted - len(shown)) > 0:
            rows.append(_Row(f"  and {more:,} more"))
        return rows

    def _row(self, picture: Any, indent: str = "") -> _Row:
        progress, several = progress_in(picture), picture.Total > 1
        fraction = None if progress is None else progress.fraction
        if picture.State == "Completed":
            fraction = 1.0
        if several:
            figure = f"{picture.Done}/{picture.Total}"
        else:
            figure = "" if fraction is None else f"{fraction:.0%}"
        began, ended = picture.Began, picture.Ended
        seconds = (time.time() if ended != ended else ended) - began
        return _Row(
            name=indent + self._text(picture.Name),
            state=picture.State,
            fraction=fraction,
            figure=figure,
            text=self._text(_said(picture, progress.status if progress else "")),
            time="" if seconds != seconds else duration(seconds),  # NaN: it has not begun
        )

    def _text(self, text: str) -> str:
        return one_line(text, self._console.encoding)

    def _lines(self, rows: list[_Row], columns: int) -> list[Text]:
        from rich.cells import cell_len
        from rich.text import Text

        jobs = [row for row in rows if row.state]
        names = max((cell_len(row.name) for row in jobs), default=0)
        states = max((len(row.state) for row in jobs), default=0)
        figures = max((len(row.figure) for row in jobs), default=0)
        times = max((len(row.time) for row in jobs), default=0)
        names = min(names, max(8, columns // 3))
        bar = _BAR_CELLS if columns >= _COLUMNS_FOR_BAR else 0
        # Between two columns is a space, where they are there.
        rest = columns - sum(width + 1 for width in (names, states, bar, figures, times) if width)
        lines = []
        for row in rows:
            line = Text()
            if not row.state:
                line.append(self._cell(row.name, columns).rstrip(), "dim")
                lines.append(line)
                continue
            style = TERMINAL_COLOURS.get(row.state, "cyan")
            line.append(self._cell(row.name, names) + " ")
            line.append(row.state.ljust(states) + " ", style)
            if bar:
                self._draw(line, row.fraction, bar, style)
            if figures:
                line.append(row.figure.rjust(figures) + " ")
            if columns >= _COLUMNS_FOR_TEXT and rest > 0:
                line.append(self._cell(row.text, rest) + " ")
            line.append(row.time.rjust(times), "dim")
            line.rstrip()
            lines.append(self._fitted(line, columns))
        return lines

    def _draw(self, line: Text, fraction: float | None, cells: int, style: str) -> None:
        full = 0 if fraction is None else int(cells * max(0.0, min(1.0, fraction)))
        line.append(self._bar * full, style)
        # Without colours what is left of it could not be told from the rest.
        rest = " " if fraction is None or self._console.color_system is None else self._bar
        line.append(rest * (cells - full) + " ", "bright_black")

    def _fitted(self, line: Text, columns: int) -> Text:
        """A line that is too long for a narrow terminal, cut."""
        line.truncate(columns, overflow="crop")
        return line

    def _cell(self, text: str, cells: int) -> str:
        """A text in so many cells of the terminal, filled up or cut."""
        from rich.cells import cell_len, set_cell_size

        if cell_len(text) <= cells or cells < 2:
            return set_cell_size(text, cells)
        return set_cell_size(set_cell_size(text, cells - 1).rstrip() + self._cut, cells)


def _said(picture: Any, status: str) -> str:
    """The words on a line: why it failed, how a group's children are, or what was written last."""
    if picture.State == "Failed" and picture.Reason:
        return str(picture.Reason)
    if picture.Total > 1:
        return tally(zip(picture.States, picture.Counts, strict=True))
    return str(picture.Line or status)


def _wanted(picture: Any) -> int:
    """How many children there are to show."""
    return len(picture.Children) + int(picture.Hidden)


def _worth(picture: Any) -> int:
    if picture.State == "Failed":
        return 0
    return 3 if picture.State == "Completed" else 2 if picture.State == "NotStarted" else 1


def _shared(room: int, wanted: list[int]) -> list[int]:
    """Share lines among groups: one after the other gets one, until there are no more."""
    rooms = [0] * len(wanted)
    most = [min(count, _MOST_CHILDREN) for count in wanted]
    while room > 0 and rooms != most:
        for at, count in enumerate(most):
            if room > 0 and rooms[at] < count:
                rooms[at] += 1
                room -= 1
    return rooms
