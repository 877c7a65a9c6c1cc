"""Work in a process of its own, which is killed where it does not stop.

The process does one job after the other, so that its start, and the imports of the author's
module, are paid for once. Made by `multiprocessing` with "spawn": a fork of a process in which
.NET runs would have .NET's locks and none of its threads.

A process says when it has taken a job. So one that has died before that, while it had nothing to
do, is told from one that the job has killed, and is replaced; the job has not begun.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.process
import signal
import sys
import weakref
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING

from ...engine.forking import in_forked_child
from ...errors import StopRequested, WorkerLost
from .messages import STOP, dump_job, next_message, pump
from .spawned import SpawnedProcess
from .worker import serve

if TYPE_CHECKING:
    from ..child_run import ChildRun
    from ..stopping import Stop
    from .process_group import ProcessGroup

__all__ = ["ProcessPlace"]


class ProcessPlace:
    """A process for jobs, made when the first one comes."""

    def __init__(self) -> None:
        self._worker: _Worker | None = None

    def attempt(self, run: ChildRun) -> BaseException | None:
        """Do the work in the process."""
        run.job._sink = run.sink
        try:
            worker = self._hand_over(dump_job(run.job), run.stop)
        except BaseException as refused:
            return refused
        try:
            run.stop.pass_on(worker.ask)
            error = pump(worker.connection, run.sink, worker.lost)
        except (EOFError, OSError) as broken:
            error = worker.end_after(broken)
        finally:
            run.stop.leave()
        if not worker.is_alive:
            self.close()
            if run.stop.requested:
                return StopRequested()
        return error

    def close(self) -> None:
        """Let the process end, with all that its jobs have started."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def _hand_over(self, order: bytes, stop: Stop) -> _Worker:
        """Give an order to a process that takes it.

        Raises:
            StopRequested: a stop came before.
            WorkerLost: a new process has died. Another one would, too.
        """
        while True:
            kept = self._worker is not None
            worker = self._worker = self._worker or _Worker()
            stop.begin(worker.kill)
            try:
                lost = worker.take(order)
            except BaseException:
                self.close()
                raise
            if lost is None:
                return worker
            stop.leave()
            self.close()
            if stop.requested:
                raise StopRequested
            if not kept:
                raise lost


class _Worker:
    """A process that does jobs, in a group with all that they start."""

    def __init__(self) -> None:
        self._group = _open_group()
        try:
            self.connection, theirs = multiprocessing.Pipe()
            with theirs:
                # A daemon: at exit multiprocessing does not wait until it ends by itself.
                self._process = SpawnedProcess(
                    target=serve,
                    args=(theirs, self._group.number if self._group else None),
                    name="psbridge job",
                    daemon=True,
                )
                try:
                    with _starting():
                        self._process.start()
                except BaseException:
                    self.connection.close()
                    raise
        except BaseException:
            if self._group is not None:
                self._group.close()
            raise
        # It asks daemons, which may not listen, and waits; before, it calls this. In this process
        # only, as a forked child may call it as well.
        self._at_exit = Finalize(None, self.kill, exitpriority=0)
        _workers.add(self)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        # Not is_alive, to which one that somebody else has waited for is alive for ever.
        return not wait([self._process.sentinel], 0)

    def take(self, order: bytes) -> BaseException | None:
        """Give it an order and wait until it has taken it; says what it died of instead."""
        try:
            self.connection.send_bytes(order)
            answer = next_message(self.connection, self.lost)
        except (EOFError, OSError) as broken:
            return self.end_after(broken)
        return answer if isinstance(answer, BaseException) else None

    def ask(self) -> None:
        """Ask the work there to stop."""
        # Does not wait: there is room for it, for the order has been taken.
        self.connection.send_bytes(STOP)

    def lost(self) -> BaseException | None:
        """How it has ended; None while it has not."""
        if self.is_alive:
            return None
        code = self._process.exitcode
        how = "" if code is None else f"with exit code {code} "
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                how = f"by {signal.Signals(-code).name} "
        return WorkerLost(f"the process that did the work ended {how}before the work had ended")

    def end_after(self, broken: BaseException) -> BaseException:
        """With nobody at the other end of the connection it is of no use any more."""
        self._process.join(_END_SECONDS)
        self._process.kill()
        self._process.join(_END_SECONDS)  # no longer: the system may keep it, in a call of its own
        return self.lost() or broken

    def kill(self) -> None:
        """End it, with all that its jobs have started; does not wait."""
        if self._group is not None:
            self._group.kill()
        self._process.kill()  # it may not be in the group yet

    def close(self) -> None:
        """Let it end, which it does when nobody is at the other end; then what it leaves behind."""
        self.connection.close()
        self._process.join(_END_SECONDS)
        self.kill()
        self._process.join(_END_SECONDS)
        self._at_exit.cancel()
        # Not process.close(): multiprocessing's own handler at exit may be joining it.
        if self._group is not None:
            self._group.close()

    def forget(self) -> None:
        """In a forked child: it is the parent's."""
        self.connection.close()
        # Private, and there is no other way: else multiprocessing's handler at the child's exit
        # would end the parent's processes, and wait for them.
        getattr(multiprocessing.process, "_children", set()).discard(self._process)


_END_SECONDS = 5.0

_workers: weakref.WeakSet[_Worker] = weakref.WeakSet()


def _forget_in_forked_child() -> None:
    for worker in list(_workers):
        worker.forget()


in_forked_child(_forget_in_forked_child)


def _open_group() -> ProcessGroup | None:
    if sys.platform == "win32":
        return None
    from .process_group import ProcessGroup

    return ProcessGroup()


def _starting() -> contextlib.AbstractContextManager[None]:
    if sys.platform == "win32":
        return contextlib.nullcontext()
    from .process_group import without_interrupts

    return without_interrupts()
