"""The work of jobs in a worker process, and what goes over the connection to it.

There, `serve` (a process of ours) or a `WorkerTask` (an executor's) does the work, and a
`WorkerSink` sends what it writes. Here, `pump` takes it and writes it into the child job. Each
message is a pickled tuple in a frame of its own, so that one that cannot be read spoils no other:

    here -> there   the job, ("stop",)
    there -> here   ("write", method, arguments), ("ended",), ("failed", WorkerError, exception)

Nothing that runs there needs .NET.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Client, Connection
from typing import TYPE_CHECKING, Any

from ...errors import ConversionError, StopRequested, WorkerError
from ...waiting import wait_until
from ..stopping import InterruptibleThread
from ..timers import call_later
from ..work import perform
from .file_modules import FileModules

if TYPE_CHECKING:
    from ...session.sink import RecordSink
    from ..job import Job

__all__ = ["STOP", "WorkerSink", "WorkerTask", "dump_job", "dumps", "pump", "serve"]

_PICKLING = (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError)


def dumps(message: tuple[Any, ...]) -> bytes:
    """Pickle a message.

    Raises:
        ConversionError: something in it cannot go to another process; says what.
    """
    try:
        return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    except _PICKLING as error:
        raise ConversionError(f"this cannot go to another process: {error}") from error


def dump_job(job: Job) -> bytes:
    """Pickle a job.

    Raises:
        ConversionError: it cannot go to another process; says why.
    """
    try:
        return pickle.dumps((FileModules(), job), pickle.HIGHEST_PROTOCOL)
    except _PICKLING as error:
        raise ConversionError(
            f"{job!r} cannot go to another process: {error}. Its class has to be importable "
            "there, and what it holds has to be picklable"
        ) from error


STOP = dumps(("stop",))
ENDED = dumps(("ended",))


# ---- There: where the work is done ----


class WorkerSink:
    """Sends what a job writes to the process in which PowerShell runs."""

    def __init__(self, send: Callable[[bytes], None], stop: WorkerStop) -> None:
        """Write to what takes messages, from any thread, until the stop."""
        self._send = send
        self._stop = stop

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
        self._send(message)


class WorkerStop:
    """A request to stop the work that is done there; made before the work is known."""

    def __init__(self) -> None:
        self.requested = False
        self.pass_on: Callable[[], None] | None = None
        self.job: Job | None = None
        self.interrupt: Callable[[], None] | None = None

    def request(self) -> None:
        """Ask the work to stop; its thread is interrupted when its grace is over."""
        self.requested = True
        if self.job is not None:
            call_later(self.job.grace, self._interrupt)
        if self.pass_on is not None:
            with contextlib.suppress(Exception):  # the work has ended by itself meanwhile
                self.pass_on()
        if self.job is not None:
            with contextlib.suppress(Exception):
                self.job.stop()

    def _interrupt(self) -> None:
        interrupt = self.interrupt
        if interrupt is not None:
            interrupt()


def do_work(connection: Connection, job: Job, stop: WorkerStop) -> None:
    """Do a job's work there, to its end, and say how it ended.

    Args:
        connection: to where PowerShell runs.
        job: the job.
        stop: asks it to stop.
    """
    lock = threading.Lock()

    def send(message: bytes) -> None:
        try:
            with lock:
                connection.send_bytes(message)
        except OSError:  # nobody is there any more
            raise StopRequested from None

    message = ENDED
    thread = InterruptibleThread()
    stop.job, stop.interrupt = job, thread.interrupt
    try:
        thread.enter()
        try:
            if not stop.requested:
                perform(job, WorkerSink(send, stop), stop)
        finally:
            thread.leave()
    except StopRequested:
        thread.leave()
    except BaseException as error:
        message = _failure(error)
    stop.job = stop.interrupt = None
    with contextlib.suppress(StopRequested):
        send(message)


def _failure(error: BaseException) -> bytes:
    described = WorkerError.describe(error)
    try:
        message = dumps(("failed", described, error))
        pickle.loads(message)  # not each exception that can be pickled can be made again
    except Exception:
        return dumps(("failed", described, None))
    return message


def serve(connection: Connection) -> None:
    """Be a process that does jobs one after the other, until the connection ends."""
    # Ctrl-C at a terminal goes to each process there; this one is stopped by its parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Its parent ends it at exit as a daemon; still, a job may well have processes of its own.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    orders: queue.SimpleQueue[tuple[bytes, WorkerStop] | None] = queue.SimpleQueue()

    def read() -> None:
        stop = WorkerStop()
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = connection.recv_bytes()
                if message == STOP:
                    stop.request()
                else:
                    stop = WorkerStop()
                    orders.put((message, stop))
        # The process that made this one is gone, and nobody will kill it.
        orders.put(None)
        stop.request()
        time.sleep(_ORPHAN_SECONDS)
        os._exit(1)

    threading.Thread(target=read, name="psbridge reader", daemon=True).start()
    while (order := orders.get()) is not None:
        message, stop = order
        try:
            _, job = pickle.loads(message)
        except BaseException as error:
            connection.send_bytes(_failure(error))
        else:
            do_work(connection, job, stop)
            del job


_ORPHAN_SECONDS = 5.0


class WorkerTask:
    """What an executor runs in a worker process: it connects back and does a job's work.

    Its repr says nothing of the key. The modules come first, for the job's class may be in one.
    """

    def __init__(
        self, _: FileModules, job: Job, address: tuple[str, int], key: bytes, number: int
    ) -> None:
        self._order = (job, address, key, number)

    def __reduce__(self) -> tuple[Any, ...]:
        return WorkerTask, (FileModules(), *self._order)

    def __call__(self) -> None:
        """Do the work.

        Raises:
            ConnectionError: the process in which PowerShell runs cannot be reached.
        """
        job, address, key, number = self._order
        try:
            connection = Client(address, authkey=key)
        except OSError as error:
            raise ConnectionError(
                f"the worker on {socket.gethostname()} cannot reach psbridge at "
                f"{address[0]}:{address[1]} ({error}); where the executor's workers are on other "
                "machines, say JobGroup(listen=...) with an address that they can reach"
            ) from None
        connection.send_bytes(number.to_bytes(8, "little"))
        stop = WorkerStop()

        def read() -> None:
            # Ends when the other side hangs up, which it does when the work has ended.
            with contextlib.suppress(EOFError, OSError):
                while connection.recv_bytes() == STOP:
                    stop.request()
            stop.request()
            connection.close()

        reading = threading.Thread(target=read, name="psbridge reader", daemon=True)
        reading.start()
        do_work(connection, job, stop)
        reading.join(_HANG_UP_SECONDS)


_HANG_UP_SECONDS = 10.0


# ---- Here: where PowerShell runs ----


def pump(
    connection: Connection,
    sink: RecordSink,
    lost: Callable[[], BaseException | None],
) -> BaseException | None:
    """Write what comes from there into the child job, until the work has ended.

    Args:
        connection: to where the work is done.
        sink: takes the records.
        lost: says what has become of the other side where nothing comes: None while it works,
            else the error. Asked in slices.

    Returns:
        What ended the work, or None.

    Raises:
        EOFError, OSError: the connection has ended before the work has.
    """
    ends: list[BaseException] = []

    def there(seconds: float) -> bool:
        if connection.poll(seconds):
            return True
        if (error := lost()) is not None:
            ends.append(error)
        return bool(ends)

    while True:
        wait_until(there)
        if ends:
            return ends[0]
        data = connection.recv_bytes()
        try:
            kind, *rest = pickle.loads(data)
        except Exception as unreadable:
            _write(sink, "write_error", (unreadable, "ConversionError"))
            continue
        if kind == "write":
            _write(sink, *rest)
        elif kind == "failed":
            described, raised = rest
            if raised is None:
                return described  # type: ignore[no-any-return]
            raised.__cause__ = described
            return raised  # type: ignore[no-any-return]
        else:
            return None


def _write(sink: RecordSink, method: str, arguments: tuple[Any, ...]) -> None:
    try:
        getattr(sink, method)(*arguments)
    except StopRequested:
        pass  # it has been passed on, and what comes until it takes effect is dropped
    except Exception as error:  # a value that PowerShell has no counterpart for
        with contextlib.suppress(StopRequested):
            sink.write_error(error)
