"""Work in any `concurrent.futures.Executor`: a pool of this machine, or a Dask cluster.

What is submitted is a `Task`. Where the executor runs it in this very process, it does the work
directly. Where it takes it elsewhere, and so pickles it, a `WorkerTask` arrives there, which
connects back: over that connection go what the job writes, its progress, and a stop.

The connection is an `AuthenticatedConnection`: its key is made here, new for each process, and
goes along with the work only. What comes is unpickled, so the workers have to be trusted; they run
our user's code anyway. ``docs/places.md`` says what that means for who runs a cluster.
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
from multiprocessing.connection import Connection, Listener
from typing import TYPE_CHECKING, Any

from ...engine.forking import in_forked_child
from ...errors import StopRequested, WorkerLost
from ...waiting import SLICE_SECONDS, guard, wait_until
from .authenticated import AuthenticatedConnection, greet
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

        def over_there() -> BaseException | None:
            # Whoever has connected says how the work has ended, before its task has.
            if (error := over()) is None and future.done():
                return _unheard_of()
            return error

        future.add_done_callback(lambda future: task.wake())
        found: list[AuthenticatedConnection] = []

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
                return over() if task.worked_here else over_there()
            connection = found.pop()

            def ask(connection: AuthenticatedConnection = connection) -> None:
                connection.send_bytes(STOP)

            # Where the worker is gone without a word, the executor says so soon, or does the
            # work once more on another one, which connects again.
            try:
                with connection, contextlib.suppress(EOFError, OSError):
                    run.stop.pass_on(ask)
                    return pump(connection, run.sink, over_there)
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


def _unheard_of() -> BaseException:
    return WorkerLost("the worker's connection ended before the work had ended")


class Task:
    """What is submitted: the work itself here, and a `WorkerTask` where it is pickled.

    Attributes:
        worked_here: whether it was called in this process.
    """

    def __init__(self, run: ChildRun, host: str) -> None:
        self.worked_here = False
        self._run = run
        self._host = host
        self._number: int | None = None
        self._connection: queue.SimpleQueue[AuthenticatedConnection | None] = queue.SimpleQueue()

    def __call__(self) -> None:
        """Do the work in this process."""
        self.worked_here = True
        self._run.works_here()
        error = ThreadPlace().attempt(self._run)
        if error is not None:
            raise error

    def __reduce__(self) -> tuple[Any, ...]:
        if self._number is None:
            self._number = _switchboard(self._host).expect(self._connection)
        board = _switchboard(self._host)
        return WorkerTask, (FileModules(), self._run.job, board.address, board.key, self._number)

    def wait_for_connection(self, seconds: float) -> AuthenticatedConnection | None:
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
        # one who says nothing does not keep the others waiting, as long as those are not too many.
        self._greetings = threading.BoundedSemaphore(_GREETINGS_AT_ONCE)
        self._listener = Listener((host, 0), backlog=128)
        self.address: tuple[str, int] = self._listener.address
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._expected: dict[int, queue.SimpleQueue[AuthenticatedConnection | None]] = {}
        threading.Thread(target=self._accept, name="psbridge listener", daemon=True).start()

    def expect(self, slot: queue.SimpleQueue[AuthenticatedConnection | None]) -> int:
        number = next(self._numbers)
        with self._lock:
            self._expected[number] = slot
        return number

    def forget(self, number: int) -> None:
        with self._lock:
            self._expected.pop(number, None)

    def close(self) -> None:
        """Take no connections any more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            self._greetings.acquire()
            try:
                connection = self._listener.accept()
            except OSError:  # it hung up at once, or there are no more files to be had
                self._greetings.release()
                time.sleep(SLICE_SECONDS)
                continue
            greeting = threading.Thread(
                target=self._greet, args=(connection,), name="psbridge greeting", daemon=True
            )
            try:
                greeting.start()
            except RuntimeError:  # there are no more to be had, or Python exits
                connection.close()
                self._greetings.release()

    def _greet(self, connection: Connection) -> None:
        try:
            authenticated, number = greet(connection, self.key)
        except (OSError, RuntimeError):  # the latter: Python exits, and has no more timers
            connection.close()
            return
        finally:
            self._greetings.release()
        with self._lock:
            slot = self._expected.get(int.from_bytes(number))
        if slot is None:
            authenticated.close()  # it was given up meanwhile
        else:
            slot.put(authenticated)


# Each is a thread and a file, for as long as `greet` lets it.
_GREETINGS_AT_ONCE = 64


def _switchboard(host: str) -> _Switchboard:
    with _lock:
        if host not in _switchboards:
            _switchboards[host] = _Switchboard(host)
        return _switchboards[host]


_lock = guard()
_switchboards: dict[str, _Switchboard] = {}


def _forget_in_forked_child() -> None:
    for board in _switchboards.values():
        board.close()
    _switchboards.clear()


in_forked_child(_forget_in_forked_child)
