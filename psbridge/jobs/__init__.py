"""Jobs written in Python, groups of them, and handles on any job."""

from .group import JobGroup
from .handle import JobHandle
from .job import FunctionJob, Job
from .repository import JobRepository
from .session import JobSession
from .start import start_group

__all__ = [
    "FunctionJob",
    "Job",
    "JobGroup",
    "JobHandle",
    "JobRepository",
    "JobSession",
    "start_group",
]
