"""SIGTERM, with and without remote sessions."""

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
SET = "signal.signal(signal.SIGTERM, mine)"


@pytest.mark.parametrize(
    ("use", "before", "after", "code", "said"),
    [
        (USE, "", "", 143, ["finally"]),
        (OTHER, "", "", 143, ["finally"]),
        ("", "", "", -signal.SIGTERM, []),
        (USE, SET, "", 9, ["mine", "finally"]),
        (USE, "", SET, 9, ["mine", "finally"]),
    ],
    ids=["main thread", "another thread", "no remote session", "handler before", "handler after"],
)
def test_sigterm_ends_in_order_where_there_are_remote_sessions(
    use: str, before: str, after: str, code: int, said: list[str]
) -> None:
    program = PROGRAM.format(use=use, before=before, after=after)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out.split(), err) == (code, said, "")
