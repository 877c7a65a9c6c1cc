"""Work in any `concurrent.futures.Executor`: a pool of this machine, or a Dask cluster.

What is submitted is a `Task`. Where the executor runs it in this very process, it does the work
directly. Where it takes it elsewhere, and so pickles it, a `WorkerTask` arrives there, which
connects back: over that connection go what the job writes, its progress, and a stop.

The connection is `multiprocessing.connection`'s: both ends prove that they have the key, which is
made here, new for each process, and goes along with the work only. What comes is unpickled, so the
workers have to be trusted; they run our user's code anyway.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import secrets
import threading
import time
from concurrent.futures import CancelledError, Future
from concurrent.futures import Executor as FuturesExecutor
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from typing import TYPE_CHECKING, Any

from ...errors import StopRequested
from ...waiting import SLICE_SECONDS, guard, wait_until
from .file_modules import FileModules
from .messages import STOP, pump
from .task import WorkerTask
from .thread import ThreadPlace

if TYPE_CHECKING:
    from ..child_run import ChildRun

__all__ = ["ExecutorPlace"]


class ExecutorPlace:
    """A place in an executor."""

    def __init__(self, executor: FuturesExecutor, host: str) -> None:
        """Use an executor, whose workers reach this process at a host's address."""
        self._executor = executor
        self._host = host

    def attempt(self, run: ChildRun) -> BaseException | None:
        """Do the work in the executor."""
        run.job._sink = run.sink
        task = Task(run, self._host)
        try:
            future = self._executor.submit(task)
        except BaseException as error:
            return error
        try:
            return self._follow(run, task, future)
        finally:
            task.close()

    def _follow(self, run: ChildRun, task: Task, future: Future[Any]) -> BaseException | None:
        def over() -> BaseException | None:
            if run.stop.given_up:
                return StopRequested()
            return _end_of(future, run) if future.done() else None

        future.add_done_callback(lambda future: task.wake())
        found: list[Connection] = []

        def there(seconds: float) -> bool:
            connection = task.wait_for_connection(seconds)
            if connection is not None:
                found.append(connection)
                return True
            if run.stop.requested:
                future.cancel()
            return future.done() or run.stop.given_up

        while True:
            wait_until(there)
            if not found:
                return over()
            connection = found.pop()

            def ask(connection: Connection = connection) -> None:
                connection.send_bytes(STOP)

            # Where the worker is gone without a word, the executor says so soon, or does the
            # work once more on another one, which connects again.
            try:
                with connection, contextlib.suppress(EOFError, OSError):
                    run.stop.pass_on(ask)
                    return pump(connection, run.sink, over)
            finally:
                run.stop.pass_on(None)

    def close(self) -> None:
        """The executor is the user's to shut down."""


def _end_of(future: Future[Any], run: ChildRun) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError:
        if run.stop.requested:
            return StopRequested()
        return CancelledError("the executor cancelled the work")


class Task:
    """What is submitted: the work itself here, and a `WorkerTask` where it is pickled."""

    def __init__(self, run: ChildRun, host: str) -> None:
        self._run = run
        self._host = host
        self._number: int | None = None
        self._connection: queue.SimpleQueue[Connection | None] = queue.SimpleQueue()

    def __call__(self) -> None:
        """Do the work in this process."""
        self._run.works_here()
        error = ThreadPlace().attempt(self._run)
        if error is not None:
            raise error

    def __reduce__(self) -> tuple[Any, ...]:
        if self._number is None:
            self._number = _switchboard(self._host).expect(self._connection)
        board = _switchboard(self._host)
        return WorkerTask, (FileModules(), self._run.job, board.address, board.key, self._number)

    def wait_for_connection(self, seconds: float) -> Connection | None:
        """Give the worker's connection once it has come."""
        try:
            return self._connection.get(timeout=seconds)
        except queue.Empty:
            return None

    def wake(self) -> None:
        """Let who waits for a connection look around: the work has ended."""
        self._connection.put(None)

    def close(self) -> None:
        """Expect no connection any more."""
        if self._number is not None:
            _switchboard(self._host).forget(self._number)


class _Switchboard:
    """Takes the workers' connections and hands each to the place that expects it."""

    def __init__(self, host: str) -> None:
        self.key = secrets.token_bytes(32)
        # Without the key: whoever connects proves on a thread of its own that it has it, so that
        # one who says nothing does not keep the others waiting.
        self._listener = Listener((host, 0), backlog=128)
        self.address: tuple[str, int] = self._listener.address
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._expected: dict[int, queue.SimpleQueue[Connection | None]] = {}
        threading.Thread(target=self._accept, name="psbridge listener", daemon=True).start()

    def expect(self, slot: queue.SimpleQueue[Connection | None]) -> int:
        number = next(self._numbers)
        with self._lock:
            self._expected[number] = slot
        return number

    def forget(self, number: int) -> None:
        with self._lock:
            self._expected.pop(number, None)

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:  # it hung up at once, or there are no more files to be had
                time.sleep(SLICE_SECONDS)
                continue
            greeting = threading.Thread(
                target=self._greet, args=(connection,), name="psbridge greeting", daemon=True
            )
            try:
                greeting.start()
            except RuntimeError:  # there are no more to be had, or Python exits
                connection.close()

    def _greet(self, connection: Connection) -> None:
        try:
            deliver_challenge(connection, self.key)
            answer_challenge(connection, self.key)
            number = int.from_bytes(connection.recv_bytes(8), "little")
        except (EOFError, OSError, AuthenticationError):
            connection.close()
            return
        with self._lock:
            slot = self._expected.get(number)
        if slot is None:
            connection.close()  # it was given up meanwhile
        else:
            slot.put(connection)


def _switchboard(host: str) -> _Switchboard:
    with _lock:
        if host not in _switchboards:
            _switchboards[host] = _Switchboard(host)
        return _switchboards[host]


_lock = guard()
_switchboards: dict[str, _Switchboard] = {}
