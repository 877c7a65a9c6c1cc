"""A process of multiprocessing's "spawn" that finds all it is told when it begins.

multiprocessing itself starts the process first, and tells it then. Where this process ends between
the two (``[Environment]::Exit``, ``kill -9``), the new one finds half a message, and writes a
traceback about that to the stderr that it shares with us. Here the message is in the pipe before.
One that is too long for the pipe (an argv of 60 KB) is completed afterwards.

What is overridden is private: CPython's `Popen._launch`, the same from 3.11 to 3.14, is done here
in another order. On Windows nothing is.
"""

from __future__ import annotations

import io
import os
import sys
from multiprocessing import reduction, resource_tracker, spawn, util
from multiprocessing.context import SpawnProcess, set_spawning_popen
from multiprocessing.process import BaseProcess
from typing import Any

__all__ = ["SpawnedProcess"]

if sys.platform == "win32":
    SpawnedProcess = SpawnProcess
else:
    from multiprocessing import popen_spawn_posix

    class SpawnedProcess(SpawnProcess):
        """Such a process."""

        @staticmethod
        def _Popen(process_obj: BaseProcess) -> _ToldBefore:
            return _ToldBefore(process_obj)

    class _ToldBefore(popen_spawn_posix.Popen):
        _fds: list[int | None]

        def _launch(self, process_obj: Any) -> None:
            tracker = resource_tracker.getfd()
            message = self._message(process_obj)
            self.sentinel, theirs = os.pipe()
            read, write = os.pipe()
            # As multiprocessing has it: these are closed when nobody needs the process any more.
            close = util.close_fds  # type: ignore[attr-defined]
            self.finalizer = util.Finalize(self, close, [self.sentinel, write])
            try:
                os.set_blocking(write, False)
                message = message[os.write(write, message) :]
                os.set_blocking(write, True)
                program = spawn.get_executable()
                command = spawn.get_command_line(tracker_fd=tracker, pipe_handle=read)
                self._fds += [tracker, read, theirs]
                self.pid = util.spawnv_passfds(program, command, self._fds)  # type: ignore[arg-type]
            finally:
                os.close(read)
                os.close(theirs)
            while message:
                message = message[os.write(write, message) :]

        def _message(self, process_obj: Any) -> memoryview:
            written = io.BytesIO()
            set_spawning_popen(self)
            try:
                reduction.dump(spawn.get_preparation_data(process_obj.name), written)
                reduction.dump(process_obj, written)
            finally:
                set_spawning_popen(None)
            return written.getbuffer()
