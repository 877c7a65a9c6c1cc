"""A stop in the moment in which the session of a job's child opens and its code begins."""

from __future__ import annotations

import time

from psbridge import JobHandle

__all__ = ["stop_when_open"]


def stop_when_open(child: JobHandle, seconds: float) -> None:
    """Stop a child so long after its session has opened, and wait for its end."""
    from System.Management.Automation.Runspaces import RunspaceState
    from System.Reflection import BindingFlags

    either = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic
    runspace = child.net.GetType().GetProperty("Runspace", either).GetValue(child.net)
    opened = RunspaceState.Opened
    deadline = time.monotonic() + 60
    while runspace.RunspaceStateInfo.State != opened:  # without a pause, which would miss it
        assert time.monotonic() < deadline
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        pass
    child.net.StopJob()
    assert child.wait(60)
