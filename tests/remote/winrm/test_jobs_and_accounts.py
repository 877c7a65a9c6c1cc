"""Jobs with names and passwords of every kind, right and wrong (case 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from psbridge import Credential, JobFailed, Secret, Session, WinRM
from psbridge.remote import carrying
from psbridge.remote.carrying import FanOut
from psbridge.remote.winrm.carrier import WinRMCarrier
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.cookies import ShellCookies
from psbridge.remote.winrm.errors import LogonRefused
from psbridge.remote.winrm.logons import Admission
from psbridge.remote.winrm.target import Auth
from tests.remote.winrm.plain_shell import delete, opened
from tests.winrm_server.fixtures import PASSWORD, USER
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
    shell: Session, winrm_server: WinRMServer, machine: Machine, auth: Auth
) -> None:
    with winrm_server.machines(40) as fleet:
        targets = [
            WinRM(
                one.host,
                port=one.port,
                auth=auth,
                username="jo",
                password="wrong",
                allow_unencrypted=auth == "basic",
            )
            for one in fleet
        ]
        job = shell.start_remote("1", targets)
        with pytest.raises(JobFailed):
            job.result(timeout=60)
        reasons = [str(child.reason) for child in job.children]
    assert len(winrm_server.attempts()) == 3
    assert sum("not tried: 3 machines have refused the user 'jo'" in one for one in reasons) == 37
    assert {child.state for child in job.children} == {"Failed"}


def test_two_passwords_of_one_user_do_not_count_for_each_other(
    shell: Session, at: At, winrm_server: WinRMServer, machine: Machine
) -> None:
    wrong = [at(auth="ntlm", password=f"wrong{number}") for number in range(4)]
    job = shell.start_remote("1", [*wrong, at(auth="ntlm")])
    with pytest.raises(JobFailed) as caught:
        job.result(timeout=60)
    assert list(caught.value.result) == [1]
    assert [child.state for child in job.children] == ["Failed"] * 4 + ["Completed"]
    machine.wait_until(shells=0, processes=0)


@pytest.mark.parametrize("idle", [True, False])
def test_a_session_whose_password_has_changed_leaves_no_shell(
    shell: Session, at: At, winrm_server: WinRMServer, machine: Machine, idle: bool
) -> None:
    web1 = shell.connect(at(auth="ntlm", operation_timeout=1))
    if idle:
        assert web1.run("1") == [1]
    machine.wait_until(receives=1)
    winrm_server.users = {USER: "another"}
    winrm_server.forget_attempts()
    if not idle:
        # The connections with which the session would go on are gone, but for the shell's.
        (carrier,) = carrying._running
        assert isinstance(carrier, WinRMCarrier)
        for connection in carrier._connections._idle:
            connection.close()
    job = web1.start("Start-Sleep 60")
    machine.wait_until(receives=1)
    if not idle:
        assert job.wait(timeout=20)
        assert job.state == "Failed"
        assert "refused" in str(job.reason)
    web1.close()
    machine.wait_until(shells=0, processes=0, timeout=15)
    # A wrong password is not tried again and again.
    assert len(winrm_server.attempts(USER)) <= 1


@pytest.mark.parametrize("gate", ["this machine", "three machines"])
def test_refusals_elsewhere_do_not_stop_a_session_that_was_let_in(
    connect: Callable[..., Connection],
    target: Callable[..., WinRM],
    winrm_server: WinRMServer,
    gate: str,
) -> None:
    fan_out, admission, to = FanOut(), Admission(), target("ntlm")
    cookies = ShellCookies()
    first, second = (Connection(to, cookies, fan_out, admission) for _ in range(2))
    number = opened(first)
    assert admission.let_in
    winrm_server.users = {USER: "another"}
    if gate == "this machine":
        with pytest.raises(LogonRefused):
            opened(connect(to=to, fan_out=fan_out))
    else:
        with winrm_server.machines(3) as others:
            for one in others:
                there = replace(to, port=one.port)
                with pytest.raises(LogonRefused):
                    opened(connect(to=there, fan_out=fan_out))
    winrm_server.users = {USER: PASSWORD}
    second.send(delete(second, number), answer_within=10)
    # Its own refusal ends that.
    winrm_server.users = {USER: "another"}
    second.close()
    winrm_server.forget_attempts()
    for _ in range(2):
        with pytest.raises(LogonRefused):
            opened(second)
    assert len(winrm_server.attempts(USER)) == 1
    first.close()
    second.close()
