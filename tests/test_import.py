"""``from psbridge import Session`` starts nothing, loads little and is quick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import RunPython

# What is needed only once something is started, fetched, shown or asked for.
LATER = {
    *("clr", "pythonnet", "clr_loader", "cffi", "ctypes", "System"),
    *("rich", "requests", "winrm", "platformdirs", "filelock"),
    *("asyncio", "subprocess", "tempfile", "ssl", "xml", "zipfile", "importlib.resources"),
    *("urllib.request", "http", "email", "hashlib", "json", "shutil", "logging"),
    *("concurrent.futures", "multiprocessing", "decimal", "uuid"),
    "psbridge.cli",
    "psbridge.setup",
    "psbridge.cmdlets.cmdlet",
    "psbridge.cmdlets.declaration",
    "psbridge.jobs.group_run",
    "psbridge.values",
}

# What opening a session and running a pipeline must not bring in either.
NEVER = {
    *("clr_loader", "cffi", "rich", "requests", "winrm", "filelock"),
    *("asyncio", "subprocess", "ssl", "xml", "zipfile", "urllib.request", "http", "email"),
    *("logging", "concurrent.futures", "multiprocessing", "decimal", "uuid"),
    "psbridge.cli",
    "psbridge.cmdlets.cmdlet",
    "psbridge.cmdlets.declaration",
    "psbridge.jobs.group_run",
    "psbridge.session.host",
    "psbridge.setup.feeds",
    "psbridge.values.net_types",
    "psbridge.values.python_to_net",
    "psbridge.values.records",
}

# What it uses of the standard library, and how much longer than that it may take. Milliseconds
# would be those of a quiet machine only.
STANDARD = (
    "import contextlib, dataclasses, datetime, math, pathlib, re, threading, traceback, typing"
)
LIMIT = 1.7


def test_every_name_is_there_when_it_is_asked_for(run_python: RunPython) -> None:
    code = """
import psbridge, pickle
names = sorted(psbridge.__all__)
print(set(names) <= set(dir(psbridge)), sorted(set(names)) == names)
for package in (psbridge, psbridge.cmdlets, psbridge.jobs, psbridge.session):
    for name in package.__all__:
        assert getattr(package, name) is getattr(package, name) is vars(package)[name]
from psbridge import *
print(cmdlet.__module__, Session.__module__, callable(cmdlet))
print(pickle.loads(pickle.dumps(Parameter(position=0))).position)
try:
    psbridge.Sesion
except AttributeError as error:
    print(error)
"""
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        "True True",
        "psbridge.cmdlets.function psbridge.remote.session True",
    ]
    assert done.stdout.splitlines()[-1].startswith("module 'psbridge' has no attribute 'Sesion'")


def test_a_session_loads_little(run_python: RunPython, engine_home: Path) -> None:
    code = f"""
import sys
from psbridge import Session
with Session(pshome={str(engine_home)!r}) as shell:
    assert shell.run("1") == [1]
print(sorted({NEVER!r} & set(sys.modules)))
"""
    done = run_python(code)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "[]\n")


def test_psbridge_run_loads_little(run_python: RunPython, engine_home: Path) -> None:
    code = """
import sys
from psbridge.cli import main
code = main(["run", "1"])
modules = {"importlib.metadata", "email", "zipfile", "rich", "requests", "asyncio"}
modules |= {"psbridge.cli.doctor", "psbridge.cli.setup", "psbridge.cli.build"}
modules |= {"psbridge.setup.feeds", "psbridge.jobs.group_run", "psbridge.cmdlets.cmdlet"}
print(code, sorted(modules & set(sys.modules)))
"""
    done = run_python(code, env={"PSBRIDGE_PSHOME": str(engine_home)})
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "1\n0 []\n")


def test_it_loads_little(run_python: RunPython, tmp_path: Path) -> None:
    code = f"""
import os, sys, threading
before, threads = dict(os.environ), threading.active_count()
from psbridge import Session
from psbridge.engine.starting import started
print(sorted({LATER!r} & set(sys.modules)))
print(started(), threading.active_count() - threads, before == dict(os.environ))
"""
    done = run_python(code, env={"PSBRIDGE_PSHOME": str(tmp_path), "HOME": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["[]", "None 0 True"]
    assert not list(tmp_path.iterdir())


def test_it_is_quick(tmp_path: Path) -> None:
    # As for a user, the bytecode is there, wherever tests are told to write none.
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}

    def milliseconds(code: str) -> float:
        """The process's own time: the clock's depends on what else runs on the machine."""
        code += "; import time; print(1000 * time.process_time())"
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    code = "from psbridge import Session"
    milliseconds(code)
    milliseconds(STANDARD)
    rounds: list[list[float]] = []
    while True:
        rounds.append([milliseconds(c) for c in (code, STANDARD, "pass")])
        # The least of each: what else runs on the machine only adds, the more the more is loaded.
        ours, standard, nothing = (min(column) for column in zip(*rounds, strict=True))
        ratio = (ours - nothing) / (standard - nothing)
        if len(rounds) >= 9 and (ratio < LIMIT or len(rounds) == 50):
            break
    assert ratio < LIMIT
