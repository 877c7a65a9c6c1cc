"""What goes over the connection between this process and one where work is done.

Each message is a pickled tuple in a frame of its own, so that one that cannot be read spoils no
other:

    here -> there   the job, ("stop",)
    there -> here   ("begun",), ("write", method, arguments), ("ended",),
                    ("failed", WorkerError, exception)

Nothing here needs .NET.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import ConversionError, StopRequested, WorkerError
from ...waiting import wait_until
from .file_modules import FileModules

if TYPE_CHECKING:
    from ...session.sink import RecordSink
    from ..job import Job

__all__ = [
    "BEGUN",
    "ENDED",
    "STOP",
    "Channel",
    "Sender",
    "dump_failure",
    "dump_job",
    "dumps",
    "next_message",
    "pump",
]

_PICKLING = (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError)


class Channel(Protocol):
    """What the messages go over: a connection of multiprocessing's, or one with a seal."""

    def send_bytes(self, data: bytes, /) -> None:
        """Send a message."""

    def recv_bytes(self) -> bytes:
        """Receive a message; EOFError or OSError where there are no more."""

    def poll(self, seconds: float, /) -> bool:
        """Wait for a message, or for the end, for so long; says whether it is there."""


class Sender:
    """Sends messages from any thread, each as a whole."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._broken = False

    def __call__(self, message: bytes) -> None:
        """Send a message.

        Raises:
            StopRequested: nobody is at the other end any more; or one of the messages was cut off,
                where a stop interrupted its thread, and what came after it could not be read.
        """
        try:
            with self._lock:
                if self._broken:
                    raise StopRequested
                self._broken = True
                self._channel.send_bytes(message)
                self._broken = False
        except OSError:
            raise StopRequested from None


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


def dump_failure(error: BaseException) -> bytes:
    """Pickle what ended the work, or else a description of it."""
    described = WorkerError.describe(error)
    try:
        message = dumps(("failed", described, error))
        pickle.loads(message)  # not each exception that can be pickled can be made again
    except Exception:
        return dumps(("failed", described, None))
    return message


STOP = dumps(("stop",))
BEGUN = dumps(("begun",))
ENDED = dumps(("ended",))


def next_message(
    channel: Channel, lost: Callable[[], BaseException | None]
) -> bytes | BaseException:
    """Wait for the next message from there.

    Args:
        channel: to where the work is done.
        lost: says what has become of the other side where nothing comes: None while it works,
            else the error. Asked in slices.

    Returns:
        The message, or what `lost` says.

    Raises:
        EOFError, OSError: the connection has ended.
    """
    ends: list[BaseException] = []

    def there(seconds: float) -> bool:
        if channel.poll(seconds):
            return True
        # What it sent before its end may have come right now.
        if (error := lost()) is not None and not channel.poll(0):
            ends.append(error)
        return error is not None

    wait_until(there)
    return ends[0] if ends else channel.recv_bytes()


def pump(
    channel: Channel, sink: RecordSink, lost: Callable[[], BaseException | None]
) -> BaseException | None:
    """Write what comes from there into the child job, until the work has ended.

    Args:
        channel: to where the work is done.
        sink: takes the records.
        lost: see `next_message`.

    Returns:
        What ended the work, or None.

    Raises:
        EOFError, OSError: the connection has ended before the work has.
    """
    while True:
        data = next_message(channel, lost)
        if isinstance(data, BaseException):
            return data
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
