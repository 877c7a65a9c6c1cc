"""Where the processes of Start-Job run: in a session of their own, away from the terminal.

The engine starts pwsh for a job in the group that is in front at the terminal, to which Ctrl-C
goes: who interrupts a wait for a job would kill it. .NET starts processes nowhere else, and once
pwsh runs nobody else can move it. So the engine is given a launcher in pwsh's place: a script that
leaves the session and then becomes pwsh, with the same process id and arguments.

A job's own commands have no terminal then: what asks it, for a password say, gets an error, and is
not suspended. Where this process is killed, those of its jobs end as their standard input does.

The launcher is in memory, and this process's entry in ``/proc`` is its path: no cache to be
cleaned, trusted, or mounted without permission to execute. Where there is no such thing (another
system than Linux), or no ``setsid``, jobs run in front as before.

Rejected: ``setpgid`` from here, which the system refuses once pwsh has begun; to block or ignore
SIGINT meanwhile, which commands in the job would inherit; ``DOTNET_STARTUP_HOOKS``, which every
program on .NET would inherit; a Start-Job of our own, whose processes the engine would not end.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

__all__ = ["job_launcher"]

# Without setsid it is as before.
_SCRIPT = b"""#!/bin/sh
command -v setsid >/dev/null && exec setsid PWSH "$@"
exec PWSH "$@"
"""


@functools.cache
def job_launcher(pwsh: Path) -> str | None:
    """The path of the launcher; None where there is none.

    Args:
        pwsh: the program that it becomes, which is the engine's own.
    """
    if sys.platform != "linux" or not hasattr(os, "memfd_create"):
        return None
    try:
        launcher = os.memfd_create("psbridge-job")  # open for as long as this process lives
    except OSError:
        return None
    quoted = b"'" + os.fsencode(pwsh).replace(b"'", b"'\\''") + b"'"
    os.write(launcher, _SCRIPT.replace(b"PWSH", quoted))
    path = f"/proc/{os.getpid()}/fd/{launcher}"
    if os.access(path, os.X_OK) and os.access(pwsh, os.X_OK):
        return path
    os.close(launcher)
    return None
