"""Windows' limits and manners, and those of another server, message by message."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import winrm.exceptions
from pypsrp.exceptions import WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import WinRS
from pypsrp.wsman import WSMan
from winrm.protocol import Protocol

from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine
from tests.winrm_server.settings import OMI


@pytest.fixture
def wsman(machine: Machine) -> Iterator[WSMan]:
    with connect(machine) as wsman:
        yield wsman


def connect(machine: Machine, **options: Any) -> WSMan:
    return WSMan(
        machine.host,
        port=machine.port,
        ssl=False,
        username=USER,
        password=PASSWORD,
        no_proxy=True,
        **{"auth": "basic", "encryption": "never", **options},
    )


def code_of(action: Any, *arguments: Any) -> Any:
    """The code of the fault that something ends with."""
    with pytest.raises(WSManFaultError) as raised:
        action(*arguments)
    return raised.value.code


def session_of(wsman: WSMan) -> requests.Session:
    """What a client sends with."""
    assert wsman.transport.session is not None
    return wsman.transport.session


def started(shell: WinRS, command: str) -> str:
    """Start a command; give its id."""
    identity = shell.command(command, []).findtext(".//{*}CommandId")
    assert identity is not None
    return identity


def script(pool: RunspacePool, text: str) -> PowerShell:
    shell = PowerShell(pool)
    shell.add_script(text)
    return shell


def test_an_unknown_configuration(wsman: WSMan) -> None:
    pool = RunspacePool(wsman, configuration_name="Nobody.Knows")
    assert code_of(pool.open) == 2150858811


def test_a_restricted_configuration(wsman: WSMan, machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "restricted.pssc"
    file.write_text(
        "@{ SchemaVersion = '2.0.0.0'; GUID = '0582f9d0-22fe-4ce9-ac5b-bdd1c185349f'\n"
        "SessionType = 'RestrictedRemoteServer'; LanguageMode = 'NoLanguage'\n"
        "VisibleCmdlets = 'Get-Date' }\n"
    )
    machine.configure(configuration_files={"Jea": str(file)})
    with RunspacePool(wsman, configuration_name="Jea") as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet("Get-Date").add_parameter("UFormat", "in")
        assert shell.invoke() == ["in"]
        hidden = PowerShell(pool)
        hidden.add_cmdlet("Get-Item").add_argument("/")
        hidden.invoke()
        assert "CommandNotFoundException" in str(hidden.streams.error[0].fq_error)
        refused = script(pool, "$x = 1")
        refused.invoke()
        assert "ScriptsNotAllowed" in str(refused.streams.error[0].fq_error)


def test_another_path(wsman: WSMan, machine: Machine) -> None:
    machine.configure(path="/powershell-liveid")
    with pytest.raises(WinRMTransportError) as raised:
        WinRS(wsman).open()
    assert raised.value.code == 404
    with connect(machine, path="powershell-liveid") as other, WinRS(other) as shell:
        shell.command("true", [])


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_ipv6(machine: Machine) -> None:
    with (
        WSMan(
            "::1", port=machine.port, ssl=False, username=USER, password=PASSWORD, auth="basic",
            encryption="never", no_proxy=True,
        ) as wsman,
        WinRS(wsman) as shell,
    ):  # fmt: skip
        shell.command("true", [])
        machine.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("::1", machine.port))


def test_a_shell_that_is_gone(wsman: WSMan, machine: Machine) -> None:
    pool = RunspacePool(wsman)
    pool.open()
    machine.kill_shells()
    machine.wait_until(shells=0)
    assert code_of(script(pool, "1").invoke) == 2150858843


def test_the_affinity_cookie(wsman: WSMan, machine: Machine) -> None:
    shell = WinRS(wsman)
    shell.open()
    session = session_of(wsman)
    cookies = session.cookies.copy()
    session.cookies.clear()
    assert code_of(shell.command, "true", []) == 2150858843
    assert code_of(shell.close) == 2150858843
    session.cookies = cookies
    shell.close()
    machine.configure(affinity=False)
    with WinRS(wsman) as shell:
        session.cookies.clear()
        shell.command("true", [])


def test_requests_above_the_envelope_size(wsman: WSMan, machine: Machine) -> None:
    with WinRS(wsman) as shell:
        identity = started(shell, "cat")
        for size in (100_000, 120_000):
            data = b"x" * size
            if size == 100_000:
                shell.send("stdin", data, identity)
            else:
                with pytest.raises(WinRMTransportError) as raised:
                    shell.send("stdin", data, identity)
                assert raised.value.code == 413
        machine.configure(max_envelope=512_000)
        shell.send("stdin", b"x" * 120_000, identity)


def test_the_server_tells_its_envelope_size(wsman: WSMan, machine: Machine) -> None:
    machine.configure(max_envelope=512_000)
    wsman.update_max_payload_size()
    assert wsman.max_envelope_size == 512_000


def test_answers_stay_below_the_clients_envelope_size(wsman: WSMan, machine: Machine) -> None:
    with RunspacePool(wsman) as pool:
        before = len(machine.requests("Receive"))
        wsman.max_envelope_size = 60_000
        assert script(pool, "'x' * 500kb").invoke() == ["x" * 512_000]
        assert len(machine.requests("Receive")) - before > 512_000 / 60_000


def test_quotas_of_the_plain_shell(machine: Machine) -> None:
    machine.configure(shells_per_user=2, operations_per_user=3)
    protocol = Protocol(
        machine.url,
        transport="basic",
        username=USER,
        password=PASSWORD,
        proxy=None,
        ca_trust_path=None,  # type: ignore[arg-type]  # which it takes
    )
    first, second = protocol.open_shell(), protocol.open_shell()
    with pytest.raises(winrm.exceptions.WSManFaultError) as raised:
        protocol.open_shell()
    assert (raised.value.wmierror_code, raised.value.wsman_fault_code) == (2150859173, None)
    assert "RelatesTo" not in raised.value.response
    for _ in range(3):
        protocol.cleanup_command(first, protocol.run_command(first, "true"))
    with pytest.raises(winrm.exceptions.WSManFaultError) as raised:
        protocol.run_command(first, "true")
    assert raised.value.wmierror_code == 2150859174  # not counted down by the terminations
    protocol.close_shell(first, close_session=False)
    protocol.run_command(second, "true")
    protocol.close_shell(second)


def test_quotas_of_the_endpoint(wsman: WSMan, machine: Machine) -> None:
    machine.configure(plugin_shells_per_user=1, plugin_commands_per_shell=2)
    with RunspacePool(wsman) as pool:
        assert code_of(RunspacePool(wsman).open) == 2150859236
        first, second = script(pool, "1"), script(pool, "2")
        assert first.invoke() + second.invoke() == [1, 2]
        assert code_of(script(pool, "3").invoke) == 2150859241
        first.close()  # terminates it
        assert script(pool, "4").invoke() == [4]
        machine.configure(plugin_operations_per_user=1)
        assert code_of(script(pool, "5").invoke) == 2150859239
        machine.configure(plugin_operations_per_user=None, plugin_operations=1)
        assert code_of(script(pool, "6").invoke) == 2150859240
    machine.configure(plugin_shells_per_user=None, plugin_operations=None, plugin_shells=0)
    assert code_of(RunspacePool(wsman).open) == 2150859238
    machine.configure(plugin_shells=None, plugin_users=0)
    assert code_of(RunspacePool(wsman).open) == 2150859237


def test_a_silent_connection_is_closed_and_its_context_with_it(machine: Machine) -> None:
    with connect(machine, auth="ntlm", encryption="auto", reconnection_retries=0) as wsman:
        shell = WinRS(wsman)
        shell.open()
        machine.configure(silence=0.3)
        machine.wait_until(connections=0)
        with pytest.raises(WinRMTransportError) as raised:
            shell.command("true", [])
        assert raised.value.code == 400
    assert machine.requests()[-1].encrypted is False  # nobody could read it
    assert machine.requests()[-1].body.startswith(b"--Encrypted Boundary")


def test_latency(wsman: WSMan, machine: Machine) -> None:
    machine.configure(latency=0.1)
    begun = time.monotonic()
    with WinRS(wsman):
        pass
    assert time.monotonic() - begun >= 0.2


def test_an_idle_receive(wsman: WSMan, machine: Machine) -> None:
    wsman.operation_timeout = 1
    with WinRS(wsman) as shell:
        command = started(shell, "sleep 60")
        assert code_of(lambda: shell.receive(command_id=command)) == 2150858793
        machine.configure(idle_receive="empty", empty_after=0.2)
        state, code, output = shell.receive(command_id=command)
        assert state.endswith("/CommandState/Running")
        assert (code, output) == (None, {"stdout": b"", "stderr": b""})


def test_one_fragment_an_answer(wsman: WSMan, machine: Machine) -> None:
    machine.configure(fragments_per_answer=1)
    with RunspacePool(wsman) as pool:
        before = len(machine.requests("Receive"))
        assert script(pool, "1..50").invoke() == list(range(1, 51))
        assert len(machine.requests("Receive")) - before > 50


def test_an_exit_ends_the_shell(wsman: WSMan, machine: Machine) -> None:
    pool = RunspacePool(wsman)
    pool.open()
    (pid,) = script(pool, "$PID").invoke()
    assert machine.shells[0]["processes"] == [pid]
    shell = script(pool, "[Environment]::Exit(5)")
    with pytest.raises(WSManFaultError):
        shell.invoke()
    machine.wait_until(shells=0, processes=0)
    assert code_of(pool.close) == 2150858843


def test_a_shell_that_nobody_asks_for_is_removed(wsman: WSMan, machine: Machine) -> None:
    WinRS(wsman).open()
    machine.configure(shell_idle=0.1)
    machine.wait_until(shells=0)


def test_a_second_send_at_a_time_is_refused(machine: Machine) -> None:
    with connect(machine) as wsman, WinRS(wsman) as shell, connect(machine) as other:
        command = started(shell, "sleep 60")
        blocked = threading.Thread(  # more than a pipe takes
            target=lambda: shell.send("stdin", b"x" * 100_000, command), daemon=True
        )
        blocked.start()
        machine.wait_until(sends=1)
        second = WinRS(other, id=shell.id)
        second._selector_set = shell._selector_set
        other.transport.session = other.transport._build_session()
        other.transport.session.cookies = session_of(wsman).cookies
        assert code_of(lambda: second.send("stdin", b"x", command)) == 170
        second.signal(
            "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/terminate", command
        )
        blocked.join(10)


def open_and_fail(wsman: WSMan) -> None:
    with contextlib.suppress(Exception):
        RunspacePool(wsman, configuration_name="Nobody.Knows").open()


def test_a_server_like_omi(machine: Machine) -> None:
    machine.configure(**OMI, empty_after=0.2)
    with connect(machine) as wsman:
        # pypsrp gives no Name, which this server insists on.
        with pytest.raises(WinRMTransportError) as raised:
            RunspacePool(wsman).open()
        assert (raised.value.code, raised.value.response_text) == (500, "")
        machine.configure(require_name=False, delete_needs_receive=False, resource_uri_first=False)
        with RunspacePool(wsman) as pool:
            assert script(pool, "1; Start-Sleep -Milliseconds 500; 2").invoke() == [1, 2]
            pool_id = pool.id.upper()
            (made,) = machine.shells
            assert made["id"] in (pool_id, pool.id)
        gone = WinRS(wsman)
        gone.open()
        machine.reset()
        machine.configure(**OMI)
        assert code_of(gone.close) == "w:InvalidSelectors"  # pypsrp's word where there is no code
    with connect(machine, read_timeout=1, operation_timeout=1) as wsman:
        machine.configure(require_name=False)
        opening = threading.Thread(target=open_and_fail, args=(wsman,))
        opening.start()
        machine.wait_for_requests("Create", answered=True)
        assert machine.requests("Create")[-1].status == 200
        machine.wait_until(receives=1)
        machine.reset()
        opening.join(10)
