"""The commands of modules, described: what stubs and schemas are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..cmdlets.modules import explained
from ..errors import DeclarationError
from ..session.command_description import CommandDescription, describe
from ..values.names import nearest

if TYPE_CHECKING:
    from ..remote.session import Session

__all__ = ["commands_of", "described"]


def commands_of(session: Session, module: str) -> list[CommandDescription]:
    """Import a module and describe its cmdlets and functions, in the order of their names.

    Args:
        session: where.
        module: what `Session.import_module` takes, or a part of PowerShell itself, such as
            ``"Microsoft.PowerShell.Core"``.

    Raises:
        DeclarationError: it cannot be loaded, or there is no such module.
        PowerShellError: PowerShell cannot import it.
    """
    names: list[str]
    try:
        with explained(module):
            try:
                names = session.import_module(module)
            except ModuleNotFoundError:
                names = session.run(_OF_MODULE, module)
                if not names:
                    raise
    except DeclarationError as error:
        if isinstance(error.__cause__, ModuleNotFoundError) and error.__cause__.name == module:
            raise DeclarationError(str(error.__cause__)) from error
        raise
    found = describe(session, sorted(set(names), key=lambda name: (name.casefold(), name)))
    return [command for command in found if command is not None]


def described(session: Session, names: Sequence[str]) -> list[CommandDescription]:
    """Describe commands that have parameters.

    Raises:
        DeclarationError: one is not there, or is a program.
    """
    found = []
    for name, command in zip(names, describe(session, names), strict=True):
        if command is None:
            near = nearest(name, session.commands)
            raise DeclarationError(f"PowerShell has no command {name!r}{near}")
        if not command.sets:
            raise DeclarationError(
                f"{name} is {command.target}, a program, of whose parameters PowerShell knows none"
            )
        found.append(command)
    return found


_OF_MODULE = r"""
& {
    $kinds = 'Cmdlet', 'Function'
    foreach ($found in Microsoft.PowerShell.Core\Get-Command -Module $args[0] -CommandType $kinds) {
        $found.Name
    }
} $args[0]
"""
