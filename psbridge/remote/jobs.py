"""Starting jobs on other machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PowerShellError
from ..jobs.handle import JobHandle
from ..session.options import RunOptions
from .carrying import FanOut, Target, connection_to
from .limits import fitting_throttle

if TYPE_CHECKING:
    from ..session.session import RunspaceSession

__all__ = ["start_remote_job"]


def start_remote_job(
    session: RunspaceSession,
    script: str,
    targets: Target | Sequence[Target],
    arguments: Sequence[object],
    *,
    input: Iterable[object] | None,
    throttle_limit: int,
    timeout: float | None,
    name: str | None,
) -> JobHandle:
    """Start a job with a child for each target; see `Session.start_remote`."""
    from PSBridge.Remote import InvokeOnTargetsCommand, RemoteConnectionInfo
    from System import Array

    from ..session.commands import script_block
    from ..session.feeding import filled
    from ..values import to_net

    targets = [targets] if isinstance(targets, Target) else list(targets)
    if not targets:
        raise ValueError("start_remote needs at least one target")
    for target in targets:
        if not isinstance(target, Target):
            raise TypeError(f"{target!r} is no target: it is neither a WinRM nor an SSH")
    if not isinstance(script, str):
        raise TypeError(f"the script is {script!r}, which is no text")
    if not isinstance(throttle_limit, int) or isinstance(throttle_limit, bool):
        raise TypeError(f"the throttle limit is {throttle_limit!r}, which is no whole number")
    if throttle_limit < 1:
        raise ValueError(f"the throttle limit is {throttle_limit}, and must be at least 1")
    if timeout is not None:
        if not isinstance(timeout, int | float):
            raise TypeError(f"the timeout is {timeout!r}, which is no number of seconds")
        if not timeout > 0:
            raise ValueError(f"the timeout is {timeout}, and must be above 0, or None")
    throttle_limit = min(throttle_limit, len(targets))
    throttle_limit = fitting_throttle(targets, throttle_limit)
    fan_out = FanOut()
    connections = [connection_to(target, fan_out, deadline=timeout) for target in targets]
    parameters: dict[str, object] = {
        "Connection": Array[RemoteConnectionInfo](connections),
        "ScriptBlock": script_block(script),
        "ArgumentList": to_net(list(arguments), "arguments"),
        "ThrottleLimit": throttle_limit,
        "AsJob": True,
        "ErrorAction": "Stop",
    }
    if name:
        parameters["JobName"] = name

    def fill(pipeline: Any) -> None:
        add_cmdlet(pipeline, InvokeOnTargetsCommand, parameters)

    found = session._run(fill, None if input is None else RunOptions(lines=filled(input)))
    if not found:
        raise PowerShellError("PowerShell started no job")
    return JobHandle(found[0], session)


def add_cmdlet(pipeline: Any, cmdlet: Any, parameters: dict[str, object]) -> None:
    """Add a cmdlet that no session lists, by its class."""
    import clr
    from System.Management.Automation import CmdletInfo

    pipeline.AddCommand(CmdletInfo("Invoke-OnTargets", clr.GetClrType(cmdlet)))
    for key, value in parameters.items():
        pipeline.AddParameter(key, value)
