"""Running a script on the jobs of a side, and what can be seen of it, as plain values.

What differs by chance (numbers, identifiers, times, the classes of the jobs) is given names that
are the same on each side.
"""

from __future__ import annotations

import re
from typing import Any

from .jobs import Side

__all__ = ["Observation", "observe"]

Observation = dict[str, Any]
_SECONDS = 20
# The preferences let every stream through, so that every row compares all of them.
_PROLOGUE = """param($job, $jobs, $release)
$VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
"""
_JOB_CLASSES = re.compile(
    r"(PSBridge\.)?(Differential\.)?(Python(Parent|Child)Job|Reference(Failing)?(Child|Job)\b)"
    r"|(System\.Management\.Automation\.)?(PSTasks\.)?PSTask(Child)?Job|PythonJob"
)


def observe(side: Side, script: str) -> Observation:
    """Run a script and describe all that it gives and does, each thing as a field."""
    from PSBridge.Differential import StateLog
    from System import Array
    from System.Management.Automation import Job, PowerShell, PSDataCollection, PSObject

    names = _Names(side.jobs)
    log = StateLog(Array[Job](names.all))
    side.shown.seek(0)
    side.shown.truncate()
    pipeline = PowerShell.Create()
    pipeline.Runspace = side.session._runspace
    pipeline.AddScript(_PROLOGUE + script, True)
    pipeline.AddParameter("job", side.jobs[0] if side.jobs else None)
    pipeline.AddParameter("jobs", Array[Job](side.jobs))
    pipeline.AddParameter("release", side.release)
    output = PSDataCollection[PSObject]()
    ended = pipeline.BeginInvoke[PSObject, PSObject](None, output).AsyncWaitHandle
    if not ended.WaitOne(_SECONDS * 1000):
        pipeline.BeginStop(None, None)
        ended.WaitOne(_SECONDS * 1000)
        raise TimeoutError(f"{type(side).__name__} does not come back from: {script}")
    side.settle()
    streams = pipeline.Streams
    seen: Observation = {
        "output": [names.value(item) for item in _items(output)],
        "errors": [names.error(record) for record in _items(streams.Error)],
        "ended by": names.failure(pipeline.InvocationStateInfo.Reason),
        "warnings": [names.text(record.Message) for record in _items(streams.Warning)],
        "verbose": [names.text(record.Message) for record in _items(streams.Verbose)],
        "debug": [names.text(record.Message) for record in _items(streams.Debug)],
        "information": [names.information(record) for record in _items(streams.Information)],
        "progress": [names.progress(record) for record in _items(streams.Progress)],
        "host": [_narrow(names.text(line)) for line in side.shown.getvalue().splitlines()],
    }
    pipeline.Dispose()
    for job in names.all:
        alias = names.of(job)
        seen[f"changes of {alias}"] = list(log.Changes(job.Id))
        seen[f"afterwards {alias}"] = names.job(job)
    seen["in the repository"] = [names.of(job.net) for job in side.session.jobs]
    return seen


def _reason(job: Any) -> str | None:
    # A parallel job's children have one when they are stopped, the parent now and then.
    info = job.JobStateInfo
    return None if str(info.State) == "Stopped" else getattr(info.Reason, "Message", None)


def _narrow(line: str) -> str:
    """A line without the widths of its columns."""
    return re.sub(r"  +", "  ", re.sub(r"--+", "--", line))


def _items(collection: Any) -> list[Any]:
    return [collection[index] for index in range(collection.Count)]


class _Names:
    """What the jobs of a scene are called in an observation: busy, busy.1, busy.2 and so on."""

    def __init__(self, jobs: list[Any]) -> None:
        self.all: list[Any] = []
        self._aliases: dict[int, str] = {}
        self._texts: dict[str, str] = {}
        for job in jobs:
            self._add(job, str(job.Name))
            for number, child in enumerate(job.ChildJobs, 1):
                self._add(child, f"{job.Name}.{number}")
        found = "|".join(map(re.escape, self._texts)) or "$^"
        self._chance = re.compile(rf"\b({found})\b")

    def _add(self, job: Any, alias: str) -> None:
        self.all.append(job)
        self._aliases[job.Id] = alias
        self._texts[str(job.InstanceId)] = f"<guid of {alias}>"
        self._texts[f"Job{job.Id}"] = f"<name of {alias}>"
        self._texts[str(job.Id)] = f"<id of {alias}>"

    def of(self, job: Any) -> str:
        return self._aliases[job.Id]

    def text(self, text: str) -> str:
        """Text without what is there by chance."""
        text = self._chance.sub(lambda match: self._texts[match[0]], text)
        return _JOB_CLASSES.sub("<class>", text)

    def _text_or_none(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def job(self, job: Any) -> dict[str, Any]:
        """What a job says of itself when all is over."""
        return {
            "state": str(job.JobStateInfo.State),
            "reason": _reason(job),
            "more data": bool(job.HasMoreData),
            "name": self.text(job.Name),
            "type": self.text(job.PSJobTypeName),
            "location": job.Location,
            "command": job.Command,
            "message": job.StatusMessage,
            "began": job.PSBeginTime is not None,
            "ended": job.PSEndTime is not None,
        }

    def value(self, item: Any) -> Any:
        """An object in the output."""
        from System.Management.Automation import (
            DebugRecord,
            ErrorRecord,
            InformationRecord,
            Job,
            JobStateEventArgs,
            PSCustomObject,
            PSObject,
            VerboseRecord,
            WarningRecord,
        )

        if item is None:
            return None
        base = item.BaseObject if isinstance(item, PSObject) else item
        notes = self._notes(item) if isinstance(item, PSObject) else {}
        if isinstance(base, Job):
            return {"job": self.of(base), **notes}
        if isinstance(base, ErrorRecord):
            return {**self.error(base), **notes}
        if isinstance(base, (WarningRecord, VerboseRecord, DebugRecord)):
            return {type(base).__name__: self.text(base.Message), **notes}
        if isinstance(base, InformationRecord):
            return {**self.information(base), **notes}
        if isinstance(base, JobStateEventArgs):
            return {
                "event": str(base.JobStateInfo.State),
                "from": str(getattr(base.PreviousJobStateInfo, "State", None)),
                "reason": getattr(base.JobStateInfo.Reason, "Message", None),
                **notes,
            }
        if isinstance(base, PSCustomObject):
            return {item.TypeNames[0]: notes}
        return {item.TypeNames[0]: self.text(str(base)), **notes}

    def _notes(self, item: Any) -> dict[str, Any]:
        from System.Management.Automation import PSNoteProperty

        return {
            note.Name: self.text(str(note.Value))
            for note in item.Properties
            if isinstance(note, PSNoteProperty)
        }

    def error(self, record: Any) -> dict[str, Any]:
        """An error: what it says, and where it says that it comes from."""
        target = record.TargetObject
        invocation = record.InvocationInfo
        return {
            "error": self.text(str(record)),
            "id": self.text(record.FullyQualifiedErrorId),
            "category": str(record.CategoryInfo.Category),
            "activity": record.CategoryInfo.Activity,
            "exception": self._exception(record),
            "target": self.text(record.CategoryInfo.TargetName),
            "target type": self.text(record.CategoryInfo.TargetType),
            "target job": self._aliases.get(getattr(target, "Id", -1)),
            "command": getattr(getattr(invocation, "MyCommand", None), "Name", None) or None,
            "details": self._text_or_none(getattr(record.ErrorDetails, "RecommendedAction", None)),
            "class": type(record).__name__,
        }

    def failure(self, reason: Any) -> Any:
        """What ended a pipeline, or None."""
        if reason is None:
            return None
        record = getattr(reason, "ErrorRecord", None)
        return self.text(reason.Message) if record is None else self.error(record)

    def _exception(self, record: Any) -> str:
        # Why a job failed is an exception of its author's.
        if record.FullyQualifiedErrorId == "JobStateFailed":
            return "<of the work>"
        return str(record.Exception.GetType().Name)

    def information(self, record: Any) -> dict[str, Any]:
        return {
            "told": str(record.MessageData),
            "source": self._text_or_none(record.Source),
            "tags": list(record.Tags),
            "class": type(record).__name__,
        }

    def progress(self, record: Any) -> dict[str, Any]:
        return {
            "activity": record.Activity,
            "status": record.StatusDescription,
            "percent": record.PercentComplete,
            "operation": self._text_or_none(record.CurrentOperation),
            "kind": str(record.RecordType),
            "class": type(record).__name__,
        }
