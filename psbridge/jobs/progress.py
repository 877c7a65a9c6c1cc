"""How far a job is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["JobProgress", "progress_in"]


@dataclass(frozen=True)
class JobProgress:
    """How far a job is, as `JobHandle.progress` gives it.

    Attributes:
        activity: what is being done, the first line of Write-Progress; a group's name, where the
            group itself reports nothing.
        status: how far it is, in words; of a group ``"3 of 10"``.
        percent: from 0 to 100. Of a group it is the mean of its children, in which one that has
            ended counts as 100. None where nobody says it.
        current_operation: the step that is being done; may be empty.
        seconds_remaining: how many seconds it may still take; None where that is not said.
        done: how many children have ended; of a job with one child or none, 1 when it has ended.
        total: how many children there are; 1 of a job with one or none.
    """

    activity: str
    status: str
    percent: float | None
    current_operation: str
    seconds_remaining: int | None
    done: int
    total: int

    @property
    def fraction(self) -> float | None:
        """What to draw, from 0 to 1: the percent, else the part of the children that have ended.

        None of a single job that does not say it.
        """
        if self.percent is not None:
            return self.percent / 100
        return self.done / self.total if self.total > 1 else None


def progress_in(picture: Any) -> JobProgress | None:
    """The progress in a ``PSBridge.JobPicture``; None where there is none.

    A single job has some where it reports it, a group always.
    """
    bar = picture.Bar
    several = picture.Total > 1
    if bar is None and not several:
        return None
    done, total = (picture.Done, picture.Total) if several else (int(picture.HasEnded), 1)
    said = -1 if bar is None else bar.PercentComplete
    if said < 0 and several:
        said = picture.Percent
    return JobProgress(
        activity=picture.Name if bar is None else str(bar.Activity).strip(),
        status=f"{done} of {total}" if bar is None else str(bar.StatusDescription).strip(),
        percent=None if said < 0 else min(100.0, float(said)),
        current_operation="" if bar is None else str(bar.CurrentOperation or ""),
        seconds_remaining=None if bar is None or bar.SecondsRemaining < 0 else bar.SecondsRemaining,
        done=int(done),
        total=int(total),
    )
