"""The same job several times: written in Python, in C#, and as PowerShell's own jobs."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from conditions import until

from psbridge import Job, JobGroup, Session
from psbridge.session.console import Console

__all__ = ["CSharp", "Child", "Parallel", "Python", "Remoting", "Side", "Spec"]

_HERE = Path(__file__).parent
# The parallel job's own text, and so what all three show as Command.
COMMAND = " & ([scriptblock]::Create($using:twin)) $_ $using:go "
# Where the parallel job says that its work runs.
LOCATION = "PowerShell"
_STATES = {"wait": "Running", "late": "Running", "fail": "Failed"}


@dataclass(frozen=True)
class Child:
    """A child job.

    Attributes:
        kind: what it does. ``say`` writes a text, ``nulls`` null between two, ``write`` to all
            seven streams. ``fail`` writes and fails. ``wait`` writes, waits until it is released or
            stopped, and writes again; ``late`` does that to all streams.
        location: where it says that it runs.
        queued: whether it waits for its turn before a script runs.
    """

    kind: str
    location: str = LOCATION
    queued: bool = False

    @property
    def state(self) -> str:
        """The state that it is in before a script runs."""
        if self.queued:
            return "NotStarted"
        return _STATES.get(self.kind, "Completed")


@dataclass(frozen=True)
class Spec:
    """A job as each side makes it.

    Attributes:
        name: its name.
        children: its children.
        throttle_limit: how many of them run at a time.
        stopped: stop it before a script runs.
    """

    name: str
    children: tuple[Child, ...]
    throttle_limit: int = 8
    stopped: bool = False


class Side(ABC):
    """One kind of job, in a session of its own.

    Attributes:
        session: where its jobs are; its host has a user interface.
        shown: what the host shows.
        release: the .NET event that lets the children that wait go on.
        jobs: the .NET jobs that were made last.
    """

    def __init__(self) -> None:
        self.release: Any = None
        self.jobs: list[Any] = []
        self._open()

    def _open(self) -> None:
        self.shown = io.StringIO()
        console = Console(self.shown, self.shown, interactive=False)
        self.session = Session(console=console)

    @abstractmethod
    def start(self, spec: Spec) -> Any:
        """Start such a job and give the .NET job, which is in the session's repository."""

    def set_up(self, scene: tuple[Spec, ...]) -> None:
        """Make the jobs of a scene, one after the other, each in the state it is to be in."""
        from System.Threading import ManualResetEvent

        self.release = ManualResetEvent(False)
        self.jobs = []
        for spec in scene:
            job = self.start(spec)
            self.jobs.append(job)
            until(partial(_is_settled, job, spec))
            if spec.stopped:
                job.StopJob()
                until(lambda: all(map(_has_ended, (job, *job.ChildJobs))))  # noqa: B023

    def settle(self) -> None:
        """Wait until the jobs that run on have ended, where nothing holds them any more."""
        if self.release.WaitOne(0):
            until(lambda: all(_has_ended(job) for job in self.jobs))
        for job in self.jobs:
            # A parent ends while its last child is still telling others that it has.
            for each in (job, *job.ChildJobs):
                if _state(each) in ("Completed", "Failed", "Stopped"):
                    until(partial(_has_ended, each))

    def tear_down(self) -> None:
        """Let the jobs end and take them away."""
        self.release.Set()
        until(lambda: all(_has_ended(job) for job in self.jobs))
        left = list(self.session.jobs)
        # The repository is a hash table. Places that are freed in this order are taken again in the
        # order of a new one; where a script has freed some, a new one it is.
        for job in reversed(left):
            job.remove()
        if len(self.jobs) > 1 and len(left) < len(self.jobs):
            self.session.close()
            self._open()


class Python(Side):
    """Jobs written in Python, on psbridge."""

    def start(self, spec: Spec) -> Any:
        group = JobGroup(
            [Twin(child, self.release) for child in spec.children],
            name=spec.name,
            command=COMMAND,
            throttle_limit=spec.throttle_limit,
        )
        return self.session.start(group).net


class CSharp(Side):
    """Jobs written in C# on the engine's public API."""

    def start(self, spec: Spec) -> Any:
        from PSBridge.Differential import ReferenceJob
        from System import Array, String

        kinds = Array[String]([child.kind for child in spec.children])
        locations = Array[String]([child.location for child in spec.children])
        job = ReferenceJob(COMMAND, spec.name, kinds, locations, spec.throttle_limit, self.release)
        self.session.jobs.add(job)
        job.Start()
        return job


class Parallel(Side):
    """What ``ForEach-Object -Parallel -AsJob`` gives."""

    def start(self, spec: Spec) -> Any:
        assert all(child.location == LOCATION for child in spec.children)
        (found,) = self.session.run(
            "param($kinds, $twin, $go, $limit)"
            f" $kinds | ForEach-Object -Parallel {{{COMMAND}}} -AsJob -ThrottleLimit $limit",
            kinds=[child.kind for child in spec.children],
            twin=_twin(),
            go=self.release,
            limit=spec.throttle_limit,
        )
        found.Name = spec.name
        return found.net


class Remoting(Side):
    """What ``Start-Job`` gives: one child, in a process of its own, which cannot be released."""

    def start(self, spec: Spec) -> Any:
        (child,) = spec.children
        return self.session.start_job(_twin(), child.kind, name=spec.name).net


def _twin() -> str:
    return (_HERE / "twin.ps1").read_text(encoding="utf-8")


class Twin(Job):
    """What ReferenceJob.cs and twin.ps1 do, in Python."""

    def __init__(self, child: Child, release: Any) -> None:
        super().__init__(command=COMMAND, location=child.location)
        self.kind = child.kind
        self.release = release

    def run(self) -> Iterator[object]:
        yield from getattr(self, f"_{self.kind}")()

    def _write(self) -> Iterator[object]:
        yield "one"
        self.write_warning("careful")
        self.write_error("not good", error_id="NotGood", category="InvalidData", target="a target")
        self.write_verbose("details")
        yield 2_000_000_000
        self.write_debug("more details")
        self.write_information("told", tags=["tag"])
        self.write_progress("Working", "half", percent=50)
        yield {"Name": "three", "Size": 3_000_000_000}

    def _nulls(self) -> Iterator[object]:
        yield from ("one", None, "two")

    def _say(self) -> Iterator[object]:
        yield "said"

    def _fail(self) -> Iterator[object]:
        yield "before"
        raise ValueError("not today")

    def _wait(self) -> Iterator[object]:
        yield from self._be_held()
        yield "released"

    def _late(self) -> Iterator[object]:
        yield from self._be_held()
        yield from self._write()

    def _be_held(self) -> Iterator[object]:
        yield "first"
        while not self.release.WaitOne(20):
            self.check_stop()


def _state(job: Any) -> str:
    return str(job.JobStateInfo.State)


def _has_ended(job: Any) -> bool:
    # Finished is set after everybody has heard of the state, children before their parents.
    return bool(job.Finished.WaitOne(0))


def _is_settled(job: Any, spec: Spec) -> bool:
    children = list(job.ChildJobs)
    for net, child in zip(children, spec.children, strict=True):
        if _state(net) != child.state:
            return False
        if child.state == "Running" and net.Output.Count == 0:
            return False
        if child.state not in ("Running", "NotStarted") and not _has_ended(net):
            return False
    running = any(child.state in ("Running", "NotStarted") for child in spec.children)
    return _state(job) == "Running" if running else _has_ended(job)
