"""The work of jobs in a process of ours for it. Nothing that runs there needs .NET."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from ...errors import ConversionError, StopRequested, WorkerError
from ..stopping import Stop
from .messages import BEGUN, ENDED, STOP, Sender, dump_failure, dumps
from .thread import attempt_here

if TYPE_CHECKING:
    from ..job import Job

__all__ = ["do_work", "serve"]


class WorkerSink:
    """Sends what a job writes to the process in which PowerShell runs."""

    def __init__(self, send: Sender, stop: Stop) -> None:
        """Write to what takes messages, from any thread, until the stop or the end."""
        self._send = send
        self._stop = stop
        self._lock = threading.Lock()  # guards what follows, and is held while it is sent
        self._closed = False

    @property
    def stop_requested(self) -> bool:
        """Whether a stop has been asked for."""
        return self._stop.requested

    def write(self, value: object) -> None:
        """Send a value."""
        self._call("write", value)

    def write_error(
        self,
        error: BaseException | str,
        error_id: str | None = None,
        category: str | None = None,
        target: object = None,
    ) -> None:
        """Send a non-terminating error; an exception goes as its description."""
        if isinstance(error, BaseException):
            error = WorkerError.describe(error)
        self._call("write_error", error, error_id, category, target)

    def write_text(self, stream: str, text: str) -> None:
        """Send a text for a stream."""
        self._call("write_text", stream, text)

    def write_information(self, message: object, source: str, tags: Iterable[str]) -> None:
        """Send an information record."""
        self._call("write_information", message, source, tuple(tags))

    def write_progress(self, activity: str, status: str, options: dict[str, Any]) -> None:
        """Send a progress record."""
        self._call("write_progress", activity, status, options)

    def close(self) -> None:
        """The work has ended; what comes now would be taken for the next job's."""
        with self._lock:
            self._closed = True

    def _call(self, method: str, *arguments: object) -> None:
        if self.stop_requested:
            raise StopRequested
        try:
            message = dumps(("write", method, arguments))
        except ConversionError as error:
            # As for any value without a counterpart: an error that says so, and the work goes on.
            message = dumps(
                ("write", "write_error", (WorkerError.describe(error), "ConversionError"))
            )
        try:
            with self._lock:
                if self._closed:
                    raise StopRequested
                self._send(message)
        except StopRequested:  # nobody is there any more: a stop like any other, with its hook
            self._stop.request()
            raise


def do_work(send: Sender, job: Job, stop: Stop) -> None:
    """Do a job's work there, to its end, and say how it ended.

    Args:
        send: sends to where PowerShell runs.
        job: the job.
        stop: asks it to stop.

    Raises:
        StopRequested: nobody is there any more.
    """
    sink = WorkerSink(send, stop)
    error = attempt_here(job, sink, stop)
    stop.end()
    sink.close()
    send(ENDED if error is None else dump_failure(error))


def serve(connection: Connection, group: int | None) -> None:
    """Be a process that does jobs one after the other, until the connection ends.

    Args:
        connection: to the process that made this one.
        group: the process group to be in; None where there are no such groups.
    """
    # Ctrl-C at a terminal is not for jobs: this process is stopped by its parent. A handler that
    # does nothing is not inherited by what a job starts, as ignoring the signal would be.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    if group is not None:
        from .process_group import enter_group

        enter_group(group)
    # Its parent ends it at exit as a daemon; still, a job may well have processes of its own.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    orders: queue.SimpleQueue[tuple[bytes, Stop] | None] = queue.SimpleQueue()

    def read() -> None:
        stop = Stop()
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = connection.recv_bytes()
                if message == STOP:
                    stop.request()
                else:
                    stop = Stop()
                    orders.put((message, stop))
        # Nobody gives orders any more: the process that made this one is gone, or closes it.
        orders.put(None)
        stop.request()
        time.sleep(_LEFT_OVER_SECONDS)
        os._exit(1)

    threading.Thread(target=read, name="psbridge reader", daemon=True).start()
    send = Sender(connection)
    stop = Stop()
    try:
        while (order := orders.get()) is not None:
            message, stop = order
            send(BEGUN)
            try:
                _, job = pickle.loads(message)
            except BaseException as error:
                send(dump_failure(error))
            else:
                do_work(send, job, stop)
                del job
    except StopRequested:  # nobody is there any more
        stop.wait_for_hook(_LEFT_OVER_SECONDS)


# What is left over is killed before; this is for where there are no process groups.
_LEFT_OVER_SECONDS = 5.0
