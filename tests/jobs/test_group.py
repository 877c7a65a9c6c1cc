"""Groups: their throttle, their order and their parent's state."""

import threading
import time
from collections.abc import Iterator

import pytest

from psbridge import DeclarationError, Job, JobFailed, JobGroup, Session


class Step(Job):
    """Notes when it runs, and waits for its turn to go on."""

    def __init__(self, log: list[str], name: str, go: threading.Event | None = None) -> None:
        super().__init__(name=name)
        self.log = log
        self.go = go

    def run(self) -> Iterator[str]:
        assert self.name is not None
        self.log.append(self.name)
        while self.go is not None and not self.go.wait(0.01):
            self.check_stop()
        if self.name.startswith("bad"):
            raise ValueError(self.name)
        yield self.name


def test_children_start_in_order_when_a_place_is_free(shell: Session) -> None:
    log: list[str] = []
    handle = shell.start(JobGroup([Step(log, f"s{n}") for n in range(20)], throttle_limit=1))
    assert handle.result(10) == log == [f"s{n}" for n in range(20)]


def test_no_more_children_run_than_the_throttle_limit(shell: Session) -> None:
    lock, running, most = threading.Lock(), 0, 0

    def run(job: Job) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    class Busy(Job):
        def run(self) -> None:
            run(self)

    shell.start(JobGroup([Busy() for _ in range(12)], throttle_limit=3)).result(20)
    assert most == 3


def test_children_that_wait_are_not_started(shell: Session) -> None:
    log: list[str] = []
    go = threading.Event()
    handle = shell.start(JobGroup([Step(log, "a", go), Step(log, "b", go)], throttle_limit=1))
    assert [child.state for child in handle.children] in (
        ["Running", "NotStarted"],
        ["NotStarted", "NotStarted"],
    )
    assert handle.state == "Running"
    go.set()
    assert handle.result(10) == ["a", "b"]


def test_the_parent_fails_when_a_child_did_and_keeps_what_the_others_gave(shell: Session) -> None:
    log: list[str] = []
    handle = shell.start(JobGroup([Step(log, name) for name in ("a", "bad", "c")], name="mixed"))
    with pytest.raises(JobFailed, match="ValueError: bad") as raised:
        handle.result(10)
    assert sorted(raised.value.result) == ["a", "c"]
    assert [child.state for child in handle.children] == ["Completed", "Failed", "Completed"]


def test_stopping_the_group_stops_those_that_run_and_those_that_wait(shell: Session) -> None:
    log: list[str] = []
    go = threading.Event()
    jobs = [Step(log, name, go) for name in ("a", "b", "c")]
    handle = shell.start(JobGroup(jobs, throttle_limit=1))
    handle.stop()
    assert handle.state == "Stopped"
    assert {child.state for child in handle.children} == {"Stopped"}
    assert log in ([], ["a"])


def test_stopping_one_child_lets_the_parent_complete(shell: Session) -> None:
    log: list[str] = []
    go = threading.Event()
    handle = shell.start(JobGroup([Step(log, "a", go), Step(log, "b")]))
    handle.children[0].stop()
    assert handle.wait(10)
    assert handle.state == "Completed"
    assert [child.state for child in handle.children] == ["Stopped", "Completed"]


def test_a_child_that_waits_can_be_stopped_by_itself(shell: Session) -> None:
    log: list[str] = []
    go = threading.Event()
    handle = shell.start(JobGroup([Step(log, "a", go), Step(log, "b")], throttle_limit=1))
    handle.children[1].stop()
    go.set()
    assert handle.result(10) == ["a"]
    assert log == ["a"]


def test_a_group_inside_a_group_does_not_wait_for_its_own_place(shell: Session) -> None:
    class Nested(Job):
        def run(self) -> Iterator[int]:
            inner = shell.start(JobGroup([Step([], "x")], throttle_limit=1))
            assert inner.wait(10)
            yield inner.id

    handle = shell.start(JobGroup([Nested(), Nested()], throttle_limit=1))
    assert len(handle.result(20)) == 2


def test_an_empty_group_has_completed(shell: Session) -> None:
    handle = shell.start(JobGroup([], name="nothing"))
    assert (handle.state, handle.result(1)) == ("Completed", [])


def test_mistakes_are_found_when_the_group_is_made() -> None:
    job = Job()
    with pytest.raises(DeclarationError, match="twice"):
        JobGroup([job, job])
    with pytest.raises(DeclarationError, match="is none"):
        JobGroup([42])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="throttle_limit is 0"):
        JobGroup([job], throttle_limit=0)


def test_a_thousand_jobs_leave_no_threads_behind(shell: Session) -> None:
    before = threading.active_count()
    handle = shell.start(JobGroup([Step([], f"s{n}") for n in range(1000)], throttle_limit=8))
    assert len(handle.result(60)) == 1000
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
