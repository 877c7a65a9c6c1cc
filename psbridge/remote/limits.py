"""Whether this process may have what sessions take: file descriptors, threads and processes.

Looked at before a fan-out begins, for in its midst each session that finds nothing left is a
machine that failed. It is a look, no reservation: what else begins meanwhile takes from the same.
To raise a limit is not psbridge's to do; it is inherited by whatever the process starts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .carrying import Target

__all__ = ["Limit", "fitting_throttle", "limits"]

# What the process needs beside the sessions: .NET opens files and starts threads as it goes along.
_RESERVE = 16
# PowerShell has two threads for each machine of a job, from when the job is made until the session
# with that machine is over, whether or not it has had its turn.
_ENGINE_TASKS = 2


@dataclass(frozen=True)
class Limit:
    """How many of something this process may have.

    Attributes:
        what: what of.
        cost: the attribute of a `Target` that says how many a session takes.
        allowed: how many there may be.
        used: how many there are.
        raised_by: what raises it.
        each: how many each machine of a job takes, also while it waits for its turn.
    """

    what: str
    cost: str
    allowed: int
    used: int
    raised_by: str
    each: int = 0

    def sessions(self, targets: Sequence[Target]) -> int:
        """How many sessions with these machines fit at once, whichever they are."""
        left = self.allowed - self.used - _RESERVE - self.each * len(targets)
        costs = sorted((getattr(target, self.cost) for target in targets), reverse=True)
        for count, cost in enumerate(costs):
            left -= cost
            if left < 0:
                return count
        return len(costs)

    def __str__(self) -> str:
        return f"the limit of {self.what} is {self.allowed}, of which {self.used} are in use"


def fitting_throttle(targets: Sequence[Target], throttle_limit: int) -> int:
    """How many sessions may be open at once, by the limits of this process.

    Args:
        targets: the machines.
        throttle_limit: how many are wanted.

    Returns:
        That many, or fewer, with a warning.

    Raises:
        OSError: not even one fits. The message says what to raise.
    """
    wanted = min(throttle_limit, len(targets))
    for limit in limits():
        fitting = limit.sessions(targets)
        if fitting == 0:
            cost = max(getattr(target, limit.cost) for target in targets)
            waiting = limit.each * len(targets)
            more = f" beside {waiting} for all that are to come" if waiting else ""
            message = f"{limit}, and a session takes {cost}{more}; {limit.raised_by} raises it"
            raise OSError(errno.EMFILE if limit.cost == "descriptors" else errno.EAGAIN, message)
        if fitting < wanted:
            warnings.warn(
                f"{fitting} machines at once instead of {wanted}: {limit}; "
                f"{limit.raised_by} raises it",
                RuntimeWarning,
                stacklevel=4,  # the caller of start_remote
            )
            wanted = throttle_limit = fitting
    return throttle_limit


def limits() -> Iterator[Limit]:
    """The limits that are known here; none where the system has none, or tells nobody."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            # Its own descriptor is among them, which makes up for none of ours.
            used = len(os.listdir("/dev/fd"))  # noqa: PTH208 (of a folder of numbers)
            yield Limit("open files", "descriptors", soft, used, "ulimit -n")
    if sys.platform == "linux":
        yield from _limits_of_tasks()


def _limits_of_tasks() -> Iterator[Limit]:
    """Linux counts threads and processes as one: for a user, and for a control group."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    # It does not hold for root. Where it is far away, nobody counts.
    if os.geteuid() != 0 and 0 <= soft < _FAR_AWAY:
        used = sum(_threads_of(os.geteuid()))
        yield Limit(
            "processes and threads of this user", "tasks", soft, used, "ulimit -u", _ENGINE_TASKS
        )
    for folder in _control_groups():
        with contextlib.suppress(OSError, ValueError):
            allowed = int((folder / "pids.max").read_text("ascii"))
            used = int((folder / "pids.current").read_text("ascii"))
            yield Limit(
                "processes and threads of this control group", "tasks", allowed, used,
                "pids.max, or the container's --pids-limit,", _ENGINE_TASKS,
            )  # fmt: skip


_FAR_AWAY = 10_000


def _threads_of(user: int) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if folder.stat().st_uid == user:
                    yield len(os.listdir(folder / "task"))  # noqa: PTH208


def _control_groups() -> Iterator[Path]:
    """The folder of this process's control group, and those above, which limit it as well."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            root = Path("/sys/fs/cgroup")
            if controllers == "pids":
                root /= "pids"
            elif controllers:
                continue
            group = root / path.lstrip("/")
            while group.is_relative_to(root):
                yield group
                group = group.parent
