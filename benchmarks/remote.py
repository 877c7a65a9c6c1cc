"""What jobs on other machines take, beside pywinrm's ``run_ps`` and pypsrp.

    python -m benchmarks.remote calls [--rounds 10]
    python -m benchmarks.remote fan-out [--targets 200] [--commands 1] [--latency 20] [--throttle 32]

The machine is the tests' WinRM server, in a process of its own, with NTLM and encryption. Behind each
shell is the engine's own pwsh, on this very machine: its start, 0.3 s of processor time for each shell
and for each ``run_ps``, is in all figures, and where many start at once it is most of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import winrm
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from psbridge import Session, WinRM
from psbridge.engine.finding import find
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

SCRIPT = "1..3"

Times = dict[str, list[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remote")
    what = parser.add_subparsers(required=True)
    calls = what.add_parser("calls", help="one machine: the first call and further ones")
    calls.add_argument("--rounds", type=int, default=10)
    calls.set_defaults(run=lambda args: measure_calls(args.rounds))
    fan_out = what.add_parser("fan-out", help="many machines at once")
    fan_out.add_argument("--targets", type=int, default=200)
    fan_out.add_argument("--commands", type=int, default=1, help="for each machine")
    fan_out.add_argument("--latency", type=float, default=20, help="milliseconds, each answer")
    fan_out.add_argument("--throttle", type=int, default=32)
    fan_out.add_argument("--rounds", type=int, default=1)
    fan_out.set_defaults(run=measure_fan_out)
    args = parser.parse_args(arguments)
    args.run(args)
    return 0
