"""Values across the border, both ways. To be imported once the engine runs."""

from typing import TYPE_CHECKING

from ..later import names_of

if TYPE_CHECKING:
    from .failures import powershell_error
    from .member_calls import ReadingBrokenOff, asked
    from .net_to_python import from_net, list_from_net
    from .python_to_net import to_net, to_record
    from .records import error_record, information_record, progress_record, python_exception
    from .text import net_text, text_of
    from .typed import Reader, reader_for
    from .viewpoint import runner_of, runs_scripts, seen_from

__all__ = [
    "Reader",
    "ReadingBrokenOff",
    "asked",
    "error_record",
    "from_net",
    "information_record",
    "list_from_net",
    "net_text",
    "powershell_error",
    "progress_record",
    "python_exception",
    "reader_for",
    "runner_of",
    "runs_scripts",
    "seen_from",
    "text_of",
    "to_net",
    "to_record",
]

__getattr__, __dir__ = names_of(
    __name__,
    {
        ".failures": ("powershell_error",),
        ".member_calls": ("ReadingBrokenOff", "asked"),
        ".net_to_python": ("from_net", "list_from_net"),
        ".python_to_net": ("to_net", "to_record"),
        ".records": (
            "error_record",
            "information_record",
            "progress_record",
            "python_exception",
        ),
        ".text": ("net_text", "text_of"),
        ".typed": ("Reader", "reader_for"),
        ".viewpoint": ("runner_of", "runs_scripts", "seen_from"),
    },
)
