"""What becomes of jobs when their session or the process ends."""

import threading
import time
from typing import Any

import pytest

from psbridge import Session, SessionClosedError

START = "import time, threading\nfrom psbridge import Session, Job\nshell = Session()\n"


def test_closing_the_session_stops_its_jobs() -> None:
    began, cleaned = threading.Event(), threading.Event()

    def work() -> Any:
        try:
            began.set()
            while True:
                yield 1
                time.sleep(0.001)
        finally:
            cleaned.set()

    with Session() as shell:
        handle = shell.start(work)
        assert began.wait(10)
    assert handle.state == "Stopped"
    assert cleaned.is_set()


def test_nothing_starts_while_the_session_closes() -> None:
    shell = Session()
    started: list[Any] = []

    def work() -> Any:
        while True:
            yield 1
            time.sleep(0.001)

    def keep_starting() -> None:
        while True:
            try:
                started.append(shell.start(work))
            except SessionClosedError:
                return

    starter = threading.Thread(target=keep_starting)
    starter.start()
    while len(started) < 5:
        time.sleep(0.001)
    shell.close()
    starter.join(10)
    assert {handle.state for handle in started} == {"Stopped"}


def test_starting_after_the_session_closed_is_an_error() -> None:
    shell = Session()
    shell.close()
    with pytest.raises(SessionClosedError):
        shell.start(lambda: 1)


@pytest.mark.parametrize(
    "work",
    [
        "def work():\n    while True:\n        yield 1",
        "def work():\n    while True:\n        yield 1\n        time.sleep(0.01)",
        "async def work():\n    import asyncio\n    await asyncio.sleep(60)",
    ],
    ids=["busy", "sleepy", "async"],
)
def test_the_interpreter_ends_while_jobs_run(run_python: Any, work: str) -> None:
    ended = run_python(f"{START}{work}\nfor _ in range(4): shell.start(work)\ntime.sleep(0.2)")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_interpreter_ends_while_a_thread_waits_for_a_job(run_python: Any) -> None:
    code = (
        "def work():\n    while True:\n        yield 1\n        time.sleep(0.01)\n"
        "handle = shell.start(work)\n"
        "threading.Thread(target=handle.wait, daemon=True).start()\n"
        "time.sleep(0.2)"
    )
    ended = run_python(START + code)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_interpreter_ends_with_a_job_that_does_not_stop(run_python: Any) -> None:
    code = "shell.start(time.sleep, 60)\ntime.sleep(0.1)\nprint('bye')"
    began = time.monotonic()
    ended = run_python(START + code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "bye\n", "")
    assert time.monotonic() - began < 30
