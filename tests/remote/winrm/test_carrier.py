"""What goes over WinRM to a PowerShell endpoint and comes back."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge import Console, PowerShellError, Secret, Session, SessionClosedError, WinRM
from psbridge.remote import carrying
from psbridge.remote.carrying import FanOut
from psbridge.remote.winrm import receiving
from psbridge.remote.winrm.carrier import WinRMCarrier
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.connections import MOST, Connections
from psbridge.remote.winrm.cookies import ShellCookies
from psbridge.remote.winrm.errors import NotSent
from tests.winrm_server.server import Machine, WinRMServer
from tests.winrm_server.settings import OMI

pytestmark = pytest.mark.usefixtures("nothing_is_left")

At = Callable[..., WinRM]


def test_a_job_takes_three_requests_and_its_receives(
    shell: Session, at: At, machine: Machine
) -> None:
    job = shell.start_remote("1..3", at())
    assert job.result(timeout=30) == [1, 2, 3]
    machine.wait_until(shells=0)
    others = [action for action in machine.actions() if action != "Receive"]
    # Unless the machine has much to do the command goes with its shell, without a Signal before.
    assert [action for action in others if action != "Signal"] == ["Create", "Command", "Delete"]
    # Of the shell: its two or three messages, and the one that waits for more. Of the command: one
    # or two.
    assert len(machine.requests("Receive")) <= 7


def test_a_further_command_takes_three_requests(shell: Session, at: At, machine: Machine) -> None:
    with shell.connect(at()) as web1:
        assert web1.run("1") == [1]
        machine.wait_until(commands=0)
        before = len(machine.requests())
        for number in range(10):
            assert web1.run(str(number)) == [number]
        machine.wait_until(commands=0)
        after = [one.action for one in machine.requests()[before:]]
    assert (after.count("Command"), after.count("Signal")) == (10, 10)
    # What is said at the end may come with the output, or after it.
    assert 10 <= after.count("Receive") <= 21
    assert len(after) == 20 + after.count("Receive")


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_three_connections_do_for_one_command_after_the_other(
    shell: Session, at: At, machine: Machine, auth: str
) -> None:
    before = threading.active_count()
    with shell.connect(at(auth=auth)) as web1:
        threads = [threading.active_count() for _ in range(10) if web1.run("'a'")]
        assert web1.authenticated_with == auth
        assert web1.start("'b'").result(timeout=20) == ["b"]
        assert machine.state()["connections"] <= 3
    # One sends, one listens to the shell, and the last command's may not have ended yet.
    assert max(threads) <= before + 3
    assert len({one.connection for one in machine.requests() if one.action}) <= 3


def test_a_short_job_has_one_connection_and_one_logon(
    shell: Session, at: At, machine: Machine
) -> None:
    job = shell.start_remote("1", [at(auth="ntlm")])
    assert job.result(timeout=20) == [1]
    machine.wait_until(shells=0)
    requests = machine.requests()
    assert len({one.connection for one in requests}) == 1
    assert [one.status for one in requests if not one.action] == [401, 401, 200]


def test_a_session_that_stays_listens_on_a_connection_of_its_own(
    shell: Session, at: At, machine: Machine
) -> None:
    with shell.connect(at(auth="ntlm")) as web1:
        # Not the only one, with which the next command would have to log on first.
        machine.wait_until(receives=1, connections=2)
        before = len(machine.requests())
        assert web1.run("1") == [1]
        assert all(one.action for one in machine.requests()[before:])


def test_an_answer_to_a_shell_at_rest_is_heard_at_once(
    shell: Session, at: At, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_REST_SECONDS", 600.0)
    with shell.connect(at(auth="ntlm")) as web1:
        # The key for a SecureString is asked for and given on the shell's own streams.
        script = "param($it) [Net.NetworkCredential]::new('', $it).Password"
        assert web1.run(script, Secret("open sesame")) == ["open sesame"]


def test_a_shell_at_rest_is_deleted_where_a_delete_waits_for_a_receive(
    shell: Session, at: At, machine: Machine
) -> None:
    machine.configure(**OMI)
    with shell.connect(at(auth="ntlm")):
        pass
    machine.wait_until(shells=0, processes=0, timeout=15)


def test_a_refused_account_is_tried_on_no_second_connection(
    shell: Session, at: At, machine: Machine, winrm_server: WinRMServer
) -> None:
    with pytest.raises(PowerShellError):
        shell.connect(at(auth="ntlm", password="wrong"))
    assert len(winrm_server.attempts()) == 1


def test_commands_do_not_pile_up_on_the_machine(shell: Session, at: At, machine: Machine) -> None:
    with shell.connect(at()) as web1:
        for _ in range(12):
            web1.run("1")
            assert len(machine.shells[0]["commands"]) <= 2


def test_ids_are_in_capitals_and_a_request_has_its_own(
    shell: Session, at: At, machine: Machine
) -> None:
    with shell.connect(at()) as web1:
        web1.run("1")
        identity = str(web1.net.Runspace.InstanceId).upper()
        (there,) = machine.shells
        assert there["id"] == identity
        assert there["name"].startswith("psbridge ")
    requests = machine.requests()
    assert {one.shell for one in requests} == {None, identity}
    assert all(one.command is None or one.command == one.command.upper() for one in requests)
    messages = [one.message_id for one in requests]
    assert len(set(messages)) == len(messages)


def test_input_arguments_and_records(shell: Session, at: At) -> None:
    script = (
        "param($a, $b) $input | % { $_ * $a }; $b; Write-Error bad; Write-Warning careful; "
        "Write-Information told"
    )
    job = shell.start_remote(script, at(), 3, "ünï", input=range(100))
    assert job.wait(timeout=30)
    assert job.state == "Completed"
    result = job.children[0].receive()
    assert result == [*range(0, 300, 3), "ünï"]
    assert [one.message for one in result.errors] == ["bad"]
    assert [one.message for one in result.warnings] == ["careful"]
    assert [str(one.message) for one in result.information] == ["told"]


def test_a_terminating_error_is_the_reason(shell: Session, at: At) -> None:
    job = shell.start_remote("'before'; throw 'thrown far away'", at())
    assert job.wait(timeout=30)
    assert (job.state, job.receive(), job.reason) == ("Failed", ["before"], "thrown far away")


def test_large_scripts_and_values(shell: Session, at: At, machine: Machine) -> None:
    with shell.connect(at()) as web1:
        assert web1.run(f"'{'y' * 200_000}'.Length") == [200_000]
        assert len(web1.run("'z' * 20MB")[0]) == 20 * 2**20
        assert web1.run("1..2000") == list(range(1, 2001))
        assert web1.run("param($v) $v.Length", "v" * 2**20) == [2**20]
    assert max(one.length for one in machine.requests()) < 150_000
    assert {one.status for one in machine.requests() if one.action != "Receive"} == {200}


def test_a_secure_string_is_encrypted_on_the_way(shell: Session, at: At, machine: Machine) -> None:
    show = "param($p) $p.GetType().Name; [Net.NetworkCredential]::new('', $p).Password"
    with shell.connect(at()) as web1:
        assert web1.run(show, Secret("geheim ☃")) == ["SecureString", "geheim ☃"]


def test_what_the_far_side_asks_of_the_host_is_answered(at: At, machine: Machine) -> None:
    console = Console(io.StringIO(), io.StringIO(), interactive=False)
    with Session(console=console) as shell, shell.connect(at()) as web1:
        (said,) = web1.run("try { Read-Host question } catch { [string]$_ }")
        assert "question" in said
    answers = [one for one in machine.requests("Send") if b'Name="pr"' in (one.envelope or b"")]
    assert [one.status for one in answers] == [200]


def test_files_are_copied_both_ways(shell: Session, at: At, tmp_path: Path) -> None:
    # The engine uses one command's id for all parts of a file.
    here, there, back = (tmp_path / name for name in ("here", "there", "back"))
    here.write_bytes(os.urandom(5 * 2**20))
    with shell.connect(at()) as web1:
        shell.run(
            "param($s, $a, $b) Copy-Item $a $b -ToSession $s", web1.net, str(here), str(there)
        )
        shell.run(
            "param($s, $a, $b) Copy-Item $a $b -FromSession $s", web1.net, str(there), str(back)
        )
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (here, there, back)}
    assert len(digests) == 1


def test_exit_gives_its_code_and_closes_the_session(
    shell: Session, at: At, machine: Machine
) -> None:
    with shell.connect(at()) as web1:
        result = web1.run("'said'; exit 7")
        assert (result, result.exit_code) == (["said"], 7)
        machine.wait_until(shells=0)
        with pytest.raises(SessionClosedError, match="exit 7"):
            web1.run("1")


def test_one_session_runs_one_command_after_the_other(shell: Session, at: At) -> None:
    with shell.connect(at()) as web1:
        results: list[object] = []
        threads = [
            threading.Thread(target=lambda n=n: results.extend(web1.run(f"Start-Sleep -m 50; {n}")))
            for n in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results, key=str) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("poll", [0.5, 20])
def test_silence_longer_than_a_poll(shell: Session, at: At, machine: Machine, poll: float) -> None:
    job = shell.start_remote("'a'; Start-Sleep 2; 'b'", at(operation_timeout=poll))
    assert job.result(timeout=30) == ["a", "b"]


def test_a_machine_like_omi(shell: Session, at: At, machine: Machine) -> None:
    # It answers an idle Receive with nothing, one fragment at a time, Done apart from the output;
    # and a Delete only while a Receive waits.
    machine.configure(**OMI, empty_after=0.5)
    with shell.connect(at()) as web1:
        assert web1.run("1..20") == list(range(1, 21))
        assert web1.run("Start-Sleep 1.2; 'late'") == ["late"]
        job = web1.start("'begun'; Start-Sleep 60")
        machine.wait_for_requests("Receive", 8)
        job.stop()
        assert job.state == "Stopped"
        assert web1.run("'still'") == ["still"]
    machine.wait_until(shells=0)


def test_a_fault_of_the_clean_up_is_the_reason_and_no_traceback(
    shell: Session,
    at: Callable[..., WinRM],
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    clean_up = WinRMCarrier._clean_up

    def failing(carrier: WinRMCarrier) -> None:
        clean_up(carrier)
        raise KeyError("x")

    monkeypatch.setattr(WinRMCarrier, "_clean_up", failing)
    job = shell.start_remote("1", at())
    job.wait(timeout=30)
    machine.wait_until(shells=0, processes=0)
    give_up_at = time.monotonic() + 10
    while carrying._running and time.monotonic() < give_up_at:
        with carrying._changed:
            carrying._changed.wait(0.1)
    assert not carrying._running
    assert "Traceback" not in capfd.readouterr().err


def test_who_waits_for_a_connection_is_not_kept_by_the_end(
    target: Callable[..., WinRM],
) -> None:
    connections = Connections(lambda: Connection(target(), ShellCookies(), FanOut()))
    with contextlib.ExitStack() as used:
        for _ in range(MOST):
            used.enter_context(connections.one())
        failed: list[BaseException] = []

        def wait() -> None:
            try:
                with connections.one():
                    pass
            except NotSent as error:
                failed.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        begun = time.monotonic()
        connections.end_waiting()
        waiting.join(10)
        assert not waiting.is_alive()
        assert time.monotonic() - begun < 5
        assert len(failed) == 1
        # A Delete has one all the same.
        used.enter_context(connections.one(at_once=True))
    connections.close()
