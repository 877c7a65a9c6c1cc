"""Random sequences of what users do with groups of jobs, from several threads, beside a model.

PSBRIDGE_STATE_MACHINE_EXAMPLES says how many sequences are tried; there are few by default.
"""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import hypothesis.strategies as st
import pytest
from conditions import until
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from psbridge import Job, JobGroup, PowerShellError, Session

SECONDS = 20
EXAMPLES = int(os.environ.get("PSBRIDGE_STATE_MACHINE_EXAMPLES", "15"))


class Driven(Job):
    """Does what it is told, one thing after the other."""

    grace = 10

    def __init__(self) -> None:
        super().__init__()
        self.orders: queue.SimpleQueue[tuple[str, Any, Future[None]]] = queue.SimpleQueue()
        self.began = threading.Event()

    def run(self) -> None:
        self.began.set()
        while True:
            try:
                order, argument, done = self.orders.get(timeout=0.005)
            except queue.Empty:
                self.check_stop()
                continue
            done.set_result(None)
            if order == "write":
                self.write(argument)
            elif order == "warn":
                self.write_warning(str(argument))
            elif order == "fail":
                raise ValueError(argument)
            else:
                return


class Child:
    """What the model knows of a child."""

    def __init__(self) -> None:
        self.job = Driven()
        self.state = "NotStarted"
        self.output: list[Any] = []
        self.warnings: list[str] = []
        self.warned = 0


class Group:
    """What the model knows of a group: a throttle limit, and children in their order."""

    def __init__(self, size: int, limit: int) -> None:
        self.children = [Child() for _ in range(size)]
        self.limit = limit
        self.stopped = False
        self.handle: Any = None

    def begin_children(self) -> None:
        running = sum(child.state == "Running" for child in self.children)
        for child in self.children:
            if child.state == "NotStarted" and running < self.limit and not self.stopped:
                assert child.job.began.wait(SECONDS)
                child.state = "Running"
                running += 1

    @property
    def state(self) -> str:
        states = [child.state for child in self.children]
        if any(state in ("NotStarted", "Running") for state in states):
            return "Running"
        if "Failed" in states:
            return "Failed"
        return "Stopped" if self.stopped else "Completed"


class Jobs(RuleBasedStateMachine):
    """Groups of jobs in one session, and commands from four threads."""

    groups = Bundle("groups")

    def __init__(self) -> None:
        super().__init__()
        self.shell = Session()
        self.threads = ThreadPoolExecutor(4)
        self.all: list[Group] = []
        self.counter = 0

    def teardown(self) -> None:
        self.shell.close()
        self.threads.shutdown()

    def on_a_thread(self, function: Any, *arguments: Any) -> Any:
        return self.threads.submit(function, *arguments).result(SECONDS)

    @precondition(lambda self: len(self.all) < 4)
    @rule(target=groups, size=st.integers(1, 4), limit=st.integers(1, 3))
    def start(self, size: int, limit: int) -> Group:
        group = Group(size, limit)
        jobs = JobGroup([child.job for child in group.children], throttle_limit=limit)
        group.handle = self.on_a_thread(self.shell.start, jobs)
        group.begin_children()
        self.all.append(group)
        return group

    def tell(self, group: Group, index: int, order: str) -> Child | None:
        child = group.children[index % len(group.children)]
        if child.state != "Running":
            return None
        self.counter += 1
        done: Future[None] = Future()
        child.job.orders.put((order, self.counter, done))
        done.result(SECONDS)
        return child

    @rule(group=groups, index=st.integers(0, 3), warn=st.booleans())
    def write(self, group: Group, index: int, warn: bool) -> None:
        child = self.tell(group, index, "warn" if warn else "write")
        if child is None:
            return
        net = group.handle.children[group.children.index(child)].net
        if warn:
            child.warnings.append(str(self.counter))
        else:
            child.output.append(self.counter)
        # What was written before is there once the work has come back for the next order.
        done: Future[None] = Future()
        child.job.orders.put(("warn", "next", done))
        done.result(SECONDS)
        child.warnings.append("next")
        child.warned += 1 + warn
        until(lambda: net.Warning.Count == child.warned)

    @rule(group=groups, index=st.integers(0, 3), fail=st.booleans())
    def end(self, group: Group, index: int, fail: bool) -> None:
        child = self.tell(group, index, "fail" if fail else "end")
        if child is None:
            return
        child.state = "Failed" if fail else "Completed"
        handle = group.handle.children[group.children.index(child)]
        assert handle.wait(SECONDS)
        group.begin_children()

    @rule(group=groups, twice=st.booleans())
    def stop(self, group: Group, twice: bool) -> None:
        was_running = group.state == "Running"
        stops = [self.threads.submit(group.handle.stop) for _ in range(1 + twice)]
        for stop in stops:
            stop.result(SECONDS)
        group.stopped = group.stopped or was_running
        for child in group.children:
            if child.state in ("NotStarted", "Running"):
                child.state = "Stopped"

    @rule(group=groups, keep=st.booleans())
    def receive(self, group: Group, keep: bool) -> None:
        result = self.on_a_thread(lambda: group.handle.receive(keep=keep))
        assert result == [value for child in group.children for value in child.output]
        warnings = [text for child in group.children for text in child.warnings]
        assert [str(warning) for warning in result.warnings] == warnings
        failed = sum(child.state == "Failed" for child in group.children)
        assert len(result.errors) == failed  # the reasons are shown each time
        if not keep:
            for child in group.children:
                child.output.clear()
                child.warnings.clear()

    @rule(group=groups)
    def refuse_to_remove(self, group: Group) -> None:
        if group.state != "Running":
            return
        with pytest.raises(PowerShellError, match="finished"):
            self.on_a_thread(group.handle.remove)

    @rule(group=consumes(groups))
    def remove(self, group: Group) -> None:
        self.on_a_thread(lambda: group.handle.remove(force=True))
        self.all.remove(group)

    @invariant()
    def get_job_shows_what_the_model_says(self) -> None:
        for group in self.all:
            until(lambda: group.handle.state == group.state)  # noqa: B023
            states = [child.state for child in group.handle.children]
            assert states == [child.state for child in group.children]
        ids = self.on_a_thread(self.shell.run, "Get-Job | ForEach-Object Id")
        assert ids == [group.handle.id for group in self.all]


TestJobs = Jobs.TestCase
TestJobs.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    derandomize="PSBRIDGE_STATE_MACHINE_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
