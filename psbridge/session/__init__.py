"""A runspace of the engine: running pipelines, their streams, the host that shows output."""

from typing import TYPE_CHECKING

from ..later import names_of

if TYPE_CHECKING:
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

__getattr__, __dir__ = names_of(
    __name__,
    {
        ".console": ("Console",),
        ".result": ("ErrorRecord", "InformationRecord", "MessageRecord", "Result"),
        ".session": ("RunspaceSession",),
    },
)
