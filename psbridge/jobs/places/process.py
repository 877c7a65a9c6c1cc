"""Work in a process of its own, which is killed where it does not stop.

The process does one job after the other, so that its start, and the imports of the author's
module, are paid for once. Made by `multiprocessing` with "spawn": a fork of a process in which
.NET runs would have .NET's locks and none of its threads.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from ...errors import StopRequested, WorkerLost
from .worker import STOP, dump_job, pump, serve

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from ..child_run import ChildRun

__all__ = ["ProcessPlace"]


class ProcessPlace:
    """A process for jobs, made when the first one comes."""

    def __init__(self) -> None:
        self._worker: tuple[SpawnProcess, Connection] | None = None

    def attempt(self, run: ChildRun) -> BaseException | None:
        """Do the work in the process."""
        run.job._sink = run.sink
        try:
            order = dump_job(run.job)
            process, connection = self._worker = self._worker or _start()
        except BaseException as refused:
            return refused

        def ask() -> None:
            connection.send_bytes(STOP)

        def lost() -> BaseException | None:
            return None if process.is_alive() else _lost(process, run.stop.requested)

        run.stop.pass_on = ask
        run.stop.interrupt = process.kill
        try:
            connection.send_bytes(order)
            if run.stop.requested:  # before there was a process to pass it on to
                ask()
            error = pump(connection, run.sink, lost)
        except (EOFError, OSError) as broken:
            process.join(_END_SECONDS)
            process.kill()  # with nobody at the other end it is of no use any more
            process.join()
            error = lost() or broken
        finally:
            run.stop.pass_on = run.stop.interrupt = None
        if not process.is_alive():
            self.close()
        return error

    def close(self) -> None:
        """Let the process end; it does so when nobody is at the other end of its connection."""
        if self._worker is None:
            return
        process, connection = self._worker
        self._worker = None
        connection.close()
        process.join(_END_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        # Not process.close(): multiprocessing's own handler at exit may be joining it.


_END_SECONDS = 5.0


def _start() -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # A daemon: at exit multiprocessing ends it, whatever it does.
    process = context.Process(target=serve, args=(theirs,), name="psbridge job", daemon=True)
    try:
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours


def _lost(process: SpawnProcess, stopped: bool) -> BaseException:
    if stopped:
        return StopRequested()
    code = process.exitcode or 0
    how = f"with exit code {code}"
    if code < 0:
        with contextlib.suppress(ValueError):
            how = f"by {signal.Signals(-code).name}"
    return WorkerLost(f"the process that did the work ended {how} before the work had ended")
