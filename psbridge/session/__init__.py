"""A runspace of the engine: running pipelines, their streams, the host that shows output."""

from typing import TYPE_CHECKING

from ..later import names_of

if TYPE_CHECKING:
    from .console import Console
    from .result import Result
    from .session import RunspaceSession
    from .stream_records import ErrorRecord, InformationRecord, MessageRecord

__all__ = [
    "Console",
    "ErrorRecord",
    "InformationRecord",
    "MessageRecord",
    "Result",
    "RunspaceSession",
]

__getattr__, __dir__ = names_of(
    __name__,
    {
        ".console": ("Console",),
        ".result": ("Result",),
        ".session": ("RunspaceSession",),
        ".stream_records": ("ErrorRecord", "InformationRecord", "MessageRecord"),
    },
)
