"""Running processes in turn and taking their times."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

__all__ = ["Measure", "Subject", "interleaved", "python", "run", "table"]

# Put into a Python program where its first result is there.
FIRST_RESULT = "import time; print('first', time.monotonic(), flush=True)"


class Subject(NamedTuple):
    """A process to measure.

    Attributes:
        name: what it is called in the table.
        command: its command line.
    """

    name: str
    command: Sequence[str]


class Measure(NamedTuple):
    """What one process took, in seconds.

    Attributes:
        wall: from its start to its end.
        cpu: processor time, with that of the processes that it has waited for.
        first: from its start to its first result, where it has said when that was.
    """

    wall: float
    cpu: float
    first: float | None = None


def python(code: str) -> list[str]:
    """The command line of a Python program."""
    return [sys.executable, "-c", code]


def run(subject: Subject, *, expected: int = 0) -> Measure:
    """Run a process to its end.

    Raises:
        RuntimeError: its exit code is another one than the expected.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        subject.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        out, err = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expected:
        raise RuntimeError(f"{subject.name}: exit code {process.returncode}\n{out}{err}")
    said = [line.split()[1] for line in out.splitlines() if line.startswith("first ")]
    first = float(said[0]) - began if said else None
    return Measure(wall, usage.ru_utime + usage.ru_stime, first)


def interleaved(
    subjects: Sequence[Subject], rounds: int, measure: Callable[[Subject], Measure] = run
) -> dict[str, list[Measure]]:
    """Measure every subject once a round, after one run of each that is not counted."""
    for subject in subjects:
        measure(subject)
    found: dict[str, list[Measure]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            found[subject.name].append(measure(subject))
    return found


def table(found: Mapping[str, Sequence[Measure]], reference: str) -> str:
    """The medians in milliseconds, and their ratios to those of one of the subjects."""
    base = found[reference]
    base_wall, base_cpu = median(m.wall for m in base), median(m.cpu for m in base)
    width = max(map(len, found))
    lines = [f"{'':{width}}   wall ms  ratio    CPU ms  ratio  first result ms"]
    for name, measures in found.items():
        wall, cpu = median(m.wall for m in measures), median(m.cpu for m in measures)
        firsts = [m.first for m in measures if m.first is not None]
        first = f"{1000 * median(firsts):15.0f}" if firsts else ""
        lines.append(
            f"{name:{width}}  {1000 * wall:8.0f}  {wall / base_wall:5.2f}"
            f"  {1000 * cpu:8.0f}  {cpu / base_cpu:5.2f}  {first}".rstrip()
        )
    return "\n".join(lines)


def _environment() -> dict[str, str]:
    # As for a user, Python's bytecode is there.
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
