"""Jobs as notebooks show them: tables that stay as they were when they were made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..engine.forking import is_forked_child
from ..values.showing import html_rows, html_table
from .looking import duration, one_line, tally
from .progress import progress_in

if TYPE_CHECKING:
    from .facts import JobFacts

__all__ = ["job_table", "jobs_table"]

# How many jobs or children a table shows, and how long a text in it is.
_MOST_ROWS = 100
_MOST_CHILDREN = 10
_MOST_CHARACTERS = 200

_COLUMNS = ("Id", "Name", "State", "Progress", "Time", "Errors", "Location", "Last line")


def job_table(handle: JobFacts) -> str:
    """A job, what it says of itself, and its children that have failed or are at work."""
    if is_forked_child():
        return html_table(repr(handle), [])
    from PSBridge import JobPicture

    picture = JobPicture.Take(handle.net, True, _MOST_CHILDREN)
    return html_table(f"Job {picture.Id} {_short(picture.Name)}", _facts(handle, picture))


def jobs_table(handles: Sequence[JobFacts]) -> str:
    """Several jobs, a row each."""
    rows = [_row(handle) for handle in handles[:_MOST_ROWS]]
    caption = f"{len(handles):,} {'job' if len(handles) == 1 else 'jobs'}"
    if (more := len(handles) - len(rows)) > 0:
        caption += f"; {more:,} more are not shown"
    return html_rows(caption, _COLUMNS, rows)


def _facts(handle: JobFacts, picture: Any) -> Iterator[tuple[str, str]]:
    yield "State", str(picture.State)
    if picture.Reason and picture.State != "Completed":
        yield "Reason", _short(picture.Reason)
    if text := _progress(picture):
        yield "Progress", text
    if picture.Total > 1:
        yield "Children", tally(zip(picture.States, picture.Counts, strict=True))
    for child in picture.Children:
        said = child.Reason if child.State == "Failed" else child.Line
        yield f"- {_short(child.Name)}", _short(f"{child.State} {said or ''}")
    if picture.Hidden:
        yield "", f"and {picture.Hidden:,} more"
    for name, when in (("Began", handle.began), ("Ended", handle.ended)):
        if when is not None:
            yield name, when.isoformat(" ", "seconds")
    if text := _elapsed(picture):
        yield "Time", text
    if picture.Errors:
        yield "Errors", f"{picture.Errors:,}"
    if picture.Line:
        yield "Last line", _short(picture.Line)
    for name, text in (("Location", handle.location), ("Command", handle.command)):
        if text:
            yield name, _short(text)


def _row(handle: JobFacts) -> tuple[str, ...]:
    from PSBridge import JobPicture

    picture = JobPicture.Take(handle.net, True, 0)
    failed = picture.State == "Failed" and picture.Reason
    return (
        str(picture.Id),
        _short(picture.Name),
        str(picture.State),
        _progress(picture),
        _elapsed(picture),
        f"{picture.Errors:,}" if picture.Errors else "",
        _short(handle.location),
        _short((picture.Reason if failed else picture.Line) or ""),
    )


def _progress(picture: Any) -> str:
    progress = progress_in(picture)
    if progress is None:
        return ""
    words = progress.status if picture.Total > 1 else f"{progress.activity} {progress.status}"
    percent = "" if progress.percent is None else f"{progress.percent:.0f}% "
    return _short(percent + words)


def _elapsed(picture: Any) -> str:
    seconds = (time.time() if picture.Ended != picture.Ended else picture.Ended) - picture.Began
    return "" if seconds != seconds else duration(seconds)  # NaN: it has not begun


def _short(text: object) -> str:
    shown = one_line(str(text)[: 2 * _MOST_CHARACTERS])
    return shown if len(shown) <= _MOST_CHARACTERS else shown[: _MOST_CHARACTERS - 1] + "…"
