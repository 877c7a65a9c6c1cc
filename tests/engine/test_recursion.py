"""Recursion without end that calls .NET ends with a RecursionError, and not with the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunPython

# Each of these aborted the process, or did so where the class of its error was new to Python.
CODE = """
import sys
from psbridge import Session

shell = Session()
import System

CALLS = {
    "a value": lambda: System.Math.Floor(1.5),
    "a structure": lambda: System.Guid.Parse("00000000-0000-0000-0000-000000000000"),
    "text": lambda: System.Text.StringBuilder("x").ToString(),
    "a wrong argument": lambda: System.String.IsNullOrEmpty(1),
    "an exception of .NET's": lambda: System.Int32.Parse("x"),
    "a delegate": lambda: System.Action(lambda: None)(),
    "a delegate that raises": lambda: System.Action(lambda: 1 / 0)(),
}

def recurse(call):
    try:
        call()
    except RecursionError:
        raise
    except Exception:
        pass
    recurse(call)

sys.setrecursionlimit(120)  # the same, and quicker
for name, call in CALLS.items():
    try:
        recurse(call)
    except RecursionError as error:
        print(name, "-", type(error).__name__, flush=True)
print(shell.run("1 + 1"))
shell.close()
"""
SAID = """a value - RecursionError
a structure - RecursionError
text - RecursionError
a wrong argument - RecursionError
an exception of .NET's - RecursionError
a delegate - RecursionError
a delegate that raises - RecursionError
[2]
"""


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "new"])
def test_a_recursion_that_calls_net_ends(
    compiled: bool, tmp_path: Path, run_python: RunPython
) -> None:
    done = run_python(CODE, env={} if compiled else {"XDG_CACHE_HOME": str(tmp_path)}, timeout=120)
    assert (done.stdout, done.returncode) == (SAID, 0), done.stderr[:2000]
