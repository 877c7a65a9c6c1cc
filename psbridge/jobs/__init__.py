"""Jobs written in Python, groups of them, and handles on any job."""

from .group import JobGroup, Retry
from .handle import JobHandle
from .job import FunctionJob, Job
from .repository import JobRepository
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
    "make_parent",
    "start_group",
]
