"""Objects and values out of PowerShell and into it: `python -m benchmarks.objects`.

Each row is a ratio to the same done by hand with pythonnet, in turns in one process. Look at the
ratios, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psbridge import Job, Session

COUNT = 10_000
INTEGERS = 100_000
FILES = 1_000


@dataclass
class Row:
    """Four properties."""

    a: int
    b: str
    c: float
    d: bool


class Integers(Job):
    """A job that writes integers."""

    def run(self) -> None:
        """Write them all."""
        self.write_many(range(INTEGERS))


def _by_hand(shell: Session, script: str, **given: Any) -> Any:
    from System.Management.Automation import PowerShell

    pipeline = PowerShell.Create()
    pipeline.Runspace = shell._runspace
    pipeline.AddScript(script)
    for name, value in given.items():
        pipeline.AddParameter(name, value)
    output = pipeline.Invoke()
    pipeline.Dispose()
    return output


def records_out(shell: Session) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Objects of four properties."""
    shell.run(
        f"$global:rows = 1..{COUNT} | % "
        '{ [pscustomobject]@{ a = $_; b = "x$_"; c = $_ * 1.5; d = $true } }'
    )

    def by_hand() -> Any:
        found = _by_hand(shell, "$rows")
        return [{each.Name: each.Value for each in row.Properties} for row in found]

    return lambda: shell.run("$rows"), by_hand


def records_in(shell: Session) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Instances of a dataclass."""
    rows = [Row(number, f"x{number}", number * 1.5, True) for number in range(COUNT)]

    def by_hand() -> Any:
        from System.Collections.Generic import List
        from System.Management.Automation import PSNoteProperty, PSObject

        items = List[PSObject]()
        for row in rows:
            item = PSObject()
            for name in ("a", "b", "c", "d"):
                item.Properties.Add(PSNoteProperty(name, getattr(row, name)))
            items.Add(item)
        return _by_hand(shell, "param($x) $x.Count", x=items)

    return lambda: shell.run("param($x) $x.Count", x=rows), by_hand


def members(shell: Session) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Objects with four members, three of them PowerShell's own."""
    shell.run(f"$global:files = 1..{FILES} | % {{ [System.IO.FileInfo]::new('/a/b.txt') }}")
    shell.run("$files | Add-Member NoteProperty Note 5")
    return _members(shell, "Name", "BaseName", "Mode", "Note")


def rare_members(shell: Session) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A date, an enum's value and an object, which by hand stay what they are in .NET."""
    return _members(shell, "LastWriteTime", "Attributes", "Directory")


def _members(shell: Session, *names: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    def ours() -> Any:
        return [[getattr(item, name) for name in names] for item in shell.run("$files")]

    def by_hand() -> Any:
        from System.Management.Automation.Runspaces import Runspace

        found = _by_hand(shell, "$files")
        Runspace.DefaultRunspace = shell._runspace  # for the code of a member
        try:
            return [[item.Properties[name].Value for name in names] for item in found]
        finally:
            Runspace.DefaultRunspace = None

    return ours, by_hand


def properties(shell: Session) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """All properties of files, five of which are scripts of PowerShell's own."""
    shell.run(f"$item = Get-Item ([Environment]::ProcessPath); $global:items = , $item * {FILES}")

    def by_hand() -> Any:
        from System.Management.Automation.Runspaces import Runspace

        found = _by_hand(shell, "$items")
        Runspace.DefaultRunspace = shell._runspace
        try:
            return [{each.Name: each.Value for each in item.Properties} for item in found]
        finally:
            Runspace.DefaultRunspace = None

    return lambda: [item.properties() for item in shell.run("$items")], by_hand


def integers_of_a_job(shell: Session) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Integers that a job has written; by hand one of PowerShell's, whose buffers are its own."""

    def ours() -> float:
        job = shell.start(Integers())
        job.wait()
        start = time.perf_counter()
        job.receive()
        seconds = time.perf_counter() - start
        job.remove()
        return seconds

    def by_hand() -> float:
        shell.run(f"Start-ThreadJob -Name by_hand {{ 1..{INTEGERS} }}")
        job = shell.jobs["by_hand"]
        job.wait()
        start = time.perf_counter()
        found = _by_hand(shell, "param($job) Receive-Job $job", job=job.net)
        [item.BaseObject for item in found]
        seconds = time.perf_counter() - start
        job.remove()
        return seconds

    return ours, by_hand


ROWS = {
    f"{COUNT} objects of 4 properties out": records_out,
    f"{COUNT} dataclass instances in": records_in,
    f"4 members of {FILES} objects": members,
    f"a date, an enum and an object of {FILES}": rare_members,
    f"all properties of {FILES} files": properties,
    f"{INTEGERS} integers out of a job": integers_of_a_job,
}


def _seconds(call: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    said = call()
    return said if isinstance(said, float) else time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with Session() as shell:
        for name, prepare in ROWS.items():
            ours, by_hand = prepare(shell)
            _seconds(ours), _seconds(by_hand)
            pairs = [(_seconds(ours), _seconds(by_hand)) for _ in range(rounds)]
            ratio = statistics.median(mine / theirs for mine, theirs in pairs)
            mine, theirs = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
            print(f"{name}: {mine:.1f} ms, by hand {theirs:.1f} ms, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
