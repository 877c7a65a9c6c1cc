"""Precompiling a home with crossgen2, so that .NET need not compile the same code at each start.

.NET calls the result ReadyToRun: the assembly as it was, with machine code beside it. PowerShell's
packages hold assemblies without, and compiling them while they run is most of what a start costs.

What is worth it was measured: System.Management.Automation has nearly all of the gain, the other
assemblies of the default set cost little, and the rest of a home gains nothing that can be seen.
Roslyn costs as much as System.Management.Automation and speeds up only what compiles C#, so it is
for those who ask; .NET's own training data names the methods that are worth it.

Whether an assembly is precompiled stands in the assembly itself. So nothing else has to say it,
and a precompiling that was interrupted goes on where it was.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineError
from ..waiting import completed
from .assemblies import is_precompiled
from .packages import open_package
from .progress import Progress
from .python_runtime import precompiled_python_runtime, python_runtime

__all__ = [
    "COMPILER",
    "NO_PRECOMPILE_VARIABLE",
    "POWERSHELL",
    "Work",
    "pending",
    "precompile",
]

NO_PRECOMPILE_VARIABLE = "PSBRIDGE_NO_PRECOMPILE"
"""The environment variable that leaves precompiling out, for machines that live for one run."""

POWERSHELL = (
    "System.Management.Automation.dll",
    "Microsoft.PowerShell.Commands.Utility.dll",
    "Microsoft.PowerShell.Commands.Management.dll",
    "Microsoft.PowerShell.ConsoleHost.dll",
    "Microsoft.PowerShell.Security.dll",
    "pwsh.dll",
    "Modules/PSReadLine/Microsoft.PowerShell.PSReadLine.dll",
)
"""What is precompiled by default, with pythonnet's assembly."""

COMPILER = ("Microsoft.CodeAnalysis.dll", "Microsoft.CodeAnalysis.CSharp.dll")
"""Roslyn, on request."""

_PROFILE = "StandardOptimizationData.mibc"
_TOOLS = ("crossgen2", "libclrjit_unix_x64_x64.so", "libjitinterface_x64.so")
# What of an assembly is done with a method, about; so the lines that crossgen2 prints are progress,
# told each so many methods.
_BYTES_A_METHOD = 130
_METHODS_A_STEP = 50
# What the results take on disk beyond the assemblies, and crossgen2 itself meanwhile, at most.
_SPACE = 60_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """One assembly to precompile.

    Attributes:
        source: the assembly.
        target: where the result goes; may be `source`.
        by_profile: whether only the methods that .NET's training data names are compiled.
    """

    source: Path
    target: Path
    by_profile: bool = False


def pending(home: Path, *, compiler: bool = False) -> list[Work]:
    """List what is still to be precompiled in a home.

    Args:
        home: the home's folder.
        compiler: Roslyn, too.
    """
    works = [Work(home / name, home / name) for name in POWERSHELL]
    if compiler:
        works += [Work(home / name, home / name, by_profile=True) for name in COMPILER]
    works.append(Work(python_runtime(), precompiled_python_runtime(home)))
    return [w for w in works if w.source.is_file() and not is_precompiled(w.target)]


def precompile(
    works: Sequence[Work],
    home: Path,
    crossgen2: Path,
    runtime: Path | None,
    temporary: Path,
    progress: Progress,
) -> None:
    """Precompile assemblies, each in a process of its own, on all cores.

    Each result is renamed to its place when it is whole: a process that runs from the home keeps
    the file that it has.

    Args:
        works: see `pending`.
        home: the home, whose assemblies are what the works refer to.
        crossgen2: the package of crossgen2.
        runtime: the package of .NET, which has the profile; wanted where a work goes by it.
        temporary: an existing folder on the home's disk.
        progress: is told how far it is.

    Raises:
        EngineError: crossgen2 cannot run here or failed, or the disk is too full; those that were
            finished are in place.
        PackageError: the package of crossgen2 is damaged.
        OSError: a file cannot be written.
    """
    free = shutil.disk_usage(temporary).free
    if free < _SPACE:
        left, needed = free / 1_000_000, _SPACE / 1_000_000
        raise EngineError(f"the disk has {left:.0f} MB left, and {needed:.0f} are needed")
    with open_package(crossgen2, "crossgen2") as package:
        for name in _TOOLS:
            package.extract(f"tools/{name}", temporary / name)
    tool = temporary / _TOOLS[0]
    tool.chmod(0o755)
    options = ["--targetos", "linux", "--targetarch", "x64", "-O", "--verbose"]
    options += ["-r", str(home / "*.dll")]
    profile = []
    if any(work.by_profile for work in works) and runtime is not None:
        with open_package(runtime, "the runtime") as package:
            package.extract(f"tools/{_PROFILE}", temporary / _PROFILE)
        profile = ["--partial", "--mibc", str(temporary / _PROFILE)]
    # The longest first: System.Management.Automation takes as long as all others together.
    ordered = sorted(works, key=lambda work: work.source.stat().st_size, reverse=True)
    total = sum(work.source.stat().st_size for work in ordered)
    progress.begin(f"Precompiling {len(ordered)} assemblies", len(ordered), total)
    crew = _Crew(tool, options, temporary, progress)
    with ThreadPoolExecutor(_cores(), thread_name_prefix="psbridge-precompile") as pool:
        try:
            jobs = [
                pool.submit(crew.compile, number, work, profile if work.by_profile else [])
                for number, work in enumerate(ordered)
            ]
            for job in completed(jobs):
                job.result()
        finally:
            crew.stop()


def _cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Crew:
    """The processes of crossgen2 that run now; they end when one fails, or at Ctrl-C."""

    def __init__(self, tool: Path, options: list[str], folder: Path, progress: Progress) -> None:
        self._tool = tool
        self._options = options
        self._folder = folder
        self._progress = progress
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def stop(self) -> None:
        """End what runs, and begin nothing more.

        The pool waits for its threads, but not for one that Ctrl-C has kept it from noting: that
        comes while the thread is started, and the thread may have a process by then.
        """
        with self._lock:
            self._stopped = True
            running = list(self._running)
            for process in running:
                process.kill()
        for process in running:
            process.wait()

    def compile(self, number: int, work: Work, more: list[str]) -> None:
        """Precompile one assembly."""
        made = self._folder / f"{number}-{work.target.name}"
        command = [str(self._tool), str(work.source), "-o", str(made), *self._options, *more]
        process = self._start(command)
        if process is None:
            return
        said, size, seen, methods = [""], work.source.stat().st_size, 0, 0
        try:
            with process:
                assert process.stdout is not None
                for line in process.stdout:
                    if line.startswith("Compiling "):
                        methods += 1
                        if methods % _METHODS_A_STEP == 0:
                            step = min(_METHODS_A_STEP * _BYTES_A_METHOD, size - seen)
                            seen += step
                            self._progress.advanced(work.source.name, step)
                    elif line.strip():
                        said = [*said[-4:], line.strip()]
        finally:
            with self._lock:
                self._running.discard(process)
        if self._stopped:
            return
        if process.returncode != 0 or not is_precompiled(made):
            raise EngineError(
                f"crossgen2 failed at {work.source.name} (exit code {process.returncode}): "
                + " ".join(said).strip()
            )
        made.chmod(stat.S_IMODE(work.source.stat().st_mode))
        work.target.parent.mkdir(parents=True, exist_ok=True)
        made.replace(work.target)
        self._progress.advanced(work.source.name, size - seen)
        self._progress.finished(work.source.name)

    def _start(self, command: list[str]) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._stopped:
                return None
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                )
            except OSError as error:
                raise EngineError(f"crossgen2 cannot run here: {error.strerror}") from error
            self._running.add(process)
            return process
