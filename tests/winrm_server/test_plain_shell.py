"""Clients that are not ours on the plain shell: pywinrm's Session, pypsrp's WinRS and Process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import winrm
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan

from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine


@pytest.fixture
def session(machine: Machine) -> Iterator[winrm.Session]:
    session = winrm.Session(
        machine.url, (USER, PASSWORD), transport="basic", proxy=None, ca_trust_path=None
    )
    yield session
    session.protocol.transport.close_session()


@pytest.fixture
def shell(machine: Machine) -> Iterator[WinRS]:
    wsman = WSMan(
        machine.host, port=machine.port, ssl=False, auth="basic", username=USER, password=PASSWORD,
        encryption="never", no_proxy=True,
    )  # fmt: skip
    with wsman, WinRS(wsman, codepage=65001) as shell:
        yield shell
    machine.wait_until(shells=0, processes=0)


def test_run_cmd(session: winrm.Session, machine: Machine) -> None:
    result = session.run_cmd("echo out; echo err >&2; exit 3")
    assert (result.status_code, result.std_out, result.std_err) == (3, b"out\n", b"err\n")
    actions = machine.actions()
    assert actions[:3] == ["Create", "Command", "Receive"]
    assert actions[-2:] == ["Signal", "Delete"]
    assert machine.shells == []


def test_the_code_page(session: winrm.Session) -> None:
    assert session.run_cmd("printf 'h\\303\\251'").std_out == "hé".encode("cp437")


def test_run_ps(session: winrm.Session) -> None:
    result = session.run_ps("1..3; [Console]::Error.WriteLine('err'); exit 4")
    assert (result.status_code, result.std_out) == (4, b"1\n2\n3\n")
    assert result.std_err.strip() == b"err"


def test_a_long_script_is_refused_as_on_windows(session: winrm.Session) -> None:
    result = session.run_ps("1 #" + "x" * 3100)
    assert (result.status_code, result.std_err) == (1, b"The command line is too long.\n")


def test_a_process_with_input(shell: WinRS) -> None:
    process = Process(shell, "cat")
    process.begin_invoke()
    process.send("hällo\n".encode(), end=False)
    process.send(b"x" * 100_000, end=True)
    process.end_invoke()
    assert process.rc == 0
    assert process.stdout == "hällo\n".encode() + b"x" * 100_000


def test_a_process_that_is_interrupted(shell: WinRS, machine: Machine) -> None:
    process = Process(
        shell, "trap 'echo stopped; exit 7' INT; echo begun; while :; do sleep 0.02; done"
    )
    process.begin_invoke()
    while not process.stdout:
        process.poll_invoke()
    process.signal(SignalCode.CTRL_C)
    process.end_invoke()
    assert (process.rc, process.stdout) == (7, b"begun\nstopped\n")
    process.signal(SignalCode.TERMINATE)
    assert machine.shells[0]["commands"] == []


def test_a_shell_that_is_deleted_ends_what_runs(session: winrm.Session, machine: Machine) -> None:
    protocol = session.protocol
    shell = protocol.open_shell(env_vars={"A": "1"}, working_directory="/tmp")
    protocol.run_command(shell, "sleep", ["60"])
    command = protocol.run_command(shell, "pwd; echo $A")
    assert protocol.get_command_output(shell, command) == (b"/tmp\n1\n", b"", 0)
    machine.wait_until(shells=1, processes=1)
    protocol.close_shell(shell)
    machine.wait_until(shells=0, processes=0)
