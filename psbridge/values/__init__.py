"""Values across the border, both ways. To be imported once the engine runs."""

from .from_net import from_net, text_of
from .records import (
    clean_text,
    error_record,
    information_record,
    progress_record,
    python_exception,
)
from .to_net import to_net, to_record

__all__ = [
    "clean_text",
    "error_record",
    "from_net",
    "information_record",
    "progress_record",
    "python_exception",
    "text_of",
    "to_net",
    "to_record",
]
