"""A client that is not ours: pypsrp's RunspacePool and PowerShell classes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine


@pytest.fixture
def pool(machine: Machine) -> Iterator[RunspacePool]:
    machine.configure(max_envelope=512_000)  # what pypsrp goes to once the versions are known
    wsman = WSMan(
        machine.host, port=machine.port, ssl=False, auth="basic", username=USER, password=PASSWORD,
        encryption="never", no_proxy=True,
    )  # fmt: skip
    with wsman, RunspacePool(wsman) as pool:
        yield pool
    machine.wait_until(shells=0, processes=0)


def test_output_and_errors(pool: RunspacePool) -> None:
    shell = PowerShell(pool)
    shell.add_script("1..3; Write-Error nope; [pscustomobject]@{ a = 'ü' }; Write-Warning w")
    output = shell.invoke()
    assert output[:3] == [1, 2, 3]
    assert output[3].extended_properties == {"a": "ü"}
    assert [str(error) for error in shell.streams.error] == ["nope"]
    assert [warning.message for warning in shell.streams.warning] == ["w"]


def test_input(pool: RunspacePool) -> None:
    shell = PowerShell(pool)
    shell.add_script("$input | ForEach-Object { $_ * 2 }")
    assert shell.invoke(number for number in (1, 2, 3)) == [2, 4, 6]


def test_two_megabytes_both_ways(pool: RunspacePool) -> None:
    shell = PowerShell(pool)
    shell.add_script("param($text) $text.Length; $text").add_argument("x" * 2_000_000)
    length, text = shell.invoke()
    assert length == 2_000_000
    assert text == "x" * 2_000_000


def test_stop(pool: RunspacePool, machine: Machine) -> None:
    shell = PowerShell(pool)
    shell.add_script("'begun'; while ($true) { Start-Sleep -Milliseconds 20 }")
    shell.begin_invoke()
    while not shell.output:
        shell.poll_invoke()
    shell.stop()
    assert shell.state == PSInvocationState.STOPPED
    following = PowerShell(pool)
    following.add_script("'and again'")
    assert following.invoke() == ["and again"]
    assert len(machine.shells[0]["commands"]) == 2
    for command in (shell, following):
        command.close()
    assert machine.shells[0]["commands"] == []


def test_kept_processes_take_the_next_session(machine: Machine) -> None:
    machine.configure(kept_processes=100)
    wsman = WSMan(
        machine.host, port=machine.port, ssl=False, auth="basic", username=USER, password=PASSWORD,
        encryption="never", no_proxy=True,
    )  # fmt: skip
    seen = []
    with wsman:
        for _ in range(3):
            with RunspacePool(wsman) as pool:
                shell = PowerShell(pool)
                shell.add_script("$PID; $x; $x = 5")
                seen.append(shell.invoke())
            assert machine.shells == []
    assert seen == [seen[0]] * 3  # the same process, and nothing of the last session's
