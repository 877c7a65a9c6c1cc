"""Watching jobs: a live picture of them on a terminal, lines of what changes elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..arguments import check_seconds
from ..errors import DeclarationError
from ..session.ending import check_ending
from ..terminal import takes_codes, takes_styles
from ..waiting import milliseconds, poll_until, wait_until
from .deadlocks import awaiting
from .facts import JobFacts
from .given import the_jobs
from .looking import one_line, tally

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

__all__ = ["watch"]

# How long a thread waits before it looks around: Ctrl-C takes two of these, and a picture.
_SLICE_SECONDS = 0.05
# How long the last picture may take, on a terminal that does not take it up.
_PICTURE_SECONDS = 1.0


def watch(
    jobs: JobFacts | Iterable[JobFacts],
    *,
    refresh: float = 0.2,
    console: RichConsole | None = None,
) -> bool:
    """Show how jobs get on, until all of them have ended.

    On a terminal it is one line a job: name, state, bar, percent, last line of what it wrote, time
    since it began. A group's line has how many of its children have ended, and below it are those
    that have failed and those that are at work, as many as there is room for. The last picture
    stays. What else is printed meanwhile goes above it.

    Where there is no terminal, in a notebook too, there is a plain line each time that the state of
    a job changes or that a child of a group has failed: time, name, state, reason.

    Nothing is taken from the jobs, and Ctrl-C ends the watching only. A job that has been removed
    stays as it was last seen.

    Args:
        jobs: a handle, several, or a session's ``jobs``: those that there are at the call.
        refresh: how many seconds there are between two looks.
        console: where to show it: a ``Console`` of rich's, whose choice of terminal and colours
            counts. By default it is standard output; NO_COLOR and TERM=dumb are kept.

    Returns:
        Whether all have completed: False where one has failed or was stopped.

    Raises:
        DeclarationError: these are no handles, or an argument is of the wrong type.
        ValueError: the time between two looks is none, or 0.
        KeyboardInterrupt: Ctrl-C, within 200 ms; the jobs run on.
        SessionClosedError: a signal ends the program, and this is not its main thread.
        ForkedProcessError: this is a forked child of the process that has the jobs.
    """
    handles = the_jobs(jobs, "watch")
    seconds = check_seconds(refresh, "refresh")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"refresh is {refresh}; it has to be more than 0, and an end")
    output = _console() if console is None else _checked(console)
    if not handles:
        return True
    watching = _Watching(handles, output, seconds)
    with contextlib.ExitStack() as noted:
        for handle in handles:
            noted.enter_context(awaiting(handle.net))
        return watching.wait()


class _Watching:
    """The looks, on a thread of their own, and those who wait for their end.

    A signal handler raises in the main thread, wherever that is: in the midst of a picture it
    would leave half of that on the terminal, and its cursor hidden. Here it only ends a wait.
    """

    def __init__(self, handles: list[JobFacts], output: RichConsole, seconds: float) -> None:
        self._handles = handles
        self._output = output
        self._seconds = seconds
        self._left = False  # nobody wants another look
        self._blocked: list[JobFacts] = []  # at the last look
        self._asks = False  # the picture stays as it is while somebody types an answer
        self._completed = False
        self._ended = False
        self._end = threading.Lock()  # released by the thread when it ends
        self._end.acquire()
        self._failure: BaseException | None = None

    def wait(self) -> bool:
        """Look until all jobs have ended; whatever this raises, the terminal is in order."""
        thread = threading.Thread(target=self._run, name="watch jobs", daemon=True)
        thread.start()

        try:
            wait_until(self._over, meanwhile=self._meanwhile, slice_seconds=_SLICE_SECONDS)
        finally:
            self._left = True
            wait_until(self._over, _PICTURE_SECONDS)
        if self._failure is not None:
            raise self._failure
        return self._completed

    def _meanwhile(self) -> None:
        """Answer what jobs ask: nobody else may be there to do it."""
        check_ending()
        if not (blocked := self._blocked):
            return
        from PSBridge import JobQuestions

        self._asks = True
        try:
            for handle in blocked:
                JobQuestions.Answer(handle.net)
        finally:
            self._asks = False

    def _over(self, left: float) -> bool:
        # Not the thread's own join: CPython 3.11 takes a thread for one that has ended once a
        # signal handler has raised in there.
        return self._ended or self._end.acquire(timeout=left) or self._ended

    def _run(self) -> None:
        try:
            self._look()
        except BaseException as error:  # it is raised where somebody waits
            self._failure = error
        finally:
            self._ended = True
            self._end.release()

    def _look(self) -> None:
        output = self._output
        live = output.is_terminal and not output.is_dumb_terminal
        with _live(output) if live else _lines(output) as show:
            while True:
                pictures = show(self._handles)
                several = list(zip(self._handles, pictures, strict=True))
                running = [handle for handle, picture in several if not picture.HasEnded]
                self._blocked = [one for one, picture in several if picture.State == "Blocked"]
                if not running:
                    self._completed = all(picture.State == "Completed" for picture in pictures)
                    return
                self._wait_for_next(running[0])
                if self._left:
                    return

    def _wait_for_next(self, handle: JobFacts) -> None:
        """Wait for the next look, or for the end of one of the jobs."""
        from PSBridge import JobInternals

        def due(left: float) -> bool:
            return bool(JobInternals.WaitForEnd(handle.net, milliseconds(left))) or self._left

        poll_until(lambda: self._left or not self._asks, every=_SLICE_SECONDS)
        wait_until(due, self._seconds, slice_seconds=_SLICE_SECONDS)


def _console() -> RichConsole:
    from rich.console import Console

    # None in a process without standard streams: what is written is dropped then.
    out = sys.stdout
    styles = takes_styles(out)
    return Console(
        file=out,
        force_terminal=takes_codes(out),
        force_jupyter=False,
        color_system="auto" if styles else None,
        no_color=not styles,
        quiet=out is None,
    )


def _checked(console: object) -> RichConsole:
    from rich.console import Console

    if not isinstance(console, Console):
        raise DeclarationError(f"console is {console!r}; it is a rich.console.Console")
    return console


@contextlib.contextmanager
def _live(output: RichConsole) -> Iterator[Any]:
    from rich.live import Live

    from .watched_picture import WatchedJobs

    watched = WatchedJobs(output)
    live = Live(console=output, auto_refresh=False, vertical_overflow="crop")

    def show(handles: Sequence[JobFacts]) -> list[Any]:
        pictures = watched.look(handles)
        live.update(watched.drawn(), refresh=True)
        return pictures

    with live:
        yield show


@contextlib.contextmanager
def _lines(output: RichConsole) -> Iterator[Any]:
    from PSBridge import JobPicture

    said: dict[str, str] = {}  # the states that there are lines of
    told: dict[str, int] = {}  # how many failed children of a job there are lines of

    def say(picture: Any, key: str, name: str) -> None:
        if said.get(key) == picture.State:
            return
        said[key] = picture.State
        parts = [time.strftime("%H:%M:%S"), one_line(name, output.encoding) or "?", picture.State]
        if picture.Total > 1 and picture.HasEnded:
            counts = zip(picture.States, picture.Counts, strict=True)
            parts.append(f"({tally(counts)})")
        # A group at work has the reason of its first child that has failed.
        if picture.Reason and picture.State not in ("NotStarted", "Running", "Completed"):
            parts.append(one_line(picture.Reason, output.encoding))
        # As it is: without markup, and one line however long it is.
        output.file.write(" ".join(parts) + "\n")

    def look(handle: JobFacts) -> Any:
        key = str(handle.net.InstanceId)
        picture = JobPicture.Take(handle.net, False, 0)
        failed = dict(zip(picture.States, picture.Counts, strict=True)).get("Failed", 0)
        if picture.Total > 1 and failed > told.get(key, 0):
            told[key] = failed
            for child in JobPicture.Take(handle.net, False, failed).Children:
                if child.State == "Failed":
                    say(child, f"{key} {child.Id}", f"{picture.Name}/{child.Name}")
        say(picture, key, picture.Name)
        return picture

    def show(handles: Sequence[JobFacts]) -> list[Any]:
        pictures = [look(handle) for handle in handles]
        output.file.flush()
        return pictures

    yield show
