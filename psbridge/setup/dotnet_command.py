"""What the ``dotnet`` command, where there is one, calls its package sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .source import Source, absolute

__all__ = ["listed_sources"]

_COMMAND = ("nuget", "list", "source", "--format", "Short")
# E or D for enabled or disabled; then M (machine-wide), O (official), P (of a provider).
_LINE = re.compile(r"(?P<state>[ED])[MOP]*\s+(?P<location>\S.*)")
_QUIET = {"DOTNET_NOLOGO": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_CLI_UI_LANGUAGE": "en"}


def listed_sources(folder: Path, timeout: float = 20.0) -> list[Source]:
    """Ask ``dotnet nuget list source`` in a folder.

    Args:
        folder: where it runs, which decides on the configuration it reads.
        timeout: how many seconds it may take; its first run on a machine is slow.

    Returns:
        Its sources, or none if there is no such command or it fails: it can only add to what
        the configuration files say, and a broken SDK must not stop who does not need it.
    """
    dotnet = shutil.which("dotnet")
    if dotnet is None:
        return []
    try:
        answer = subprocess.run(
            [dotnet, *_COMMAND],
            cwd=folder,
            env={**os.environ, **_QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    lines = answer.stdout.decode("utf-8", "replace").splitlines()
    found = [match for line in lines if (match := _LINE.fullmatch(line.strip()))]
    return [
        Source(
            name=match["location"],
            location=absolute(match["location"], folder),
            origin="dotnet nuget list source",
            disabled=match["state"] == "D",
        )
        for match in found
    ]
