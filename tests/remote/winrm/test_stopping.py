"""Stops, deadlines and closes: in time whatever the machine does, and really done there."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from early_stop import stop_when_open

from psbridge import PowerShellError, Session, SessionClosedError, WinRM
from tests.winrm_server import faults
from tests.winrm_server.server import Machine

pytestmark = pytest.mark.usefixtures("nothing_is_left")

At = Callable[..., WinRM]

SILENT_LOOP = "while ($true) { [Threading.Thread]::Sleep(20) }"
LOOP = f"'begun'; {SILENT_LOOP}"
# What a stop and a close may take, on a machine that does much else.
SOON = 3.0


def since(moment: float) -> float:
    return time.monotonic() - moment


def test_stops_at_any_moment_leave_the_session_usable(
    shell: Session, at: At, machine: Machine
) -> None:
    with shell.connect(at()) as web1:
        states: Counter[str] = Counter()
        for number in range(50):
            job = web1.start(LOOP if number % 2 else SILENT_LOOP)
            if number % 5 == 0:
                job.wait(0.01 * number)
            job.stop()
            states[job.state] += 1
        assert states == {"Stopped": 50}
        assert web1.run("'alive'") == ["alive"]
        machine.wait_until(commands=0)


def test_a_stop_of_children_at_any_moment(shell: Session, at: At, machine: Machine) -> None:
    for number in range(6):
        job = shell.start_remote(LOOP, [at(), at()])
        job.wait(0.15 * number)
        begun = time.monotonic()
        job.stop()
        assert since(begun) < SOON
        reasons = [child.reason for child in job.children]
        assert [job.state, *(child.state for child in job.children)] == ["Stopped"] * 3, reasons
        machine.wait_until(shells=0, timeout=40)


def test_a_stop_in_the_moment_of_the_opening(shell: Session, at: At, machine: Machine) -> None:
    states: Counter[tuple[str, str | None]] = Counter()
    for number in range(45):
        job = shell.start_remote(LOOP, at())
        stop_when_open(job.children[0], number % 15 * 0.0001)
        states[job.children[0].state, job.children[0].reason] += 1
        if number % 8 == 0:
            machine.wait_until(shells=0, timeout=40)
    assert states == {("Stopped", None): 45}


def test_a_stop_does_not_wait_for_a_machine_that_hangs(
    shell: Session, at: At, machine: Machine
) -> None:
    web1 = shell.connect(at())
    job = web1.start(LOOP)
    machine.wait_for_requests("Command", answered=True)
    hanging = machine.inject(faults.silent(), on="any")
    begun = time.monotonic()
    job.stop()
    assert since(begun) < SOON
    assert job.state == "Stopped"
    begun = time.monotonic()
    web1.close()
    assert since(begun) < SOON
    hanging.remove()  # what is left is deleted when it answers again
    machine.wait_until(shells=0, timeout=40)


def test_what_was_stopped_while_a_machine_hung_does_not_begin_later(
    shell: Session, at: At, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psbridge.remote.winrm.carrier.GRACE_SECONDS", 3.0)
    with shell.connect(at(operation_timeout=1)) as web1:
        web1.run("$begun = @()")
        machine.inject(faults.silent(), on="Send", first=1)
        hangs = web1.start(f"$null = '{'x' * 100_000}'")
        machine.wait_for_requests("Send")
        hangs.stop()
        waits = web1.start("$begun += 1; Start-Sleep 60")
        waits.stop()
        assert (hangs.state, waits.state) == ("Stopped", "Stopped")
        # The Send is given up in these seconds, and then comes what is behind it.
        assert web1.run("$begun.Count") == [0]
    assert len({one.command for one in machine.requests("Command")}) == 3


def test_a_stop_while_the_machine_leaves_the_opening_unanswered(
    shell: Session, at: At, machine: Machine
) -> None:
    machine.configure(affinity=False)
    rule = machine.inject(faults.silent(done=True), on="Create")
    job = shell.start_remote("1", at())
    rule.wait()
    begun = time.monotonic()
    job.stop()
    assert since(begun) < SOON
    assert job.state == "Stopped"
    machine.wait_until(shells=0)


def test_a_stop_that_the_far_side_answers_with_the_end_of_the_command_only(
    shell: Session, at: At, machine: Machine
) -> None:
    with shell.connect(at(operation_timeout=60)) as web1:
        machine.wait_until(receives=1)
        # The command's Receives get no word of how it ended.
        rule = machine.inject(faults.fault(995, done=True), on="Receive")
        job = web1.start(SILENT_LOOP)
        machine.wait_until(receives=2)
        job.stop()
        assert job.state == "Stopped"
        rule.wait()
        rule.remove()
        assert web1.run("1") == [1]


def test_a_command_that_does_not_tell_its_end_has_failed(
    shell: Session, at: At, machine: Machine
) -> None:
    done = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"><s:Body>'
        '<rsp:ReceiveResponse><rsp:CommandState State="http://schemas.microsoft.com/wbem/wsman/1/'
        'windows/shell/CommandState/Done"/></rsp:ReceiveResponse></s:Body></s:Envelope>'
    )
    with shell.connect(at(operation_timeout=60)) as web1:
        machine.wait_until(receives=1)
        answer = {"Content-Type": "application/soap+xml;charset=UTF-8"}
        machine.inject(faults.status(200, done.encode(), answer), on="Receive", first=1)
        job = web1.start("1")
        assert job.wait(timeout=20)
        assert job.state == "Failed"
        assert "without telling how it ended" in str(job.reason)
        assert machine.host in str(job.reason)
        assert web1.run("2") == [2]  # the session goes on


@pytest.mark.parametrize("answers", ["hangs", "drips"])
def test_a_deadline_holds_while_a_socket_waits_or_drips(
    shell: Session, at: At, machine: Machine, answers: str
) -> None:
    effect = faults.silent() if answers == "hangs" else faults.drip(0.2)
    machine.inject(effect, on="Receive", numbers=[5, 6, 7, 8, 9])
    begun = time.monotonic()
    job = shell.start_remote("1..3; Start-Sleep 60", at(operation_timeout=1), timeout=4)
    assert job.wait(timeout=30)
    assert since(begun) < 4 + SOON
    assert job.state == "Failed"
    assert "4 s" in str(job.reason)
    machine.wait_until(shells=0)


def test_the_open_timeout_counts_the_answers(
    shell: Session, at: At, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psbridge.remote.winrm.shell._DELETE_SECONDS", 1.0)
    monkeypatch.setattr("psbridge.remote.winrm.shell._UNWANTED_SECONDS", 2.0)
    machine.inject(faults.silent(), on="request")
    begun = time.monotonic()
    with pytest.raises(PowerShellError, match=r"within 2 s \(the open timeout\)"):
        shell.connect(at(open_timeout=2))
    assert since(begun) < 2 + SOON


def test_a_close_does_not_wait_for_a_machine_that_hangs(
    shell: Session, at: At, machine: Machine
) -> None:
    web1 = shell.connect(at())
    web1.start(LOOP)
    machine.wait_for_requests("Command", answered=True)
    hanging = machine.inject(faults.silent(), on="any")
    begun = time.monotonic()
    web1.close()
    assert since(begun) < SOON
    with pytest.raises(SessionClosedError):
        web1.run("1")
    hanging.remove()
    machine.wait_until(shells=0)


def test_an_opening_that_is_answered_long_after_the_stop_leaves_no_shell(
    shell: Session, at: At, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The Deletes without the cookie have ended long before the answer comes.
    monkeypatch.setattr("psbridge.remote.winrm.shell._DELETE_SECONDS", 1.0)
    machine.inject(faults.late(4), on="Create")
    job = shell.start_remote("1", at())
    machine.wait_until(shells=1)
    job.stop()
    assert job.state == "Stopped"
    machine.wait_until(shells=0, processes=0)
    assert machine.actions().count("Delete") >= 2


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_stopped_opening_at_a_silent_machine_keeps_no_thread(
    shell: Session, at: At, machine: Machine, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    monkeypatch.setattr("psbridge.remote.winrm.shell._DELETE_SECONDS", 1.0)
    monkeypatch.setattr("psbridge.remote.winrm.shell._UNWANTED_SECONDS", 2.0)
    machine.inject(faults.silent(), on="request")
    job = shell.start_remote("1", at(auth=auth, open_timeout=300))
    machine.wait_for_requests(count=1)
    job.stop()
    assert job.state == "Stopped"
    give_up_at = time.monotonic() + 2 + 2 + SOON
    ours = [one for one in threading.enumerate() if one.name.startswith("psbridge")]
    for thread in ours:
        if machine.host in thread.name:
            thread.join(max(0.0, give_up_at - time.monotonic()))
            assert not thread.is_alive(), f"{thread.name} is left"
