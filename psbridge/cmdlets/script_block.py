"""PowerShell's script blocks as Python functions. To be imported once the engine runs."""

from __future__ import annotations

from typing import Any

from PSBridge import SessionScript

from ..values import asked, from_net, to_net

__all__ = ["ScriptFunction"]


class ScriptFunction:
    """A script block that can be called like a Python function.

    It runs in its session: in a cmdlet's hooks in their pipeline; in a job as the method of a
    PowerShell class does, in the midst of what the session runs, or in a pipeline of its own.

    Attributes:
        block: the ``ScriptBlock``.
    """

    def __init__(self, block: Any) -> None:
        """Wrap a ``ScriptBlock``, in a pipeline of its session."""
        self.block = block
        self._script = SessionScript(block)

    def __call__(self, *arguments: object) -> list[Any]:
        """Run it with these arguments, ``$args`` or its ``param``, and give its output.

        Raises:
            PowerShellError: a terminating error.
            RuntimeError: the work of a job calls it, for whose end its session waits.
        """
        given = to_net(tuple(arguments), "arguments")
        return [from_net(value) for value in asked(self._script, "Run", given)]

    def __repr__(self) -> str:
        return f"{{{self.block}}}"
