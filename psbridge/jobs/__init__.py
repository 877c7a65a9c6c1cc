"""Jobs written in Python, groups of them, and handles on any job."""

from typing import TYPE_CHECKING

from ..later import names_of

if TYPE_CHECKING:
    from .definition import job_definition
    from .group import JobGroup
    from .handle import JobHandle
    from .job import FunctionJob, Job
    from .repository import JobRepository
    from .retry import Retry
    from .session import JobSession
    from .start import make_parent, start_group

__all__ = [
    "FunctionJob",
    "Job",
    "JobGroup",
    "JobHandle",
    "JobRepository",
    "JobSession",
    "Retry",
    "job_definition",
    "make_parent",
    "start_group",
]

__getattr__, __dir__ = names_of(
    __name__,
    {
        ".definition": ("job_definition",),
        ".group": ("JobGroup",),
        ".handle": ("JobHandle",),
        ".job": ("FunctionJob", "Job"),
        ".repository": ("JobRepository",),
        ".retry": ("Retry",),
        ".session": ("JobSession",),
        ".start": ("make_parent", "start_group"),
    },
)
