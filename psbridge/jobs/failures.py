"""Why a job failed, in words."""

from __future__ import annotations

from .facts import JobFacts

__all__ = ["failure_of"]

# How many children a failure names.
_NAMED = 5


def failure_of(job: JobFacts) -> str:
    """What failed: of several children how many, and which."""
    children = job.children
    failed = [child for child in children if child.state == "Failed"]
    if len(children) < 2 or not failed:
        return f"job {job.name} failed: {job.reason or 'it gave no reason'}"
    named = [_named(child) for child in failed]
    more = len(named) - _NAMED
    lines = "\n  ".join([*named[:_NAMED], *([f"and {more} more"] if more > 0 else [])])
    count = f"{len(failed)} of {len(children)} children"
    own = job.net.JobStateInfo.Reason
    if own is None or own.Message in {child.reason for child in failed}:
        return f"job {job.name} failed in {count}\n  {lines}"
    return f"job {job.name} failed: {own.Message}; so did {count}\n  {lines}"


def _named(child: JobFacts) -> str:
    """Why a child failed, behind what tells it from the others: its machine, else its name."""
    place = child.location
    if place in ("", "localhost", "PowerShell"):
        place = child.name
    reason = child.reason or "it gave no reason"
    # The reasons of connections that are lost, or were never there, begin with the machine.
    return reason if reason.startswith(f"{place}: ") else f"{place}: {reason}"
