"""Cmdlets written in Python: declaring them, making their .NET types, and -AsJob."""

from .cmdlet import Cmdlet, JobCmdlet
from .parameter import Parameter
from .session import Session

__all__ = ["Cmdlet", "JobCmdlet", "Parameter", "Session"]
