"""`timeline`: what ran when, as SVG, which is parsed here."""

from __future__ import annotations

import math
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conditions import until
from six_kinds import KINDS, start

from psbridge import DeclarationError, FunctionJob, Job, JobGroup, Session, Timeline, timeline
from psbridge.jobs.looking import COLOURS
from psbridge.jobs.svg import Bar, Section, drawing

SVG = "{http://www.w3.org/2000/svg}"


class Drawn(NamedTuple):
    """A bar in the picture."""

    tooltip: list[str]
    fill: str
    x: float
    y: float
    width: float
    kind: str
    is_open: bool

    @property
    def end(self) -> float:
        return self.x + self.width


class Picture:
    """What is in an SVG."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.width, self.height = (float(self.root.get(name, "")) for name in ("width", "height"))

    @property
    def bars(self) -> list[Drawn]:
        return list(self._bars())

    def _bars(self) -> Iterator[Drawn]:
        for group in self.root.iter(f"{SVG}g"):
            title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
            assert title is not None
            assert rect is not None
            x, y, width = (float(rect.get(name, "")) for name in ("x", "y", "width"))
            yield Drawn(
                (title.text or "").split("\n"), rect.get("fill", ""), x, y, width,
                group.get("class", ""), rect.get("stroke-dasharray") is not None,
            )  # fmt: skip

    def texts(self, kind: str | None = None) -> list[str]:
        return [
            text.text or ""
            for text in self.root.iter(f"{SVG}text")
            if kind is None or text.get("class") == kind
        ]

    def fits(self) -> bool:
        return all(
            bar.x >= 0 and bar.end <= self.width and 0 <= bar.y <= self.height for bar in self.bars
        )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_job(
    kind: str, shell: Session, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    started = start(kind, shell, tmp_path, lambda: request.getfixturevalue("machine"))
    several = started.children > 1
    names = [child.name for child in started.job.children] if several else [started.job.name]

    def jobs() -> list[Drawn]:
        picture = Picture(timeline(started.job).svg)
        assert picture.fits()
        groups = [bar for bar in picture.bars if bar.kind == "group"]
        assert len(groups) == several
        return [bar for bar in picture.bars if bar.kind == "job"]

    bars = jobs()
    assert sorted(bar.tooltip[0] for bar in bars) == sorted(names)
    assert {bar.tooltip[1] for bar in bars} == {"Running"}
    assert {bar.fill for bar in bars} == {COLOURS["Running"]}
    assert all(bar.is_open for bar in bars)
    assert len({bar.y for bar in bars}) == len(bars)  # at once, so in lanes of their own
    started.let_go()
    bars = jobs()
    assert {bar.fill for bar in bars} == {COLOURS[started.end]}
    assert not any(bar.is_open for bar in bars)
    assert len(started.job.receive()) == 2 * max(1, started.children)


class Held(Job):
    """Ends when it is let go."""

    go = threading.Event()

    def run(self) -> None:
        until(lambda: self.go.is_set() or self.stopping, 120)


def test_jobs_one_after_the_other_share_a_lane(shell: Session) -> None:
    for _ in range(3):
        assert shell.start(int).wait(30)
    picture = Picture(timeline(shell.jobs).svg)
    first, second, third = picture.bars
    assert first.y == second.y == third.y
    assert first.end <= second.x + 1.5
    assert second.end <= third.x + 1.5


def test_a_group_has_its_children_below_it_and_names_those_that_wait(shell: Session) -> None:
    Held.go.clear()
    names = ["one", "two", "three", "four"]
    job = shell.start(JobGroup([Held(name=name) for name in names], name="words", throttle_limit=2))
    until(lambda: [child.state for child in job.children].count("Running") == 2)
    picture = Picture(timeline(job).svg)
    assert "words — Running, 0 of 4" in picture.texts()
    assert [bar.kind for bar in picture.bars] == ["group", "job", "job"]
    assert picture.texts("waiting") == ["Not begun: 2", "three (NotStarted), four (NotStarted)"]
    Held.go.set()
    assert job.wait(30)
    picture = Picture(timeline(job).svg)
    assert len(picture.bars) == 5
    assert picture.texts("waiting") == []


def test_colours_and_tooltips_say_the_state_and_the_reason(shell: Session) -> None:
    def fails() -> None:
        raise ValueError("<why> & \x1b[31mhow")

    job = shell.start(fails)
    assert job.wait(30)
    picture = Picture(timeline(job).svg)
    (bar,) = picture.bars
    assert bar.fill == COLOURS["Failed"]
    assert bar.tooltip[:3] == [job.name, "Failed", "ValueError: <why> & how"]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d - \d{4}", bar.tooltip[3])
    assert re.fullmatch(r"\d+\.\d{3} s", bar.tooltip[4])
    assert "Failed" in picture.texts()  # the legend


@pytest.mark.parametrize(
    "name",
    ["<script>alert('x')</script>", "a&b\"c'd", "a\0\x1b[2Jb\ud800\uffff", "日本" * 500, "]]>"],
    ids=["tag", "quotes", "controls", "long", "cdata"],
)
def test_names_are_text_and_nothing_else(shell: Session, name: str) -> None:
    job = shell.start(JobGroup([Job(name=name), Job(name=name)], name=name))
    assert job.wait(30)
    drawn = timeline(job)
    picture = Picture(drawn.svg)  # it is XML
    assert {element.tag.removeprefix(SVG) for element in picture.root.iter()} <= {
        "svg", "g", "title", "rect", "text", "line",
    }  # fmt: skip
    assert all(len(bar.tooltip[0]) <= 300 for bar in picture.bars)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", drawn.svg)


def test_two_thousand_jobs(shell: Session) -> None:
    job = shell.start(JobGroup([FunctionJob(int) for _ in range(2000)], throttle_limit=50))
    assert job.wait(120)
    drawn = timeline(job)
    picture = Picture(drawn.svg)
    assert len(picture.bars) == 2001
    assert picture.fits()
    assert picture.height < 2000
    assert len(drawn.svg) < 2_000_000


def bars(*times: tuple[float, float]) -> list[Bar]:
    return [Bar(str(n), "Completed", *time, [str(n)]) for n, time in enumerate(times)]


def test_many_at_once_are_thin() -> None:
    picture = Picture(drawing([Section("", None, bars(*[(0.0, 1.0)] * 2000))], 1.0, 960))
    assert len({bar.y for bar in picture.bars}) == 2000
    assert picture.height < 2000 * 7
    assert picture.fits()


def test_as_few_lanes_as_there_are_jobs_at_once() -> None:
    times = [(0.0, 4.0), (1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (4.0, 6.0)]
    drawn = Picture(drawing([Section("", None, bars(*times))], 6.0, 960)).bars
    assert len({bar.y for bar in drawn}) == 2
    for lane in {bar.y for bar in drawn}:
        row = sorted((bar for bar in drawn if bar.y == lane), key=lambda bar: bar.x)
        assert all(left.end <= right.x + 0.1 for left, right in pairwise(row))


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        (0.004, ["0 ms", "0.5 ms"]),
        (0.02, ["0 s", "0.002 s"]),
        (1, ["0 s", "0.1 s"]),
        (8, ["0 s", "1 s", "2 s"]),
        (45, ["0 s", "5 s"]),
        (600, ["0:00", "1:00"]),
        (7200, ["0:00", "15:00", "30:00", "45:00", "1:00:00"]),
        (86400 * 4, ["0:00", "12:00:00", "1 d 0:00:00"]),
        (86400 * 400, ["0:00", "37 d 0:00:00"]),
    ],
)
def test_the_ticks_are_at_round_times(seconds: float, ticks: list[str]) -> None:
    picture = Picture(drawing([Section("", None, bars((0.0, seconds)))], seconds, 960))
    labels = picture.texts("tick")
    assert labels[: len(ticks)] == ticks
    assert 1 < len(labels) <= 13
    assert len(set(labels)) == len(labels)


def test_jobs_of_no_length_and_no_jobs() -> None:
    picture = Picture(drawing([Section("", None, bars((5.0, 5.0)))], 5.0, 200))
    assert picture.fits()
    assert math.isfinite(picture.height)
    assert Picture(drawing([], 5.0, 200)).bars == []
    assert Picture(timeline([]).svg).bars == []


def test_it_is_saved_and_shown(shell: Session, tmp_path: Path) -> None:
    job = shell.start(JobGroup([Job(name="日本")], name="日本"))
    assert job.wait(30)
    path = tmp_path / "jobs.svg"
    drawn = timeline(job, path=path, width=500)
    assert path.read_text("utf-8") == drawn.svg == drawn._repr_svg_()
    assert drawn.svg in drawn._repr_html_()
    assert Picture(drawn.svg).width == 500
    drawn.save(str(tmp_path / "again.svg"))
    assert (tmp_path / "again.svg").read_bytes() == path.read_bytes()
    with pytest.raises(FileNotFoundError):
        drawn.save(tmp_path / "nowhere" / "jobs.svg")


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"width": 100}, ValueError, "width is 100"),
        ({"width": "960"}, DeclarationError, "width"),
        ({"width": 1.5}, DeclarationError, "width"),
        ({"path": 1}, DeclarationError, "path is 1"),
        ({"jobs": 1}, DeclarationError, "timeline takes handles"),
    ],
)
def test_what_makes_no_sense_is_refused(
    given: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        timeline(**{"jobs": [], **given})
    with pytest.raises(DeclarationError, match="path"):
        Timeline("").save(1)  # type: ignore[arg-type]
