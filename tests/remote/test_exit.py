"""A program ends while it uses other machines: exit code, no hang, no noise, nothing left there.

Each way to end with each thing that may run, in processes of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from conditions import until

if TYPE_CHECKING:
    from ssh_server import Sshd

    from .conftest import Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")

PROGRAM = """
import os, signal, sys, threading, time
from pathlib import PosixPath
from psbridge import SSH, Session, SessionClosedError, WinRM
def until(condition):
    give_up_at = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
def output(job):
    return all(child.net.Output.Count for child in job.children)
LOOP = "$PID; while ($true) { [Threading.Thread]::Sleep(20) }"
to, mute = TARGET, MUTE
shell = Session()
shell.run("1")
RUNS
print("ready", flush=True)
sys.stdin.readline()
"""

# What runs when the program ends.
RUNS = {
    "a job": "job = shell.start_remote(LOOP, [to, to])\nuntil(lambda: output(job))",
    "an opening": "job = shell.start_remote('1', [mute, mute])\nuntil(lambda: job.children)",
    "a kept session": "web = shell.connect(to)\nweb.run('1')",
    "a kept session's job": "web = shell.connect(to)\njob = web.start(LOOP)\n"
    "until(lambda: output(job))",
    "a call in a thread": "web = shell.connect(to)\n"
    "def call():\n    try: web.run(LOOP)\n    except SessionClosedError: pass\n"
    "threading.Thread(target=call, daemon=True).start()\n"
    "until(lambda: web._pipeline is not None)",
    "much output": "job = shell.start_remote('while ($true) { \"x\" * 1000 }', [to])\n"
    "until(lambda: output(job))",
}


class Way(NamedTuple):
    """A way to end: what the program does, or the signal that it gets, and its exit code."""

    does: str | signal.Signals
    code: int
    said: str = ""


WAYS = {
    "the end": Way("", 0),
    "sys.exit": Way("sys.exit(7)", 7),
    "an exception": Way("raise ValueError('mine')", 1, "ValueError: mine"),
    "a closed session": Way("shell.close()", 0),
    "os._exit": Way("os._exit(10)", 10),
    "SIGTERM": Way(signal.SIGTERM, 143),
    "SIGINT": Way(signal.SIGINT, -signal.SIGINT, "KeyboardInterrupt"),
    "SIGKILL": Way(signal.SIGKILL, -signal.SIGKILL),
}


def pairs() -> list[tuple[str, str]]:
    """Each way, and each thing that runs, more than once; not each pair, for they take long."""
    ways, runs = list(WAYS), list(RUNS)
    chosen = [(way, runs[number % len(runs)]) for number, way in enumerate(ways)]
    chosen += [(way, runs[(number + 3) % len(runs)]) for number, way in enumerate(ways)]
    return chosen


def check_nothing_is_left(machine: Machine, *, far: bool = True) -> None:
    until(lambda: not machine.lines(), 10)
    try:
        until(lambda: not (far and machine.far_processes()), 10)
    except AssertionError:
        pytest.fail(f"processes are left; the machine's account:\n{machine.account()}")


@pytest.mark.parametrize(("way", "runs"), pairs(), ids=[", ".join(pair) for pair in pairs()])
def test_a_program_ends_as_it_should(machine: Machine, way: str, runs: str) -> None:
    does, code, said = WAYS[way]
    program = PROGRAM.replace("TARGET", machine.code(machine.target())).replace("RUNS", RUNS[runs])
    program = program.replace("MUTE", machine.code(machine.mute(open_timeout=4)))
    if isinstance(does, str):
        program += does
    with subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == b"ready\n", process.communicate()
        began = time.monotonic()
        if isinstance(does, signal.Signals):
            process.send_signal(does)
        out, err = process.communicate(b"" if isinstance(does, signal.Signals) else b"\n", 60)
        # A machine that answers has ten seconds, on top of which the process ends.
        assert time.monotonic() - began < 15
    last = err.decode().rstrip().rpartition("\n")[2]
    assert (process.returncode, out, last) == (code, b"", said), err.decode()
    killed = way in ("SIGKILL", "os._exit")
    check_nothing_is_left(machine, far=machine.hears_of_a_kill or not killed)


def test_each_way_and_each_thing_that_runs_is_among_them() -> None:
    assert {way for way, _ in pairs()} == set(WAYS)
    assert {runs for _, runs in pairs()} == set(RUNS)


def test_an_end_waits_for_no_machine_that_is_deaf(sshd: Sshd) -> None:
    """Not longer than a few seconds, for several of them together.

    Over WinRM that is one of the tests of leaving.
    """
    program = PROGRAM.replace("TARGET", sshd.code(sshd.target())).replace("MUTE", "None")
    program = program.replace(
        "RUNS",
        "webs = [shell.connect(to) for _ in range(3)]\njobs = [web.start(LOOP) for web in webs]\n"
        "until(lambda: all(output(job) for job in jobs))",
    )
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        frozen = sshd.session_processes()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            out, err = process.communicate(b"\n", 60)
            assert time.monotonic() - began < 10
            until(lambda: not sshd.lines(), 10)
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
    assert (process.returncode, out, err) == (0, b"", b"")
    until(lambda: not sshd.far_processes(), 10)


POOL = """
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import PosixPath
from psbridge import SSH, Session, SessionClosedError, WinRM
LOOP = "$PID; while ($true) { [Threading.Thread]::Sleep(20) }"
to = TARGET
shell = Session()
shell.run("1")
FIRST
opened = threading.Barrier(2, lambda: print("ready", flush=True))
def call(number):
    try:
        use(number)
    except SessionClosedError:
        pass
def use(number):
    with shell.connect(to) as web:
        job = web.start(LOOP)
        while not job.children[0].net.Output.Count:
            threading.Event().wait(0.01)
        opened.wait()
        job.wait() if number else web.run("1")
"""


ENDS_A_POOL = (
    "with ThreadPoolExecutor(2) as pool:\n"
    "    for number in range(4):\n"
    "        pool.submit(call, number)\n"
)
WAITS = (
    "for number in range(2):\n"
    "    threading.Thread(target=call, args=[number], daemon=True).start()\n"
    "threading.Event().wait()"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("first", "waits"),
    [
        ("", ENDS_A_POOL),
        ("shell.connect(to).close()", ENDS_A_POOL),
        ("", WAITS),
        ("shell.connect(to).close()", WAITS),
    ],
    ids=["a pool", "a pool, with a handler", "a wait", "a wait, with a handler"],
)
def test_a_signal_ends_what_other_threads_do(
    machine: Machine, first: str, waits: str, number: signal.Signals
) -> None:
    program = POOL.replace("TARGET", machine.code(machine.target())).replace("FIRST", first)
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program + waits],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", process.communicate()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err.decode()
    assert out == b""
    assert err == b""
    check_nothing_is_left(machine)
