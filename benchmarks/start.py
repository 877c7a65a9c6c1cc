"""How long a process takes to start, to give its first result, and to end.

    python -m benchmarks.start [--rounds 15]

The reference is ``pwsh -NoProfile -Command 1`` of the same home, which PSBRIDGE_PSHOME may name.
Where the package ``virtualshell`` (a warm pwsh behind pipes; the extra ``benchmark``) is installed,
it is measured beside it, on the same pwsh.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from psbridge.engine.finding import find

from .measuring import FIRST_RESULT, Subject, interleaved, python, table

REFERENCE = "pwsh -NoProfile -Command 1"

SESSION = f"""
from psbridge import Session
assert Session().run('1') == [1]
{FIRST_RESULT}
"""

VIRTUALSHELL = f"""
from virtualshell import Shell
with Shell({{executable!r}}) as shell:
    assert '1' in shell.run('1').out
    {FIRST_RESULT}
"""


def subjects(executable: Path) -> list[Subject]:
    """What is measured, on the PowerShell with this executable."""
    psbridge = str(Path(sys.executable).with_name("psbridge"))
    found = [
        Subject(REFERENCE, [str(executable), "-NoProfile", "-Command", "1"]),
        Subject("python -c pass", python("pass")),
        Subject("Session().run('1')", python(SESSION)),
        Subject("psbridge run 1", [psbridge, "run", "1"]),
    ]
    if find_spec("virtualshell") is not None:
        code = VIRTUALSHELL.format(executable=str(executable))
        found.append(Subject("virtualshell", python(code)))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start")
    parser.add_argument("--rounds", type=int, default=15, help="runs of each (15)")
    given = parser.parse_args()
    home = find()
    os.environ["PSBRIDGE_PSHOME"] = str(home.path)
    print(f"PowerShell {home.version}, {given.rounds} rounds, medians")
    print(table(interleaved(subjects(home.executable), given.rounds), REFERENCE))


if __name__ == "__main__":
    main()
