"""Catching `print`, `warnings` and `logging` of one job, for the streams of that job alone.

What Python offers for this is the process's: sys.stdout, warnings.showwarning, the loggers. So
dispatchers stand in these places while anything is captured. Each looks in a context variable
whose code has called it, and hands on what is not captured to what was there before.

Others put things into these places too, and put back what they found: contextlib.redirect_stdout,
warnings.catch_warnings, pytest. Four rules let both live:

* What has been put over a dispatcher stays there, and wins for the blocks that ran already: it is
  what their author, or the process, asked for since. A dispatcher over it serves later blocks.
* Only a dispatcher that is in its place is taken away.
* One that is put back after the last block hands everything on, and goes at its first call.
* One that is in its place when a block begins is used again; they never pile up.

Rejected for logging: a handler of the root logger. While it is there, logging.basicConfig does
nothing, in the whole process, and logging.lastResort is not used.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import logging
import sys
import threading
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from types import MethodType
from typing import Any, Protocol

from ..engine.forking import in_forked_child
from ..errors import StopRequested

__all__ = ["LoggedError", "Writer", "capturing"]


class Writer(Protocol):
    """Where captured text goes; jobs and cmdlets are such."""

    def write_error(self, error: BaseException | str, *, error_id: str | None = None) -> None:
        """Write a non-terminating error."""

    def write_warning(self, text: str) -> None:
        """Write a warning."""

    def write_debug(self, text: str) -> None:
        """Write a debug message."""

    def write_information(self, message: object, *, tags: Iterable[str] = ()) -> None:
        """Write to the information stream."""


class LoggedError(Exception):
    """What was logged together with an exception: the message, then the exception's own text.

    The exception is its cause. Its class is a subclass with the name of the exception's class,
    for that is what a reader of error records sees first. It is written, never raised.
    """


@contextlib.contextmanager
def capturing(writer: Writer) -> Iterator[None]:
    r"""Send what the code in this block prints, warns of and logs to a writer.

    * A line that is printed becomes information with the tag ``stdout`` or ``stderr``, once it
      ends: in ``\n``, ``\r\n`` or ``\r``. An unfinished one is written when the block ends.
    * A warning that Python's filters let through becomes a warning.
    * A record that its logger lets through becomes an error, a warning, information tagged with
      its level and its logger, or a debug message. The handlers there are get it as usual, first,
      and what these print is not captured. As for a handler of the root logger, there are no
      records of a logger, or below one, that does not propagate.

    The block's code is what runs in its context: the code that it calls, and tasks and threads
    that begin with a copy of its context, such as asyncio's tasks and ``asyncio.to_thread``, until
    the block ends. Other threads that it starts are captured only where Python lets threads
    inherit the context, which is from 3.14 on, by a flag. Nothing else in the process is.

    Not captured either: what goes past sys.stdout, to its ``buffer``, its ``fileno()`` or from
    child processes; streams kept from before the block; what is printed after someone has
    replaced sys.stdout during the block; a process forked in the block.

    Whatever the writer raises reaches the code that printed, warned or logged. What the writer
    itself prints, warns of and logs is not captured.

    Args:
        writer: where it goes; called from the thread that prints, warns or logs.

    Raises:
        StopRequested: the writer raised it for the unfinished line, and the block had no error.
    """
    capture = _Capture(writer, _current.get())
    token = _current.set(capture)
    try:
        _begin(capture)
        yield
    except BaseException:
        with contextlib.suppress(Exception, StopRequested):  # the block's error matters more
            capture.end()
        raise
    else:
        capture.end()
    finally:
        # In another context, as in a generator driven from several, there is nothing to reset.
        with contextlib.suppress(ValueError):
            _current.reset(token)
        _forget(capture)


class _Capture:
    """A block that is captured, with its unfinished lines."""

    number = 0
    ended = False

    def __init__(self, writer: Writer, outer: _Capture | None) -> None:
        self.outer = outer
        self._writer = writer
        # One that a finalizer or a signal handler that prints may take again.
        self._lock = threading.RLock()
        self._lines = {"stdout": _Lines(), "stderr": _Lines()}

    def print(self, stream: str, text: str) -> bool:
        """Take what is written to a stream; False once the block has ended."""
        with self._lock:
            if self.ended:
                return False
            lines = self._lines[stream].add(text)
        for line in lines:
            self._inform(line, stream)
        return True

    def warn(self, text: str) -> None:
        """Write a warning."""
        with _nothing_captured():
            self._writer.write_warning(text)

    def log(self, record: logging.LogRecord) -> None:
        """Write a log record."""
        error: BaseException | str
        try:
            error = text = logging.Formatter().format(copy.copy(record))
            if record.levelno >= logging.ERROR:
                error = _error(record) or text
        except Exception:  # mostly arguments that do not fit their message
            _REPORTER.handleError(record)
            return
        if record.levelno >= logging.ERROR:
            with _nothing_captured():
                self._writer.write_error(error, error_id=record.name)
        elif record.levelno >= logging.WARNING:
            self.warn(text)
        elif record.levelno >= logging.INFO:
            self._inform(text, record.levelname, record.name)
        else:
            with _nothing_captured():
                self._writer.write_debug(text)

    def end(self) -> None:
        """Take nothing any more and write the unfinished lines."""
        if self.ended:  # by a fork: the writer is the parent's
            return
        with self._lock:
            self.ended = True
            unfinished = [(stream, lines.end()) for stream, lines in self._lines.items()]
        for stream, lines in unfinished:
            for line in lines:
                self._inform(line, stream)

    def _inform(self, text: str, *tags: str) -> None:
        with _nothing_captured():
            self._writer.write_information(text, tags=tags)


class _Lines:
    """Cuts what is written into lines."""

    def __init__(self) -> None:
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._unfinished: list[str] = []

    def add(self, text: str, *, final: bool = False) -> list[str]:
        """Take some text and give the lines that have ended."""
        first, *others = self._newlines.decode(text, final).split("\n")
        self._unfinished.append(first)
        if not others:
            return []
        ended = ["".join(self._unfinished), *others]
        self._unfinished = [ended.pop()]
        return ended

    def end(self) -> list[str]:
        """Give the lines that are left."""
        lines = self.add("", final=True)
        unfinished = "".join(self._unfinished)
        return [*lines, unfinished] if unfinished else lines


def _error(record: logging.LogRecord) -> BaseException | None:
    """The exception to write for a record that was logged with one."""
    cause = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if cause is None:
        return None
    message, text = record.getMessage(), str(cause)
    if message in ("", text):
        return cause
    kind = type(cause)
    named = type(kind.__name__, (LoggedError,), {"__module__": kind.__module__})
    error: LoggedError = named(f"{message}: {text}" if text else message)
    error.__cause__ = cause
    return error


_current: ContextVar[_Capture | None] = ContextVar("psbridge's capture", default=None)

# Guards what follows, and the places. Whoever holds it may be interrupted by a finalizer or a
# signal handler that prints, and so take it again.
_lock = threading.RLock()
_numbers = itertools.count(1)
_running: set[_Capture] = set()

# Until 3.13, print holds no reference to the sys.stdout that it writes to, and crashes where a
# thread takes away the last one meanwhile. So dispatchers are kept: mostly one for each stream,
# which is used again, and of those over what somebody had put there for a time, the last ones.
_kept: deque[_Dispatcher] = deque(maxlen=64)

# Reports records that cannot be formatted, as any handler does.
_REPORTER = logging.NullHandler()


@contextlib.contextmanager
def _nothing_captured() -> Iterator[None]:
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def _begin(capture: _Capture) -> None:
    with _lock:
        capture.number = next(_numbers)
        # While other blocks run, one that has been here before would serve them as well.
        usable = [] if _running else list(_kept)
        _running.add(capture)
        for owner, name, kind in _PLACES:
            while type(there := owner.__dict__[name]) is not kind:
                dispatcher = kind(name, there, capture.number)
                for each in usable:
                    if each.place == name and each.original is there:
                        dispatcher = each
                _keep(dispatcher)
                _exchange(owner, name, there, dispatcher)


def _forget(capture: _Capture) -> None:
    with _lock:
        _running.discard(capture)
    _tidy()


def _tidy() -> None:
    """Take the dispatchers away unless something is captured."""
    with _lock:
        if _running:
            return
        for owner, name, kind in _PLACES:
            there = owner.__dict__[name]
            if type(there) is kind:  # isinstance believes a proxy that claims to be one
                _keep(there)
                _exchange(owner, name, there, there.original)


def _exchange(owner: Any, name: str, old: object, new: object) -> None:
    """Put something in a place if what was there still is."""
    # Others change the places without our lock; what they put there must not be lost, nor come
    # back. Python lets other threads run after a call and before the next turn of a loop, so none
    # runs between this look and this change. Without a GIL one might, and no lock would help, for
    # those others do not take it; but then there is no engine either, see `loading`.
    if owner.__dict__[name] is old:
        setattr(owner, name, new)


def _keep(dispatcher: _Dispatcher) -> None:
    if dispatcher in _kept:
        _kept.remove(dispatcher)
    _kept.append(dispatcher)


def _forked() -> None:
    """In a new process: the writers are the parent's, and so is whoever holds the lock."""
    global _lock
    _lock = threading.RLock()
    for capture in _running:
        capture.ended = True
    _running.clear()
    _tidy()


in_forked_child(_forked)


class _Dispatcher:
    """Stands in a place of the process, for the blocks that began when it did or later."""

    def __init__(self, place: str, original: Any, since: int) -> None:
        self.place = place
        self.original = original
        self.since = since

    def capture(self) -> _Capture | None:
        """The block whose code is calling."""
        if not _running:  # it was put back by someone who had found it
            _tidy()
        capture = _current.get()
        while capture is not None and capture.ended:  # in a task that has outlived its block
            capture = capture.outer
        return capture if capture is not None and capture.number >= self.since else None


class _Stream(_Dispatcher):
    """In place of sys.stdout or sys.stderr, which may be None."""

    def write(self, text: str) -> int:
        while (capture := self.capture()) is not None:
            if not isinstance(text, str):
                raise TypeError(f"write() argument must be str, not {type(text).__name__}")
            if capture.print(self.place, text):
                return len(text)
        written: int = len(text) if self.original is None else self.original.write(text)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        # An unfinished line stays so: dots that show progress are flushed one by one.
        if self.original is not None:
            self.original.flush()

    def isatty(self) -> bool:
        return self.original is not None and self.capture() is None and self.original.isatty()

    def __enter__(self) -> _Stream:
        self.original.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.original.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


class _Warnings(_Dispatcher):
    """In place of warnings.showwarning."""

    def __call__(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        capture = self.capture() if file is None else None
        if capture is None:
            self.original(message, category, filename, lineno, file, line)
        else:
            capture.warn(f"{category.__name__}: {message} ({Path(filename).name}:{lineno})")


class _Handlers(_Dispatcher):
    """In place of logging.Logger.callHandlers, a method."""

    def __get__(self, logger: logging.Logger | None, kind: type | None = None) -> Any:
        return self if logger is None else MethodType(self, logger)

    def __call__(self, logger: logging.Logger, record: logging.LogRecord) -> None:
        capture = self.capture()
        # What is there need not be a function: others wrap it in descriptors of their own.
        if hasattr(self.original, "__get__"):
            original = self.original.__get__(logger, type(logger))
        else:
            original = self.original
        if capture is None or not _propagates(logger):
            original(record)
            return
        if logger.hasHandlers():  # without one, logging would print the record
            # What a handler prints would be in the streams twice. And where someone else's
            # function stands between two dispatchers, the lower one must not capture again.
            with _nothing_captured():
                original(record)
        capture.log(record)


def _propagates(logger: logging.Logger) -> bool:
    """Whether the root logger's handlers see what this logger logs."""
    while logger.parent is not None:
        if not logger.propagate:
            return False
        logger = logger.parent
    return True


_PLACES: tuple[tuple[Any, str, type[_Dispatcher]], ...] = (
    (sys, "stdout", _Stream),
    (sys, "stderr", _Stream),
    (warnings, "showwarning", _Warnings),
    (logging.Logger, "callHandlers", _Handlers),
)
