"""A process group for a process and for all that it starts, which ends when this process does.

The group's leader is a shell that waits for the end of a pipe, whose other end is here alone. So
the system itself tells it when this process is gone, however that went, `kill -9` included. Then
what is in the group has a moment to end by itself, and is killed.

Guarantees:

- A kill reaches all of the group at once; a process that is just being made in it dies with it.
- The group's number is that of its leader, which is ours to wait for, and we do so last. Until then
  the system gives that number to no other process, so no kill hits a stranger.
- Ctrl-C in the terminal goes to the group in front there, and so to none of these. A process in the
  group that asks the terminal gets an error; by default it would be suspended, and its job with it.

Not reached: what has left the group, by `setsid` or `setpgid` (``start_new_session=True``); and a
process of multiprocessing that is not in it yet, as it imports the program's module before it calls
anything of ours. Where this process is gone by then, it ends when it has.

Rejected:

- ``PR_SET_PDEATHSIG``: the signal comes when the *thread* ends that made the process; it is not
  inherited, so it says nothing to what a job has started; and it is Linux's alone.
- A thread in the worker that waits for the end of a pipe, or for a pidfd of its parent: it does not
  come to run while the work is in a call of C that keeps the GIL, such as ``sum(range(10**13))``.
- The worker as its group's leader: once it has died by itself, and somebody has waited for it (any
  use of multiprocessing does), its number may mean another group, and what it started remains.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import weakref
from collections.abc import Iterator

from ...engine.forking import in_forked_child

__all__ = ["ProcessGroup", "enter_group", "without_interrupts"]

# How long those that are left over have to end by themselves: their reader asks them to at once.
_LEFT_OVER_SECONDS = 3
_WAIT_AND_KILL = f"read -r _; sleep {_LEFT_OVER_SECONDS}; kill -KILL 0"

if sys.platform != "win32":

    class ProcessGroup:
        """A process group.

        Attributes:
            number: what the system calls it.
        """

        def __init__(self) -> None:
            """Open the group; it has its leader only."""
            theirs, ours = os.pipe()
            opened = (os.devnull, os.O_WRONLY, 0)  # it keeps nobody's pipes open
            try:
                self.number = os.posix_spawn(
                    "/bin/sh",
                    ["sh", "-c", _WAIT_AND_KILL],
                    {"PATH": os.environ.get("PATH", os.defpath)},
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, theirs, 0),
                        (os.POSIX_SPAWN_OPEN, 1, *opened),
                        (os.POSIX_SPAWN_OPEN, 2, *opened),
                    ],
                    setpgroup=0,
                    setsigmask=signal.valid_signals(),
                )
            except BaseException:
                os.close(ours)
                raise
            finally:
                os.close(theirs)
            self._lifeline = ours
            self._lock = threading.Lock()
            self._open = True
            _groups.add(self)

        def kill(self) -> None:
            """End all that is in it; does not wait, and may be called from any thread."""
            with self._lock:
                if self._open:
                    with contextlib.suppress(OSError):
                        os.killpg(self.number, signal.SIGKILL)

        def close(self) -> None:
            """End all that is in it, for good."""
            self.kill()
            with self._lock:
                if self._open:
                    self._open = False
                    os.close(self._lifeline)
                    with contextlib.suppress(ChildProcessError):  # somebody waits for any child
                        os.waitpid(self.number, 0)

        def _forget(self) -> None:
            if self._open:
                os.close(self._lifeline)
            self._open = False
            self._lock = threading.Lock()

    _groups: weakref.WeakSet[ProcessGroup] = weakref.WeakSet()

    def _forget_in_forked_child() -> None:
        """A child that kept the lifelines would keep alive what is to end with its parent."""
        for group in list(_groups):
            group._forget()

    in_forked_child(_forget_in_forked_child)

    def enter_group(number: int) -> None:
        """Let the calling process, and what it starts from now on, be in a group.

        Where there is no such group any more, who made it is gone, and so is this process.
        """
        try:
            os.setpgid(0, number)
        except OSError:
            os._exit(1)
        # Inherited by what is started: an error, where the terminal is asked, and no suspension.
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    @contextlib.contextmanager
    def without_interrupts() -> Iterator[None]:
        """Let a process of multiprocessing that is started meanwhile get no SIGINT of Ctrl-C.

        Until it calls `enter_group`: before that it is in the terminal's front group.
        """
        from multiprocessing import resource_tracker

        # Started here, and not meanwhile: it sets this thread's mask.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
