"""The cmdlet that imports cmdlets and job definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from ..cmdlets import Cmdlet, Parameter
from ..cmdlets.modules import explained, names_a_file
from ..engine.paths import path_from_net
from ..errors import PsbridgeError

__all__ = ["ImportPythonCmdlet"]


class ImportPythonCmdlet(Cmdlet, verb="Import", noun="PythonCmdlet"):
    """Import the cmdlets and job definitions of a Python file or module where this is called.

    The inner part of Import-PythonModule, which starts Python first where it has to.

    Args:
        name: the path of a Python file, which may have wildcards, or the dotted name of a module.
        pass_thru: whether to give the PowerShell module that holds the cmdlets,
            where there are any.
    """

    name: Annotated[list[str], Parameter(position=0, mandatory=True, from_pipeline=True)]
    pass_thru: bool = False

    def process(self) -> Any:
        """Import each."""
        session = self.session
        for name in self.name:
            for found in self._resolve(name):
                try:
                    with explained(found):
                        imported = session._import_module(found)
                except PsbridgeError as error:
                    self.write_error(error, target=found)
                else:
                    if self.pass_thru and imported.net is not None:
                        self.write(imported.net)

    def _resolve(self, name: str) -> list[str]:
        if not names_a_file(name):
            return [name]
        net = self._running_invocation.net
        # A file's name may look like a wildcard.
        literal = str(path_from_net(net.ResolvePath(name)))
        if Path(literal).is_file():
            return [literal]
        return [str(path_from_net(path)) for path in net.ResolvePaths(name)] or [literal]
