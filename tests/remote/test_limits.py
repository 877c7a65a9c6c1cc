"""What the limits of the process let be open at once, looked at before a fan-out."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from conditions import IMPORT

from psbridge import SSH, Session
from psbridge.remote.limits import Limit, limits

if TYPE_CHECKING:
    from ..conftest import RunPython

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")

PROGRAM = (
    f"""{IMPORT}"""
    + """
import contextlib, glob, os, resource, sys, warnings
from psbridge import SSH, Session
from psbridge.remote.limits import fitting_throttle, limits
targets = [SSH("web%d" % number, executable="/bin/false") for number in range(9)]
cost = SSH.descriptors
def let(sessions):
    # As many descriptors as are open, those kept back, and those of so many sessions.
    used = next(limits()).used
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 16 + sessions * cost + cost // 2, hard))
def children():
    for path in glob.glob("/proc/self/task/*/children"):
        with contextlib.suppress(OSError), open(path) as file:
            yield from file.read().split()
def settle():
    # Until the processes of sessions that are over have gone, and their pipes with them.
    until(lambda: not list(children()))
def shown(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = call()
        except OSError as error:
            value = str(error)
    return [value, *((str(w.message), w.category.__name__, w.filename) for w in caught)]
"""
)


def run(run_python: RunPython, code: str, **options: object) -> list[str]:
    done = run_python(PROGRAM + code, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_what_fits_is_not_lowered(run_python: RunPython) -> None:
    code = "let(9); print(*shown(lambda: fitting_throttle(targets, 32)))\n"
    code += "let(3); print(*shown(lambda: fitting_throttle(targets, 3)))\n"
    assert run(run_python, code) == ["32", "3"]


def test_what_does_not_fit_is_lowered_with_a_warning(run_python: RunPython) -> None:
    (line,) = run(run_python, "let(3); print(*shown(lambda: fitting_throttle(targets, 32)))")
    assert line.startswith("3 ('3 machines at once instead of 9: the limit of open files is ")
    assert "ulimit -n raises it', 'RuntimeWarning'" in line


def test_where_not_even_one_fits_it_says_what_to_raise(run_python: RunPython) -> None:
    (line,) = run(run_python, "let(0); print(*shown(lambda: fitting_throttle(targets, 32)))")
    assert "the limit of open files is " in line
    assert "and a session takes 8; ulimit -n raises it" in line


def test_a_job_is_lowered_or_refused_where_it_is_started(run_python: RunPython) -> None:
    code = """
with Session() as shell:
    shell.start_remote("1", targets).wait()  # what .NET opens once is open
    settle()
    let(2)
    def start():
        job = shell.start_remote("1", targets)
        return job.wait(60)
    print(*shown(start))
    settle()
    let(0)
    print(*shown(start))
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
"""
    lowered, refused = run(run_python, code)
    assert lowered.startswith("True ('2 machines at once instead of 9")
    assert lowered.endswith("'<string>')")  # the caller's line, not one of psbridge's
    assert "a session takes 8; ulimit -n raises it" in refused


def test_the_costliest_machines_decide() -> None:
    class Costly(SSH):
        descriptors = 30

    targets = [SSH("a"), SSH("b"), Costly("c"), SSH("d")]
    for allowed, wanted in ((29, 0), (30, 1), (37, 1), (38, 2), (45, 2), (46, 3), (54, 4)):
        assert Limit("x", "descriptors", allowed + 16 + 5, 5, "y").sessions(targets) == wanted


@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts threads as processes")
def test_threads_and_processes_are_counted_where_a_user_is_limited(run_python: RunPython) -> None:
    code = """
import threading
if os.geteuid() == 0:
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (5000, 5000))
(limit,) = [limit for limit in limits() if "this user" in limit.what]
done = threading.Event()
threads = [threading.Thread(target=done.wait) for _ in range(3)]
for thread in threads: thread.start()
(more,) = [limit for limit in limits() if "this user" in limit.what]
print(limit.allowed, more.used - limit.used >= 3, limit.raised_by)
# Two for each of the nine machines are PowerShell's own.
resource.setrlimit(resource.RLIMIT_NPROC, (more.used + 16 + 2 * 9 + SSH.tasks * 2, 5000))
print(*shown(lambda: fitting_throttle(targets, 32)))
done.set()
"""
    first, second = run(run_python, code)
    assert first == "5000 True ulimit -u"
    assert second.startswith("2 ('2 machines at once instead of 9: the limit of processes and")


@pytest.mark.skipif(sys.platform != "linux", reason="has no /proc")
def test_open_files_are_counted() -> None:
    def used() -> int:
        return next(limits()).used

    before = used()
    pipes = os.pipe()
    try:
        assert used() == before + 2
    finally:
        for end in pipes:
            os.close(end)
    assert used() == before
    counted = subprocess.run(
        [sys.executable, "-c",
         "from psbridge.remote.limits import limits; print(next(limits()).used)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(counted.stdout) < 10


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_that_cannot_be_meant_is_refused(shell: Session, timeout: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        shell.start_remote("1", SSH("nowhere"), timeout=timeout)
