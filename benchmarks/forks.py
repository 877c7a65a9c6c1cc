"""Whether a program that uses psbridge, and its children, end as they should where it forks.

    python -m benchmarks.forks [--rounds 50] [--processes 2] [NAME ...]

Each way to have children is gone through so many times, in one program where that can be: its
parent has to live through all of them. A program fails where an exit code is not right, where it
prints anything, or where it does not end.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

__all__ = ["WAYS", "Way", "run"]

PROGRAM = """
import gc, multiprocessing, os, signal, subprocess, sys, threading, time
from concurrent.futures import ProcessPoolExecutor
from math import factorial
from psbridge import ForkedProcessError, JobGroup, Session
# Whoever starts this may ignore some, as a shell does for what it runs in the background.
for ending in (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(ending, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
shell = Session()
# A process of .NET's, for which it takes SIGCHLD, and values that a child has to do away with.
native = shell.run("& $args[0] -c pass; Get-Item /", sys.executable)
job = shell.start(sum, [1, 2])
assert job.result(timeout=60) == [3]
import System
def code_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def check(found, expected):
    if found != expected:
        print(f"{found}, not {expected}", flush=True)
def forked(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(99)
    return pid
def waiting():
    \"\"\"A child that says when it waits for a signal.\"\"\"
    reads, writes = os.pipe()
    def wait():
        os.close(reads)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.close(writes)
        while True:
            signal.pause()
    pid = forked(wait)
    os.close(writes)
    os.read(reads, 1)
    os.close(reads)
    return pid
"""

LAST = """
assert shell.run("1..3 | ForEach-Object { $_ }") == [1, 2, 3]
shell.close()
"""


class Way(NamedTuple):
    """A way to have children: the code of a round, and how its program ends.

    Attributes:
        code: a round; it prints where something is wrong.
        exit_code: the program's.
        said: what it writes to stdout.
        once: whether a program has one round only.
    """

    code: str
    exit_code: int = 0
    said: str = ""
    once: bool = False


WAYS = {
    "os.fork, os._exit": Way("check(code_of(forked(lambda: os._exit(3))), 3)"),
    "os.fork, sys.exit": Way("""
        pid = os.fork()
        if pid == 0:
            sys.exit(4)
        check(code_of(pid), 4)
    """),
    "sys.exit in a with": Way("""
        with Session() as inner:
            value = inner.run("Get-Item /")
            pid = os.fork()
            if pid == 0:
                sys.exit(5)
            check(code_of(pid), 5)
    """),
    "a child that does other things": Way("""
        pid = os.fork()
        if pid == 0:
            import xmlrpc.client
            thread = threading.Thread(target=subprocess.run, args=([sys.executable, "-c", ""],))
            thread.start()
            thread.join()
            os.environ["A"] = "b"
            del native, job, shell, System
            gc.collect()
            os._exit(0) if code_of(forked(lambda: os._exit(6))) == 6 else os._exit(7)
        check(code_of(pid), 0)
    """),
    "a child that uses psbridge": Way("""
        pid = os.fork()
        if pid == 0:
            refused = 0
            for use in (lambda: shell.run("1"), Session, lambda: System.Object(), job.wait):
                try:
                    use()
                except ForkedProcessError:
                    refused += 1
            sys.exit(refused)
        check(code_of(pid), 4)
    """),
    "a fork while pipelines and jobs run": Way("""
        if "busy" not in globals():
            work = lambda n: [print(end="") for _ in iter(int, 1)]
            busy = shell.start(JobGroup.map(work, [1, 2]))
            threading.Thread(target=lambda: Session().run("while ($true) { 1 | Out-Null }"),
                             daemon=True).start()
        pid = os.fork()
        if pid == 0:
            sys.exit(8)
        check(code_of(pid), 8)
    """),
    "a fork while threads have exceptions of .NET's": Way("""
        if "handling" not in globals():
            handling = threading.Barrier(9)
            local = threading.local()
            def handle():
                local.value = System.Object()
                try:
                    System.Int32.Parse("x")
                except System.FormatException as error:
                    handling.wait()
                    threading.Event().wait()
            for _ in range(8):
                threading.Thread(target=handle, daemon=True).start()
            handling.wait()
            collect = "while ($true) { [GC]::Collect() }"
            threading.Thread(target=lambda: Session().run(collect), daemon=True).start()
        check(code_of(forked(lambda: os._exit(13))), 13)
        shell.run("Get-Job | Out-Null; 1 | ForEach-Object { $_ }")
    """),
    "a fork while threads of .NET's wait for each other": Way('''
        if "waits" not in globals():
            waits = """
                Add-Type 'public static class Waits {
                    public static void Begin() {
                        var thread = new System.Threading.Thread(() => {
                            while (true) lock (typeof(Waits)) System.Threading.Thread.SpinWait(200);
                        });
                        thread.IsBackground = true;
                        thread.Start();
                    }
                }'
                1..8 | ForEach-Object { [Waits]::Begin() }
            """
            shell.run(waits)
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                sys.exit(14)
            check(code_of(pid), 14)
    '''),
    "Process, fork": Way("""
        process = multiprocessing.get_context("fork").Process(target=sys.exit, args=(9,))
        process.start()
        process.join()
        check(process.exitcode, 9)
    """),
    "Process, spawn": Way("""
        process = multiprocessing.get_context("spawn").Process(target=sys.exit, args=(10,))
        process.start()
        process.join()
        check(process.exitcode, 10)
    """),
    "Process, forkserver": Way("""
        process = multiprocessing.get_context("forkserver").Process(target=sys.exit, args=(11,))
        process.start()
        process.join()
        check(process.exitcode, 11)
    """),
    "Pool": Way("""
        pool = multiprocessing.get_context("fork").Pool(2)
        check(pool.map(abs, [-1, -2]), [1, 2])
        workers = pool._pool
        pool.terminate()
        pool.join()
        for each in workers:  # one may have seen before that there is no more to do
            check(each.exitcode in (0, -signal.SIGTERM), True)
    """),
    "ProcessPoolExecutor": Way("""
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            check(list(pool.map(abs, [-1, -2])), [1, 2])
            workers = list(pool._processes.values())
        check([each.exitcode for each in workers], [0] * len(workers))
    """),
    "jobs in a ProcessPoolExecutor": Way("""
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            jobs = shell.start(JobGroup.map(factorial, [3, 4], executor=pool))
            check(sorted(jobs.result(timeout=60)), [6, 24])
    """),
    "preexec_fn": Way("""
        done = subprocess.run([sys.executable, "-c", "raise SystemExit(12)"], preexec_fn=os.setsid)
        check(done.returncode, 12)
    """),
    "preexec_fn that uses psbridge": Way("""
        try:
            subprocess.run([sys.executable, "-c", ""], preexec_fn=lambda: shell.run("1"))
        except subprocess.SubprocessError:
            pass
        else:
            check("no error", "SubprocessError")
    """),
    "signals to the child": Way("""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            pid = waiting()
            for harmless in (signal.SIGCONT, signal.SIGWINCH, signal.SIGCHLD):
                os.kill(pid, harmless)
            os.kill(pid, number)
            check(code_of(pid), -number)
    """),
    "a signal at once": Way("""
        pid = forked(signal.pause)
        os.kill(pid, signal.SIGTERM)
        check(code_of(pid), -signal.SIGTERM)
    """),
    "signals to the group": Way("""
        for number in (signal.SIGTERM, signal.SIGINT):
            seen = []
            signal.signal(number, lambda *_: seen.append(1))
            pid = waiting()
            os.killpg(0, number)
            check(code_of(pid), -number)
            while not seen:
                time.sleep(0.01)
            check(seen, [1])
            signal.signal(number, signal.SIG_DFL)
    """),
    "a signal to the parent": Way(
        """
        reads, writes = os.pipe()
        def outlive():
            os.close(writes)
            os.read(reads, 1)  # until the parent is gone
            os.write(1, b"it lives")
            os._exit(0)
        forked(outlive)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
        """,
        -signal.SIGTERM,
        "it lives",
        once=True,
    ),
}


def run(name: str, rounds: int) -> str:
    """Run so many rounds; gives what is wrong with them, or nothing."""
    way = WAYS[name]
    for _ in range(rounds if way.once else 1):
        problem = _run_program(way, 1 if way.once else rounds)
        if problem:
            return problem
    return ""


def _run_program(way: Way, rounds: int) -> str:
    code = textwrap.indent(textwrap.dedent(way.code), "    ")
    program = subprocess.Popen(
        [
            *(sys.executable, "-X", "faulthandler", "-W", "error"),
            # CPython says so since 3.12 of each fork where there are threads.
            *("-W", "ignore:This process:DeprecationWarning"),
            *("-c", f"{PROGRAM}\nfor round in range({rounds}):\n{code}\n{LAST}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "DOTNET_DbgEnableMiniDump": "0"},
    )
    try:
        out, err = program.communicate(timeout=60 + 2 * rounds)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        out, err = program.communicate()
        return f"it has not ended\n{out}{err}"
    if (program.returncode, out, err) == (way.exit_code, way.said, ""):
        return ""
    return f"exit code {program.returncode}, not {way.exit_code}\n{out}{err}"


def main() -> int:
    """Run them and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forks")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (all)")
    parser.add_argument("--rounds", type=int, default=50, help="how many of each (50)")
    parser.add_argument("--processes", type=int, default=2, help="how many at once (2)")
    given = parser.parse_args()
    names = given.names or list(WAYS)
    wrong = 0
    with ThreadPoolExecutor(given.processes) as pool:
        for name, problem in zip(
            names, pool.map(lambda name: run(name, given.rounds), names), strict=True
        ):
            print(
                f"{name}: {problem or f'{given.rounds} rounds are as they should be'}", flush=True
            )
            wrong += bool(problem)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
