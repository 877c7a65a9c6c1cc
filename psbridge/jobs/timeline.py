"""What ran when, as a picture: jobs as bars in lanes, in SVG that needs nothing else."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..arguments import check_whole
from ..engine.paths import possible_path
from ..errors import DeclarationError
from .facts import JobFacts
from .given import the_jobs
from .svg import NARROWEST, Bar, Section, drawing

__all__ = ["Timeline", "timeline"]


class Timeline:
    """A picture of what ran when, as `timeline` gives it; a notebook shows it.

    Attributes:
        svg: the picture, a document of its own.
    """

    def __init__(self, svg: str) -> None:
        """Hold a picture."""
        self.svg = svg

    def save(self, path: str | Path) -> None:
        """Write the picture to a file, which browsers show.

        Args:
            path: the file, such as ``jobs.svg``; one that is there is replaced.

        Raises:
            DeclarationError: the path is none.
            OSError: it cannot be written, or no file can have this name.
        """
        if not isinstance(path, (str, Path)):
            raise DeclarationError(f"path is {path!r}; it is a path")
        possible_path(path).write_text(self.svg, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"<Timeline of {len(self.svg):,} characters of SVG>"


def timeline(
    jobs: JobFacts | Iterable[JobFacts],
    *,
    path: str | Path | None = None,
    width: int = 960,
) -> Timeline:
    """Draw what ran when.

    Each job is a bar from its beginning to its end, or to now where it still runs; its colour is
    its state, and its tooltip has the rest. Jobs that do not overlap share a lane. A group is a
    line with its children in lanes below it. Jobs that never began are listed below all.

    Nothing is taken from the jobs.

    Args:
        jobs: a handle, several, or a session's ``jobs``.
        path: a file to write the picture to as well.
        width: how wide the picture is, in pixels, 200 at least.

    Returns:
        The picture, as it is now. A notebook shows it.

    Raises:
        DeclarationError: these are no handles, or an argument is of the wrong type.
        ValueError: it is to be narrower than that.
        OSError: the file cannot be written.
        ForkedProcessError: this is a forked child of the process that has the jobs.
    """
    handles = the_jobs(jobs, "timeline")
    if check_whole(width, "width") < NARROWEST:
        raise ValueError(f"width is {width}; it has to be {NARROWEST} or more")
    if path is not None and not isinstance(path, (str, Path)):
        raise DeclarationError(f"path is {path!r}; it is a path or None")
    made = Timeline(_drawn(handles, width))
    if path is not None:
        made.save(path)
    return made


class _Looked(NamedTuple):
    picture: Any
    children: list[Any]


def _drawn(handles: list[JobFacts], width: int) -> str:
    looked = [_look(handle.net) for handle in handles]
    now = time.time()
    single: list[Bar] = []
    sections: list[Section] = []
    for picture, children in looked:
        if children:
            bars = [_bar(child, now) for child in children]
            title = f"{picture.Name} — {picture.State}, {picture.Done} of {picture.Total}"
            sections.append(Section(title, _bar(picture, now), bars))
        else:
            single.append(_bar(picture, now))
    if single:
        sections.insert(0, Section("", None, single))
    return drawing(sections, now, width)


def _look(net: Any) -> _Looked:
    from PSBridge import JobPicture

    picture = JobPicture.Take(net, False, 0)
    several = list(net.ChildJobs) if picture.Total > 1 else []
    return _Looked(picture, [JobPicture.Take(child, False, 0) for child in several])


def _bar(picture: Any, now: float) -> Bar:
    began = None if picture.Began != picture.Began else float(picture.Began)  # NaN is none
    ended = None if picture.Ended != picture.Ended else float(picture.Ended)
    state = str(picture.State)
    lines = [str(picture.Name), state]
    if picture.Reason and state != "Completed":
        lines.append(str(picture.Reason))
    if began is not None:
        until = now if ended is None else ended
        lines.append(f"{_clock(began)} - {'now' if ended is None else _clock(until)}")
        lines.append(f"{max(0.0, until - began):.3f} s")
    if picture.Errors:
        lines.append(f"errors: {picture.Errors}")
    return Bar(str(picture.Name), state, began, ended, lines)


def _clock(seconds: float) -> str:
    when = dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone()
    return when.isoformat(" ", "milliseconds")
