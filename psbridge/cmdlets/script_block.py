"""PowerShell's script blocks as Python functions. To be imported once the engine runs."""

from __future__ import annotations

from typing import Any

from System import Exception as NetException
from System.Management.Automation import ScriptBlock

from ..values import from_net, powershell_error, to_net

__all__ = ["ScriptFunction"]


class ScriptFunction:
    """A script block that can be called like a Python function.

    It runs in the pipeline that the calling thread is in, so it can be called in a cmdlet's hooks
    in the foreground. In a job there is no pipeline, and the call says so.
    """

    def __init__(self, block: ScriptBlock) -> None:
        """Wrap a block."""
        self.block = block

    def __call__(self, *arguments: object) -> list[Any]:
        """Run it with these arguments, ``$args`` or its ``param``, and give its output.

        Raises:
            PowerShellError: a terminating error, or there is no pipeline on this thread.
        """
        given = to_net(tuple(arguments), "arguments")
        try:
            return [from_net(value) for value in self.block.Invoke(given)]
        except NetException as error:
            raise powershell_error(error)  # noqa: B904  (it knows its cause)

    def __repr__(self) -> str:
        return f"{{{self.block}}}"
