"""What carries a session's packets through an ssh.

Three threads for each session, daemons all, and three pipes:

- the keeper starts ssh, writes packets into its input, ends it when the session is over, and is the
  last one to go;
- the reader feeds what ssh prints, and when that ends it says why;
- the listener keeps what ssh says on its standard error.

PowerShell itself has two more for each machine of a job, also while that waits for its turn.

Guarantees:

- ssh may end at any moment, before its first read too: a write to it that fails is no error of this
  process, and the reader finds the reason. No thread starts before what it uses is set up.
- `end` comes back at once, so that many sessions can end side by side on .NET's few threads.
- ssh is asked to end (its input closes), then terminated, then killed, and waited for before
  `finished` is called. What blocks in between, a write into a full pipe included, ends with ssh.
- Then the threads have ended, but for one that reads a pipe which a process outside ssh's process
  group holds open; it ends with that process.

Rejected: to keep the ends in .NET's pool threads. Two hundred sessions that close, each of which
waits for a far PowerShell, would hold up the pool, which has two threads here and makes one more
each half second.
"""

from __future__ import annotations

import collections
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...jobs.timers import call_later, start_clock
from ...waiting import join, poll_until
from ..carrying import Carrier
from . import reasons
from .command_line import command_line, environment
from .packets import lines_of, packets_in
from .ssh_process import SSHProcess

if TYPE_CHECKING:
    from .target import SSH

__all__ = ["SSHCarrier"]

# How long the far PowerShell may take to end by itself when its input has, and then ssh.
_LINGER_SECONDS = 2.0
_KILL_SECONDS = 1.0
# How long ssh may take to be gone when its output is, and a thread when ssh is.
_LEAVE_SECONDS = 1.0
_POLL_SECONDS = 0.02
_LOOK_MILLISECONDS = 2_000
_KEPT_LINES = 20
_KEPT_BYTES = 1_000


class SSHCarrier(Carrier):
    """Carries one session through an ssh of its own."""

    def __init__(self, transport: Any, target: SSH) -> None:
        """Make it; see `Carrier`."""
        super().__init__(transport)
        self._target = target
        # Guards whether the threads have begun and whether the session is over.
        self._lock = threading.Lock()
        self._begun = self._over = False
        self._ssh: SSHProcess | None = None
        self._gone = False
        self._heard = False
        self._cut_off = False
        # The last lines of ssh's standard error, and of what it printed that is no packet.
        self._said: collections.deque[bytes] = collections.deque(maxlen=_KEPT_LINES)
        self._printed: collections.deque[bytes] = collections.deque(maxlen=_KEPT_LINES)

    def begin(self) -> None:
        """Start to carry."""
        from System import Func, String

        self.transport.Known = Func[String](self._last_words)
        start_clock()  # it could be too late for that when the session ends at exit
        with self._lock:
            if not self._over:
                self._thread("keeper", self._keep).start()
                self._begun = True

    def end(self) -> None:
        """Let ssh end, in time or by force."""
        with self._lock:
            self._over = True
            begun = self._begun
        if not begun:
            self.finished()
            return
        # Before it has connected, ssh does not look at its input.
        call_later(_LINGER_SECONDS if self._heard else 0, self._terminate)

    def give_up(self) -> None:
        """Kill ssh; see `Carrier.give_up`."""

        def is_gone() -> bool:
            if (ssh := self._ssh) is None:
                return True
            ssh.kill()
            return ssh.exit_code() is not None

        poll_until(is_gone, _LEAVE_SECONDS, every=_POLL_SECONDS)

    def _terminate(self) -> None:
        if self._ssh is not None:
            self._ssh.terminate()
        call_later(_KILL_SECONDS, self._kill)

    def _kill(self) -> None:
        if self._gone:
            return
        if self._ssh is not None:
            self._ssh.kill()
        call_later(_KILL_SECONDS, self._kill)  # the keeper may be about to start it only now

    def _thread(self, name: str, work: Callable[..., None], *arguments: object) -> threading.Thread:
        name = f"ssh {name} {self._target.location}"
        return threading.Thread(target=work, args=arguments, name=name, daemon=True)

    # ---- The keeper ----

    def _keep(self) -> None:
        try:
            ssh = SSHProcess(command_line(self._target), environment(self._target))
        except Exception as error:
            self._gone = True
            self.fail(reasons.cannot_start(self._target, error))
            self.finished()
            return
        self._ssh = ssh
        listener = self._thread("listener", self._listen, ssh)
        reader = self._thread("reader", self._read, ssh, listener)
        try:
            listener.start()
            reader.start()
            self._write(ssh)
        except Exception as error:
            self._cut_off = True
            self.fail(reasons.cut_off(self._target, error))
        ssh.close(ssh.stdin)  # the far PowerShell ends at the end of its input, and with it ssh
        join(reader, _LEAVE_SECONDS)
        poll_until(lambda: ssh.exit_code() is not None, every=_POLL_SECONDS)
        self._gone = True
        for thread, descriptor in ((listener, ssh.stderr), (reader, ssh.stdout)):
            if thread.is_alive():
                thread.join(_LEAVE_SECONDS)
            if not thread.is_alive():
                ssh.close(descriptor)
        self.finished()

    def _write(self, ssh: SSHProcess) -> None:
        """Write packets until the session is over."""
        takes_packets = True
        while (packet := self.transport.Take(_LOOK_MILLISECONDS)) is not None:
            if not packet:
                # Its output does not end where something that it has started holds it open; that
                # is ended when it is seen that ssh has.
                ssh.exit_code()
            if not (packet and takes_packets):
                continue
            data = memoryview(packet.encode("ascii") + b"\n")
            try:
                while data:
                    data = data[os.write(ssh.stdin, data) :]
            except OSError:
                # It has ended, and the reader says why; or it has to, for it reads no more.
                takes_packets = False
                call_later(_LEAVE_SECONDS, lambda: self._cut(ssh))

    def _cut(self, ssh: SSHProcess) -> None:
        self._cut_off = not self._gone
        ssh.terminate()

    # ---- The reader ----

    def _read(self, ssh: SSHProcess, listener: threading.Thread) -> None:
        def pass_over(text: bytes) -> None:
            self._printed.append(text[:_KEPT_BYTES])

        try:
            for packet in packets_in(ssh.stdout, pass_over):
                self._heard = True
                self.transport.Feed(packet)
        except Exception as error:
            self._cut_off = True
            self.fail(reasons.cut_off(self._target, error))
            return
        if self._over:
            return
        code = self._wait_for_end(ssh)
        listener.join(_LEAVE_SECONDS)
        said, printed = list(self._said), list(self._printed)
        opened = bool(self.transport.IsOpen)
        self.fail(reasons.ended(self._target, code, said, printed, opened=opened))

    def _wait_for_end(self, ssh: SSHProcess) -> int | None:
        """The exit code of ssh, whose output has ended; None where it had to be made to end."""
        for make_end in (None, ssh.terminate, ssh.kill):
            if make_end is not None:
                self._cut_off = True
                make_end()
            if poll_until(lambda: ssh.exit_code() is not None, _LEAVE_SECONDS, every=_POLL_SECONDS):
                return None if self._cut_off else ssh.exit_code()
        return None

    # ---- The listener ----

    def _listen(self, ssh: SSHProcess) -> None:
        for line in lines_of(ssh.stderr):
            self._said.append(line[:_KEPT_BYTES])

    def _last_words(self) -> str:
        return reasons.last_words(list(self._said))
