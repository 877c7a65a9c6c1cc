"""SIGTERM and SIGHUP, with and without remote sessions."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")

# Nothing connects: a connection that is made is what counts.
PROGRAM = """
import signal, sys, threading
from psbridge import SSH, Session
from psbridge.remote.carrying import FanOut, connection_to

def mine(number, frame):
    print("mine", flush=True)
    sys.exit(9)

with Session() as shell:
    {before}
    {use}
    {after}
    try:
        print("ready", flush=True)
        shell.run("Start-Sleep -Seconds 60")
    finally:
        print("finally", flush=True)
"""
USE = 'connection_to(SSH("nowhere"), FanOut())'
OTHER = f"other = threading.Thread(target=lambda: {USE}); other.start(); other.join()"
SET = "signal.signal(NUMBER, mine)"


def signalled(program: str, number: signal.Signals) -> tuple[int, str, str]:
    """Send a signal to a program that is ready; gives its exit code, and what it said."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()  # else the end of `with` waits for it
            raise
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("use", "before", "after", "code", "said"),
    [
        (USE, "", "", None, ["finally"]),
        (OTHER, "", "", None, ["finally"]),
        ("", "", "", 0, []),
        (USE, SET, "", 9, ["mine", "finally"]),
        (USE, "", SET, 9, ["mine", "finally"]),
    ],
    ids=["main thread", "another thread", "no remote session", "handler before", "handler after"],
)
def test_a_signal_ends_in_order_where_there_are_remote_sessions(
    number: signal.Signals, use: str, before: str, after: str, code: int | None, said: list[str]
) -> None:
    """None stands for the code that a shell shows for it, and 0 for an end by the signal itself."""
    program = PROGRAM.format(use=use, before=before, after=after).replace(
        "NUMBER", str(int(number))
    )
    expected = 128 + number if code is None else code or -number
    ended, out, err = signalled(program, number)
    assert (ended, out.split(), err) == (expected, said, "")


# The main thread runs no Python code from before the connection is made.
WAITING = f"""
import queue, threading, time
from psbridge import SSH, Session
from psbridge.remote.carrying import FanOut, connection_to

def connect():
    time.sleep(0.5)
    {USE}
    print("ready", flush=True)

with Session() as shell:
    threading.Thread(target=connect, daemon=True).start()
    try:
        WAIT
    finally:
        print("finally", flush=True)
"""
WAITS = {
    "an event": "threading.Event().wait()",
    "a queue": "queue.Queue().get()",
    "a thread": "thread = threading.Thread(target=time.sleep, args=[60], daemon=True); "
    "thread.start(); thread.join()",
    "a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_main_thread_that_waits_in_python_is_told(wait: str, number: signal.Signals) -> None:
    assert signalled(WAITING.replace("WAIT", wait), number) == (128 + number, "finally\n", "")


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As nohup starts a program."""
    program = PROGRAM.format(use=USE, before="", after="").replace("Seconds 60", "Milliseconds 500")
    with subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "finally\n")
