"""Jobs for tests that run them in other processes, which import this module by its name.

A spawned process gets its parent's `sys.path`, on which pytest puts this folder (``pythonpath``).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from psbridge import Job


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


class Apart(WorkerJob):
    """Says that it wants a process."""

    executor = "process"


class OnLoop(AsyncWorkerJob):
    """Says that it wants the loop."""

    executor = "async"
