"""Jobs that have ended and been removed leave memory, threads and files where they were."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conftest import RunPython

PROLOGUE = """
import gc, os, threading
from pathlib import Path
from psbridge import FunctionJob, JobGroup, Session

def collected():
    import System
    for _ in range(3):
        gc.collect()
        System.GC.Collect()
        System.GC.WaitForPendingFinalizers()
    # Gives back what is free, which is otherwise kept or not, by tens of megabytes.
    System.GC.Collect(2, System.GCCollectionMode.Aggressive, True, True)
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    files = len(os.listdir("/proc/self/fd"))
    return resident, System.GC.GetTotalMemory(True), threading.active_count(), files
"""


# How many jobs come and go in each of four rounds; more of them take minutes, and show no more.
JOBS = int(os.environ.get("PSBRIDGE_LEAKS_JOBS", "4000"))


def test_jobs_that_come_and_go_leave_memory_where_it_was(run_python: RunPython) -> None:
    code = (
        PROLOGUE
        + f"count = {JOBS}"
        + """
def jobs(count):
    for _ in range(count // 500):
        for number in range(500):
            shell.start(FunctionJob(int, number))
        got = shell.run("(Get-Job | Wait-Job | Receive-Job).Count; Get-Job | Remove-Job")
        assert got == [500], got

with Session() as shell:
    jobs(4000)
    states = [collected()]
    for _ in range(4):
        jobs(count)
        states.append(collected())
for before, after in zip(states, states[1:]):
    print(*[int(b - a) for a, b in zip(before, after)])
"""
    )
    ran = run_python(code, timeout=400)
    assert (ran.returncode, ran.stderr) == (0, "")
    rounds = [list(map(int, line.split())) for line in ran.stdout.splitlines()]
    # What grows with the jobs grows in each round; what .NET happens to keep is in some of them.
    resident, managed, threads, files = map(min, zip(*rounds, strict=True))
    assert managed < 24 * JOBS  # what an object that is kept for each job has at least
    assert resident < 170 * JOBS
    assert threads <= 0
    assert files <= 0


def test_a_finished_job_costs_at_most_ten_kilobytes(run_python: RunPython) -> None:
    code = (
        PROLOGUE
        + """
with Session() as shell:
    def cost(start, count):
        before = collected()[0]
        kept = start(count)
        return (collected()[0] - before) // count

    def single(count):
        handles = [shell.start(FunctionJob(int, number)) for number in range(count)]
        assert all(handle.wait(60) for handle in handles)
        return handles

    def children(count):
        handle = shell.start(JobGroup.map(int, iter(range(count)), throttle_limit=4))
        assert handle.wait(120)
        return handle

    single(1000)
    print(cost(single, 10_000), cost(children, 30_000))
"""
    )
    ran = run_python(code, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")
    single, child = map(int, ran.stdout.split())
    assert single <= 10 * 1024
    assert child <= 5 * 1024
