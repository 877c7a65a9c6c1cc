"""``import psbridge`` starts nothing, loads little and is quick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import RunPython

# What is needed only once something is started, fetched, shown or asked for.
LATER = {
    *("clr", "pythonnet", "clr_loader", "cffi", "ctypes", "System"),
    *("rich", "requests", "winrm", "platformdirs", "filelock"),
    *("asyncio", "subprocess", "tempfile", "ssl", "xml", "zipfile"),
    "psbridge.cli",
    "psbridge.setup",
}

# Milliseconds on top of the interpreter's own start.
LIMIT = 60


def test_it_loads_little(run_python: RunPython, tmp_path: Path) -> None:
    code = f"""
import os, sys, threading
before, threads = dict(os.environ), threading.active_count()
import psbridge
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

    milliseconds("import psbridge")
    differences = [milliseconds("import psbridge") - milliseconds("pass") for _ in range(15)]
    assert median(differences) < LIMIT
