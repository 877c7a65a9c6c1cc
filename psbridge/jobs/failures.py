"""Why a job failed, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import JobFailed, WorkerError
from .facts import JobFacts

__all__ = ["failed"]

# How many children a failure names.
_NAMED = 5


def failed(job: JobFacts, result: Any) -> JobFailed:
    """What is raised for a job that failed, with what lies behind it as its cause.

    Args:
        job: the job.
        result: what it has written.
    """
    children = job.children
    failing = [child for child in children if child.state == "Failed"]
    failures = [_failure(one) for one in failing or [job]]
    message = _message(job, failing, len(children))
    error = JobFailed(message, job=job, result=result, failures=failures)
    own = _cause_of(job) if failing else None
    error.__cause__ = own or failures[0].__cause__
    return error


def _failure(job: JobFacts) -> JobFailed:
    failure = JobFailed(_reason_of(job), job=job)
    failure.__cause__ = _cause_of(job)
    return failure


def _cause_of(job: JobFacts) -> BaseException | None:
    """The Python exception that failed a job itself, or what PowerShell says of it.

    Of one that is not known here any more, what was said of it; None where that is the reason's
    words once more.
    """
    from PSBridge import PythonException

    from ..engine.instances import is_net_of
    from ..values import powershell_error

    reason = job.net.JobStateInfo.Reason
    if reason is None:
        return None
    if not is_net_of(reason, PythonException):
        return powershell_error(reason)
    known = job._exceptions.get(job.id)
    if known is None and (trace := str(reason.PythonTraceback)).count("\n") > 1:
        kind, said = str(reason.PythonType), str(reason.Message)
        known = WorkerError(kind, said.removeprefix(f"{kind}: "), trace, (kind,))
    return known


def _reason_of(job: JobFacts) -> str:
    return job.reason or "it gave no reason"


def _message(job: JobFacts, failing: Sequence[JobFacts], children: int) -> str:
    """What failed: of several children how many, and which."""
    if children < 2 or not failing:
        return f"job {job.name} failed: {_reason_of(job)}"
    named = [_named(child) for child in failing]
    more = len(named) - _NAMED
    lines = "\n  ".join([*named[:_NAMED], *([f"and {more} more"] if more > 0 else [])])
    count = f"{len(failing)} of {children} children"
    own = job.net.JobStateInfo.Reason
    if own is None or own.Message in {child.reason for child in failing}:
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
