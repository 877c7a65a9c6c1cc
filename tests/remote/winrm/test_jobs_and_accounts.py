"""Jobs with names and passwords of every kind, right and wrong (case 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from psbridge import Credential, JobFailed, Secret, Session, WinRM
from tests.winrm_server.server import Machine, WinRMServer

pytestmark = pytest.mark.usefixtures("nothing_is_left")

At = Callable[..., WinRM]

NAMES = ["пользователь", "Gerät", "DOM\\jo", "jo@dom.example", ".\\jo"]
PASSWORDS = ["пароль", "ü€漢", "a:b%s{0}\"'$x", " leading", "x" * 200]
ACCOUNTS = dict(zip(NAMES, PASSWORDS, strict=True))


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_right_pairs_complete_and_wrong_ones_are_tried_once(
    shell: Session, at: At, winrm_server: WinRMServer, auth: str
) -> None:
    winrm_server.users = ACCOUNTS
    right = [at(auth=auth, username=name, password=ACCOUNTS[name]) for name in NAMES]
    job = shell.start_remote("1", right)
    assert job.result(timeout=60) == [1] * 5
    winrm_server.forget_attempts()
    wrong = [at(auth=auth, username=name, password=ACCOUNTS[name] + "!") for name in NAMES]
    job = shell.start_remote("1", wrong)
    with pytest.raises(JobFailed):
        job.result(timeout=60)
    for name, child in zip(NAMES, job.children, strict=True):
        assert child.state == "Failed"
        assert repr(name) in str(child.reason)
        assert ACCOUNTS[name] not in str(child.reason)
        (error,) = child.receive().errors
        assert error.error_id.startswith("LogonFailure")
        assert len(winrm_server.attempts(name)) == 1


def test_the_cmdlet_with_right_and_wrong_pairs(
    shell: Session, machine: Machine, winrm_server: WinRMServer
) -> None:
    winrm_server.users = ACCOUNTS
    script = """param($c, $port)
    $job = Invoke-WinRMCommand 127.0.0.1 { 1 } -Port $port -Credential $c -Authentication Ntlm `
        -AsJob
    $null = Wait-Job $job -Timeout 60
    Receive-Job $job -ErrorAction SilentlyContinue -ErrorVariable e
    $job.State; $e | ForEach-Object FullyQualifiedErrorId
    $job.ChildJobs[0].JobStateInfo.Reason.Message; $job.Command; Remove-Job $job"""
    for name, password in list(ACCOUNTS.items())[:3]:
        found = shell.run(script, c=Credential(name, Secret(password)), port=machine.port)
        assert found[:2] == [1, "Completed"]
        winrm_server.forget_attempts()
        found = shell.run(script, c=Credential(name, Secret(password + "!")), port=machine.port)
        assert found[0] == "Failed"
        assert any(str(one).startswith(("AccessDenied", "LogonFailure")) for one in found[1:])
        assert any(repr(name) in str(one) for one in found)
        assert not any(password in str(one) for one in found)
        assert len(winrm_server.attempts()) == 1


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_forty_machines_and_one_wrong_password_are_three_tries(
    shell: Session, winrm_server: WinRMServer, machine: Machine, auth: str
) -> None:
    allowed = {"allow_unencrypted": True} if auth == "basic" else {}
    with winrm_server.machines(40) as fleet:
        targets = [
            WinRM(one.host, port=one.port, auth=auth, username="jo", password="wrong", **allowed)
            for one in fleet
        ]
        job = shell.start_remote("1", targets)
        with pytest.raises(JobFailed):
            job.result(timeout=60)
        reasons = [str(child.reason) for child in job.children]
    assert len(winrm_server.attempts()) == 3
    assert sum("not tried: 3 machines have refused the user 'jo'" in one for one in reasons) == 37
    assert {child.state for child in job.children} == {"Failed"}
