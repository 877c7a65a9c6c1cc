"""Cmdlets written in Python: declaring them, making their .NET types, and -AsJob."""

from .cmdlet import Cmdlet, JobCmdlet
from .credentials import Credential, Secret
from .function import cmdlet
from .parameter import Parameter
from .session import Session

__all__ = ["Cmdlet", "Credential", "JobCmdlet", "Parameter", "Secret", "Session", "cmdlet"]
