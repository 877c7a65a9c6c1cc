"""Leaving while something runs far away: no hang, no shell left, the right exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from psbridge import Session, WinRM
from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine

pytestmark = pytest.mark.usefixtures("nothing_is_left")

At = Callable[..., WinRM]

PROGRAM = """
import sys, time
from psbridge import Session, WinRM

to = WinRM({host!r}, port={port}, auth="ntlm", username={user!r}, password={password!r})
shell = Session()
job = shell.start_remote("'begun'; Start-Sleep 60", [to, to])
web1 = shell.connect(to)
running = web1.start("'begun'; Start-Sleep 60")
while not all(one.net.Output.Count for one in [*job.children, *running.children]):
    time.sleep(0.02)
print("ready", flush=True)
{end}
"""


def program(machine: Machine, end: str) -> str:
    return PROGRAM.format(
        host=machine.host, port=machine.port, user=USER, password=PASSWORD, end=end
    )


def test_a_closed_session_ends_what_runs_far_away(shell: Session, at: At, machine: Machine) -> None:
    job = shell.start_remote("Start-Sleep 60", [at(), at(auth="ntlm")])
    web1 = shell.connect(at())
    web1.start("Start-Sleep 60")
    machine.wait_until(shells=3, commands=3)
    begun = time.monotonic()
    shell.close()
    assert time.monotonic() - begun < 15
    assert job.state in ("Stopped", "Failed")
    machine.wait_until(shells=0, processes=0)


@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("sys.exit(7)", 7), ("raise ValueError('its own')", 1), ("shell.close()", 0)],
    ids=["end", "sys.exit", "exception", "closed"],
)
def test_the_end_of_a_program_leaves_nothing(machine: Machine, end: str, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", program(machine, end)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        begun = time.monotonic()
        _, said = process.communicate(timeout=30)
        assert time.monotonic() - begun < 20
    assert process.returncode == code
    assert said.strip().splitlines()[-1:] == (["ValueError: its own"] if code == 1 else [])
    machine.wait_until(shells=0, processes=0)


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)], ids=["TERM", "INT"]
)
def test_a_signal_leaves_nothing(machine: Machine, sent: signal.Signals, code: int) -> None:
    end = "job.wait()"
    process = subprocess.Popen(
        [sys.executable, "-c", program(machine, end)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(sent)
        begun = time.monotonic()
        process.communicate(timeout=30)
        assert time.monotonic() - begun < 20
    assert process.returncode == code
    machine.wait_until(shells=0, processes=0)


def seconds_of_the_end(machine: Machine, fault: Callable[[], object]) -> float:
    """How long a program takes to end, in peace, after something went wrong with the machine."""
    process = subprocess.Popen(
        [sys.executable, "-c", program(machine, "sys.stdin.readline()")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        fault()
        begun = time.monotonic()
        _, said = process.communicate("\n", timeout=30)
        seconds = time.monotonic() - begun
    assert (process.returncode, said) == (0, "")
    return seconds


def test_the_end_of_a_program_waits_for_no_machine_that_hangs(machine: Machine) -> None:
    assert seconds_of_the_end(machine, lambda: machine.inject(faults.silent(), on="any")) < 20
    machine.reset()


def test_the_end_of_a_program_waits_for_a_machine_that_answers(machine: Machine) -> None:
    """More than five seconds in all, and never so long without an answer."""
    refuse = faults.status(503)
    assert seconds_of_the_end(machine, lambda: machine.inject(refuse, on="Delete", first=24)) > 5
    machine.wait_until(shells=0, processes=0)
