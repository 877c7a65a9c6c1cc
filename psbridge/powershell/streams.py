"""Python's print and tracebacks in a PowerShell that hosts Python: they go to PowerShell's host."""

from __future__ import annotations

import io
import threading
from typing import Any, ClassVar

from ..session.session import RunspaceSession, current_session

__all__ = ["HostStream"]


class HostStream(io.TextIOBase):
    """A text stream that writes to the host of the runspace that the calling thread is in.

    On other threads it is that of the runspace that came first. When there is none any more, it is
    what Python had before.
    """

    _hosts: ClassVar[dict[RunspaceSession | None, Any]] = {}

    def __init__(self, before: Any, method: str) -> None:
        """Write through a method of the host's user interface.

        Args:
            before: the stream that this takes the place of.
            method: ``"Write"``, or ``"WriteErrorLine"`` for whole lines of errors.
        """
        self._before = before
        self._method = method
        self._lock = threading.Lock()
        self._lines: dict[int, str] = {}  # what each thread has begun

    @classmethod
    def add_host(cls, session: RunspaceSession) -> None:
        """Let a session's threads write to its host."""
        # The runspaces of ForEach-Object -Parallel and of jobs have one that shows nothing.
        for ui in session.run("if ($Host.Name -ne 'Default Host') { $Host.UI }"):
            cls._hosts[session] = ui.net

    @classmethod
    def remove_host(cls, session: RunspaceSession) -> None:
        """Forget a session's host."""
        cls._hosts.pop(session, None)

    def write(self, text: str) -> int:
        """Write a text.

        What a cmdlet in the foreground prints is written at once, in order with PowerShell's own.
        Everything else is written in whole lines, so that threads do not cut each other's up.
        """
        if self._method == "Write" and current_session() in self._hosts:
            self._send(text)
            return len(text)
        thread = threading.get_ident()
        with self._lock:
            *lines, begun = (self._lines.pop(thread, "") + text).split("\n")
            if begun:
                self._lines[thread] = begun
        for line in lines:
            self._send(line if self._method == "WriteErrorLine" else line + "\n")
        return len(text)

    def flush(self) -> None:
        """Write what there is of lines."""
        with self._lock:
            begun, self._lines = self._lines, {}
        for text in begun.values():
            self._send(text)
        if self._before is not None:
            self._before.flush()

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """That of the stream that this takes the place of, for programs that are started."""
        return int(self._before.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream before."""
        return str(getattr(self._before, "encoding", "utf-8"))

    @property
    def buffer(self) -> Any:
        """The bytes below the stream before: what is written there passes the host by."""
        return self._before.buffer

    def _send(self, text: str) -> None:
        ui = self._hosts.get(current_session())
        if ui is None:
            ui = next(iter(list(self._hosts.values())), None)
        if ui is not None:
            from ..values import net_text

            getattr(ui, self._method)(net_text(text))
        elif self._before is not None:
            self._before.write(text if self._method == "Write" else text + "\n")
