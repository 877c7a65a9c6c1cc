"""Answers that are lost, late or cut: what is sent again, what never, and what comes of it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

import pytest
from conditions import until

from psbridge import JobHandle, PowerShellError, Session, WinRM
from tests.winrm_server import faults
from tests.winrm_server.faults import Effect
from tests.winrm_server.server import Machine

pytestmark = pytest.mark.usefixtures("nothing_is_left")

At = Callable[..., WinRM]


def has_given(job: JobHandle, count: int) -> Callable[[], bool]:
    """Whether so many values of a job's first child have arrived."""
    return lambda: job.children[0].net.Output.Count >= count


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may take a second longer for an answer than it was asked to, not half a minute."""
    monkeypatch.setattr("psbridge.remote.winrm.receiving.GRACE_SECONDS", 1.0)
    monkeypatch.setattr("psbridge.remote.winrm.carrier.GRACE_SECONDS", 1.0)


def sent_once(machine: Machine, *actions: str) -> bool:
    """Whether no request of these actions came twice."""
    messages = [one.message_id for one in machine.requests() if one.action in actions]
    return len(messages) == len(set(messages))


# Receive.


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
@pytest.mark.parametrize(
    "effect",
    [
        *(faults.lose(), faults.lose(reset=True), faults.cut(200), faults.drop()),
        *(faults.status(503), faults.cut(1), faults.cut(5), faults.cut(11)),
    ],
    ids=["lost", "reset", "cut", "dropped", "503", "cut at 1", "cut at 5", "cut at 11"],
)
def test_a_receive_is_repeated_with_its_own_id(
    shell: Session, at: At, machine: Machine, effect: Effect, auth: str
) -> None:
    rule = machine.inject(effect, on="Receive", every=3)
    job = shell.start_remote("1..40 | % { $_; Start-Sleep -m 25 }", at(auth=auth))
    assert job.result(timeout=60) == list(range(1, 41))
    assert rule.hits >= 3
    repeated = Counter(one.message_id for one in machine.requests("Receive"))
    assert max(repeated.values()) == 2
    assert sent_once(machine, "Create", "Command", "Send")


@pytest.mark.usefixtures("impatient")
def test_a_receive_that_is_never_answered_is_repeated(
    shell: Session, at: At, machine: Machine
) -> None:
    machine.inject(faults.silent(done=True), on="Receive", every=4)
    job = shell.start_remote("1..10", at(operation_timeout=1))
    assert job.result(timeout=60) == list(range(1, 11))


def test_a_receive_is_repeated_five_times_at_most(
    shell: Session, at: At, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psbridge.remote.winrm.receiving._PAUSES", (0.01,) * 5)
    with shell.connect(at()) as web1:
        job = web1.start("1..3; Start-Sleep 60")
        until(has_given(job, 3))
        machine.inject(faults.drop(), on="Receive")
        machine.close_connections(reset=True)
        assert job.wait(timeout=30)
        assert (job.state, job.receive()) == ("Failed", [1, 2, 3])
        assert "6 tries" in str(job.reason)
        assert "may have restarted" in str(job.reason)
        assert machine.host in str(job.reason)
    repeated = Counter(one.message_id for one in machine.requests("Receive"))
    assert max(repeated.values()) <= 6


def test_a_page_instead_of_an_answer_ends_the_session(
    shell: Session, at: At, machine: Machine
) -> None:
    with shell.connect(at(operation_timeout=1)) as web1:
        job = web1.start("1..3; Start-Sleep 60")
        until(has_given(job, 3))
        page = faults.status(502, b"<h1>Bad gateway</h1>", {"Content-Type": "text/html"})
        machine.inject(page, on="Receive")
        assert job.wait(timeout=30)
        assert (job.state, job.receive()) == ("Failed", [1, 2, 3])
        assert "502" in str(job.reason)
        assert "Bad gateway" in str(job.reason)


# Create.


@pytest.mark.parametrize(
    "effect",
    [
        *(faults.lose(), faults.cut(100, reset=True), faults.cut(7), faults.timed_out(done=True)),
        faults.status(504, b"Gateway Timeout", done=True),
        faults.status(200, b"<p>welcome", {"Content-Type": "text/html"}, done=True),
    ],
    ids=["lost", "cut", "cut in its first line", "timed out", "a gateway's", "a page"],
)
def test_a_create_without_an_answer_leaves_no_shell_and_is_not_repeated(
    shell: Session, at: At, machine: Machine, effect: Effect
) -> None:
    machine.configure(affinity=False)
    machine.inject(effect, on="Create")
    with pytest.raises(PowerShellError) as caught:
        shell.connect(at())
    assert machine.host in str(caught.value)
    machine.wait_until(shells=0)
    assert machine.actions().count("Create") == 1
    assert "Delete" in machine.actions()


def test_a_create_that_is_answered_late_leaves_no_shell(
    shell: Session, at: At, machine: Machine
) -> None:
    # The answer brings the cookie, without which the shell is not found.
    machine.inject(faults.late(3), on="Create")
    with pytest.raises(PowerShellError, match="the open timeout"):
        shell.connect(at(open_timeout=1))
    machine.wait_until(shells=0)
    assert machine.actions().count("Create") == 1


def test_a_shell_that_comes_late_is_deleted(shell: Session, at: At, machine: Machine) -> None:
    machine.configure(affinity=False)
    machine.inject(faults.Effect(before=2, cut=0, end="close"), on="Create")
    with pytest.raises(PowerShellError, match="the open timeout"):
        shell.connect(at(open_timeout=1))
    machine.wait_for_requests("Create", answered=True)
    machine.wait_until(shells=0)


def test_a_machine_that_is_starting_is_tried_again(
    shell: Session, at: At, machine: Machine
) -> None:
    machine.refuse(0.3)
    machine.inject(faults.status(503), on="request", first=2)
    assert shell.start_remote("1", at()).result(timeout=30) == [1]
    assert sent_once(machine, "Create")


def test_how_often_it_was_tried_is_in_the_reason(shell: Session, at: At, machine: Machine) -> None:
    machine.inject(faults.status(503), on="request")
    with pytest.raises(PowerShellError, match=r"HTTP status 503.*\(tried 4 times in \d s\)"):
        shell.connect(at())
    assert "Delete" not in machine.actions()


@pytest.mark.parametrize("port_is", ["closed", "a name that is unknown"])
def test_what_cannot_be_reached(shell: Session, at: At, machine: Machine, port_is: str) -> None:
    machine.refuse()
    host = "nowhere.invalid" if port_is != "closed" else machine.host
    target = WinRM(host, port=machine.port, auth="ntlm", username="u", password="p")
    tried = "not known here" if port_is != "closed" else "refused.*tried 4 times"
    with pytest.raises(PowerShellError, match=tried):
        shell.connect(target)


# Command, Send and Signal.


@pytest.mark.parametrize(
    "effect", [faults.lose(), faults.drop(), faults.timed_out()], ids=["lost", "dropped", "timed"]
)
@pytest.mark.parametrize("action", ["Command", "Send"])
def test_a_command_whose_fate_is_unknown_is_given_up_and_its_session_goes_on(
    shell: Session, at: At, machine: Machine, action: str, effect: Effect
) -> None:
    with shell.connect(at()) as web1:
        web1.run("$kept = 5")
        rule = machine.inject(effect, on=action, first=1)
        with pytest.raises(PowerShellError, match="given up") as caught:
            web1.run(f"'{'x' * 100_000}'; Start-Sleep 30")
        assert machine.host in str(caught.value)
        assert rule.hits == 1
        machine.wait_until(commands=0)
        assert web1.run("$kept") == [5]
    assert sent_once(machine, "Command", "Send")


def test_a_refusal_that_was_encrypted_is_a_refusal_whatever_its_status(
    shell: Session, at: At, machine: Machine
) -> None:
    # In clear it would say that the machine cannot decrypt, and so has not taken it.
    refusal = dataclasses.replace(faults.fault(5, "no", done=True), status=400)
    machine.inject(refusal, on="Command")
    job = shell.start_remote("1", at(auth="ntlm"))
    assert job.wait(timeout=30)
    assert (job.state, "no" in str(job.reason)) == ("Failed", True)
    assert machine.actions().count("Command") == 1


def test_a_job_whose_command_was_lost_has_failed(shell: Session, at: At, machine: Machine) -> None:
    machine.inject(faults.lose(), on="Command", first=1)
    job = shell.start_remote("1", at())
    assert job.wait(timeout=30)
    assert (job.state, job.receive()) == ("Failed", [])
    assert machine.host in str(job.reason)


@pytest.mark.parametrize("effect", [faults.lose(), faults.timed_out()], ids=["lost", "timed out"])
def test_lost_signals(shell: Session, at: At, machine: Machine, effect: Effect) -> None:
    with shell.connect(at()) as web1:
        machine.inject(effect, on="Signal", numbers=[1, 2])
        assert web1.run("1") == [1]  # its `terminate` is the first
        # No cmdlet of a module: a stop in the midst of its loading is a failure to the engine.
        job = web1.start("while ($true) { [Threading.Thread]::Sleep(5) }")
        machine.wait_for_requests("Command", 2, answered=True)
        job.stop()
        assert job.state == "Stopped"
        assert web1.run("2") == [2]


@pytest.mark.parametrize(
    "effect", [faults.lose(), faults.drop(reset=True), faults.status(503)], ids=str
)
def test_a_delete_is_repeated(shell: Session, at: At, machine: Machine, effect: Effect) -> None:
    machine.inject(effect, on="Delete", first=2)
    assert shell.start_remote("1", at()).result(timeout=30) == [1]
    machine.wait_until(shells=0)


def test_a_process_that_ends_far_away(shell: Session, at: At, machine: Machine) -> None:
    with shell.connect(at()) as web1:
        job = web1.start("'a'; Start-Sleep 60")
        until(has_given(job, 1))
        machine.kill_shells()
        assert job.wait(timeout=20)
        assert (job.state, job.receive()) == ("Failed", ["a"])
        assert machine.host in str(job.reason)
        assert "may have restarted" in str(job.reason)
