"""What a machine can be told to be: Windows' own limits and manners, and others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Settings:
    """How a machine behaves. Times are in seconds, sizes in bytes; None stands for no limit."""

    path: str = "/wsman"  # of the service

    # Who gets in, and how.
    schemes: tuple[str, ...] = ("Negotiate", "Kerberos", "CredSSP", "Basic")
    allow_unencrypted: bool = True  # Basic, and bodies in clear, over plain HTTP
    channel_binding: bool = True  # over TLS a logon must be bound to this TLS connection
    client_certificates: str = "no"  # or "optional", "required", "after" (asked for when needed)
    certificate: str = "good"  # or "other name", "expired", "other authority"
    tls_minimum: str | None = None  # "1.0" to "1.3"
    tls_maximum: str | None = None
    affinity: bool = True  # a request finds its shell only with the cookie of its Create

    # Time.
    silence: float | None = 120.0  # a connection that is silent for so long is closed
    latency: float = 0.0  # before each answer, as on a slow line
    idle_receive: str = "fault"  # after the operation timeout; or "empty": an empty Running answer
    empty_after: float = 29.0
    shell_idle: float | None = 7200.0  # a shell that nobody asks for is removed
    stop_grace: float = 0.25  # how long a stopped pipeline may take to tell its last state

    # Sizes.
    max_envelope: int | None = 153_600
    fragments_per_answer: int | None = None
    spaced_boundary: bool = False  # encrypted answers are framed a little otherwise
    command_line: int = 8191  # UTF-16 units, of the plain shell's `cmd /c`

    # Quotas of the plain shell: 2150859173, …174.
    shells_per_user: int | None = 30
    operations_per_user: int | None = 1500
    # Quotas of the PowerShell endpoint: …236, …237, …238, …239, …240, …241.
    plugin_shells_per_user: int | None = 30
    plugin_users: int | None = None
    plugin_shells: int | None = None
    plugin_operations_per_user: int | None = None
    plugin_operations: int | None = None
    plugin_commands_per_shell: int | None = None

    # The PowerShell endpoint.
    configurations: tuple[str, ...] = ("Microsoft.PowerShell", "PowerShell.7")
    # Files for `pwsh -ConfigurationFile` (.pssc), by the names of their configurations.
    configuration_files: dict[str, str] = field(default_factory=dict)
    unknown_configuration: str = "fault"  # or "silent": Create succeeds, nothing is ever answered
    require_name: bool = False  # Create without a Name is answered with an empty 500
    fault_codes: bool = True  # False: subcodes only
    done_apart: bool = False  # Done comes in an answer of its own
    exit_code: bool = True  # Done has an ExitCode
    shell_id_case: bool = False  # ids are compared with their case
    resource_uri_first: bool = False  # ResourceURI must stand before SelectorSet
    delete_needs_receive: bool = False  # a Delete waits for a Receive that is outstanding

    # How many engine processes, of all machines, are kept for further shells when theirs is closed.
    # Cheap (a new process costs ten times as much), but environment and folder of one go on.
    kept_processes: int = 4

    # What is kept of each request for the test to look at.
    recorded_bytes: int = 262_144  # of each body
    recorded_requests: int = 10_000

    def changed(self, **changes: Any) -> Settings:
        """The same with some values changed; an unknown name is an error."""
        unknown = set(changes) - set(self.__dataclass_fields__)
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name, value in changes.items():
            values[name] = tuple(value) if isinstance(value, list) else value
        return Settings(**values)


# The ways of a WinRM server on Linux: OMI with PowerShell's own plugin.
OMI: dict[str, Any] = {
    "schemes": ("Negotiate", "Basic"),
    "affinity": False,
    "idle_receive": "empty",
    "fragments_per_answer": 1,
    "unknown_configuration": "silent",
    "require_name": True,
    "fault_codes": False,
    "done_apart": True,
    "exit_code": False,
    "shell_id_case": True,
    "resource_uri_first": True,
    "delete_needs_receive": True,
}
