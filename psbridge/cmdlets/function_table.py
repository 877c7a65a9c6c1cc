"""Python's functions as commands of a session, as a dict."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from ..arguments import check_text
from ..errors import PowerShellError
from ..values.names import fold, nearest
from .cmdlet import Cmdlet
from .function import cmdlet_from, function_of

if TYPE_CHECKING:
    from .session import CmdletSession

__all__ = ["FunctionTable"]


class FunctionTable(MutableMapping[str, Callable[..., Any]]):
    """The Python functions that are commands of a session, by the commands' names.

    ``shell.functions["Get-Double"] = f`` makes a command of anything that can be called. Its
    parameters are those of the signature, with their annotations; what it returns or yields is
    the output. It takes the place of what has its name, which is there again when it is deleted;
    only a function of PowerShell's is gone. Names are in any letter case.
    """

    def __init__(self, session: CmdletSession) -> None:
        """See the functions of a session."""
        self._session = session

    def __getitem__(self, name: str) -> Callable[..., Any]:
        check_text(name, "name")
        found = self._all().get(fold(name))
        if found is None:
            raise KeyError(f"there is no function {name!r}{nearest(name, self)}")
        function = function_of(found)
        assert function is not None
        return function

    def __setitem__(self, name: str, function: Callable[..., Any]) -> None:
        """Make a command of it.

        Raises:
            DeclarationError: the name is no command's, it cannot be called, or PowerShell cannot
                have one of its parameters; says which.
        """
        check_text(name, "name")
        self._session._check_open()
        made = cmdlet_from(name, function)
        self._session._import(_source(name), name, [made])
        # PowerShell would find a function of its own first. The name has nothing but letters,
        # digits and a dash. A language that has no assignments defines no functions, either.
        with contextlib.suppress(PowerShellError):
            self._session.run(f"${{function:{name}}} = $null")

    def __delitem__(self, name: str) -> None:
        check_text(name, "name")
        if fold(name) not in self._all():
            raise KeyError(f"there is no function {name!r}{nearest(name, self)}")
        self._session._withdraw(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and fold(name) in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter([cls.declaration.name for cls in self._all().values() if cls.declaration])

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"<FunctionTable of {self._session!r}>"

    def _all(self) -> dict[str, type[Cmdlet]]:
        """Their cmdlets, by the names as PowerShell compares them."""
        self._session._check_open()
        return {
            fold(cls.declaration.name): cls
            for imported in self._session._imported
            for cls in imported.cmdlets
            if cls.declaration is not None and function_of(cls) is not None
        }


def _source(name: str) -> str:
    """What a session calls the module of a function."""
    return f"the function {fold(name)}"
