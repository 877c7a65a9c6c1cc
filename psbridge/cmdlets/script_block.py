"""PowerShell's script blocks as Python functions. To be imported once the engine runs."""

from __future__ import annotations

from typing import Any

from ..values import to_net

__all__ = ["ScriptFunction"]


class ScriptFunction:
    """A script block that can be called like a Python function.

    It runs in its session: in a cmdlet's hooks in their pipeline; in a job as the method of a
    PowerShell class does, in the midst of what the session runs, or in a pipeline of its own.
    """

    def __init__(self, block: Any) -> None:
        """Wrap a block.

        Args:
            block: the `PowerShellObject` of a ``ScriptBlock``.
        """
        self._block = block

    def __call__(self, *arguments: object) -> list[Any]:
        """Run it with these arguments, ``$args`` or its ``param``, and give its output.

        Raises:
            PowerShellError: a terminating error.
            RuntimeError: the work of a job calls it, for whose end its session waits.
        """
        # As one array, for a block that is given one list has that as its one argument.
        return list(self._block.Invoke(to_net(tuple(arguments), "arguments")))

    def __repr__(self) -> str:
        return f"{{{self._block}}}"
