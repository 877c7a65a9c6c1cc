"""The same script by WinRM, by SSH and by the engine's own Start-Job gives the same records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from psbridge import Credential, JobHandle, Secret, Session
from tests.winrm_server.fixtures import PASSWORD, USER

if TYPE_CHECKING:
    from ssh_server import Sshd

    from tests.winrm_server.server import Machine

# All streams, values of many types, and errors of all kinds, in a fixed order in each stream.
SCRIPT = r"""
param($by, $text)
1..3 | ForEach-Object { $_ * $by }
$text; "ünï ☃ 𝄞"; ''; $null; $true; 1.5; [decimal]'1.10'; [long]::MaxValue; 'x' * 50000
[datetime]::new(2026, 1, 2, 3, 4, 5, [DateTimeKind]::Utc); [timespan]::FromSeconds(90.5)
[guid]'0d6f2a1c-3f0e-4d0c-9a52-7b8a6a2f5e11'; [version]'1.2.3'; [uri]'http://a/b'; [char]'c'
, @(1, @(2, 3)); @{ a = 1; b = @{ c = 2 } }; [ordered]@{ z = 1; a = 2 }
[byte[]](1, 2, 255); [System.IO.FileMode]::Open; [xml]'<a><b>1</b></a>'
[pscustomobject]@{ Name = 'n'; Nested = [pscustomobject]@{ Deep = @{ Deeper = 1 } } }
@($input) | ForEach-Object { "in: $_" }
Write-Error 'first'; Write-Error 'second' -ErrorId 'Mine' -Category LimitsExceeded -TargetObject 7
Get-Item /nowhere
Write-Warning 'warned'; Write-Verbose 'said' -Verbose; Write-Debug 'debugged' -Debug
Write-Information 'informed' -Tags one, two; Write-Host 'shown'
Write-Progress 'Working' 'half' -PercentComplete 50; Write-Progress 'Working' -Completed
"""
ARGUMENTS = [7, "given"]
INPUT = [1, "two", None]


def streams_of(job: JobHandle) -> dict[str, Any]:
    """All that the first child of a job has, in a form that can be compared."""
    child = job.children[0]
    child.wait(timeout=60)
    progress = [
        (record.Activity, record.StatusDescription, record.PercentComplete)
        for record in list(child.net.Progress.ReadAll())
    ]
    result = child.receive()
    return {
        "state": child.state,
        "output": [_plain(value) for value in result],
        "errors": [
            (record.message, record.error_id, record.category, record.target)
            for record in result.errors
        ],
        "warnings": [record.message for record in result.warnings],
        "verbose": [record.message for record in result.verbose],
        "debug": [record.message for record in result.debug],
        "information": [(_plain(r.message), r.source, r.tags) for r in result.information],
        "progress": progress,
    }


def _plain(value: Any) -> Any:
    """A value as it is, and an object of .NET's by its type and its text."""
    if hasattr(value, "GetType"):
        return (str(value.GetType().FullName), str(value.ToString()))
    return value


@pytest.fixture
def native(shell: Session) -> dict[str, Any]:
    """What the engine's own Start-Job gives."""
    (job,) = shell.run(
        "param($script, $arguments, $data) $data | Start-Job"
        " -ScriptBlock ([scriptblock]::Create($script)) -ArgumentList $arguments",
        script=SCRIPT,
        arguments=ARGUMENTS,
        data=INPUT,
    )
    return streams_of(JobHandle(job, shell))


def test_invoke_winrmcommand_gives_the_same(
    shell: Session, native: dict[str, Any], winrm_machine: Machine
) -> None:
    (job,) = shell.run(
        "param($computer, $port, $credential, $script, $arguments, $data)"
        " $data | Invoke-WinRMCommand -ComputerName $computer -Port $port -Credential $credential"
        " -ScriptBlock ([scriptblock]::Create($script)) -ArgumentList $arguments -AsJob",
        computer=winrm_machine.host,
        port=winrm_machine.port,
        credential=Credential(USER, Secret(PASSWORD)),
        script=SCRIPT,
        arguments=ARGUMENTS,
        data=INPUT,
    )
    assert streams_of(JobHandle(job, shell)) == native
    assert native["state"] == "Completed"
    assert len(native["errors"]) == 3


def test_ssh_gives_the_same(shell: Session, native: dict[str, Any], sshd: Sshd) -> None:
    job = shell.start_remote(SCRIPT, sshd.target(), *ARGUMENTS, input=INPUT)
    assert streams_of(job) == native
