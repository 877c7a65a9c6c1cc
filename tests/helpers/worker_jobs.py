"""Jobs for tests that run them in other processes, which import this module by its name.

A spawned process gets its parent's `sys.path`, on which pytest puts this folder (``pythonpath``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from psbridge import Job, StopRequested


class Unpicklable(Exception):
    """Cannot be made again from what is pickled."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


class WorkerJob(Job):
    """Writes to several streams, and then does what its mode says."""

    grace = 0.5

    def __init__(self, mode: str = "end") -> None:
        super().__init__()
        self.mode = mode

    def run(self) -> Iterator[Any]:
        yield "first"
        self.write_warning("careful")
        self.write_error(FileNotFoundError("gone"), target="a.txt")
        self.write_progress("Working", "half", percent=50)
        yield os.getpid()
        if self.mode == "fail":
            raise ValueError("not today")
        if self.mode == "fail strangely":
            raise Unpicklable(1, 2)
        if self.mode == "write strangely":
            yield lambda: 1
        if self.mode == "wait":
            while True:
                self.check_stop()
                time.sleep(0.01)
        if self.mode == "spin":
            while True:
                pass
        if self.mode == "sleep":
            self.write_progress("Sleeping", "soon")  # from here on it sees no stop
            time.sleep(5)
        if self.mode == "exit":
            os._exit(3)
        yield "last"


class AsyncWorkerJob(Job):
    """The same with async work."""

    grace = 0.5

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self.seconds = seconds

    async def run(self) -> AsyncIterator[Any]:
        yield "first"
        await asyncio.sleep(self.seconds)
        yield "last"


class Says(Job):
    """Writes a text to all of its streams."""

    def __init__(self, text: str) -> None:
        super().__init__(name=text, command=text, location=text)
        self.text = text

    def run(self) -> Iterator[object]:
        self.write_warning(self.text)
        self.write_error(self.text)
        self.write_information(self.text)
        self.write_progress(self.text, self.text)
        yield self.text
        yield {self.text: self.text}


class Noting(Job):
    """Notes in a file what becomes of it, a line each; its mode says what it does."""

    grace = 1.0

    def __init__(self, notes: Path, mode: str = "wait") -> None:
        super().__init__()
        self.notes = notes
        self.mode = mode

    def run(self) -> Any:
        self.note(f"began {os.getpid()}")
        if self.mode == "raise StopRequested":
            raise StopRequested
        if self.mode == "raise StopRequested when stopped":
            while not self.stopping:
                time.sleep(0.01)
            raise StopRequested
        if self.mode != "end":
            while True:
                self.check_stop()
                time.sleep(0.01)
        return os.getpid()

    def note(self, text: str) -> None:
        with self.notes.open("a", encoding="utf-8") as notes:
            notes.write(f"{text}\n")


class AsyncNoting(Noting):
    """The same with async work."""

    async def run(self) -> Any:
        self.note(f"began {os.getpid()}")
        if self.mode == "raise StopRequested":
            raise StopRequested
        while not self.stopping:
            await asyncio.sleep(0.01)
        raise StopRequested


class NotingItsStop(Noting):
    """Has a hook that notes its call, and then writes or does other harm."""

    def __init__(self, notes: Path, harm: str = "write") -> None:
        super().__init__(notes)
        self.harm = harm

    def stop(self) -> None:
        if self.harm == "take its time":
            time.sleep(1)
        self.note(f"stop {os.getpid()}")
        if self.harm == "write":
            self.write("too late")
        if self.harm == "exit":
            raise SystemExit(3)
        if self.harm == "wait":
            threading.Event().wait()


class AsyncNotingItsStop(NotingItsStop):
    """The same with async work."""

    async def run(self) -> None:
        self.note(f"began {os.getpid()}")
        await asyncio.sleep(60)


class LeavingAThread(Noting):
    """Leaves a thread behind, which writes once there is a file, and notes what came of it."""

    def run(self) -> str:
        threading.Thread(target=self.write_late, daemon=True).start()
        return "mine"

    def write_late(self) -> None:
        until_exists(self.notes.with_suffix(".go"))
        try:
            self.write("not yours")
            self.note("written")
        except StopRequested:
            self.note("refused")


class LettingGo(Noting):
    """Lets that thread go on, and waits for it."""

    def run(self) -> str:
        self.notes.with_suffix(".go").touch()
        until_exists(self.notes)
        return "yours"


def until_exists(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)


class Starting(Job):
    """Starts programs that would run on, notes their process ids and its own, and goes on."""

    grace = 0.3

    def __init__(self, pids: Path, mode: str = "wait") -> None:
        super().__init__()
        self.pids = pids
        self.mode = mode
        if mode == "not stop":
            self.grace = 600

    def run(self) -> None:
        pipeline = subprocess.Popen(
            ["sh", "-c", "sleep 600 & echo $!; exec sleep 600"],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=self.mode == "leave",
        )
        assert pipeline.stdout is not None
        noted = self.pids.with_suffix(".new")
        noted.write_text(f"{os.getpid()} {pipeline.pid} {pipeline.stdout.readline()}", "utf-8")
        noted.rename(self.pids)
        if self.mode == "exit":
            os._exit(3)
        if self.mode == "hold the GIL":
            sum(range(10**13))
        if self.mode == "not stop":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self.write("deaf")
        if self.mode in ("wait", "not stop"):
            time.sleep(600)


class Asking(Job):
    """Asks the terminal, as ssh does for a password."""

    def run(self) -> str:
        try:
            with Path("/dev/tty").open("rb", buffering=0) as terminal:
                return f"read {terminal.read(1)!r}"
        except OSError as error:
            return type(error).__name__


class Apart(WorkerJob):
    """Says that it wants a process."""

    executor = "process"


class OnLoop(AsyncWorkerJob):
    """Says that it wants the loop."""

    executor = "async"
