"""A session on another machine, in a forked child of the program that has opened it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Machine

PROGRAM = """
import asyncio, os, sys
from pathlib import Path, PosixPath
from psbridge import *
shell = Session()
far = shell.connect({target})
far.net
running = far.start("1")
assert running.wait(60)
given = {{
    "run": ["1"], "show": ["1"], "show_file": [Path(os.__file__)],
    "resolve_path": ["x"], "complete": ["x"], "answering": [["x"]], "start": ["1"],
    "run_file": ["x.ps1"], "call": ["x"], "stream": ["1"], "text": ["1"], "arun": ["1"],
    "acall": ["x"], "astream": ["1"],
}}
# What is Python's alone; to close is nothing here.
harmless = {{
    "close", "closed", "commands", "variables", "engine", "exit_code", "net", "location", "target",
}}
def use(name):
    found = getattr(far, name)
    found = found(*given.get(name, [])) if callable(found) else found
    return asyncio.run(found) if asyncio.iscoroutine(found) else found
pid = os.fork()
if pid == 0:
    for name in (n for n in dir(RemoteSession) if n[0] != "_" and n not in harmless):
        try:
            print(name, repr(use(name)), flush=True)
        except ForkedProcessError:
            pass
    repr(far), far.location
    far.close()
    shell.close()
    sys.exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
assert far.run("1") == [1]
shell.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_everything_refuses_there_and_the_session_goes_on_here(machine: Machine) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(target=machine.code(machine.target()))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
