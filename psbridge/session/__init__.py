"""A runspace of the engine: running pipelines, their streams, the host that shows output."""

from .console import Console
from .result import ErrorRecord, InformationRecord, MessageRecord, Result
from .session import RunspaceSession

__all__ = [
    "Console",
    "ErrorRecord",
    "InformationRecord",
    "MessageRecord",
    "Result",
    "RunspaceSession",
]
