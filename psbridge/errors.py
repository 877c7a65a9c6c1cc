"""Every exception psbridge raises, in one tree.

PsbridgeError
├── EngineError                 PowerShell could not be found, fetched, built or started
│   ├── EngineNotFound          nowhere; lists every place that was looked at
│   ├── EngineUnsupported       found, but too old or not usable
│   ├── EngineStartError        found, but .NET or the engine did not start
│   ├── FeedError               a NuGet feed, its configuration or a download
│   ├── PackageError            a package that is not what the lock file pins, or is damaged
│   └── CompileError            C# that Roslyn refused; file and line in the message
├── ForkedProcessError          a forked child used what only its parent has: PowerShell
├── SessionClosedError          the session was closed before or while it was used
├── PowerShellError             a terminating error in PowerShell code
├── PipelineTimeout             time was up, and the code was stopped (a TimeoutError)
├── ConversionError             a value that has no counterpart across the border (a TypeError)
├── DeclarationError            a job or cmdlet that is declared wrongly (a TypeError)
├── InventoryError              the description of a fleet is wrong; says where (a ValueError)
├── WorkerError                 an exception in a worker process, described
├── WorkerLost                  the process that did a job's work ended before the work did
└── JobError
    ├── JobFailed               the job ended in the state Failed
    └── JobStopped              the job ended in the state Stopped

StopRequested                   not an error: unwinds Python code that is to stop
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = [
    "CompileError",
    "ConversionError",
    "DeclarationError",
    "EngineError",
    "EngineNotFound",
    "EngineStartError",
    "EngineUnsupported",
    "FeedError",
    "ForkedProcessError",
    "InventoryError",
    "JobError",
    "JobFailed",
    "JobStopped",
    "PackageError",
    "PipelineTimeout",
    "PowerShellError",
    "PsbridgeError",
    "SessionClosedError",
    "StopRequested",
    "WorkerError",
    "WorkerLost",
]


class PsbridgeError(Exception):
    """The base of every exception that psbridge raises on purpose."""


class EngineError(PsbridgeError):
    """PowerShell could not be found, fetched, built or started.

    Attributes:
        cause: what is wrong; the message begins with it.
        next_step: what to do about it, with a line to paste at its end; empty where nothing can
            be said. The message ends with it.
    """

    def __init__(self, cause: str, next_step: str = "") -> None:
        self.cause = cause
        self.next_step = next_step
        super().__init__(f"{cause}\n{next_step}" if next_step else cause)


class EngineNotFound(EngineError):
    """There is no PowerShell engine, and none could be fetched.

    Attributes:
        looked_at: each place that was looked at, as ``(place, what was found there)``.
        packages: the files that an engine for this platform is made from, each with its size.
    """

    def __init__(self, looked_at: Sequence[tuple[str, str]], packages: Sequence[str] = ()) -> None:
        self.looked_at = tuple(looked_at)
        self.packages = tuple(packages)
        places = "\n".join(f"  - {place}: {found}" for place, found in self.looked_at)
        super().__init__(
            f"No PowerShell engine was found.\nLooked at:\n{places}", ways_to_an_engine(packages)
        )

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.looked_at, self.packages)


def ways_to_an_engine(packages: Sequence[str] = ()) -> str:
    """Write what to do where there is no engine and no feed, the easiest way first.

    Args:
        packages: the files an engine for this platform is made from, each with its size.
    """
    lock_file = Path(__file__).parent / "setup" / "packages.lock.json"
    files = [f"       {name}" for name in packages]
    if files:
        files = ["     They are, for this platform:", *files]
    return "\n".join(
        (
            "Three ways to get one:",
            "  1. Install PowerShell 7.4 or later, so that `pwsh` is on PATH, "
            "or name its folder in PSBRIDGE_PSHOME.",
            "  2. Name a NuGet feed: a folder of packages, the site of a package gallery, "
            "or the address of a v3 index:",
            "       psbridge setup --source FEED",
            "  3. Bring the packages from a machine that has a feed.",
            *files,
            f"     Their hashes are in {lock_file}.",
            "     There, and then here:",
            "       psbridge setup --download FOLDER",
            "       psbridge setup --source FOLDER",
        )
    )


class EngineUnsupported(EngineError):
    """A PowerShell was found that psbridge cannot use, such as one older than 7.4."""


class EngineStartError(EngineError):
    """.NET or the engine did not start; the cause is chained."""


class FeedError(EngineError):
    """A NuGet feed or its configuration cannot be read, or a download failed."""


class PackageError(EngineError):
    """A package is damaged, or is not the one that the lock file pins."""


class CompileError(EngineError):
    """Roslyn refused C# source; each line of the message names file, line and column."""


class ForkedProcessError(PsbridgeError):
    """A child that was forked while PowerShell ran in its parent used PowerShell, or .NET."""

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message
            or "this process was forked from one in which PowerShell runs, and .NET cannot be used "
            "in such a child. Start processes anew instead, with multiprocessing's "
            '"spawn" or "forkserver" (for a pool, '
            'mp_context=multiprocessing.get_context("spawn")), '
            "or fork before the first Session is opened"
        )


class SessionClosedError(PsbridgeError):
    """The session was closed before or while it was used."""


class PowerShellError(PsbridgeError):
    """A terminating error in PowerShell code.

    Attributes:
        exception: the .NET exception, the innermost one.
        record: the ErrorRecord, where PowerShell made one; its ``Exception`` is the outermost.
        error_id: its FullyQualifiedErrorId, such as ``"CommandNotFoundException"``; empty
            without a record.
        category: its category, such as ``"ObjectNotFound"``; empty without a record.
        result: what was written before the error, with all its streams.
        raised: the Python exception, where Python code that ran in PowerShell raised it. A
            session's calls raise that itself.
    """

    raised: BaseException | None = None

    def __init__(
        self,
        message: str,
        *,
        exception: Any = None,
        record: Any = None,
        error_id: str = "",
        category: str = "",
        result: Any = None,
    ) -> None:
        super().__init__(message)
        self.exception = exception
        self.record = record
        self.error_id = error_id
        self.category = category
        self.result = result
        self.errors: list[Any] = []


class PipelineTimeout(PsbridgeError, TimeoutError):
    """Time was up, and the code was stopped.

    Attributes:
        result: what it had written by then, with all its streams.
        errors: the `ErrorRecord` of what ended the code, or those of all errors that ``check`` has
            raised; one for each mistake where PowerShell cannot parse the code.
    """

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (str(self), self.result)


class ConversionError(PsbridgeError, TypeError):
    """A value has no counterpart on the other side of the border, or in the type asked for.

    Attributes:
        result: of a call whose output cannot be made into a type, the output as it is; else None.
    """

    result: Any = None


class InventoryError(PsbridgeError, ValueError):
    """The description of a fleet cannot be used; says what is wrong in it, and where."""


class DeclarationError(PsbridgeError, TypeError):
    """A job or a cmdlet is declared wrongly; says what is wrong in it.

    Also what is of the wrong type where a job is made, started or waited for.
    """


class WorkerError(PsbridgeError):
    """An exception in a worker process: what can be said of it without the object itself.

    The exception that was raised there is raised here too where it can be pickled; then this is
    its cause. Where it cannot, this stands for it.

    Attributes:
        type_name: the name of its class.
        text: what it says.
        traceback_text: its traceback, from where psbridge called the author's code.
        kinds: the names of its class and of those it derives from.
    """

    def __init__(
        self, type_name: str, text: str, traceback_text: str, kinds: tuple[str, ...]
    ) -> None:
        super().__init__(type_name, text, traceback_text, kinds)
        self.type_name = type_name
        self.text = text
        self.traceback_text = traceback_text
        self.kinds = kinds

    def __str__(self) -> str:
        return f"\n{self.traceback_text}"

    @property
    def line(self) -> str:
        """Its class and what it says, as the last line of a traceback does."""
        return f"{self.type_name}: {self.text}".removesuffix(": ")

    @classmethod
    def describe(cls, error: BaseException) -> Self:
        """Describe an exception, whatever its own code does meanwhile."""
        name = type(error).__name__
        try:
            text = str(error)
        except BaseException as broken:
            text = f"(its text cannot be had: {type(broken).__name__})"
        try:
            trace = traceback_text(error, _outside(error))
        except BaseException as broken:
            trace = f"{name} (its traceback cannot be had: {type(broken).__name__})\n"
        kinds = tuple(kind.__name__ for kind in type(error).__mro__)
        return cls(name, text, trace, kinds)


def traceback_text(error: BaseException, trace: TracebackType | None) -> str:
    """A traceback with the modules' names that its reader knows.

    A module that was loaded by its path is called after its file here, and a hash behind that tells
    it from others of the name; see `cmdlets.modules`.
    """
    text = "".join(traceback.format_exception(type(error), error, trace))
    return _FILE_MODULE.sub(_known_name, text)


# Bounded, and from the beginning of a name: a text may be long.
_FILE_MODULE = re.compile(r"(?<![^\s.|])([^\s.|]{1,255})_[0-9a-f]{8}(?=\.)")


def _known_name(found: re.Match[str]) -> str:
    file = getattr(sys.modules.get(found[0]), "__file__", None)
    return found[1] if file and Path(file).stem == found[1] else found[0]


def _outside(error: BaseException) -> TracebackType | None:
    """The traceback from where psbridge called the user's code; ours says nothing to a reader."""
    package = str(Path(__file__).parent) + os.sep
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(package):
        trace = trace.tb_next
    return trace or error.__traceback__


class WorkerLost(PsbridgeError):
    """The process that did a job's work ended before the work did; says how."""


class JobError(PsbridgeError):
    """A job ended without doing what it was to do.

    Attributes:
        job: the handle of the job.
        result: what was written before, with all its streams.
    """

    def __init__(self, message: str, *, job: Any, result: Any = None) -> None:
        super().__init__(message)
        self.job = job
        self.result = result


class JobFailed(JobError):
    """The job ended in the state Failed; the message is its reason.

    Its ``__cause__`` is the Python exception, where the work was Python's and the handle was given
    by what started it; a `WorkerError` says what is known of one that another handle or another
    process had. For work in PowerShell it is a `PowerShellError`, with the ErrorRecord. Of a group
    it is that of the first child that failed.

    Attributes:
        failures: one of these for each child that failed, with its reason, its handle and its
            cause; one for the job itself where no child has failed.
    """

    def __init__(
        self, message: str, *, job: Any, result: Any = None, failures: Sequence[JobFailed] = ()
    ) -> None:
        super().__init__(message, job=job, result=result)
        self.failures: list[JobFailed] = list(failures)


class JobStopped(JobError):
    """The job ended in the state Stopped."""


class StopRequested(BaseException):
    """A stop of the running job or pipeline was asked for; raised in the code that does the work.

    Like KeyboardInterrupt it is no `Exception`, so that ``except Exception`` in the work does not
    keep it from stopping. Clean up in ``finally`` and let it pass. Where it leaves a job's work and
    no stop was asked for, the job is Failed, as by any exception.
    """
