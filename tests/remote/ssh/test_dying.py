"""An ssh that ends at once, or at any other moment: a failed child, never an abort or a hang.

In processes of their own, for what an abort would take with it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ...conftest import RunPython

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs /bin/sh")

PROGRAM = """
import collections, itertools, os, signal, sys, threading, time
from psbridge import SSH, Session
def until(condition):
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
def threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ssh ")]
def settled():
    until(lambda: not threads())
    return sum(1 for _ in os.scandir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
folder = sys.argv[1] if len(sys.argv) > 1 else ""
seen = collections.Counter()
with Session() as shell:
    shell.start_remote("1", SSH("m", executable="/bin/true")).wait()
    before = settled()
    RUN
    assert settled() <= before + 4, (before, settled())
for (state, reason), count in sorted(seen.items()):
    print(count, state, reason)
"""

JOBS = """
    for _ in range(COUNT):
        job = shell.start_remote("1", [TARGET for host in "abcd"])
        assert job.wait(20), [child.state for child in job.children]
        seen.update((child.state, child.reason.partition(": ")[2]) for child in job.children)
        job.remove()
"""


def run(run_python: RunPython, code: str, timeout: float = 110) -> list[str]:
    done = run_python(PROGRAM.replace("    RUN", code), timeout=timeout)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def jobs(run_python: RunPython, target: str, count: int) -> list[str]:
    return run(run_python, JOBS.replace("COUNT", str(count)).replace("TARGET", target))


def fake(tmp_path: Path, text: str) -> str:
    path = tmp_path / "ssh"
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return f"SSH(host, executable={str(path)!r}, open_timeout=5)"


def test_it_ends_at_once_200_times(run_python: RunPython) -> None:
    (line,) = jobs(run_python, "SSH(host, executable='/bin/false')", 50)
    assert line.startswith("200 Failed ssh ended with 1, the exit code of the subsystem")


def test_the_real_one_finds_nobody_200_times(run_python: RunPython) -> None:
    import shutil

    if shutil.which("ssh") is None:
        pytest.skip("there is no ssh")
    # Nothing listens on the first port of all.
    (line,) = jobs(run_python, "SSH('localhost', port=1, config='none')", 50)
    assert line.startswith("200 Failed ssh ended with 255; ssh: connect to host localhost port 1:")


# What the far side says to the first packets, as far as the engine looks: they are acknowledged.
ACK = "echo \"<DataAck PSGuid='00000000-0000-0000-0000-000000000000' />\""
MOMENTS = {
    "after it has read": ("read line; exit 255", "ssh ended with 255"),
    "after a while": ("sleep 0.02; exit 255", "ssh ended with 255"),
    "after an answer": (f"read line; {ACK}; exit 255", "ssh ended with 255"),
    "in a packet": ("read line; printf '<Data Stream'; exit 255", "it printed: <Data Stream"),
    "by a signal": ("kill -9 $$", "ssh was ended by signal 9 (SIGKILL)"),
    "with much to say": ("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 255", "; xxxxx"),
    "with much to print": ("head -c 3000000 /dev/zero | tr '\\0' y; exit 255", "printed: yyyyy"),
    # Where all is written already, nobody can see that it reads nothing any more.
    "after its input": (
        "exec 0<&-; sleep 60",
        ("ssh has closed its input", "no PowerShell session"),
    ),
    "after its output": ("exec 1>&-; sleep 60", "ssh has closed its input or its output"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_it_ends(run_python: RunPython, tmp_path: Path, moment: str) -> None:
    text, reason = MOMENTS[moment]
    count = 1 if "sleep 60" in text else 10
    lines = jobs(run_python, fake(tmp_path, text), count)
    assert sum(int(line.split()[0]) for line in lines) == 4 * count
    reasons = (reason,) if isinstance(reason, str) else reason
    assert all(" Failed " in line and any(r in line for r in reasons) for line in lines), lines


def test_what_is_printed_damages_a_session_and_nothing_else(
    run_python: RunPython, tmp_path: Path
) -> None:
    data = "<Data Stream='Default' PSGuid='00000000-0000-0000-0000-000000000000'>"
    texts = [
        f'echo "{data}!!!!</Data>"; sleep 1',
        f'echo "{data}AAAA</Data>"; sleep 1',
        f'printf "{data}\\377</Data>\\n"; sleep 1',
        f'echo "{data}$(head -c 60 /dev/zero | base64 -w 0)</Data>"; sleep 1',
        "head -c 200000 /dev/urandom; exit 255",
    ]
    for text in texts:
        lines = jobs(run_python, fake(tmp_path, text), 2)
        assert {line.split()[1] for line in lines} == {"Failed"}, text


def test_sessions_and_stops_meet_an_ssh_that_ends(run_python: RunPython, tmp_path: Path) -> None:
    """Kept sessions, and jobs that are stopped in the moment in which ssh ends."""
    target = fake(tmp_path, "sleep 0.01; echo no luck >&2; exit 255").replace("host", "'m'")
    code = f"""
    from psbridge import PowerShellError
    for number in range(25):
        try:
            shell.connect({target})
        except PowerShellError as error:
            seen["connect", str(error)] += 1
        job = shell.start_remote("1", [{target}] * 4)
        time.sleep(number % 10 / 500)
        job.stop()
        assert job.wait(20)
        states = {{child.state for child in job.children}}
        assert states <= {{"Stopped", "Failed"}}, states
        job.remove()
"""
    assert run(run_python, code) == ["25 connect m: ssh ended with 255; no luck"]
