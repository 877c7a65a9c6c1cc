"""Case 8 of the reported faults: eight targets in one job, and not a byte on the terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conditions import until

if TYPE_CHECKING:
    from ssh_server import Sshd


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")

PROGRAM = """
import json, os, socket, sys, time
from pathlib import PosixPath
from psbridge import SSH, JobFailed, Session
told = os.fdopen(int(sys.argv[1]), "w")
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(10)
silent = SILENT
targets = TARGETS
with Session() as shell:
    shell.run("1")
    began = time.monotonic()
    job = shell.start_remote("1..3; Write-Warning w", list(targets.values()))
    seconds = {}
    while len(seconds) < len(targets):
        for name, child in zip(targets, job.children):
            if child.finished:
                seconds.setdefault(name, time.monotonic() - began)
        assert time.monotonic() - began < 60
        time.sleep(0.01)
    children = {
        name: [child.location, child.state, child.reason, seconds[name]]
        for name, child in zip(targets, job.children)
    }
    try:
        job.result()
    except JobFailed as failed:
        result = failed.result
        head = str(failed).splitlines()[0]
    job = shell.start_remote("1", silent)
    time.sleep(0.5)
    began = time.monotonic()
    job.stop()
    stop = [job.children[0].state, time.monotonic() - began]
    good = shell.start_remote("'good'", targets["banner"]).result(60)
json.dump([children, head, result, len(result.warnings), stop, good], told)
told.close()
listener.close()
"""


def program(sshd: Sshd, config: Path) -> str:
    silent = sshd.code(sshd.target(open_timeout=5)).replace(
        f"port={sshd.port}", "port=listener.getsockname()[1]"
    )
    alias = {"HostKeyAlias": f"[localhost]:{sshd.port}"}
    good: dict[str, dict[str, Any]] = {
        "banner": {"port": sshd.banner_port, "open_timeout": 30},
        "noisy": {"subsystem": "noisy", "open_timeout": 30},
        "alias": {"host": "WEB1", "port": None, "config": config, "options": alias},
    }
    bad: dict[str, dict[str, Any]] = {
        "no subsystem": {"subsystem": "nothing"},
        "closed port": {"port": 1},
        "wrong key": {"key_file": sshd.other_key},
        "unknown host": {"options": {"UserKnownHostsFile": "/dev/null"}},
    }
    codes = {name: sshd.code(sshd.target(**settings)) for name, settings in good.items()}
    codes |= {
        name: sshd.code(sshd.target(open_timeout=5, **settings)) for name, settings in bad.items()
    }
    targets = ", ".join(f"{name!r}: {code}" for name, code in codes.items())
    return PROGRAM.replace("SILENT", silent).replace("TARGETS", f"{{{targets}, 'silent': silent}}")


REASONS = {
    "no subsystem": "subsystem request failed on channel 0",
    "closed port": "ssh: connect to host localhost port 1: Connection refused",
    "wrong key": "Permission denied (publickey)",
    "unknown host": "Host key verification failed.",
    "silent": "nothing answered there in time",
}


@pytest.mark.parametrize("where", ["pipe", "terminal"])
def test_eight_targets_in_one_job(sshd: Sshd, tmp_path: Path, where: str) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host WEB1\n    HostName localhost\n    Port {sshd.port}\n", "utf-8")
    reading, told = os.pipe()
    shown = bytearray()
    terminal, end = pty.openpty() if where == "terminal" else os.pipe()
    command = [sys.executable, "-W", "error", "-c", program(sshd, config), str(told)]
    process = subprocess.Popen(
        command,
        stdin=end if where == "terminal" else subprocess.DEVNULL,
        stdout=end, stderr=end, pass_fds=[told], start_new_session=True,
        # With a window system, ssh would ask there, were it let.
        env={**os.environ, "DISPLAY": ":0", "SSH_ASKPASS": "/bin/false"},
    )  # fmt: skip
    os.close(end)
    os.close(told)

    def collect() -> None:
        try:
            while data := os.read(terminal, 4096):
                shown.extend(data)
        except OSError:  # of a terminal that nobody has any more
            pass

    collecting = threading.Thread(target=collect)
    collecting.start()
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    assert process.wait(30) == 0, bytes(shown)
    collecting.join(10)
    os.close(terminal)
    assert bytes(shown) == b""
    children, head, result, warnings, stop, good = json.loads(answer)
    for name in ("banner", "noisy", "alias"):
        assert children[name][1:3] == ["Completed", None], children[name]
    assert children["alias"][0] == "WEB1"
    for name, words in REASONS.items():
        location, state, reason, seconds = children[name]
        assert (state, words in reason, seconds < 7) == ("Failed", True, True), children[name]
        assert reason.startswith(f"{location}: ")
    assert head.endswith("failed in 5 of 8 children")
    assert (sorted(result), warnings, good) == (sorted([1, 2, 3] * 3), 3, ["good"])
    assert (stop[0], stop[1] < 2) == ("Stopped", True)
    until(lambda: not (sshd.near_processes() or sshd.far_processes()), 10)
