"""The process ssh and the three pipes to it.

Assumptions and rejected ways:

- ssh is in a session of its own, so it has no terminal to ask on, and Ctrl-C at ours does not reach
  it. It is the leader of a process group of its own, and what it starts itself (a jump host's ssh,
  a ProxyCommand) ends with the group.
- When this process dies without a word (SIGKILL, SIGTERM), the pipes close. ssh then tells the far
  side that its input has ended, at which ``pwsh -sshs`` ends, and then ssh does. One that is still
  connecting notices when it has connected, or gives up after its ConnectTimeout.
- So nobody else may hold our ends of the pipes: they are not inherited, and a forked child, which
  inherits them nevertheless, closes them. They are plain numbers: file objects would be closed a
  second time by the child's garbage collector.
- Rejected: PR_SET_PDEATHSIG, which needs code between fork and exec, where other threads' locks are
  held for ever, and which fires when the *thread* that started ssh ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from ...engine.forking import in_forked_child

__all__ = ["SSHProcess"]


class SSHProcess:
    """An ssh that runs, with `stdin`, `stdout` and `stderr` as descriptors of ours."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            command: the program and its arguments.
            environment: its environment.

        Raises:
            OSError: it cannot be started.
        """
        self._lock = threading.Lock()
        pipes: list[int] = []
        try:
            for _ in range(3):
                pipes += _pipe()
            far_in, self.stdin, self.stdout, far_out, self.stderr, far_err = pipes
            with _pipes_lock:
                _pipes.update((self.stdin, self.stdout, self.stderr))
            self._process = subprocess.Popen(
                command,
                stdin=far_in,
                stdout=far_out,
                stderr=far_err,
                env=environment,
                start_new_session=True,
                creationflags=_NO_WINDOW,
            )
        except BaseException:
            for descriptor in pipes:
                _close(descriptor)
            raise
        for descriptor in (far_in, far_out, far_err):
            _close(descriptor)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Its exit code, below zero the signal that ended it; None while it runs.

        When it has ended, so has what was left of its process group.
        """
        with self._lock:
            if self._process.returncode is None and self._has_ended():
                self._signal_group(signal.SIGKILL)
            return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end, and what it has started too."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and what it has started too."""
        self._signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    def close(self, descriptor: int) -> None:
        """Close one of the three; only where no thread reads or writes it, and once."""
        _close(descriptor)

    def _has_ended(self) -> bool:
        """Whether it has ended; its number stays its own, for it is not reaped."""
        if not hasattr(os, "waitid"):
            return False
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):  # somebody has waited for all children
            return os.waitid(os.P_PID, self._process.pid, flags) is not None
        return False

    def _signal(self, number: int) -> None:
        with self._lock:
            # Only `exit_code` takes it out of the system's list, and not meanwhile.
            if self._process.returncode is None:
                self._signal_group(number)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(OSError):  # it has ended
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, number)


_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(
    subprocess, "CREATE_NEW_PROCESS_GROUP", 0
)

_pipes: set[int] = set()
_pipes_lock = threading.Lock()


def _pipe() -> tuple[int, int]:
    """Make a pipe; not with the numbers of standard streams, which may be closed."""
    ends = os.pipe()
    if min(ends) > 2 or sys.platform == "win32":
        return ends
    import fcntl

    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in ends)
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


def _close(descriptor: int) -> None:
    with _pipes_lock:
        _pipes.discard(descriptor)
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _close_in_forked_child() -> None:
    global _pipes_lock
    _pipes_lock = threading.Lock()
    for descriptor in list(_pipes):
        _close(descriptor)


in_forked_child(_close_in_forked_child)
