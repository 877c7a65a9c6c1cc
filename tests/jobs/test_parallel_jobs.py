"""Jobs of ForEach-Object -Parallel, whose runspaces the engine opens on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Stopped in each moment of its beginning: before .NET is told otherwise, one of thirty or so ends
# the process. And where it does not, one of hundreds would not come back.
STOPS = """
from psbridge import Session
with Session() as shell:
    for number in range(60):
        shell.run(
            "param($ms) $j = 1..5 | ForEach-Object -Parallel { $_ } -AsJob -UseNewRunspace; "
            "[Threading.Thread]::Sleep($ms); Stop-Job $j; Remove-Job $j -Force",
            ms=number % 10,
        )
    print(*shell.run("'alive'; 1..3 | ForEach-Object -Parallel { $_ } -AsJob | Receive-Job -Wait"))
"""


def test_a_stop_in_the_first_moments_leaves_the_process_alive(
    run_python: Callable[..., Any],
) -> None:
    done = run_python(STOPS)
    assert (done.returncode, done.stderr) == (0, "")
    alive, *numbers = done.stdout.split()
    assert (alive, sorted(numbers)) == ("alive", ["1", "2", "3"])
