"""Patch status of a fleet: what is installed, what waits, who wants a restart.

    python samples/patch_status.py hosts.toml
    python samples/patch_status.py hosts.toml --group web --group db --csv status.csv

The machines are those of an inventory, Windows over WinRM and Linux over SSH mixed. Each is asked
side by side, as one PowerShell job with a child for each machine. A machine that cannot be reached
or that fails is a line with its reason, and does not hide the others.

The exit code is 0 where all machines answered, and 1 where one did not.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from psbridge import InventoryError, JobHandle, Session, inventory

# Runs on Windows PowerShell 5.1, where $IsLinux is nothing, and on PowerShell 7.
SCRIPT = r"""
if ($IsLinux) {
    $status = Get-Item -Path /var/lib/dpkg/status, /var/lib/rpm -ErrorAction Ignore
    [pscustomobject]@{
        System     = [Environment]::OSVersion.VersionString
        LastUpdate = ($status | Sort-Object LastWriteTime | Select-Object -Last 1).LastWriteTime
        Pending    = @(if (Get-Command apt-get -ErrorAction Ignore) {
            apt-get --just-print upgrade 2>$null | Select-String -Pattern '^Inst '
        }).Count
        Restart    = Test-Path -Path /var/run/reboot-required
    }
} else {
    $search = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
    $key = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update'
    $fixes = Get-HotFix | Where-Object InstalledOn | Sort-Object InstalledOn
    [pscustomobject]@{
        System     = (Get-CimInstance Win32_OperatingSystem).Caption
        LastUpdate = ($fixes | Select-Object -Last 1).InstalledOn
        Pending    = $search.Search('IsInstalled=0 and IsHidden=0').Updates.Count
        Restart    = Test-Path -Path "$key\RebootRequired"
    }
}
"""


@dataclass
class Status:
    """What one machine said, or why it did not.

    Attributes:
        machine: its name in the inventory.
        state: ``Completed``, ``Failed`` or ``Stopped``.
        system: its operating system.
        last_update: when something was last installed.
        pending: how many updates wait.
        restart: whether it wants to be restarted.
        reason: why it failed.
    """

    machine: str
    state: str
    system: str = ""
    last_update: str = ""
    pending: str = ""
    restart: str = ""
    reason: str = ""


def ask(shell: Session, targets: Sequence[Any], timeout: float, limit: int) -> list[Status]:
    """Ask all machines, and wait until each has answered or failed.

    Args:
        shell: where the job is started.
        targets: the machines.
        timeout: how many seconds one may take.
        limit: how many are asked at once.
    """
    job = shell.start_remote(
        SCRIPT, targets, name="patch status", timeout=timeout, throttle_limit=limit
    )
    try:
        job.wait()
        return [status_of(child) for child in job.children]
    finally:
        job.remove(force=True)


def status_of(child: JobHandle) -> Status:
    """What the child job of one machine says."""
    status = Status(child.location, child.state, reason=one_line(child.reason or ""))
    for answer in child.receive()[:1]:
        status.system = str(answer["System"])
        status.last_update = (
            "" if answer["LastUpdate"] is None else f"{answer['LastUpdate']:%Y-%m-%d}"
        )
        status.pending = str(answer["Pending"])
        status.restart = "yes" if answer["Restart"] else "no"
    return status


def one_line(text: str) -> str:
    """A text without line ends."""
    return " ".join(text.split())


def show(statuses: Sequence[Status]) -> None:
    """Print a table, and the reasons below it."""
    rows = [list(asdict(status).values())[:-1] for status in statuses]
    table = [[field.name.replace("_", " ") for field in fields(Status)][:-1], *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())
    for status in statuses:
        if status.reason:
            print(f"\n{status.machine}: {status.reason}")


def write_csv(statuses: Sequence[Status], path: Path) -> None:
    """Write the table as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Status)])
        writer.writeheader()
        writer.writerows(asdict(status) for status in statuses)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    parser = argparse.ArgumentParser(description="Show the patch status of a fleet.")
    parser.add_argument("inventory", type=Path, help="the fleet's description, a TOML file")
    parser.add_argument("--group", action="append", help="a group of it; all without this")
    parser.add_argument("--csv", type=Path, help="write the table into this file, too")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a machine may take")
    parser.add_argument("--throttle-limit", type=int, default=32, help="machines at once")
    args = parser.parse_args(arguments)
    try:
        fleet = inventory(args.inventory)
        targets = [target for group in args.group or fleet for target in fleet[group]]
    except (InventoryError, KeyError) as error:
        parser.error(str(error.args[0]))
    with Session() as shell:
        statuses = ask(shell, targets, args.timeout, args.throttle_limit)
    show(statuses)
    if args.csv:
        write_csv(statuses, args.csv)
    return 0 if all(status.state == "Completed" for status in statuses) else 1


if __name__ == "__main__":
    sys.exit(main())
