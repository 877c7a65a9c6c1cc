"""The start of a job's process, and the end of ours in the midst of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# The process ends at once when it has made another one, and says which.
ENDS = """
import os, sys
from multiprocessing import util
from psbridge import JobGroup, Session

def end_after(program, arguments, fds, start=util.spawnv_passfds):
    number = start(program, arguments, fds)
    if any("spawn_main" in str(one) for one in arguments):
        os._exit(9)
    return number

if __name__ == "__main__":
    util.spawnv_passfds = end_after
    shell = Session()
    shell.start(JobGroup.map(abs, [-1], executor="process")).wait(60)
"""

LONG = """
import sys
from psbridge import JobGroup, Session

def work(number):
    return len(sys.argv[1])

if __name__ == "__main__":
    with Session() as shell:
        job = shell.start(JobGroup.map(work, [1], executor="process"))
        assert job.wait(60)
        print(job.receive())
"""


def run(tmp_path: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program to the end of it, and of whoever has its stdout and stderr."""
    program = tmp_path / "program.py"
    program.write_text(code)
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="multiprocessing's own order there")
def test_a_process_is_silent_where_ours_ends_while_it_is_being_made(tmp_path: Path) -> None:
    done = run(tmp_path, ENDS)
    assert (done.returncode, done.stdout, done.stderr) == (9, "", "")


def test_a_process_is_told_more_than_a_pipe_holds(tmp_path: Path) -> None:
    done = run(tmp_path, LONG, "x" * 120_000)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[120000]\n", "")
