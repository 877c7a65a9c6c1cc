"""The processes of ``executor="process"``: replaced when they die, gone with all they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conditions import until

from psbridge import Job, JobFailed, JobGroup, Session, WorkerLost

worker_jobs = pytest.importorskip("worker_jobs")
WorkerJob, Noting, Starting = worker_jobs.WorkerJob, worker_jobs.Noting, worker_jobs.Starting

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="asks /proc how processes are"
)


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def pids_in(file: Path) -> list[int]:
    return [int(pid) for pid in file.read_text("utf-8").split()]


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[Path]:
    """Where a job notes the processes that it starts; none of them outlives the test."""
    yield tmp_path / "pids"
    for file in tmp_path.glob("pids*"):
        for pid in pids_in(file):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


# --- a process that dies --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_dies_between_two_jobs_is_replaced_and_the_next_job_runs(
    shell: Session, tmp_path: Path, number: signal.Signals
) -> None:
    notes = [tmp_path / name for name in ("first", "second")]

    def jobs() -> Iterator[Job]:
        yield Noting(notes[0], "end")
        pid = int(notes[0].read_text().removeprefix("began "))
        os.kill(pid, number)
        until(lambda: not runs(pid))
        yield Noting(notes[1], "end")

    handle = shell.start(JobGroup(jobs(), executor="process", throttle_limit=1))
    first, second = handle.result(60)
    assert first != second
    assert [child.state for child in handle.children] == ["Completed", "Completed"]


def test_a_process_that_dies_at_its_start_fails_the_job(tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text(
        textwrap.dedent("""
        import os
        from psbridge import JobFailed, Session
        from worker_jobs import WorkerJob
        if __name__ == "__mp_main__":
            os._exit(7)
        WorkerJob.executor = "process"
        with Session() as shell:
            try:
                shell.start(WorkerJob()).result(30)
            except JobFailed as failed:
                print(failed)
        """)
    )
    done = run_script(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ended with exit code 7 before the work had ended" in done.stdout


def test_a_job_that_kills_its_process_is_not_done_again(shell: Session, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    jobs = [WorkerJob(), Starting(pids, "exit"), WorkerJob()]
    handle = shell.start(JobGroup(jobs, executor="process", throttle_limit=1))
    assert handle.wait(60)
    assert [child.state for child in handle.children] == ["Completed", "Failed", "Completed"]
    with pytest.raises(JobFailed, match="ended with exit code 3") as caught:
        handle.result()
    assert isinstance(caught.value.__cause__, WorkerLost)


def test_what_a_job_leaves_behind_does_not_write_into_the_next_one(
    shell: Session, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    jobs = [worker_jobs.LeavingAThread(notes), worker_jobs.LettingGo(notes)]
    handle = shell.start(JobGroup(jobs, executor="process", throttle_limit=1))
    assert handle.wait(30)
    assert notes.read_text() == "refused\n"
    assert [child.receive() for child in handle.children] == [["mine"], ["yours"]]


# --- what a job has started -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stop", "stop with C", "die", "end", "time limit"])
def test_what_a_job_has_started_ends_with_its_process(shell: Session, pids: Path, how: str) -> None:
    mode = {"die": "exit", "end": "end", "stop with C": "hold the GIL"}.get(how, "wait")
    limit = 2.0 if how == "time limit" else None
    handle = shell.start(JobGroup([Starting(pids, mode)], executor="process", timeout=limit))
    until(pids.exists, 30)
    if how.startswith("stop"):
        handle.stop()
    assert handle.wait(30)
    expected = {"die": "Failed", "end": "Completed", "time limit": "Failed"}.get(how, "Stopped")
    assert handle.state == expected
    until(lambda: not any(map(runs, pids_in(pids))))
    assert len(pids_in(pids)) == 3


def test_what_has_a_session_of_its_own_lives_on(shell: Session, pids: Path) -> None:
    handle = shell.start(JobGroup([Starting(pids, "leave")], executor="process"))
    assert handle.wait(30)
    worker, *started = pids_in(pids)
    until(lambda: not runs(worker))
    assert all(map(runs, started))


# --- the end of the program -----------------------------------------------------------------------

PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from psbridge import JobGroup, Session
from worker_jobs import Noting, Starting

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    shell = Session()
    modes = sys.argv[2].split(",")
    jobs = [Starting(folder / f"pids{n}", mode) for n, mode in enumerate(modes)]
    job = shell.start(JobGroup(jobs, executor="process", throttle_limit=len(jobs)))
    while not all((folder / f"pids{n}").exists() for n in range(len(jobs))):
        time.sleep(0.01)
"""


# What CPython says since 3.12 of a fork where there are threads.
FORKS = "ignore:This process:DeprecationWarning"


def run_script(script: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", FORKS, script, *arguments],
        env=environment(), capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


def environment() -> dict[str, str]:
    paths = [str(Path(worker_jobs.__file__).parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os._exit(3)", 3),
        ("sys.exit(4)", 4),
    ],
)
def test_nothing_of_a_program_outlives_it(tmp_path: Path, pids: Path, end: str, code: int) -> None:
    script = tmp_path / "program.py"
    script.write_text(f"{PROGRAM}    {end}\n")
    done = run_script(script, str(tmp_path), "wait,hold the GIL")
    assert (done.returncode, done.stdout) == (code, "")
    found = [pid for file in tmp_path.glob("pids?") for pid in pids_in(file)]
    assert len(found) == 6
    until(lambda: not any(map(runs, found)))


def test_a_process_that_is_just_starting_ends_as_well(tmp_path: Path, pids: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from psbridge import JobGroup, Session
        from worker_jobs import Starting, until_exists
        folder = Path(sys.argv[1])

        if __name__ == "__mp_main__":
            (folder / "pids").write_text(str(os.getpid()))
            until_exists(folder / "go on")
        else:
            shell = Session()
            shell.start(JobGroup([Starting(folder / "pids_of_job")], executor="process"))
            until_exists(folder / "pids")
            os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    quiet = subprocess.DEVNULL
    command = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, env=environment(), stdout=quiet, stderr=quiet, timeout=60)
    assert done.returncode == -signal.SIGKILL
    (tmp_path / "go on").touch()
    until(lambda: not any(map(runs, pids_in(pids))))


def test_a_job_that_does_not_stop_keeps_no_program_from_its_end(tmp_path: Path, pids: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        f"""{PROGRAM}
    while not job.children[0].net.Output.Count:
        time.sleep(0.01)
    sys.exit(4)
"""
    )
    done = run_script(script, str(tmp_path), "not stop")
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "")
    until(lambda: not any(map(runs, pids_in(tmp_path / "pids0"))))


def test_a_forked_child_keeps_nothing_of_it_alive(tmp_path: Path, pids: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        f"""{PROGRAM}
    if (child := os.fork()) == 0:
        signal.pause()
    (folder / "pids_child").write_text(str(child))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    command = [sys.executable, str(script), str(tmp_path), "hold the GIL"]
    quiet = subprocess.DEVNULL
    done = subprocess.run(command, env=environment(), stdout=quiet, stderr=quiet, timeout=60)
    assert done.returncode == -signal.SIGKILL
    (child,) = pids_in(tmp_path / "pids_child")
    until(lambda: not any(map(runs, pids_in(tmp_path / "pids0"))))
    assert runs(child)


def test_the_end_of_a_forked_child_ends_no_job_of_its_parent(tmp_path: Path, pids: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        f"""{PROGRAM}
    if (child := os.fork()) == 0:
        sys.exit(5)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    time.sleep(0.5)  # of which a signal takes a thousandth
    print(job.state)
"""
    )
    done = run_script(script, str(tmp_path), "wait")
    assert (done.returncode, done.stdout, done.stderr) == (0, "5\nRunning\n", "")


@pytest.mark.parametrize(
    ("place", "harm"),
    [("process", "none"), ("executor", "none"), ("process", "take its time")],
    ids=["process", "executor", "the hook takes its time"],
)
def test_work_is_asked_to_stop_when_the_program_is_gone(
    tmp_path: Path, pids: Path, place: str, harm: str
) -> None:
    """Also where a child of that program lives on. The executor's processes are the executor's."""
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, os, signal, sys, time
        from concurrent.futures import ProcessPoolExecutor
        from pathlib import Path
        from psbridge import JobGroup, Session
        from worker_jobs import NotingItsStop, until_exists
        if __name__ == "__main__":
            folder = Path(sys.argv[1])
            place = sys.argv[2]
            if place == "executor":
                place = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
            shell = Session()
            job = NotingItsStop(folder / "notes", sys.argv[3])
            shell.start(JobGroup([job], executor=place))
            until_exists(folder / "notes")
            if (child := os.fork()) == 0:
                signal.pause()
            worker = (folder / "notes").read_text().removeprefix("began ")
            (folder / "pids").write_text(f"{child} {worker}")
            os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    quiet = subprocess.DEVNULL
    command = [sys.executable, str(script), str(tmp_path), place, harm]
    done = subprocess.run(command, env=environment(), stdout=quiet, stderr=quiet, timeout=60)
    assert done.returncode == -signal.SIGKILL
    child, worker = pids_in(pids)
    until(lambda: f"stop {worker}" in (tmp_path / "notes").read_text())
    assert runs(child)


# --- the terminal ---------------------------------------------------------------------------------


@pytest.fixture
def in_terminal(tmp_path: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[bytes], int]]]:
    """Run a script in a terminal of its own; gives its process and the terminal's other end."""
    with contextlib.ExitStack() as stack:

        def run(code: str) -> tuple[subprocess.Popen[bytes], int]:
            script = tmp_path / "program.py"
            script.write_text(textwrap.dedent(code))
            ours, theirs = os.openpty()
            stack.callback(os.close, ours)
            process = subprocess.Popen(
                [sys.executable, "-W", "error", script, tmp_path],
                env=environment(),
                preexec_fn=lambda: os.login_tty(theirs),
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            os.close(theirs)
            return process, ours

        yield run


def read_all(terminal: int) -> str:
    """What was written there until nobody has it open any more."""
    text = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 4096):
            text += part
    return text.decode()


def test_ctrl_c_reaches_no_job(
    tmp_path: Path,
    in_terminal: Callable[[str], tuple[subprocess.Popen[bytes], int]],
) -> None:
    """Neither while its process starts nor later."""
    process, terminal = in_terminal("""
        import os, signal, sys, time
        from pathlib import Path
        from psbridge import JobGroup, Session
        from worker_jobs import Noting, until_exists
        folder = Path(sys.argv[1])

        if __name__ == "__mp_main__":
            (folder / "starting").touch()
            until_exists(folder / "go on")
        else:
            seen = []

            def interrupted(number, frame):
                seen.append(number)
                (folder / f"interrupted {len(seen)}").touch()

            with Session() as shell:
                signal.signal(signal.SIGINT, interrupted)
                jobs = [Noting(folder / "first"), Noting(folder / "second", "end")]
                job = shell.start(JobGroup(jobs, executor="process", throttle_limit=1))
                until_exists(folder / "stop")
                job.children[0].stop()
                job.wait(30)
                print(*(child.state for child in job.children), len(seen))
        """)
    until((tmp_path / "starting").exists, 30)
    os.write(terminal, b"\x03")
    until((tmp_path / "interrupted 1").exists)
    (tmp_path / "go on").touch()
    until((tmp_path / "first").exists, 30)
    os.write(terminal, b"\x03")
    until((tmp_path / "interrupted 2").exists)
    (tmp_path / "stop").touch()
    assert read_all(terminal).replace("^C", "").split() == ["Stopped", "Completed", "2"]
    assert process.wait(30) == 0


def test_a_job_that_asks_the_terminal_does_not_hang(
    in_terminal: Callable[[str], tuple[subprocess.Popen[bytes], int]],
) -> None:
    process, terminal = in_terminal("""
        from psbridge import JobGroup, Session
        from worker_jobs import Asking
        if __name__ == "__main__":
            with Session() as shell:
                print(*shell.start(JobGroup([Asking()], executor="process")).result(20))
        """)
    assert read_all(terminal).split() == ["OSError"]
    assert process.wait(30) == 0
