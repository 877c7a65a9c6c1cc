"""The table: scripts of native cmdlets, the jobs they run on, and what may differ, and why.

A row runs on the job in Python and on each of its references. What is seen of ours has to be what
is seen of the reference, field by field. Where it is not, a `Difference` says why, and turns what
is seen of ours into exactly what the reference gives: a row that says so and does not differ
fails too.

The cmdlets are called by their names and their parameters' full names, so that
test_differential.py can tell which parameter of which parameter set has been used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .jobs import Child, Spec
from .observing import Observation

__all__ = ["BAD", "EVERYWHERE", "FULL", "NULLS", "ROWS", "Difference", "Row"]

BOTH = ("csharp", "parallel")


@dataclass(frozen=True)
class Difference:
    """What differs deliberately.

    Attributes:
        text: what, and why.
        edit: turns what was observed of ours, in place, into what the reference gives.
        seen_in: a row that shows it, where it is one that differs everywhere.
    """

    text: str
    edit: Callable[[Observation], None]
    seen_in: str = ""


@dataclass(frozen=True)
class Row:
    """A script, and what it runs on.

    Attributes:
        scene: the jobs, ``$jobs`` in the script; the first is ``$job``. ``$release.Set()`` lets
            those that wait go on.
        script: what is run.
        references: which jobs it is compared with.
        differs: what differs deliberately, by reference.
        bugs: what differs and should not, by reference.
    """

    scene: tuple[Spec, ...]
    script: str
    references: tuple[str, ...] = BOTH
    differs: dict[str, tuple[Difference, ...]] = field(default_factory=dict)
    bugs: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What the row is called."""
        return f"{'+'.join(spec.name for spec in self.scene) or 'nothing'}: {self.script}"


# The scenes.


def _of(*kinds: str) -> tuple[Child, ...]:
    return tuple(Child(kind) for kind in kinds)


DONE = Spec("done", _of("say"))
FULL = Spec("full", _of("write"))
NULLS = Spec("nulls", _of("nulls"))
BAD = Spec("bad", _of("fail"))
BUSY = Spec("busy", _of("wait"))
LATE = Spec("late", _of("late"))
TRIO = Spec("trio", _of("say", "write", "say"))
MIXED = Spec("mixed", _of("say", "fail", "wait"))
PAIR = Spec("pair", _of("wait", "wait"))
HALTED = Spec("halted", _of("wait"), stopped=True)
QUEUED = Child("say", queued=True)
QUEUE = Spec("queue", (Child("wait"), QUEUED), throttle_limit=1)
LINE = Spec("line", (Child("wait"), QUEUED, QUEUED), throttle_limit=1)
PLACES = Spec("places", tuple(Child("say", place) for place in ("north", "south", "north")))
CREW = (DONE, BUSY, BAD, HALTED)


# What differs.


def _jobs_in(seen: Observation) -> list[str]:
    return [key.removeprefix("changes of ") for key in seen if key.startswith("changes of ")]


_PREFIXES = ("VERBOSE: ", "DEBUG: ", "WARNING: ")
_KINDS = ("error", "VerboseRecord", "DebugRecord", "WarningRecord", "told")


def _of_line(line: str) -> int:
    return next((n for n, prefix in enumerate(_PREFIXES) if line.startswith(prefix)), 9)


def _of_record(record: dict[str, Any] | None) -> int:
    return next((n for n, kind in enumerate(_KINDS) if kind in (record or {})), -1)


def _in_blocks(seen: Observation, times: int = 1) -> None:
    lines, length = seen["host"], len(seen["host"]) // times
    parts = [sorted(lines[n * length : (n + 1) * length], key=_of_line) for n in range(times)]
    seen["host"] = [line for part in parts for line in part]
    seen["output"].sort(key=_of_record)


_IN_ORDER = (
    "Ours is received in the order of writing, as remoting jobs are. A job that has only the public"
    " streams is received as blocks: output, errors, verbose, debug, warnings, information."
)
BLOCKS = Difference(_IN_ORDER, _in_blocks)
BLOCKS_THREE_TIMES = Difference(_IN_ORDER, lambda seen: _in_blocks(seen, 3))


def _without_notes(seen: Observation) -> None:
    for record in seen["output"]:
        if "event" in record:
            continue
        for item in (record, record.get(_RECORD)):
            if isinstance(item, dict):
                item.pop("PSSourceJobInstanceId", None)


_RECORD = "System.Management.Automation.PSCustomObject"
NOTES = Difference(
    "With -Wait what ours writes carries the job that it came from, as with remoting jobs.",
    _without_notes,
)


def _without_origin(seen: Observation) -> None:
    for record in (*seen["information"], *seen["progress"], *seen["output"]):
        if "class" in record:
            record["class"] = record["class"].removeprefix("Remoting")


ORIGIN = Difference(
    "With -Wait records that were there before carry an origin, as with remoting jobs; those of"
    " other jobs only where they come while it waits.",
    _without_origin,
)


def _without_nulls(seen: Observation) -> None:
    seen["output"] = [item for item in seen["output"] if item is not None]


NO_NULLS = Difference(
    "Null in the output is received. Of a job that has only the public streams it is dropped.",
    _without_nulls,
)


def _all_output_first(seen: Observation) -> None:
    record = {_RECORD: {"Name": "three", "Size": "3000000000"}}
    seen["output"] = [{"System.String": "one"}, {"System.Int32": "2000000000"}, record]
    seen["warnings"] = seen["host"] = []
    for job in _jobs_in(seen):
        seen[f"afterwards {job}"]["more data"] = True


ENDS_AT_ERROR = Difference(
    "With -ErrorAction Stop ours gives what was written before the error, and the rest is gone, as"
    " with remoting jobs. Of blocks all output comes first, and what follows the errors stays.",
    _all_output_first,
)


def _none_in_output(seen: Observation) -> None:
    seen["output"] = [{"System.Int32": "0"}]


STREAMS_STAY = Difference(
    "The public streams of ours keep what has been received, as those of remoting jobs do.",
    _none_in_output,
)


def _child_first(seen: Observation) -> None:
    seen["output"][-2:] = reversed(seen["output"][-2:])


CHILD_FIRST = Difference(
    "The last child tells its parent that it has ended before it tells others, as in remoting jobs."
    " With PSTaskJob it is the other way round.",
    _child_first,
)


def _without_progress(seen: Observation) -> None:
    seen["progress"] = []


NO_PROGRESS = Difference(
    "PSTaskJob drops the progress of its children.",
    _without_progress,
    seen_in="full: Receive-Job -Job $job",
)


def _by_way_of_stopping(seen: Observation) -> None:
    for job in _jobs_in(seen):
        changes = seen[f"changes of {job}"]
        if changes[-1:] == ["Running, then Stopped"] and "." not in job:
            changes[-1:] = ["Running, then Stopping", "Stopping, then Stopped"]


STOPPING = Difference(
    "PSTaskJob is Stopping while it stops; PSRemotingJob and ours are Running until then.",
    _by_way_of_stopping,
    seen_in="busy: Stop-Job -Job $job",
)


def _none_left(seen: Observation) -> None:
    for job in _jobs_in(seen):
        after = seen[f"afterwards {job}"]
        if after["state"] in ("Running", "NotStarted"):
            after["more data"] = False


NONE_LEFT = Difference(
    "HasMoreData of a job that has not ended is true, as with remoting jobs: more may come."
    " PSTaskJob says false where everything so far has been received.",
    _none_left,
)


def _queued_child_stays(seen: Observation) -> None:
    seen["changes of queue.2"] = []
    seen["afterwards queue.2"].update(state="NotStarted", ended=False)


STAYS_NOT_STARTED = Difference(
    "A child that was stopped before it began is Stopped. PSTaskJob leaves it NotStarted for ever.",
    _queued_child_stays,
)


def _queued_child_only(seen: Observation) -> None:
    if seen["afterwards queue.2"]["state"] == "NotStarted":
        seen["afterwards queue.2"]["more data"] = False


NOTHING_YET = Difference(NONE_LEFT.text, _queued_child_only)


def _queued_child_runs(seen: Observation) -> None:
    seen["changes of queue.2"] = ["NotStarted, then Running", "Running, then Completed"]
    seen["afterwards queue.2"].update(state="Completed", began=True)
    seen["afterwards queue.2"]["more data"] = True


RUNS_ALL_THE_SAME = Difference(
    "A child that was stopped before it began does not run. PSTaskJob runs it all the same.",
    _queued_child_runs,
)


def _parent_becomes(state: str) -> Callable[[Observation], None]:
    def edit(seen: Observation) -> None:
        for job in _jobs_in(seen):
            if "." not in job and seen[f"changes of {job}"]:
                before = seen[f"changes of {job}"][-1].split(",")[0]
                seen[f"changes of {job}"][-1] = f"{before}, then {state}"
                seen[f"afterwards {job}"]["state"] = state

    return edit


FAILED_BY_STOP = Difference(
    "A child that was stopped by itself does not make the parent fail, as with remoting jobs."
    " PSTaskJob fails where a child did not complete.",
    _parent_becomes("Failed"),
)

STOPPED_DESPITE_FAILURE = Difference(
    "A stopped parent is Failed where a child had failed, as with remoting jobs. PSTaskJob is"
    " Stopped where it was stopped.",
    _parent_becomes("Stopped"),
)

# What differs wherever it can be seen.
EVERYWHERE: dict[str, tuple[Difference, ...]] = {
    "csharp": (),
    "parallel": (NO_PROGRESS, STOPPING),
}


# The rows.


def both(*differences: Difference) -> dict[str, tuple[Difference, ...]]:
    """The same differences from both references."""
    return dict.fromkeys(BOTH, differences)


def rows(scene: Spec | tuple[Spec, ...], *scripts: str, **columns: Any) -> Iterator[Row]:
    """A row for each script."""
    jobs = scene if isinstance(scene, tuple) else (scene,)
    for script in scripts:
        yield Row(jobs, script, **columns)


NO_SESSION = (
    "[System.Management.Automation.Runspaces.PSSession]::Create("
    "[System.Management.Automation.Runspaces.RunspaceFactory]::CreateOutOfProcessRunspace($null),"
    " 'none', $null)"
)
# By which cmdlets find the first job.
BY_ID = "-Id $job.Id"
BY_INSTANCE_ID = "-InstanceId $job.InstanceId"
BY_NAME = "-Name $job.Name"
BY_JOB = "-Job $job"
BY_STATE = "-State $job.JobStateInfo.State"
BY_COMMAND = "-Command $job.Command"
BY_FILTER = "-Filter @{ Name = $job.Name }"
BY_COMPUTER = "-Job $job -ComputerName localhost"
BY_SESSION = f"-Job $job -Session ({NO_SESSION})"
NOBODY = ("-Id 999999", "-InstanceId ([guid]::Empty)", "-Name nobody", "-Name nobody*")
BY_PROPERTY = ("Id = $job.Id", "InstanceId = $job.InstanceId", "Name = $job.Name")


def _get_job() -> Iterator[Row]:
    yield from rows((), "Get-Job", "Get-Job -State Running", "Get-Job -Name *")
    yield from rows(
        CREW,
        "Get-Job",
        "Get-Job -Id $jobs[2].Id, $jobs[0].Id",
        "Get-Job -Name b*, done",
        "Get-Job -Name B?[SD]*",
        "Get-Job -State Running",
        "Get-Job -Command *twin*",
        "Get-Job -Id 999999, $job.Id",
        "Get-Job -Newest 2",
        "Get-Job -Before $jobs[2].PSEndTime",
        "Get-Job -After $jobs[2].PSEndTime",
        "Get-Job -Before ([datetime]::MaxValue) -After ([datetime]::MinValue) -Newest 1",
        "Get-Job -IncludeChildJob -HasMoreData $true",
        "$jobs | Get-Job",
        "$jobs | ForEach-Object { Get-Job -Id $_.Id }",
        "Get-Job | Where-Object State -EQ Failed",
        "Get-Job | ForEach-Object { $_.Name; [string]$_.State; $_.HasMoreData }",
        "Get-Job | Out-Default",
    )
    yield from rows(
        (DONE, MIXED),
        "Get-Job -ChildJobState Failed",
        "Get-Job -ChildJobState Running -IncludeChildJob",
    )
    yield from rows(
        QUEUE,
        "Get-Job -ChildJobState NotStarted",
        "Get-Job -Newest 1 -IncludeChildJob",
        differs={"parallel": (NOTHING_YET,)},
    )
    more = ("-IncludeChildJob", "-ChildJobState Completed", "-HasMoreData $true",
            "-HasMoreData $false", "-Before ([datetime]::Now)", "-After ([datetime]::Now)",
            "-Newest 1")  # fmt: skip
    for by in (BY_ID, BY_INSTANCE_ID, BY_NAME, BY_STATE, BY_COMMAND):
        yield from rows((DONE, BUSY), f"Get-Job {by}", *(f"Get-Job {by} {other}" for other in more))
    yield from rows(
        DONE,
        f"Get-Job {BY_FILTER}",
        "Get-Job $job.Id",
        "Get-Job $job.Name",
        "Get-Job -Id $job.Id, $job.Id",
        "Get-Job -Id $job.ChildJobs[0].Id",
        "Get-Job -InstanceId $job.ChildJobs[0].InstanceId",
        "Get-Job -Name $job.ChildJobs[0].Name",
        "Get-Job -Id $job.Id -Name done",
        "Get-Job -Id 0, -1",
        "Get-Job -Newest 0",
        "Get-Job -State Completed, Failed",
        "Get-Job -State Nonsense",
        "Get-Job -Command nothing",
        *(f"Get-Job {nobody}" for nobody in NOBODY),
        "Get-Job -Name nobody -ErrorAction Stop",
    )
    for prop in (
        *BY_PROPERTY,
        "State = 'Completed'",
        "Command = $job.Command",
        "Filter = @{ Id = 1 }",
    ):
        yield from rows((DONE, BUSY), f"[pscustomobject]@{{ {prop} }} | Get-Job")


def _receive_job() -> Iterator[Row]:
    order = both(BLOCKS)
    for by in (BY_JOB, BY_ID, BY_INSTANCE_ID, BY_NAME):
        yield from rows(
            FULL,
            f"Receive-Job {by}",
            f"Receive-Job {by} -Keep",
            differs=order,
        )
        yield from rows(FULL, f"Receive-Job {by} -NoRecurse")
        yield from rows(
            FULL,
            f"Receive-Job {by} -Wait",
            f"Receive-Job {by} -Wait -Force",
            f"Receive-Job {by} -Wait -AutoRemoveJob",
            f"Receive-Job {by} -Wait -WriteEvents",
            f"Receive-Job {by} -Wait -WriteJobInResults",
            differs=both(BLOCKS, ORIGIN),
        )
        yield from rows(
            DONE,
            f"Receive-Job {by} -Force",
            f"Receive-Job {by} -AutoRemoveJob",
            f"Receive-Job {by} -WriteEvents",
            f"Receive-Job {by} -WriteJobInResults",
            f"Receive-Job {by} -Wait -Keep",
            f"Receive-Job {by} -Keep -Wait",
        )
    for by in (BY_COMPUTER, BY_SESSION):
        switches = ("", "-Keep", "-NoRecurse", "-Wait", "-Wait -Force", "-Wait -AutoRemoveJob",
                    "-Wait -WriteEvents", "-Wait -WriteJobInResults")  # fmt: skip
        yield from rows(DONE, *(f"Receive-Job {by} {switch}".rstrip() for switch in switches))
    yield from rows(DONE, f"Receive-Job {BY_COMPUTER} -Id $job.Id")
    yield from rows(
        PLACES,
        "Receive-Job -Job $job -Location north",
        "Receive-Job -Job $job -Location SOUTH, north",
        "Receive-Job -Job $job -Location east",
        "Receive-Job -Job $job -Location north -Keep; Receive-Job -Job $job",
        "Receive-Job -Job $job -Location south -NoRecurse",
        "Receive-Job -Job $job -Location south -Wait -WriteEvents -WriteJobInResults",
        "Receive-Job -Job $job north",
        references=("csharp",),
    )
    yield from rows(
        FULL,
        "Receive-Job -Job $job *>&1",
        "Receive-Job -Job $job -Keep *>&1",
        "Receive-Job -Job $job; Receive-Job -Job $job",
        "Receive-Job -Id $job.ChildJobs[0].Id",
        "Receive-Job -Job $job.ChildJobs[0]",
        "$job | Receive-Job",
        "Get-Job | Wait-Job | Receive-Job",
        "Receive-Job -Job $job, $job",
        differs=order,
    )
    yield from rows(
        FULL,
        "Receive-Job -Job $job -Keep; Receive-Job -Job $job -Keep; Receive-Job -Job $job",
        differs=both(BLOCKS_THREE_TIMES),
    )
    yield from rows(
        FULL,
        "$VerbosePreference = $DebugPreference = $InformationPreference = 'SilentlyContinue'"
        "; Receive-Job -Job $job",
    )
    yield from rows(
        FULL,
        "$InformationPreference = 'SilentlyContinue'; $DebugPreference = 'Ignore'"
        "; Receive-Job -Job $job -Verbose -ErrorAction Ignore",
        "$null = Receive-Job -Job $job -ErrorAction SilentlyContinue -ErrorVariable seen; $seen",
        differs=order,
    )
    yield from rows(FULL, "Receive-Job -Job $job -ErrorAction Stop", differs=both(ENDS_AT_ERROR))
    yield from rows(
        FULL,
        "$null = Receive-Job -Job $job; $job.ChildJobs[0].Output.Count",
        differs=both(BLOCKS, STREAMS_STAY),
    )
    yield from rows(FULL, "Receive-Job -Job $job -Wait *>&1", differs=both(BLOCKS, ORIGIN))
    yield from rows(TRIO, "Receive-Job -Job $job", differs=order)
    yield from rows(TRIO, "Receive-Job -Job $job -NoRecurse")
    yield from rows(
        NULLS, "Receive-Job -Job $job", "Receive-Job -Job $job -Wait", differs=both(NO_NULLS)
    )
    live = "| ForEach-Object { if ($_ -eq 'first') { $null = $release.Set() }; $_ }"
    yield from rows(
        LATE,
        f"Receive-Job -Job $job -Wait {live}",
        f"Receive-Job -Job $job -Wait *>&1 {live}",
        f"Receive-Job -Job $job -Wait -Force {live}",
        f"Receive-Job -Job $job -Wait -AutoRemoveJob {live}",
        f"Receive-Job -Job $job -Wait -WriteJobInResults {live}",
        differs=both(NOTES),
    )
    yield from rows(
        LATE,
        f"Receive-Job -Job $job -Wait -WriteEvents {live}",
        f"$job | Receive-Job -Wait -AutoRemoveJob -WriteEvents -WriteJobInResults {live}",
        differs={"csharp": (NOTES,), "parallel": (NOTES, CHILD_FIRST)},
    )
    yield from rows(
        BAD,
        "Receive-Job -Job $job",
        "Receive-Job -Job $job; Receive-Job -Job $job",
        "Receive-Job -Job $job -Keep; Receive-Job -Job $job",
        "Receive-Job -Job $job -NoRecurse",
        "Receive-Job -Job $job -Wait",
        "Receive-Job -Job $job -Wait -AutoRemoveJob",
        "Receive-Job -Job $job -Wait -WriteEvents -WriteJobInResults",
        "Receive-Job -Job $job *>&1",
        "Receive-Job -Job $job -ErrorAction Stop",
        "Receive-Job -Id $job.ChildJobs[0].Id",
        "$job.ChildJobs[0].JobStateInfo.Reason.Message; $job.JobStateInfo.Reason",
    )
    yield from rows(
        BUSY,
        "Receive-Job -Job $job",
        "Receive-Job -Job $job; Receive-Job -Job $job",
        differs={"parallel": (NONE_LEFT,)},
    )
    yield from rows(
        BUSY,
        "Receive-Job -Job $job -Keep",
        "Receive-Job -Job $job -NoRecurse",
        "Receive-Job -Job $job; $null = $release.Set(); $null = Wait-Job -Job $job"
        "; Receive-Job -Job $job",
    )
    yield from rows(
        QUEUE, "Receive-Job -Id $job.ChildJobs[1].Id", differs={"parallel": (NOTHING_YET,)}
    )
    yield from rows(QUEUE, "Receive-Job -Job $job", differs={"parallel": (NONE_LEFT,)})
    yield from rows(QUEUE, f"Receive-Job -Job $job -Wait {live}", differs=both(NOTES))
    yield from rows(HALTED, "Receive-Job -Job $job", "Receive-Job -Job $job -Wait -AutoRemoveJob")
    yield from rows(MIXED, "Receive-Job -Job $job", differs={"parallel": (NONE_LEFT,)})
    yield from rows(
        MIXED,
        f"Receive-Job -Job $job -Wait -WriteEvents {live}",
        differs={"csharp": (NOTES,), "parallel": (NOTES, CHILD_FIRST)},
    )
    yield from rows(
        CREW,
        "Receive-Job -Job $jobs",
        "$jobs | Receive-Job",
        "Receive-Job -Name b*",
        differs={"parallel": (NONE_LEFT,)},
    )
    yield from rows(CREW, f"$jobs | Receive-Job -Wait -AutoRemoveJob {live}", differs=both(NOTES))
    yield from rows(CREW, "Receive-Job -Id $jobs[0].Id, 999999, $jobs[2].Id")
    for prop in (*BY_PROPERTY, "Job = $job"):
        yield from rows(DONE, f"[pscustomobject]@{{ {prop} }} | Receive-Job")
    yield from rows(DONE, "[pscustomobject]@{ Job = $job; ComputerName = 'here' } | Receive-Job")
    yield from rows(
        DONE,
        "Remove-Job -Job $job; Receive-Job -Job $job; Receive-Job -Job $job",
        "Receive-Job -Job $job -Wait -AutoRemoveJob; Get-Job",
        "Receive-Job -Id $job.ChildJobs[0].Id -Wait -AutoRemoveJob",
        "Receive-Job",
        "Receive-Job -Job $null",
        *(f"Receive-Job {nobody}" for nobody in NOBODY),
    )


def _wait_job() -> Iterator[Row]:
    for by in (BY_JOB, BY_ID, BY_INSTANCE_ID, BY_NAME, BY_STATE, BY_FILTER):
        more = ("", "-Any", "-Timeout 1", "-Force")
        yield from rows(DONE, *(f"Wait-Job {by} {switch}".rstrip() for switch in more))
    for scene in (BAD, HALTED):
        yield from rows(scene, "Wait-Job -Job $job", "Wait-Job -Job $job -Force")
    yield from rows(
        BUSY,
        "Wait-Job -Job $job -Timeout 0",
        "Wait-Job -State Running -Timeout 0",
        "Wait-Job -Job $job -Timeout -2",
        "$null = $release.Set(); Wait-Job -Job $job",
        "$null = $release.Set(); Wait-Job -Job $job -Timeout 10 -Force",
        "$null = $release.Set(); $job | Wait-Job | Receive-Job",
    )
    yield from rows(BUSY, "Wait-Job -Job $job -Timeout 1", references=("csharp",))  # slow
    yield from rows(
        DONE,
        "Wait-Job -Job $job -Timeout 0",
        "Wait-Job -Job $job -TimeoutSec 1",
        "Wait-Job -Job $job -Timeout -1",
        "Wait-Job -Id $job.ChildJobs[0].Id",
        "Wait-Job -Job $job, $job -Any",  # without -Any it never ends, whatever the job
        "Wait-Job -State Running",
        "Remove-Job -Job $job; Wait-Job -Job $job",
        "Wait-Job",
        *(f"Wait-Job {nobody}" for nobody in NOBODY),
    )
    yield from rows(
        CREW,
        "Wait-Job -Job $jobs -Any",
        "Wait-Job -Job $jobs -Timeout 0",
        "$jobs | Wait-Job -Any",
        "$null = $release.Set(); $jobs | Wait-Job",
        "$null = $release.Set(); Wait-Job -Id $jobs[1].Id, $jobs[0].Id",
        "Wait-Job -Name b* -Any",
    )
    yield from rows(QUEUE, "$null = $release.Set(); Wait-Job -Job $job.ChildJobs[1]")
    yield from rows(MIXED, "$null = $release.Set(); Wait-Job -Job $job")
    for prop in (*BY_PROPERTY, "State = 'Completed'", "Job = $job", "Filter = @{ Id = 1 }"):
        yield from rows(DONE, f"[pscustomobject]@{{ {prop} }} | Wait-Job")


def _stop_job() -> Iterator[Row]:
    for by in (BY_JOB, BY_ID, BY_INSTANCE_ID, BY_NAME, BY_STATE, BY_FILTER):
        more = ("", "-PassThru", "-WhatIf", "-Confirm", "-Confirm:$false")
        yield from rows(BUSY, *(f"Stop-Job {by} {switch}".rstrip() for switch in more))
    yield from rows(
        BUSY,
        "Stop-Job -Job $job; Stop-Job -Job $job -PassThru",
        "Stop-Job -Job $job, $job -PassThru",
        "$job | Stop-Job -PassThru",
        "Stop-Job -Job $job; Receive-Job -Job $job; Receive-Job -Job $job",
        "Stop-Job -Job $job; Wait-Job -Job $job | Remove-Job",
        "$ConfirmPreference = 'Low'; Stop-Job -Job $job",
        "$WhatIfPreference = $true; Stop-Job -Job $job -PassThru",
        "$job.StopJob()",
    )
    # Stop-Job does not wait for a child of PSTaskJob, as it does for ours.
    yield from rows(
        BUSY,
        "Stop-Job -Job $job.ChildJobs[0]",
        "Stop-Job -Id $job.ChildJobs[0].Id -PassThru",
        references=("csharp",),
    )
    child_only = {"parallel": (FAILED_BY_STOP,)}
    yield from rows(BUSY, "Stop-Job -Job $job.ChildJobs[0]; Wait-Job -Job $job", differs=child_only)
    for scene in (DONE, BAD, HALTED):
        yield from rows(scene, "Stop-Job -Job $job -PassThru")
    yield from rows(PAIR, "Stop-Job -Job $job")
    yield from rows(
        PAIR,
        "$job.ChildJobs[0] | Stop-Job -PassThru | Wait-Job"
        "; $null = $release.Set(); Wait-Job -Job $job",
        differs=child_only,
    )
    yield from rows(QUEUE, "Stop-Job -Job $job", differs={"parallel": (STAYS_NOT_STARTED,)})
    yield from rows(
        QUEUE,
        "Stop-Job -Job $job.ChildJobs[1]; $null = $release.Set(); Wait-Job -Job $job",
        differs={"parallel": (RUNS_ALL_THE_SAME,)},
    )
    # Whoever listens to the second child keeps the stop from reaching the third one for a while.
    yield from rows(
        LINE,
        "$job.ChildJobs[1].add_StateChanged({ [System.Threading.Thread]::Sleep(300) })"
        "; Stop-Job -Job $job",
        references=("csharp",),
    )
    yield from rows(MIXED, "Stop-Job -Job $job", differs={"parallel": (STOPPED_DESPITE_FAILURE,)})
    yield from rows(
        CREW,
        "$jobs | Stop-Job -PassThru",
        "Stop-Job -State Running -PassThru",
        "Stop-Job -Name b* -PassThru",
    )
    for prop in (*BY_PROPERTY, "State = 'Running'", "Job = $job", "Filter = @{ Id = 1 }"):
        yield from rows(BUSY, f"[pscustomobject]@{{ {prop} }} | Stop-Job -PassThru")
    yield from rows(
        DONE,
        "Remove-Job -Job $job; Stop-Job -Job $job -PassThru",
        "Stop-Job",
        *(f"Stop-Job {nobody}" for nobody in NOBODY),
    )


def _remove_job() -> Iterator[Row]:
    for by in (BY_JOB, BY_ID, BY_INSTANCE_ID, BY_NAME, BY_FILTER):
        more: tuple[str, ...] = ("", "-Force", "-WhatIf", "-Confirm", "-Confirm:$false")
        yield from rows(DONE, *(f"Remove-Job {by} {switch}".rstrip() for switch in more))
    for by in (BY_STATE, BY_COMMAND):
        more = ("", "-WhatIf", "-Confirm", "-Confirm:$false")
        yield from rows(DONE, *(f"Remove-Job {by} {switch}".rstrip() for switch in more))
        yield from rows(BUSY, f"Remove-Job {by}")
        yield from rows(DONE, f"Remove-Job {by} -Force")
    for by in (BY_JOB, BY_ID, BY_INSTANCE_ID, BY_NAME):
        yield from rows(BUSY, f"Remove-Job {by}", f"Remove-Job {by} -Force")
    yield from rows(
        DONE,
        "$job | Remove-Job",
        "Remove-Job -Job $job; Remove-Job -Job $job",
        "Remove-Job -Job $job, $job",
        "Remove-Job -Id $job.ChildJobs[0].Id",
        "Remove-Job -Job $job.ChildJobs[0]",
        "Remove-Job -InstanceId $job.ChildJobs[0].InstanceId",
        "Remove-Job -Name $job.ChildJobs[0].Name",
        "Remove-Job -State Running",
        "Remove-Job -Command nothing",
        "Remove-Job",
        *(f"Remove-Job {nobody}" for nobody in NOBODY),
    )
    yield from rows(
        BUSY,
        "Remove-Job -Job $job.ChildJobs[0] -Force; Wait-Job -Job $job",
        differs={"parallel": (FAILED_BY_STOP,)},
    )
    for scene in (BAD, HALTED, PAIR, MIXED):
        yield from rows(scene, "Remove-Job -Job $job")
    yield from rows(QUEUE, "Remove-Job -Job $job", differs={"parallel": (NOTHING_YET,)})
    yield from rows(PAIR, "Remove-Job -Job $job -Force")
    yield from rows(
        QUEUE, "Remove-Job -Job $job -Force", differs={"parallel": (STAYS_NOT_STARTED,)}
    )
    yield from rows(
        MIXED, "Remove-Job -Job $job -Force", differs={"parallel": (STOPPED_DESPITE_FAILURE,)}
    )
    yield from rows(
        CREW,
        "Get-Job | Remove-Job",
        "$jobs | Remove-Job -Force",
        "Remove-Job -State Completed",
        "Remove-Job -Name *",
    )
    for prop in (*BY_PROPERTY, "State = 'Completed'", "Command = $job.Command", "Job = $job"):
        yield from rows(DONE, f"[pscustomobject]@{{ {prop} }} | Remove-Job")


def _with_debugger(script: str) -> str:
    return (
        "$debugger = [runspace]::DefaultRunspace.Debugger; $debugger.SetDebugMode('LocalScript')"
        f"; try {{ {script} }} finally {{ $debugger.SetDebugMode('Default') }}"
    )


def _debug_job() -> Iterator[Row]:
    for by in (BY_JOB, BY_ID, BY_INSTANCE_ID, BY_NAME):
        more = ("", "-BreakAll", "-WhatIf", "-Confirm", "-Confirm:$false")
        yield from rows(DONE, *(f"Debug-Job {by} {switch}".rstrip() for switch in more))
        for switch in ("", " -BreakAll"):
            yield from rows(DONE, _with_debugger(f"Debug-Job {by}{switch}"))
    yield from rows(
        DONE,
        "$job | Debug-Job",
        "[pscustomobject]@{ Job = $job } | Debug-Job",
        "Debug-Job -Id $job.ChildJobs[0].Id",
        _with_debugger("Debug-Job -Job $job.ChildJobs[0]"),
        "Debug-Job",
        *(f"Debug-Job {nobody}" for nobody in NOBODY),
    )
    yield from rows((DONE, BAD), "Debug-Job -Name *", _with_debugger("$jobs | Debug-Job"))
    # A running PSTaskJob can be debugged, and the cmdlet would stay in it.
    yield from rows(
        BUSY,
        "Debug-Job -Job $job",
        _with_debugger("Debug-Job -Job $job"),
        _with_debugger("Debug-Job -Job $job -BreakAll"),
        references=("csharp",),
    )


ROWS = [*_get_job(), *_receive_job(), *_wait_job(), *_stop_job(), *_remove_job(), *_debug_job()]
