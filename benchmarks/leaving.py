"""How long a program takes to end while jobs run, from its last line to the end of its process.

    python -m benchmarks.leaving [--rounds 5] [--only WORDS]

Beside each kind of PowerShell's own jobs stands the same in ``pwsh -NoProfile -Command``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from statistics import median

from psbridge.engine.finding import find

from .measuring import FIRST_RESULT, Subject, interleaved, python

# The clock of Python's time.monotonic, in seconds.
PWSH_NOW = "'first ' + [Diagnostics.Stopwatch]::GetTimestamp() / 1e9"

# PowerShell's own jobs, the same for both programs.
NATIVE = {
    "no job": "1 | Out-Null",
    "1 Start-Job": "$j = Start-Job { Start-Sleep 100 }; "
    "while ($j.State -ne 'Running') { Start-Sleep -Milliseconds 10 }",
    "1 Start-ThreadJob": "$j = Start-ThreadJob { Start-Sleep 100 }; "
    "while ($j.State -ne 'Running') { Start-Sleep -Milliseconds 10 }",
    "20 Start-ThreadJob": "$j = 1..20 | ForEach-Object { "
    "Start-ThreadJob { Start-Sleep 100 } -ThrottleLimit 20 }; "
    "while ($j.State -ne 'Running') { Start-Sleep -Milliseconds 10 }",
}

# Jobs written in Python; `started` counts those whose work has begun.
PYTHON = {
    "1 generator in time.sleep(0.01)": "started = start(generator, 1, 0.01)",
    "1 generator in time.sleep(1)": "started = start(generator, 1, 1)",
    "1 generator in time.sleep(100)": "started = start(generator, 1, 100)",
    "200 generators in time.sleep(0.01)": "started = start(generator, 200, 0.01)",
    "200 that look at `stopping`": "started = start(cooperative, 200, 0.01)",
    "200 that wait for an event": "started = start(waiting, 200, 0)",
    "200 in one group": "started = start_group(cooperative, 200, 0.01)",
    "4 in processes": "started = start_group(sleeping, 4, 100, executor='process')",
}

PROGRAM = """
import threading, time
from psbridge import FunctionJob, Job, JobGroup, Session
began = threading.Semaphore(0)
class cooperative(Job):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
    def run(self):
        began.release()
        while not self.stopping:
            time.sleep(self.seconds)
class waiting(Job):
    def __init__(self, seconds):
        super().__init__()
        self.asked = threading.Event()
    def stop(self):
        self.asked.set()
    def run(self):
        began.release()
        self.asked.wait()
def work(seconds):
    began.release()
    while True:
        time.sleep(seconds)
        yield 1
def generator(seconds):
    return FunctionJob(work, seconds)
def sleeping(seconds):
    began.release()
    return FunctionJob(time.sleep, seconds)
def start(make, count, seconds):
    for _ in range(count):
        shell.start(make(seconds))
    return count
def start_group(make, count, seconds, **options):
    jobs = [make(seconds) for _ in range(count)]
    handle = shell.start(JobGroup(jobs, throttle_limit=count, **options))
    while options and any(child.state != "Running" for child in handle.children):
        time.sleep(0.01)
    return count
shell = Session()
"""


def subjects(executable: str, only: str) -> list[Subject]:
    """What is measured."""
    psbridge = str(Path(sys.executable).with_name("psbridge"))
    found = []
    for name, script in NATIVE.items():
        code = f"{PROGRAM}\nshell.run({script!r})\n{FIRST_RESULT}"
        command = [executable, "-NoProfile", "-Command", f"{script}; {PWSH_NOW}"]
        found.append(Subject(f"{name}, pwsh", command))
        found.append(Subject(f"{name}, psbridge run", [psbridge, "run", f"{script}; {PWSH_NOW}"]))
        found.append(Subject(f"{name}, Session", python(code)))
    module = str(Path(__file__).with_name("sleeping.py"))
    for count in (1, 200):
        script = f"$null = 1..{count} | ForEach-Object {{ Start-Sleeping -AsJob }}; {PWSH_NOW}"
        command = [psbridge, "run", "-m", module, script]
        found.append(Subject(f"{count} Python cmdlets -AsJob, psbridge run", command))
    for name, start in PYTHON.items():
        wait = "for _ in range(started): began.acquire()"
        found.append(Subject(name, python(f"{PROGRAM}\n{start}\n{wait}\n{FIRST_RESULT}")))
    return [subject for subject in found if only in subject.name]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaving")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (5)")
    parser.add_argument("--only", default="", help="part of the names of those to measure")
    given = parser.parse_args()
    home = find()
    os.environ["PSBRIDGE_PSHOME"] = str(home.path)
    measured = subjects(str(home.executable), given.only)
    print(f"PowerShell {home.version}, {given.rounds} rounds, from the last line to the end")
    print(f"{'':40}   median ms      most ms")
    for name, measures in interleaved(measured, given.rounds).items():
        leaving = [1000 * (m.wall - m.first) for m in measures if m.first is not None]
        print(f"{name:40}  {median(leaving):10.0f}   {max(leaving):10.0f}")


if __name__ == "__main__":
    main()
