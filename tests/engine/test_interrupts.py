"""Signals in the midst of calls of .NET's."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..conftest import RunPython

PROGRAM = """
import signal
from psbridge import Session

class Late(Exception):
    pass

count = 0
def handler(number, frame):
    global count
    count += 1
    raise Late

with Session() as shell:
    from System import Math
    from System.Threading import ManualResetEvent
    call = {call}
    signal.signal(signal.SIGALRM, handler)
    raised = 0
    while raised < 1000:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0007)
            while True:
                call()
        except Late:
            raised += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert raised == count  # none was lost
    assert shell.run("1") == [1]
"""


@pytest.mark.skipif(os.name == "nt", reason="has no such timers")
@pytest.mark.parametrize(
    "call",
    [
        "lambda wait=ManualResetEvent(False).WaitOne: wait(0)",
        "lambda: Math.Max(1, 2)",
        "lambda new=ManualResetEvent: new(False)",
    ],
    ids=["method", "static", "constructor"],
)
def test_what_a_handler_raises_while_an_overload_is_chosen_comes_out(
    run_python: RunPython, call: str
) -> None:
    """One in some dozens of signals aborted the process: pythonnet asks for texts of errors."""
    done = run_python(textwrap.dedent(PROGRAM.replace("{call}", call)), timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_without_a_text_is_an_error(run_python: RunPython) -> None:
    code = """
        from psbridge import Session

        class Mute(Exception):
            def __str__(self):
                raise LookupError("not even that")

        class Fails:
            def __iter__(self):
                raise Mute
            def __len__(self):
                raise Mute

        with Session() as shell:
            from System import Array, Math, Object, String
            for call in (Math.Max, String.Join, Array[Object]):
                for _ in range(3):
                    try:
                        call(Fails(), Fails())
                    except (Exception, Mute):
                        pass
            assert shell.run("1") == [1]
    """
    done = run_python(textwrap.dedent(code))
    assert (done.returncode, done.stderr) == (0, "")
