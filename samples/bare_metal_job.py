"""FollowFile: a job that derives from PowerShell's own Job type, with none of psbridge's help.

    python samples/bare_metal_job.py app.log --until "all done"

It follows a text file as ``tail -f`` does. Each new line is output, a file that was cut short is
a warning, and a file that cannot be read fails the job. A line that holds the text of ``--until``
completes it; without that it runs until Stop-Job.

`psbridge.Job` does all of this in ten lines. This is for those who know
``System.Management.Automation.Job`` and want it all in their own hands. Such a class meets traps
that the .NET documentation does not name; each stands below as "Trap", where it is met.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psbridge import JobHandle, Session

# How often the file is looked at, and how long a stop waits for the work at most.
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0


# Trap: `System` can be imported only once the engine runs, which is after `Session()`. So the class
# is made inside a function.
# Trap: .NET takes a type of this namespace and name once in a process ("Duplicate type name within
# an assembly"). So the function is cached.
@functools.cache
def follow_file_class() -> Any:
    """Make the class; to be called once a session is open."""
    from System import Exception as NetException
    from System import InvalidOperationException
    from System.Management.Automation import (
        ErrorCategory,
        ErrorRecord,
        Job,
        JobState,
        PSObject,
        WarningRecord,
    )

    # Trap: Job2 looks like the better base, for it can be suspended and gives a reason when it
    # fails. But a Job2 belongs to a JobSourceAdapter, which cannot be written in Python:
    # `Receive-Job -Wait -AutoRemoveJob` would write an error and leave the job behind, and
    # Stop-Job would wait for ever unless StopJobCompleted is raised at the right moment.
    class FollowFile(Job):  # type: ignore[misc]
        """Follows a text file; see the module."""

        # Without a namespace pythonnet makes no .NET type.
        # Trap: a class that derives from this one must have none of its own. It would be a second
        # .NET type, and that finds neither the methods nor the __init__ that it inherits.
        __namespace__ = "PSBridge.Samples"

        # The .NET side: what PowerShell calls, on threads of its own.

        def __init__(self, path: Path, until: str | None = None) -> None:
            # Trap: it is this line that runs the .NET constructor. Without it every field of the
            # .NET object is null: it has the Id 0, no state and no streams.
            # Trap: with no arguments it leaves Name and Command null, and then
            # `Get-Job -Command x` fails for all jobs of the session. There is no setter for
            # Command, but the constructor that takes both can be called, although it is protected.
            super().__init__(f"FollowFile {path}", f"follow {path.name}")
            self.PSJobTypeName = "FollowFile"
            self._path = path
            self._until = until
            self._unclaimed = threading.Lock()  # taken once, by who starts the job or ends it
            self._stop = threading.Event()
            self._ended = threading.Event()
            # Trap: Python waits at its end for a thread that is no daemon, before it comes to
            # what stops it. A daemon alone is no better; see `start`.
            self._worker = threading.Thread(target=self._work, name=self.Name, daemon=True)

        # Trap: it has to be these methods; a Python property of the name is not seen by .NET. What
        # is raised in one is raised in whichever cmdlet asks, and a property that is missing
        # says NotImplementedException there.
        # Trap: a cmdlet that asks needs Python, and waits until this thread gets its turn there.
        # So a getter must never wait. Least of all for a lock that the worker holds when it writes:
        # a write can be held up by the very reader that is asking here (see `_work`).

        def get_StatusMessage(self) -> str:
            return "stopping" if self._stop.is_set() and not self._ended.is_set() else ""

        def get_Location(self) -> str:
            return "localhost"

        def get_HasMoreData(self) -> bool:
            # Trap: ask for the count. A `for` over a stream can wait for its next record (where a
            # pipeline writes to it, it does), and no other thread of Python runs meanwhile.
            streams = (self.Output, self.Warning, self.Error)
            return any(stream.IsOpen or stream.Count > 0 for stream in streams)

        def StopJob(self) -> None:
            """Stop the work and return when it has stopped."""
            # Trap: an exception that leaves this method ends the whole Stop-Job, and the jobs that
            # come after this one run on.
            try:
                self._stop.set()
                if self._unclaimed.acquire(blocking=False):
                    self._finish(JobState.Stopped)  # it had not been started
                elif threading.current_thread() is not self._worker:
                    # Trap: return when the work has stopped. `Remove-Job -Force` disposes of the
                    # job right after this, and then every write fails.
                    self._ended.wait(GRACE_SECONDS)
            except Exception:
                logging.getLogger(__name__).exception("the job was not stopped cleanly")

        # Trap: there is no hook for the end of the object. Dispose is no method that Python could
        # override, so what the work holds is given back when the work ends.

        # The Python side.

        def start(self) -> None:
            """Start the work; to be called when the job is in the repository."""
            if not self._unclaimed.acquire(blocking=False):
                return  # started or stopped before
            # Trap: at its end Python must not meet a thread that is inside .NET or comes from
            # there: the process would be aborted. So the work is stopped before.
            atexit.register(self.StopJob)
            # SetJobState is protected, and can be called from here all the same. Trap: it takes
            # every change, from Completed to Running too, but what has ended stays closed. So
            # `_finish` is the only place that ends this job.
            self.SetJobState(JobState.Running)
            self._worker.start()

        def _work(self) -> None:
            state = JobState.Stopped
            try:
                for line in self._lines():
                    # Trap: only a text, a float or a bool becomes a .NET value by itself. An int
                    # would arrive as a PyInt; a list or a dict as an opaque Python object.
                    # Trap: while `Receive-Job -Wait` passes on what was there before, this call
                    # waits for it. Hold no lock here that anybody else needs.
                    # Trap: Receive-Job gives all output, then all errors, then all warnings.
                    # Only `-Wait` from the start keeps the order in which they were written.
                    self.Output.Add(PSObject.AsPSObject(line))
                    if self._until is not None and self._until in line:
                        state = JobState.Completed
                        break
            except InvalidOperationException:
                # Trap: a stream refuses what comes after the end. That happens here where the stop
                # has taken longer than its grace, and the job was removed meanwhile.
                pass
            except Exception as error:
                # Trap: a plain Job cannot give a reason for its failure; the method that sets it is
                # internal. An error record says it instead. Were there a reason, it must not be
                # written as an error too: Receive-Job writes it by itself, each time.
                self._write_error(error)
                state = JobState.Failed
            finally:
                self._finish(state)

        def _write_error(self, error: Exception) -> None:
            record = ErrorRecord(
                NetException(f"{type(error).__name__}: {error}"),
                type(error).__name__,
                ErrorCategory.ReadError,
                str(self._path),
            )
            with contextlib.suppress(InvalidOperationException):
                self.Error.Add(record)

        def _finish(self, state: Any) -> None:
            # Whoever waits for the job goes on inside this call, on this thread. It may even
            # dispose of the job (`Receive-Job -Wait -AutoRemoveJob` does).
            with contextlib.suppress(InvalidOperationException):
                self.SetJobState(state)
            atexit.unregister(self.StopJob)
            self._ended.set()

        def _lines(self) -> Iterator[str]:
            """The lines of the file, and those that are still to come, until a stop."""
            with self._path.open("rb") as file:
                begun = b""
                while not self._stop.is_set():
                    if self._path.stat().st_size < file.tell():
                        file.seek(0)
                        begun = b""
                        self.Warning.Add(WarningRecord(f"{self._path} was cut short"))
                    begun += file.readline()
                    if begun.endswith(b"\n"):
                        yield begun.rstrip(b"\r\n").decode(errors="replace")
                        begun = b""
                    else:
                        self._stop.wait(POLL_SECONDS)

    return FollowFile


def main() -> None:
    """Follow a file and print its lines."""
    parser = argparse.ArgumentParser(description="Follow a text file with a PowerShell job.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--until", help="end at a line that holds this text")
    options = parser.parse_args()
    with Session() as shell:
        job = follow_file_class()(options.path, options.until)
        # Trap: a job can be in a repository once. `shell.jobs.add` says so in words; the .NET
        # method says ArgumentException: "job".
        # Trap: the repository holds the .NET half of the object. Once no Python refers to the
        # object, the garbage collector takes what ties the halves together, and its methods fail.
        # `shell.jobs.add` keeps the job while it is there. Nobody does that for its ChildJobs.
        handle = shell.jobs.add(job)
        # Only now, so that whoever looks for the job finds it from its first record on.
        job.start()
        try:
            print_all(handle)
        except KeyboardInterrupt:
            print("stopped")
        finally:
            # Trap: closing the session stops PowerShell's own jobs, not this one.
            job.StopJob()


def print_all(handle: JobHandle) -> None:
    """Print what the job writes until it ends."""
    ended = False
    while not ended:
        ended = handle.wait(0.2)
        received = handle.receive()
        for warning in received.warnings:
            print(f"warning: {warning}")
        for line in received:
            print(line)
        for error in received.errors:
            print(f"error: {error.message}")


if __name__ == "__main__":
    main()
