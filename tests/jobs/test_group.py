"""Groups: their throttle, their order and their parent's state."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from conditions import until

from psbridge import DeclarationError, Job, JobFailed, JobGroup, JobHandle, JobStopped, Session
from psbridge.jobs import FunctionJob
from psbridge.jobs.start import make_parent, start_group


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
    until(lambda: threading.active_count() <= before)


# --- children that are made when there is a place for them ---------------------------------------


def states(handle: JobHandle) -> list[str]:
    """The state of a job, then those of its children."""
    return [handle.state, *(child.state for child in handle.children)]


class Made:
    """Makes jobs without end, and notes what was asked of it."""

    def __init__(self, make: Callable[[int], Job]) -> None:
        self.make = make
        self.count = 0
        self.closed = threading.Event()

    def __call__(self) -> Iterator[Job]:
        try:
            for number in itertools.count():
                self.count += 1
                yield self.make(number)
        finally:
            self.closed.set()


def test_a_generator_is_asked_only_when_a_place_is_free(shell: Session) -> None:
    log: list[str] = []
    gates = [threading.Event() for _ in range(6)]
    made = Made(lambda number: Step(log, f"s{number}", gates[number]))
    handle = shell.start(JobGroup(itertools.islice(made(), 6), throttle_limit=2))
    for ended in range(4):
        until(lambda: len(log) == ended + 2)  # noqa: B023
        assert made.count == len(handle.children) == ended + 2
        gates[ended].set()
        until(lambda: handle.children[ended].finished)  # noqa: B023
    gates[4].set()
    gates[5].set()
    assert len(handle.result(10)) == 6


def test_a_million_children_are_not_made_in_advance(shell: Session) -> None:
    pulled = 0

    def numbers() -> Iterator[int]:
        nonlocal pulled
        for number in range(1_000_000):
            pulled += 1
            yield number

    began = threading.Semaphore(0)
    go = threading.Event()

    def work(number: int) -> None:
        began.release()
        go.wait(10)

    handle = shell.start(JobGroup.map(work, numbers(), throttle_limit=3))
    for _ in range(3):
        assert began.acquire(timeout=10)
    assert (pulled, len(handle.children)) == (3, 3)
    handle.net.RequestStop()
    go.set()
    assert handle.wait(10)
    assert states(handle) == ["Stopped"] * 4
    assert pulled == 3


def test_an_endless_generator_is_stopped_and_closed(shell: Session) -> None:
    made = Made(lambda number: FunctionJob(lambda: number))
    handle = shell.start(JobGroup(made(), throttle_limit=4))
    until(lambda: len(handle.children) > 20)
    handle.stop()
    assert handle.state == "Stopped"
    assert made.closed.wait(10)
    count = len(handle.children)
    assert made.count <= count + 1  # one may have been on its way
    with pytest.raises(JobStopped) as raised:
        handle.result(10)
    assert set(raised.value.result) <= set(range(count))
    assert len(handle.children) == count


def test_a_stopped_group_asks_its_generator_for_no_more(shell: Session) -> None:
    began = threading.Event()

    class Waiting(Job):
        def run(self) -> None:
            began.set()
            while True:
                self.check_stop()
                time.sleep(0.001)

    made = Made(lambda number: Waiting())
    handle = shell.start(JobGroup(made(), throttle_limit=1))
    assert began.wait(10)
    handle.stop()
    assert made.closed.wait(10)
    assert made.count == 1


def test_a_generator_that_raises_half_way_fails_the_parent_and_loses_nothing(
    shell: Session,
) -> None:
    go = threading.Event()

    def made() -> Iterator[Job]:
        yield FunctionJob(lambda: "one")
        yield FunctionJob(lambda: go.wait(10) and "two")
        raise ValueError("there is no third")

    handle = shell.start(JobGroup(made()))
    until(lambda: len(handle.children) == 2)
    assert handle.state == "Running"
    go.set()
    with pytest.raises(JobFailed, match="ValueError: there is no third") as raised:
        handle.result(10)
    assert raised.value.result == ["one", "two"]
    assert str(raised.value.__cause__) == "there is no third"
    assert states(handle) == ["Failed", "Completed", "Completed"]
    (error,) = raised.value.result.errors
    assert error.message == "ValueError: there is no third"
    (traceback,) = shell.run("param($job) $job.JobStateInfo.Reason.PythonTraceback", job=handle.net)
    assert "in made" in traceback


@pytest.mark.parametrize(
    ("item", "reason"),
    [(42, "42 is none"), (None, "None is none"), (FunctionJob, "is none"), ("again", "before")],
)
def test_an_item_that_cannot_be_run_fails_the_parent_and_closes_the_generator(
    shell: Session, item: object, reason: str
) -> None:
    closed = threading.Event()

    def made() -> Iterator[object]:
        first = FunctionJob(lambda: "one")
        try:
            yield first
            yield first if item == "again" else item
            raise AssertionError("it was asked for more")
        finally:
            closed.set()

    generator = made()
    handle = shell.start(JobGroup(generator))  # type: ignore[arg-type]
    with pytest.raises(JobFailed, match=reason) as raised:
        handle.result(10)
    assert isinstance(raised.value.__cause__, DeclarationError)
    assert raised.value.result == ["one"]
    assert closed.is_set()


def test_the_generator_is_closed_before_the_parent_ends(shell: Session) -> None:
    closed = threading.Event()

    def made() -> Iterator[Job]:
        try:
            yield FunctionJob(lambda: 1)
        finally:
            time.sleep(0.1)
            closed.set()

    handle = shell.start(JobGroup(made()))
    assert handle.result(10) == [1]
    assert closed.is_set()


def test_a_generator_that_fails_while_it_is_closed_fails_the_parent(shell: Session) -> None:
    def made() -> Iterator[Job]:
        try:
            yield FunctionJob(lambda: 1)
        finally:
            raise OSError("the list does not close")

    with pytest.raises(JobFailed, match="the list does not close") as raised:
        shell.start(JobGroup(made())).result(10)
    assert raised.value.result == [1]


def test_a_group_is_stopped_while_its_generator_does_not_answer(shell: Session) -> None:
    asked, answer, closed = threading.Event(), threading.Event(), threading.Event()
    ran: list[str] = []

    def made() -> Iterator[Job]:
        try:
            yield FunctionJob(lambda: "one")
            asked.set()
            answer.wait(10)
            yield FunctionJob(lambda: ran.append("two"))
        finally:
            closed.set()

    handle = shell.start(JobGroup(made(), name="silent"))
    assert asked.wait(10)
    until(lambda: handle.children[0].finished)
    assert states(handle) == ["Running", "Completed"]
    began = time.monotonic()
    handle.stop()
    assert time.monotonic() - began < 5
    assert states(handle) == ["Stopped", "Completed"]
    answer.set()
    assert closed.wait(10)
    until(lambda: not any("silent" in thread.name for thread in threading.enumerate()))
    assert (ran, len(handle.children)) == ([], 1)


def test_closing_the_session_does_not_wait_for_a_generator() -> None:
    asked, answer = threading.Event(), threading.Event()

    def made() -> Iterator[Job]:
        asked.set()
        answer.wait(20)
        yield from ()

    with Session() as shell:
        handle = shell.start(JobGroup(made()))
        assert asked.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 4
    answer.set()
    assert handle.state == "Stopped"


def test_an_iterator_without_items_has_completed(shell: Session) -> None:
    handle = shell.start(JobGroup(iter([])))
    assert handle.result(10) == []
    assert states(handle) == ["Completed"]


def test_a_group_that_makes_its_children_is_started_once(shell: Session) -> None:
    group = JobGroup.map(str, range(3))
    assert len(shell.start(group).result(10)) == 3
    with pytest.raises(DeclarationError, match="has been started before"):
        shell.start(group)
    assert len(shell.jobs) == 1


def test_ten_thousand_items_are_mapped_in_their_order(shell: Session) -> None:
    handle = shell.start(JobGroup.map(lambda number: number * 2, range(10_000)))
    assert handle.result(60) == list(range(0, 20_000, 2))
    assert len(handle.children) == 10_000


def test_map_takes_async_functions_and_the_options_of_a_group(shell: Session) -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    handle = shell.start(JobGroup.map(double, {1, 2, 3}, name="doubles", throttle_limit=1))
    assert sorted(handle.result(10)) == [2, 4, 6]
    assert handle.name == "doubles"
    assert shell.run("(Get-Job).Command")[0].endswith("double")


# --- the queue -----------------------------------------------------------------------------------


def test_the_place_of_one_that_ended_goes_to_the_next_in_order(shell: Session) -> None:
    log: list[str] = []
    gates = [threading.Event() for _ in range(6)]
    jobs = [Step(log, f"s{number}", gate) for number, gate in enumerate(gates)]
    handle = shell.start(JobGroup(jobs, throttle_limit=2))
    until(lambda: len(log) == 2)
    handle.children[3].stop()
    for ended, expected in ((1, "s2"), (0, "s4"), (2, "s5")):
        gates[ended].set()
        until(lambda: log[-1] == expected)  # noqa: B023
    for gate in gates:
        gate.set()
    assert handle.result(10) == ["s0", "s1", "s2", "s4", "s5"]


def test_groups_in_groups_in_groups_with_one_place_each_do_not_block_one_another(
    shell: Session,
) -> None:
    def nest(depth: int) -> int:
        if depth == 0:
            return 1
        group = JobGroup([FunctionJob(nest, depth - 1) for _ in range(2)], throttle_limit=1)
        handle = shell.start(group)
        assert handle.wait(20)
        return sum(int(child.net.Output[0].BaseObject) for child in handle.children)

    assert shell.start(FunctionJob(nest, 4)).result(30) == [16]


def test_a_child_that_was_given_up_leaves_its_place_to_the_next(shell: Session) -> None:
    release, began = threading.Event(), threading.Event()

    class Stuck(Job):
        grace = 0.1

        def run(self) -> None:
            began.set()
            release.wait()

    made = iter([Stuck(), FunctionJob(lambda: "next"), FunctionJob(lambda: "last")])
    for jobs in ([Stuck(), FunctionJob(lambda: "next"), FunctionJob(lambda: "last")], made):
        release.clear()
        began.clear()
        handle = shell.start(JobGroup(jobs, name="stuck group", throttle_limit=1))
        assert began.wait(10)
        handle.children[0].stop()
        assert handle.result(10) == ["next", "last"]
        assert states(handle) == ["Completed", "Stopped", "Completed", "Completed"]
        release.set()
        until(lambda: not any("stuck group" in thread.name for thread in threading.enumerate()))


def test_given_up_children_do_not_make_more_places_than_there_are(shell: Session) -> None:
    release = threading.Event()
    began = threading.Semaphore(0)
    lock, running, most = threading.Lock(), 0, 0

    class Stuck(Job):
        grace = 0.05

        def run(self) -> None:
            began.release()
            release.wait()

    def count() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    jobs = [Stuck(), Stuck(), *(FunctionJob(count) for _ in range(10))]
    handle = shell.start(JobGroup(jobs, throttle_limit=2))
    for _ in range(2):
        assert began.acquire(timeout=10)
    for child in handle.children[:2]:
        child.net.RequestStop()
    assert handle.wait(10)
    release.set()
    assert most <= 2
    assert [child.state for child in handle.children] == ["Stopped"] * 2 + ["Completed"] * 10


def test_without_further_threads_those_that_there_are_do_the_work(
    shell: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("psbridge few ") and not thread.name.endswith(" 0"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    jobs = [FunctionJob(lambda number: number, number) for number in range(20)]
    assert shell.start(JobGroup(jobs, name="few")).result(10) == list(range(20))


# --- the parent's state --------------------------------------------------------------------------


def test_the_parent_runs_on_while_children_may_still_come(shell: Session) -> None:
    gate = threading.Event()

    def made() -> Iterator[Job]:
        yield FunctionJob(lambda: "one")
        gate.wait(10)
        yield FunctionJob(lambda: "two")

    handle = shell.start(JobGroup(made()))
    until(lambda: states(handle)[1:] == ["Completed"])
    assert handle.state == "Running"
    assert not handle.wait(0.05)
    gate.set()
    assert handle.result(10) == ["one", "two"]
    assert states(handle) == ["Completed"] * 3


def test_a_failed_child_fails_the_parent_only_when_all_have_ended(shell: Session) -> None:
    go = threading.Event()
    handle = shell.start(JobGroup([Step([], "bad"), Step([], "good", go)]))
    until(lambda: states(handle)[1:] == ["Failed", "Running"])
    assert handle.state == "Running"
    go.set()
    assert handle.wait(10)
    assert states(handle) == ["Failed", "Failed", "Completed"]


def test_failed_comes_before_stopped(shell: Session) -> None:
    handle = shell.start(JobGroup([Step([], "bad"), Step([], "good", threading.Event())]))
    until(lambda: states(handle)[1:] == ["Failed", "Running"])
    handle.stop()
    assert states(handle) == ["Failed", "Failed", "Stopped"]


def test_stopping_every_child_is_not_stopping_the_parent(shell: Session) -> None:
    handle = shell.start(JobGroup([Step([], name, threading.Event()) for name in ("a", "b")]))
    for child in handle.children:
        child.stop()
    assert handle.wait(10)
    assert states(handle) == ["Completed", "Stopped", "Stopped"]


def test_stopping_a_group_that_has_ended_changes_nothing(shell: Session) -> None:
    for jobs in ([Step([], "a")], iter([Step([], "a")])):
        handle = shell.start(JobGroup(jobs))
        assert handle.wait(10)
        handle.stop()
        assert states(handle) == ["Completed", "Completed"]


def test_stop_job_stops_a_child_that_waits(shell: Session) -> None:
    go = threading.Event()
    log: list[str] = []
    jobs = [Step(log, name, go) for name in ("a", "b", "c")]
    handle = shell.start(JobGroup(jobs, throttle_limit=1))
    until(lambda: log == ["a"])
    stopped = shell.run(
        "param($job) $job.ChildJobs[1] | Stop-Job; Stop-Job -Id $job.ChildJobs[2].Id",
        job=handle.net,
    )
    assert not stopped.errors
    assert states(handle) == ["Running", "Running", "Stopped", "Stopped"]
    go.set()
    assert handle.result(10) == ["a"]
    assert (log, states(handle)) == (["a"], ["Completed", "Completed", "Stopped", "Stopped"])


def test_some_that_fail_leave_what_the_others_gave(shell: Session) -> None:
    def work(number: int) -> int:
        if number % 10 == 3:
            raise ValueError(f"number {number}")
        return number

    handle = shell.start(JobGroup.map(work, range(100), throttle_limit=8))
    with pytest.raises(JobFailed) as raised:
        handle.result(20)
    good = [number for number in range(100) if number % 10 != 3]
    assert raised.value.result == good
    messages = [error.message for error in raised.value.result.errors]
    assert messages == [f"ValueError: number {number}" for number in range(3, 100, 10)]
    assert [child.reason for child in handle.children if child.state == "Failed"] == messages


def test_the_parent_names_each_place_of_its_children_once(shell: Session) -> None:
    jobs = [Job(location=location) for location in ("here", "there", "here")]
    handle = shell.start(JobGroup(jobs))
    assert handle.net.Location == "here,there"


# --- starts that do not come about ---------------------------------------------------------------


def test_a_group_whose_parent_was_stopped_before_runs_nothing(shell: Session) -> None:
    ran = threading.Event()
    group = JobGroup([FunctionJob(ran.set)])
    parent = make_parent(group)
    parent.RequestStop()
    start_group(group, parent, owner=shell, publish=lambda parent: None)
    assert not ran.wait(0.1)
    assert str(parent.JobStateInfo.State) == "Stopped"


def test_the_jobs_of_a_group_that_could_not_be_made_can_be_started_again(shell: Session) -> None:
    good, bad = FunctionJob(lambda: 1), FunctionJob(lambda: 2)
    bad.location = 5  # type: ignore[assignment]
    with pytest.raises(DeclarationError, match="location is 5"):
        shell.start(JobGroup([good, bad]))
    bad.location = "here"
    assert shell.start(JobGroup([good, bad])).result(10) == [1, 2]
    assert len(shell.jobs) == 1


def test_children_are_given_to_a_parameter_as_those_of_powershells_own_are(shell: Session) -> None:
    job = shell.start(JobGroup([FunctionJob(int), FunctionJob(str)]))
    shell.variables["job"] = job.net
    assert len(shell.run("Wait-Job -Job $job.ChildJobs", check=True)) == 2
    assert shell.run("Receive-Job -Job $job.ChildJobs", check=True) == [0, ""]
    assert shell.run("$job.ChildJobs.Count; $job.ChildJobs[1].Id") == [2, job.children[1].id]
