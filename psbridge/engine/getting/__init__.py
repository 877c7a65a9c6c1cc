"""Getting the engine from NuGet feeds: where from, which packages, and made into a folder."""

from .frameworks import current_rid
from .home_folder import MARKER, Marker, read_marker
from .install import default_destination, install
from .lockfile import Lock, Pin, load_lock
from .nuget_config import SOURCE_VARIABLE, configured_sources, sources
from .progress import LineProgress, Progress, SilentProgress, TerminalProgress, show_progress
from .source import Credentials, Source

__all__ = [
    "MARKER",
    "SOURCE_VARIABLE",
    "Credentials",
    "LineProgress",
    "Lock",
    "Marker",
    "Pin",
    "Progress",
    "SilentProgress",
    "Source",
    "TerminalProgress",
    "configured_sources",
    "current_rid",
    "default_destination",
    "install",
    "load_lock",
    "read_marker",
    "show_progress",
    "sources",
]
