"""The variables of a session, as a dict."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .session import RunspaceSession

__all__ = ["Variables"]


class Variables(MutableMapping[str, Any]):
    """PowerShell's variables in the scope in which code of the session runs now.

    Names are in any letter case; a scope may be named, as in ``"global:x"``. A variable that is
    ``$null`` is there, and None. See `PSVariableIntrinsics`. A session whose language is limited
    raises PowerShellError.
    """

    def __init__(self, session: RunspaceSession) -> None:
        """See the variables of a session."""
        self._session = session

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        return self._session._evaluate(f", {_INTRINSICS}.GetValue($args[0])", name)[0]

    def __setitem__(self, name: str, value: object) -> None:
        self._session._evaluate(f"{_INTRINSICS}.Set($args[0], $args[1])", name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._session._evaluate(f"{_INTRINSICS}.Remove($args[0])", name)

    def __contains__(self, name: object) -> bool:
        return bool(self._session._evaluate(f"$null -ne {_INTRINSICS}.Get($args[0])", name)[0])

    def __iter__(self) -> Iterator[str]:
        # The drive of the variables has them all, and Microsoft.PowerShell.Core cannot list one.
        return iter(
            self._session._evaluate(
                "$ExecutionContext.InvokeProvider.ChildItem.Get('Variable:', $false).Name"
            )
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Variables of {self._session!r}>"


_INTRINSICS = "$ExecutionContext.SessionState.PSVariable"
