"""Showing how far it is: a bar on a terminal, plain lines elsewhere, or nothing at all."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from ..terminal import takes_codes, takes_styles

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar
    from rich.progress import TaskID

__all__ = ["LineProgress", "Progress", "SilentProgress", "TerminalProgress", "show_progress"]


class Progress(Protocol):
    """What is told about an installation. Every method may be called from any thread."""

    def begin(self, text: str, count: int, size: int) -> None:
        """Something begins, as the text says, on so many files of so many bytes altogether."""

    def advanced(self, file: str, size: int) -> None:
        """So many bytes more of a file are done; fewer if negative, as it starts again."""

    def finished(self, file: str) -> None:
        """A file is done."""

    def step(self, text: str) -> None:
        """Something else that takes a moment starts now."""

    def __enter__(self) -> Self:
        """Start to show."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing; an exception goes on."""


def show_progress(stream: TextIO | None = None) -> Progress:
    """Choose the display for a stream, stderr if None: a bar if it is a terminal for it."""
    stream = stream or sys.stderr
    return TerminalProgress(stream) if takes_codes(stream) else LineProgress(stream)


class SilentProgress:
    """Shows nothing; the others build on it."""

    def begin(self, text: str, count: int, size: int) -> None:
        """See `Progress`."""

    def advanced(self, file: str, size: int) -> None:
        """See `Progress`."""

    def finished(self, file: str) -> None:
        """See `Progress`."""

    def step(self, text: str) -> None:
        """See `Progress`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class LineProgress(SilentProgress):
    """One line for each file and step, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._count = 0
        self._done = 0
        self._sizes: dict[str, int] = {}

    def begin(self, text: str, count: int, size: int) -> None:
        """See `Progress`."""
        self._count, self._done = count, 0
        self.step(f"{text}, {_megabytes(size)}")

    def advanced(self, file: str, size: int) -> None:
        """See `Progress`."""
        with self._lock:
            self._sizes[file] = self._sizes.get(file, 0) + size

    def finished(self, file: str) -> None:
        """See `Progress`."""
        with self._lock:
            self._done += 1
            size = _megabytes(self._sizes.get(file, 0))
            self._print(f"  {self._done}/{self._count} {file} ({size})")

    def step(self, text: str) -> None:
        """See `Progress`."""
        with self._lock:
            self._print(text)

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class TerminalProgress(SilentProgress):
    """A bar over all bytes, with the name of the file that moved last."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: RichBar | None = None
        self._task: TaskID | None = None

    def begin(self, text: str, count: int, size: int) -> None:
        """See `Progress`."""
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task("", total=size)

    def advanced(self, file: str, size: int) -> None:
        """See `Progress`."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=size, description=file)

    def step(self, text: str) -> None:
        """See `Progress`."""
        if self._bar is not None:
            # As it is: brackets are no markup, and an address is not broken at the edge.
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        # Imported here: it takes longer than all of psbridge, and is seldom needed.
        from rich import progress
        from rich.console import Console
        from rich.table import Column

        # On a narrow terminal the package's name is cut, and everything stays on one line.
        name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", table_column=name),
            progress.BarColumn(bar_width=20),
            progress.DownloadColumn(table_column=Column(no_wrap=True)),
            console=Console(
                file=self._stream, color_system="auto" if takes_styles(self._stream) else None
            ),
            expand=True,
        )
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
