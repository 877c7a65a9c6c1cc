"""The jobs that somebody gives to a function: one, several, or all of a session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ..engine.forking import check_process
from ..errors import DeclarationError
from .facts import JobFacts

__all__ = ["the_jobs"]


J = TypeVar("J", bound=JobFacts)


def the_jobs(jobs: J | Iterable[J], what: str) -> list[J]:
    """The handles that were given: one, several, or the jobs of a session.

    Args:
        jobs: what was given.
        what: the name of the function that it was given to.

    Raises:
        DeclarationError: it is none of these.
    """
    check_process()
    if isinstance(jobs, JobFacts):
        return [jobs]
    if isinstance(jobs, Iterable) and not isinstance(jobs, (str, bytes)):
        handles = list(jobs)
        if all(isinstance(one, JobFacts) for one in handles):
            return list(dict.fromkeys(handles))
        jobs = next(one for one in handles if not isinstance(one, JobFacts))
    raise DeclarationError(
        f"{what} takes handles on jobs, or a session's jobs; this is {jobs!r}, which is no handle "
        "on a job"
    )
