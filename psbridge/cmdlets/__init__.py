"""Cmdlets written in Python: declaring them, making their .NET types, and -AsJob.

Declaring takes modules that a session without cmdlets does not need, so each comes when it is asked
for. The decorator `cmdlet` is in `function`: here its name would be that of the module.
"""

from typing import TYPE_CHECKING

from ..later import names_of

if TYPE_CHECKING:
    from .cmdlet import Cmdlet, JobCmdlet
    from .credentials import Credential, Secret
    from .parameter import Parameter
    from .session import CmdletSession

__all__ = ["Cmdlet", "CmdletSession", "Credential", "JobCmdlet", "Parameter", "Secret"]

__getattr__, __dir__ = names_of(
    __name__,
    {
        ".cmdlet": ("Cmdlet", "JobCmdlet"),
        ".credentials": ("Credential", "Secret"),
        ".parameter": ("Parameter",),
        ".session": ("CmdletSession",),
    },
)
