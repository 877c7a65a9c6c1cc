"""What a handle says of a job without taking anything of it, for every kind of job."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from conditions import until
from six_kinds import KINDS, Started, start

from psbridge import Job, JobGroup, JobHandle, JobProgress, Session


@pytest.fixture(params=KINDS)
def started(request: pytest.FixtureRequest, shell: Session, tmp_path: Path) -> Started:
    return start(request.param, shell, tmp_path, lambda: request.getfixturevalue("machine"))


def test_it_says_how_the_job_stands_and_takes_nothing(started: Started) -> None:
    job = started.job
    now = dt.datetime.now().astimezone()
    progress = job.progress
    if started.percent is None:
        assert progress is None
    else:
        assert progress is not None
        assert (progress.percent, progress.fraction) == (40.0, 0.4)
        several = started.children > 1
        assert progress.activity == (job.name if several else "Counting")
        assert progress.status == ("0 of 2" if several else "half")
        assert (progress.done, progress.total) == (0, max(1, started.children))
    assert (job.state, job.status, job.error_count) == ("Running", "", started.errors)
    assert "one" in job.command or job.command == "Counts"
    assert job.began is not None
    assert job.began.tzinfo is not None
    assert now - dt.timedelta(minutes=2) < job.began < now
    assert job.ended is None
    taken = job.receive()
    assert sorted(taken) == sorted(["one", "two"] * max(1, started.children))
    assert len(taken.errors) == started.errors


def test_what_was_received_is_remembered(started: Started) -> None:
    job = started.job
    before = job.progress
    job.receive()
    assert (job.progress, job.error_count) == (before, started.errors)
    assert job.receive() == []


def test_it_says_when_the_job_has_ended(started: Started) -> None:
    job = started.job
    started.let_go()
    assert job.state == started.end
    assert job.began is not None
    assert job.ended is not None
    assert job.began < job.ended < dt.datetime.now().astimezone()
    if job.progress is not None:
        assert job.progress.done == job.progress.total
    assert job.error_count == started.errors


def test_a_table_in_a_notebook_has_it_all(started: Started) -> None:
    html = started.job._repr_html_()
    assert f"<caption>Job {started.job.id} {started.job.name}</caption>" in html
    assert "<tr><th>State</th><td>Running</td></tr>" in html
    assert f"<tr><th>Errors</th><td>{started.errors}</td></tr>" in html
    assert ("40% " in html) is (started.percent is not None)
    assert len(started.job.receive()) == 2 * max(1, started.children)


class Reports(Job):
    """Does what it is told to, step by step."""

    def __init__(self, *steps: dict[str, Any], fails: bool = False) -> None:
        super().__init__(name="reports")
        self._steps = steps
        self._fails = fails

    def run(self) -> None:
        for step in self._steps:
            self.write_progress(**step)
        if self._fails:
            raise ValueError("fails")


@pytest.mark.parametrize(
    ("steps", "percent"),
    [
        ((), None),
        (({"activity": "a"},), "no percent"),
        (({"activity": "a", "percent": 10}, {"activity": "a", "percent": 20}), 20.0),
        # The outermost of several.
        (
            (
                {"activity": "a", "percent": 10},
                {"activity": "b", "percent": 90, "activity_id": 1, "parent_id": 0},
            ),
            10.0,
        ),
        (({"activity": "a", "percent": 10}, {"activity": "a", "completed": True}), None),
    ],
)
def test_progress_is_the_last_of_the_outermost_activity(
    shell: Session, steps: tuple[dict[str, Any], ...], percent: float | str | None
) -> None:
    job = shell.start(Reports(*steps))
    assert job.wait(30)
    progress = job.progress
    if percent is None:
        assert progress is None
    elif percent == "no percent":
        assert progress == JobProgress("a", "", None, "", None, 1, 1)
        assert progress.fraction is None
    else:
        assert progress is not None
        assert (progress.activity, progress.percent) == ("a", percent)


def test_progress_has_what_write_progress_takes(shell: Session) -> None:
    step = {"activity": "a", "status": "s", "percent": 50, "seconds_remaining": 7}
    job = shell.start(Reports({**step, "current_operation": "o"}))
    assert job.wait(30)
    assert job.progress == JobProgress("a", "s", 50.0, "o", 7, 1, 1)


def test_a_group_s_progress_is_made_of_its_children_s(shell: Session) -> None:
    class Half(Job):
        def run(self) -> None:
            self.write_progress("a", percent=50)
            until(lambda: self.stopping, 60)

    ends = [Reports(), Reports(fails=True)]
    job = shell.start(JobGroup([*ends, Half(), Half()], name="group"))
    until(lambda: [child.state for child in job.children].count("Running") == 2)
    until(lambda: progress_of(job).percent == 75.0)  # (100 + 100 + 50 + 50) / 4
    assert progress_of(job) == JobProgress("group", "2 of 4", 75.0, "", None, 2, 4)
    job.stop()
    assert progress_of(job) == JobProgress("group", "4 of 4", 100.0, "", None, 4, 4)


def progress_of(job: JobHandle) -> JobProgress:
    found = job.progress
    assert found is not None
    return found


def test_a_group_whose_children_say_nothing_has_done_and_total(shell: Session) -> None:
    job = shell.start(JobGroup([Reports(), Reports()], name="group"))
    assert job.wait(30)
    assert job.progress == JobProgress("group", "2 of 2", None, "", None, 2, 2)
    assert job.progress.fraction == 1.0


def test_status_is_what_a_child_says(shell: Session) -> None:
    class Blocks(Job):
        def run(self) -> None:
            self.block("waits for Ann")

    job = shell.start(Blocks())
    until(lambda: job.state == "Blocked")
    assert job.status == "waits for Ann"
    job.unblock()
    assert job.wait(30)


def test_a_job_that_was_stopped_before_it_began_has_no_beginning(shell: Session) -> None:
    class Waits(Job):
        def run(self) -> None:
            until(lambda: self.stopping, 60)

    job = shell.start(JobGroup([Waits(), Waits()], throttle_limit=1))
    until(lambda: job.children[0].state == "Running")
    assert job.children[1].began is None
    job.stop()
    assert (job.children[1].began, job.children[1].state) == (None, "Stopped")
    assert job.children[1].ended is not None


def test_a_job_of_somebody_else_s_that_raises_where_it_is_asked(shell: Session) -> None:
    """As the sample in PowerShell's documentation does."""
    from System.Management.Automation import Job as NetJob

    class Raises(NetJob):  # type: ignore[misc]
        __namespace__ = "tests.facts"

        def StopJob(self) -> None: ...

        def get_StatusMessage(self) -> str:
            raise NotImplementedError

        def get_HasMoreData(self) -> bool:
            return False

        def get_Location(self) -> str:
            raise NotImplementedError

    job = shell.jobs.add(Raises())
    assert (job.status, job.progress, job.error_count) == ("", None, 0)
    assert (job.began, job.ended) == (None, None)


def test_a_look_costs_the_same_however_much_was_written(shell: Session) -> None:
    """A look that went through what is there would take a thousand times as long."""
    import timeit

    def looked(count: int) -> float:
        job = shell.start(lambda: iter(range(count)))
        assert job.wait(120)
        job._repr_html_()
        return min(timeit.repeat(lambda: (job.progress, job.error_count), number=20, repeat=5))

    few, many = looked(100), looked(100_000)
    assert many < 20 * few


def test_the_jobs_of_a_session_are_a_table(shell: Session) -> None:
    assert shell.jobs._repr_html_().startswith("<table><caption>0 jobs</caption>")
    good = shell.start(lambda: "<written>")
    bad = shell.start(Reports(fails=True))
    assert good.wait(30)
    assert bad.wait(30)
    html = shell.jobs._repr_html_()
    rows = re.findall("<tr>(<td>.*?)</tr>", html)
    assert len(rows) == 2
    assert "<td>Completed</td>" in rows[0]
    assert "&lt;written&gt;" in rows[0]
    assert "<td>Failed</td>" in rows[1]
    assert "ValueError: fails" in rows[1]
    shell.close()
    assert "0 jobs" in shell.jobs._repr_html_()
