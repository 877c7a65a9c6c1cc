"""Drawing bars in lanes over an axis of time, as SVG."""

from __future__ import annotations

import datetime as dt
import heapq
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .looking import COLOURS, one_line

__all__ = ["NARROWEST", "Bar", "Section", "drawing"]

NARROWEST = 200

# In pixels.
_MARGIN = 12
_FONT = 11
_LINE = 16  # of text
_LANE, _THIN_LANE = 18, 6
_GAP = 2  # between two bars
_TICK_SPACE = 80

# With more lanes than this they are thin, and their bars have no names.
_MOST_WIDE_LANES = 60
# How many jobs that never began are named.
_MOST_NAMED = 20
_OTHER_COLOUR = COLOURS["Running"]
# The text on these has to be dark.
_LIGHT = {"NotStarted", "Suspended", "Suspending", "Disconnected"}
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
# What no XML may have.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Bar(NamedTuple):
    """A job: from when to when, in seconds since 1970; it runs where it has no end."""

    name: str
    state: str
    began: float | None
    ended: float | None
    tooltip: list[str]


class Section(NamedTuple):
    """Jobs in lanes of their own, under a title and a bar for all of them, if it has these."""

    title: str
    whole: Bar | None
    bars: list[Bar]


def drawing(sections: Sequence[Section], now: float, width: int) -> str:
    """Draw jobs.

    Args:
        sections: the jobs.
        now: until when those are drawn that still run, in seconds since 1970.
        width: of the picture, in pixels.
    """
    return "".join(_Drawing(sections, now, width).parts())


class _Drawing:
    def __init__(self, sections: Sequence[Section], now: float, width: int) -> None:
        self._width = width
        self._now = now
        self._sections = sections
        self._lanes = [_lanes(section.bars, now) for section in sections]
        wide = sum(map(len, self._lanes)) <= _MOST_WIDE_LANES
        self._lane = _LANE if wide else _THIN_LANE
        bars = [bar for section in sections for bar in _all(section)]
        begun = [bar.began for bar in bars if bar.began is not None]
        self._first = min(begun, default=now)
        last = max((_end(bar, now) for bar in bars if bar.began is not None), default=now)
        self._seconds = max(last - self._first, 0.001)
        self._states = list(dict.fromkeys(bar.state for bar in bars))
        self._waiting = [bar for section in sections for bar in section.bars if bar.began is None]

    def parts(self) -> Iterator[str]:
        body = list(self._body())
        height = self._bottom
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self._width}" height="{height:g}" '
            f'viewBox="0 0 {self._width} {height:g}" role="img" '
            f'font-family="sans-serif" font-size="{_FONT}">'
            "<title>What ran when</title>"
            '<rect width="100%" height="100%" fill="#ffffff"/>'
        )
        yield from body
        yield "</svg>"

    def _body(self) -> Iterator[str]:
        y = float(_MARGIN)
        legend, y = self._legend(y)
        yield legend
        axis_top = y + _LINE
        lanes, bottom = self._lanes_from(axis_top + 4)
        yield self._axis(axis_top, bottom)
        yield lanes
        listed, self._bottom = self._list_of_waiting(bottom + _LINE)
        yield listed

    def _legend(self, y: float) -> tuple[str, float]:
        x = float(_MARGIN)
        parts = []
        for state in self._states:
            cells = 14 + _pixels(state) + 12
            if x + cells > self._width - _MARGIN and x > _MARGIN:
                x, y = float(_MARGIN), y + _LINE
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="10" height="10" rx="2" '
                f'fill="{_colour(state)}"/>'
                f'<text x="{x + 14:.1f}" y="{y + 9:.1f}" fill="#333333">{_escape(state)}</text>'
            )
            x += cells
        began = dt.datetime.fromtimestamp(self._first, dt.UTC).astimezone()
        y += _LINE + 4
        text = began.isoformat(" ", "seconds")
        parts.append(f'<text x="{_MARGIN}" y="{y + 9:.1f}" fill="#666666">from {text}</text>')
        return "".join(parts), y + _LINE

    def _x(self, seconds: float) -> float:
        share = (seconds - self._first) / self._seconds
        return _MARGIN + max(0.0, min(1.0, share)) * (self._width - 2 * _MARGIN)

    def _axis(self, top: float, bottom: float) -> str:
        parts = []
        step = _step(self._seconds / max(1, (self._width - 2 * _MARGIN) // _TICK_SPACE))
        for index in range(int(self._seconds / step + 1e-6) + 1):
            x = self._x(self._first + index * step)
            label = _tick(index * step, step)
            # The last ones would stand out of the picture.
            anchor = "start" if not index else "middle"
            if x + _pixels(label) / 2 > self._width:
                anchor = "end"
            parts.append(
                f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" '
                'stroke="#e0e0e0"/>'
                f'<text class="tick" x="{x:.1f}" y="{top - 4:.1f}" text-anchor="{anchor}" '
                f'fill="#666666">{label}</text>'
            )
        return "".join(parts)

    def _lanes_from(self, y: float) -> tuple[str, float]:
        parts = []
        for section, lanes in zip(self._sections, self._lanes, strict=True):
            if section.title:
                title = _fitted(_clean(section.title), self._width - 2 * _MARGIN)
                parts.append(
                    f'<text x="{_MARGIN}" y="{y + 12:.1f}" font-weight="bold" fill="#333333">'
                    f"{_escape(title)}</text>"
                )
                y += _LINE + 2
            if section.whole is not None and section.whole.began is not None:
                parts.append(self._drawn(section.whole, y, _THIN_LANE, "group"))
                y += _THIN_LANE + 1
            for lane in lanes:
                parts += [self._drawn(bar, y, self._lane, "job") for bar in lane]
                y += self._lane
            y += 6
        return "".join(parts), y

    def _drawn(self, bar: Bar, y: float, lane: int, kind: str) -> str:
        assert bar.began is not None
        x, end = self._x(bar.began), self._x(_end(bar, self._now))
        width, height = max(1.5, end - x), lane - (_GAP if lane > _THIN_LANE else 1)
        x = min(x, self._width - _MARGIN - width)
        # One that runs on is open at its end.
        open_end = ' fill-opacity="0.6" stroke-dasharray="3 2"' if bar.ended is None else ""
        colour = _colour(bar.state)
        text = ""
        if lane == _LANE and width > 24:
            name = _fitted(_clean(bar.name), width - 8)
            ink = "#212121" if bar.state in _LIGHT or bar.ended is None else "#ffffff"
            text = f'<text x="{x + 4:.1f}" y="{y + 12:.1f}" fill="{ink}">{_escape(name)}</text>'
        tooltip = _escape("\n".join(map(_clean, bar.tooltip)))
        return (
            f'<g class="{kind}"><title>{tooltip}</title>'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="2" '
            f'fill="{colour}" stroke="{colour}"{open_end}/>{text}</g>'
        )

    def _list_of_waiting(self, y: float) -> tuple[str, float]:
        if not self._waiting:
            return "", y
        named = [f"{_clean(bar.name)} ({bar.state})" for bar in self._waiting[:_MOST_NAMED]]
        if (more := len(self._waiting) - len(named)) > 0:
            named.append(f"and {more:,} more")
        lines = [f"Not begun: {len(self._waiting):,}"]
        room, line = self._width - 3 * _MARGIN, ""
        for name in named:
            longer = f"{line}, {name}" if line else name
            if line and sum(map(_pixels_of, longer)) > room:
                lines.append(line + ",")
                longer = name
            line = longer
        lines.append(line)
        parts = []
        for index, line in enumerate(lines):
            x = _MARGIN if not index else _MARGIN + 10
            line = _fitted(line, self._width - x - _MARGIN)
            parts.append(
                f'<text class="waiting" x="{x}" y="{y:.1f}" fill="#333333">{_escape(line)}</text>'
            )
            y += _LINE
        return "".join(parts), y


def _all(section: Section) -> list[Bar]:
    return section.bars if section.whole is None else [section.whole, *section.bars]


def _end(bar: Bar, now: float) -> float:
    return max(bar.began or 0.0, now if bar.ended is None else bar.ended)


def _lanes(bars: Iterable[Bar], now: float) -> list[list[Bar]]:
    """Put bars into as few lanes as there are of them at once."""
    lanes: list[list[Bar]] = []
    free: list[tuple[float, int]] = []  # from when on each lane is
    for bar in sorted(
        (bar for bar in bars if bar.began is not None), key=lambda bar: bar.began or 0.0
    ):
        assert bar.began is not None
        if free and free[0][0] <= bar.began:
            _, at = heapq.heappop(free)
        else:
            at = len(lanes)
            lanes.append([])
        lanes[at].append(bar)
        heapq.heappush(free, (_end(bar, now), at))
    return lanes


def _step(least: float) -> float:
    """The smallest length of time that people count in and that is no shorter."""
    if least <= 1:
        power = 1e-6
        while True:
            for factor in (1, 2, 5):
                if factor * power >= least * 0.999:
                    return factor * power
            power *= 10
    for step in _STEPS:
        if step >= least:
            return step
    return 86400.0 * -(-least // 86400)


def _tick(seconds: float, step: float) -> str:
    if step < 0.001:
        return f"{seconds * 1000:.3g} ms"
    if step < 1:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    if step < 60 and whole < 60:
        return f"{whole} s"
    days, whole = divmod(whole, 86400)
    hours, whole = divmod(whole, 3600)
    minutes, whole = divmod(whole, 60)
    clock = f"{hours}:{minutes:02}:{whole:02}" if hours or days else f"{minutes}:{whole:02}"
    return f"{days} d {clock}" if days else clock


def _colour(state: str) -> str:
    return COLOURS.get(state, _OTHER_COLOUR)


def _pixels(text: str) -> float:
    """About how wide a text is; rather more than less."""
    return sum(map(_pixels_of, text))


def _pixels_of(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    return 12.0 if unicodedata.east_asian_width(character) in "WF" else 6.6


def _fitted(text: str, pixels: float) -> str:
    left = pixels
    for index, character in enumerate(text):
        left -= _pixels_of(character)
        if left < 0:
            return text[: max(0, index - 1)] + "…"
    return text


def _clean(text: str) -> str:
    # A tooltip with a text of megabytes is none.
    text = one_line(text[:2000])
    return text if len(text) <= 300 else text[:299] + "…"


def _escape(text: str) -> str:
    import html

    return html.escape(_NO_XML.sub("\ufffd", text))
