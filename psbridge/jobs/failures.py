"""Why a job failed, in words."""

from __future__ import annotations

from typing import Any

from ..errors import JobFailed
from .facts import JobFacts

__all__ = ["failed"]

# How many children a failure names.
_NAMED = 5


def failed(job: JobFacts, result: Any) -> JobFailed:
    """What is raised for a job that failed.

    Args:
        job: the job.
        result: what it has written.
    """
    children = [child for child in job.children if child.state == "Failed"]
    failures = [JobFailed(_reason_of(child), job=child) for child in children]
    error = JobFailed(_failure_of(job), job=job, result=result, failures=failures)
    if not job.children:
        error.failures.append(error)
    return error


def _reason_of(job: JobFacts) -> str:
    return job.reason or "it gave no reason"


def _failure_of(job: JobFacts) -> str:
    """What failed: of several children how many, and which."""
    children = job.children
    failed = [child for child in children if child.state == "Failed"]
    if len(children) < 2 or not failed:
        return f"job {job.name} failed: {_reason_of(job)}"
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
    reason = _reason_of(child)
    # The reasons of connections that are lost, or were never there, begin with the machine.
    return reason if reason.startswith(f"{place}: ") else f"{place}: {reason}"
