"""Whether a program ends as it should while jobs run: exit code, no crash, no noise.

    python -m benchmarks.exits [--count 200] [--processes 2]

Each exit is a way to end and something that runs meanwhile. All pairs are gone through, again and
again up to the count. It fails with the output of those that ended otherwise.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

__all__ = ["LOADS", "WAYS", "Exit", "exits", "run"]

PROGRAM = """
import itertools, os, signal, sys, threading, time
from psbridge import Job, JobGroup, Session
shell = Session()
# Imports what a run needs. A thread that imports a module with a dataclass in it while the program
# ends by Ctrl-C makes CPython forget that, and exit with 1: it does so for whatever runs as text.
shell.run("1")
def numbers():
    for number in itertools.count():
        yield number
        time.sleep(0.001)
class Waiting(Job):
    def run(self):
        while not self.stopping:
            time.sleep(0.01)
def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
def running(script):
    shell.run(script)
    until(lambda: all(job.state == "Running" for job in shell.jobs))
def in_threads(work):
    begun = threading.Barrier(4)
    def loop():
        begun.wait()
        while True:
            work()
    for _ in range(3):
        threading.Thread(target=loop, daemon=True).start()
    begun.wait()
"""

# What runs when the program ends.
LOADS = {
    "nothing": "",
    "generators": "for _ in range(9): job = shell.start(numbers)\n"
    "until(lambda: job.state == 'Running' and job.has_more_data)",
    "jobs that look at `stopping`": "job = shell.start(JobGroup([Waiting() for _ in range(9)]))\n"
    "until(lambda: job.state == 'Running')",
    "jobs in processes": "job = shell.start(JobGroup.map(time.sleep, [5, 5], executor='process'))\n"
    "until(lambda: all(child.state == 'Running' for child in job.children))",
    "Start-ThreadJob": "running('1..3 | % { Start-ThreadJob { while ($true) { Get-Random } } }')",
    "Start-Job": "running('Start-Job { while ($true) { Start-Sleep 1 } }')",
    "sessions that are not closed": "others = [Session() for _ in range(3)]\n"
    "for other in others: other.variables['a'] = [1]\nloop = others; loop.append(loop)",
    "daemon threads in run()": "others = [Session() for _ in range(3)]\n"
    "turns = iter(others)\nin_threads(lambda other=turns: next(other).run('Start-Sleep 100'))",
    "daemon threads in short calls of .NET": "import System\n"
    "in_threads(lambda: System.Collections.ArrayList().Add(System.Guid.NewGuid().ToString()))",
    ".NET's objects everywhere": "import System\n"
    "kept = [System.Collections.ArrayList() for _ in range(9999)]; kept.append(kept)\n"
    "called = System.Action(lambda: None)\nsys.kept = System.EventHandler(lambda s, e: kept)\n"
    "class Kept(System.Exception): pass\nkept.append(Kept())",
}


class Way(NamedTuple):
    """A way to end.

    Attributes:
        code: what the program does.
        exit_code: its exit code then; of a signal, its number below zero.
        said: the last line of stderr; empty where it says nothing.
    """

    code: str
    exit_code: int
    said: str = ""


WAYS = {
    "the end": Way("", 0),
    "sys.exit": Way("sys.exit(7)", 7),
    "an exception": Way("raise ValueError('mine')", 1, "ValueError: mine"),
    "a closed session": Way("shell.close()", 0),
    "the end of a thread": Way(
        "threading.Thread(target=lambda: (time.sleep(0.1), shell.run('1'))).start()", 0
    ),
    "sys.exit in a pipeline's thread": Way(
        "threading.Timer(0.1, lambda: signal.raise_signal(signal.SIGUSR1)).start()\n"
        "signal.signal(signal.SIGUSR1, lambda *_: sys.exit(8))\nshell.run('Start-Sleep 100')",
        8,
    ),
    "SIGTERM": Way("os.kill(os.getpid(), signal.SIGTERM); time.sleep(100)", -signal.SIGTERM),
    "SIGINT": Way(
        "os.kill(os.getpid(), signal.SIGINT); time.sleep(100)", -signal.SIGINT, "KeyboardInterrupt"
    ),
    "[Environment]::Exit": Way("shell.run('[Environment]::Exit(9)')", 9),
    "os._exit": Way("os._exit(10)", 10),
}


class Exit(NamedTuple):
    """An exit: the names of a way and of what runs meanwhile."""

    way: str
    load: str


def exits() -> Iterator[Exit]:
    """All pairs; any ten in a row have every way and everything that runs in them."""
    ways, loads = list(WAYS), list(LOADS)
    for shift in range(len(loads)):
        for number, way in enumerate(ways):
            yield Exit(way, loads[(number + shift) % len(loads)])


def run(which: Exit) -> str:
    """Run one; gives what is wrong with its end, or nothing."""
    way = WAYS[which.way]
    code = "\n".join([PROGRAM, LOADS[which.load], way.code])
    try:
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "DOTNET_DbgEnableMiniDump": "0"},
        )
    except subprocess.TimeoutExpired as late:
        return f"it has not ended after {late.timeout:g} s\n{late.stdout!r}\n{late.stderr!r}"
    last = done.stderr.rstrip().rpartition("\n")[2]
    if (done.returncode, last, done.stdout) == (way.exit_code, way.said, ""):
        return ""
    return f"exit code {done.returncode}, not {way.exit_code}\n{done.stdout}{done.stderr}"


def main() -> int:
    """Run them and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exits")
    parser.add_argument("--count", type=int, default=200, help="how many (200)")
    parser.add_argument("--processes", type=int, default=2, help="how many at once (2)")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignores it
    chosen = list(itertools.islice(itertools.cycle(exits()), given.count))
    wrong = 0
    with ThreadPoolExecutor(given.processes) as pool:
        for which, problem in zip(chosen, pool.map(run, chosen), strict=True):
            if problem:
                wrong += 1
                print(f"{which.way}, {which.load}: {problem}", flush=True)
    print(f"{given.count - wrong} of {given.count} exits are as they should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
