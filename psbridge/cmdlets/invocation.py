"""What a running cmdlet knows of its call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Invocation"]


@dataclass(frozen=True)
class Invocation:
    """A call of a cmdlet.

    Attributes:
        net: the ``PythonCmdlet`` in the foreground, the ``PythonChildJob`` in a job.
        parameter_set_name: the parameter set that PowerShell chose.
        given: the attributes of the parameters that were given.
        variables: the caller's variables that the cmdlet uses.
        in_job: whether this runs in a job.
    """

    net: Any
    parameter_set_name: str
    given: frozenset[str]
    variables: Mapping[str, Any]
    in_job: bool = False

    @property
    def stop_token(self) -> Any:
        """A .NET CancellationToken that is cancelled at a stop."""
        return self.net.StopToken
