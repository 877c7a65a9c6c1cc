"""Faults that people reported, as `../cases/README.md` describes them: cases 1 to 5.

Each holds for `start_remote` and for ``Invoke-WinRMCommand -AsJob``. Pauses are shorter here than
there, and many machines are in one job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conditions import until

from psbridge import JobHandle, Session, WinRM
from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

pytestmark = pytest.mark.usefixtures("nothing_is_left")

CASES = Path(__file__).parents[1] / "cases"
OPEN, POLL = 10, 1

Start = Callable[..., JobHandle]
At = Callable[..., WinRM]


@pytest.fixture
def machines(
    machine: Machine, winrm_server: WinRMServer
) -> Iterator[Callable[[int], list[Machine]]]:
    """So many machines, on each of which nothing is left at the end."""
    made: list[Machine] = []

    def make(count: int) -> list[Machine]:
        made.extend(winrm_server.add_machine() for _ in range(count))
        return made

    yield make
    for one in made:
        one.wait_until(shells=0, processes=0)
        one.remove()


@pytest.fixture(params=["start_remote", "Invoke-WinRMCommand"])
def start(shell: Session, at: At, request: pytest.FixtureRequest) -> Start:
    """Starts a job on machines, in both ways that there are."""

    def from_python(script: str, *machines: Machine, throttle: int = 32) -> JobHandle:
        targets = [at(one, open_timeout=OPEN, operation_timeout=POLL) for one in machines]
        return shell.start_remote(script, targets, throttle_limit=throttle)

    def from_powershell(script: str, *machines: Machine, throttle: int = 32) -> JobHandle:
        (job,) = shell.run(
            "param($urls, $user, $password, $open, $poll, $throttle, $script)"
            "$secret = ConvertTo-SecureString $password -AsPlainText -Force;"
            # Outside Windows, New-PSSessionOption has two parameters.
            "$options = [Management.Automation.Remoting.PSSessionOption]@{ NoEncryption = $true;"
            " OpenTimeout = $open; OperationTimeout = $poll };"
            "Invoke-WinRMCommand -ComputerName $urls -Authentication Basic -AsJob"
            " -Credential ([pscredential]::new($user, $secret)) -ThrottleLimit $throttle"
            " -SessionOption $options -ScriptBlock ([scriptblock]::Create($script))",
            *([one.url for one in machines], USER, PASSWORD),
            *(timedelta(seconds=OPEN), timedelta(seconds=POLL), throttle, script),
        )
        return shell.jobs[int(job.Id)]

    return from_python if request.param == "start_remote" else from_powershell


def counts(job: JobHandle, wanted: int) -> Callable[[], bool]:
    """Whether so many values of each child have arrived."""
    return lambda: all(child.net.Output.Count >= wanted for child in job.children)


def error_ids(shell: Session, job: JobHandle) -> list[str]:
    """What PowerShell calls the errors of a job's children."""
    found = shell.run(
        "param($job) $job.ChildJobs | % { Receive-Job $_ -Keep -ErrorVariable errors"
        " -ErrorAction SilentlyContinue | Out-Null; [string]$errors[0].FullyQualifiedErrorId }",
        job.net,
    )
    return list(found)


PAGES = {  # each recorded answer, its status, and its first words
    "bare-503.http": ("503", ""),
    "empty-500.http": ("500", ""),
    "login-200.http": ("200", "Sign in"),
    "moved-307.http": ("307", "127.0.0.1:9"),
    "page-502-cp1252.http": ("502", "Gerät nicht erreichbar"),
    "proxy-407.http": ("407", "who are you"),
}


def assert_not_winrm(child: JobHandle, there: Machine, name: str) -> None:
    status, words = PAGES[name]
    reason = child.reason or ""
    assert child.state == "Failed"
    for part in (there.host, str(there.port), status, words, "not WinRM's answer"):
        assert part in reason
    assert PASSWORD not in reason


# Case 1.


def test_pages_instead_of_the_opening(
    shell: Session, start: Start, machine: Machine, machines: Any
) -> None:
    bad = machines(len(PAGES))
    for one, name in zip(bad, PAGES, strict=True):
        one.inject(faults.recorded(CASES / name, other=9), on="Create")
    begun = time.monotonic()
    job = start("1..3; Start-Sleep 1; 4..6", *bad, machine)
    assert job.wait(timeout=OPEN + 10)
    assert time.monotonic() - begun < OPEN + 15
    *failed, good = job.children
    assert (good.state, good.receive()) == ("Completed", [1, 2, 3, 4, 5, 6])
    for child, one, name in zip(failed, bad, PAGES, strict=True):
        assert_not_winrm(child, one, name)
        assert one.actions().count("Create") == 1 or name == "bare-503.http"
    ids = dict(zip(PAGES, error_ids(shell, job)[:-1], strict=True))
    assert ids.pop("bare-503.http").startswith("CannotConnectWinRMService")
    assert len(set(ids.values())) == 1


def test_pages_instead_of_output(
    start: Start, machine: Machine, machines: Any, tmp_path: Path
) -> None:
    bad = machines(len(PAGES))
    go = tmp_path / "go"
    wait = f"while (-not (Test-Path '{go}')) {{ Start-Sleep -Milliseconds 50 }}"
    job = start(f"1..3; {wait}; 4..6", *bad, machine)
    until(counts(job, 3), 120)
    for one, name in zip(bad, PAGES, strict=True):
        one.inject(faults.recorded(CASES / name, other=9), on="Receive")
    until(lambda: all(child.finished for child in job.children[:-1]), 60)
    go.touch()
    assert job.wait(timeout=60)
    *failed, good = job.children
    assert (good.state, good.receive()) == ("Completed", [1, 2, 3, 4, 5, 6])
    for child, one, name in zip(failed, bad, PAGES, strict=True):
        assert_not_winrm(child, one, name)
        assert child.receive() == [1, 2, 3]


# Case 2.


def test_a_pause(shell: Session, at: At, machine: Machine) -> None:
    machine.configure(silence=1.5)

    def pause() -> None:
        # The connections that nobody uses are cut, those of the Receives are not.
        machine.wait_until(connections=1)

    with shell.connect(at(auth="ntlm", operation_timeout=1)) as web1:
        (process,) = web1.run("$PID")
        for _ in range(2):
            pause()
            assert web1.run("$PID") == [process]
        pause()
        job = web1.start("'begun'; Start-Sleep 60")
        machine.wait_for_requests("Command", 4, answered=True)
        machine.wait_until(connections=2)
        begun = time.monotonic()
        job.stop()
        assert time.monotonic() - begun < 8
        assert job.state == "Stopped"
        pause()
    machine.wait_until(shells=0)
    requests = [one for one in machine.requests() if one.message_id]
    assert {one.status for one in requests if one.action != "Receive"} == {200}
    accepted = [one.message_id for one in requests if one.status in (200, 500)]
    assert len(accepted) == len(set(accepted))


# Case 3.


def test_winrm_restarts_under_a_running_job(start: Start, machine: Machine, machines: Any) -> None:
    others = machines(2)
    job = start("'a'; Start-Sleep 4; 'b'", machine, *others)
    until(counts(job, 1), 30)
    before = len(machine.requests())
    machine.restart(down=2.0)
    machine.inject(faults.status(503), on="request", first=2)
    machine.inject(faults.recorded(CASES / "fault-shell-gone-fr.xml"), on="Receive")
    assert job.wait(timeout=30)
    restarted, *good = job.children
    assert [(child.state, child.receive()) for child in good] == [("Completed", ["a", "b"])] * 2
    assert (restarted.state, restarted.receive()) == ("Failed", ["a"])
    assert "lost while it was in use" in str(restarted.reason)
    assert "may have restarted" in str(restarted.reason)
    assert machine.host in str(restarted.reason)
    after = {one.action for one in machine.requests()[before:]}
    assert not after & {"Create", "Command", "Send"}
    machine.reset()
    second = start("1", machine)
    assert second.result(timeout=30) == [1]


# Case 4.


def test_the_limit_of_commands_fails_that_command_and_names_the_limit(
    shell: Session, at: At, machine: Machine
) -> None:
    machine.inject(faults.recorded(CASES / "fault-commands-in-shell.xml"), on="Command", every=4)
    seen = []
    with shell.connect(at()) as web1:
        web1.run("$kept = 'kept'")  # the first
        for number in range(2, 11):
            job = web1.start(f"$kept; {number}")
            assert job.wait(timeout=20)
            seen.append((job.state, job.receive()))
            if job.state == "Failed":
                assert "MaxConcurrentCommandsPerShell" in str(job.reason)
                assert "2150859241" in str(job.reason)
    # The session goes on, and has what it had.
    assert seen == [
        ("Failed", []) if number in (4, 8) else ("Completed", ["kept", number])
        for number in range(2, 11)
    ]
    assert machine.actions().count("Create") == 1


def test_a_limit_of_shells_slows_a_job_down(start: Start, machine: Machine) -> None:
    machine.inject(
        faults.recorded(CASES / "fault-shells-ja.xml"), on="Create", numbers=[1, 2, 3, 6]
    )
    job = start("1", *[machine] * 8, throttle=4)
    assert job.wait(timeout=60)
    assert [(child.state, child.receive()) for child in job.children] == [("Completed", [1])] * 8
    assert machine.actions().count("Create") == 12


@pytest.mark.parametrize("code", [2150859236, 2150859237, 2150859238, 2150859173, 2150859239])
def test_a_limit_that_stays(shell: Session, at: At, machine: Machine, code: int) -> None:
    wmi = code == 2150859173
    machine.inject(faults.fault(code, "zu viele", subcode="w:QuotaLimit", wmi=wmi), on="Create")
    begun = time.monotonic()
    job = shell.start_remote("1", at(open_timeout=4))
    assert job.wait(timeout=10)
    assert time.monotonic() - begun < 4 + 11
    assert job.state == "Failed"
    assert str(code) in str(job.reason)
    assert "zu viele" in str(job.reason)
    assert "tried" in str(job.reason)
    created = machine.requests("Create")
    waits = [later.time - (earlier.answered or 0) for earlier, later in pairwise(created)]
    assert len(waits) >= 2
    assert waits[-1] > waits[0]


# Case 5.

FAULTS = {  # each recorded fault, its code, its text, and PowerShell's name for it
    "fault-broken-endpoint.xml": ("2689860592", "Microsoft.PowerShell", ""),
    "fault-commands-in-shell.xml": ("2150859241", "number of commands", ""),
    "fault-denied-de.xml": ("5", "darf diesen Endpunkt nicht öffnen", "AccessDenied"),
    "fault-shell-gone-fr.xml": ("2150858843", "existe plus", ""),
    "fault-shells-ja.xml": ("2150859236", "同時に開けるシェル", ""),
    "fault-unknown-configuration.xml": ("2150858811", "Microsoft.PowerShell", "InvalidResourceUri"),
}


def test_faults_in_other_languages(
    shell: Session, start: Start, machine: Machine, machines: Any
) -> None:
    bad = machines(len(FAULTS))
    for one, name in zip(bad, FAULTS, strict=True):
        one.inject(faults.recorded(CASES / name), on="Create")
    job = start("1", *bad, machine)
    assert job.wait(timeout=OPEN + 20)
    *failed, good = job.children
    assert (good.state, good.receive()) == ("Completed", [1])
    ids = error_ids(shell, job)
    for child, one, name, error_id in zip(failed, bad, FAULTS, ids, strict=False):
        code, text, native = FAULTS[name]
        assert child.state == "Failed"
        for part in (one.host, str(one.port), code, text):
            assert part in str(child.reason)
        assert error_id.startswith(native)
        created = one.requests("Create")
        assert len(created) == 1 or name == "fault-shells-ja.xml"
        assert all(b"powershell/Microsoft.PowerShell" in one.envelope for one in created)
