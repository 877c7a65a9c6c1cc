"""What jobs on other machines take, beside pywinrm's ``run_ps`` and pypsrp.

    python -m benchmarks.remote calls [--rounds 10]
    python -m benchmarks.remote fan-out [--targets 200] [--commands 1] [--latency 20] [--start 300]
    python -m benchmarks.remote soak [--commands 10000]

The machine is the tests' WinRM server, in a process of its own, with NTLM and encryption. Behind
each shell is the engine's own pwsh, on this very machine, and its start is in the figures of calls:
0.3 s of processor time for each shell and for each ``run_ps``.

Two hundred machines have processors of their own, and this one has not. So in a fan-out no
PowerShell is started (see `replaying`): its start is a pause of ``--start`` milliseconds, in the
Create of a shell of ours as in each script of a ``run_ps``. With ``--real`` both start one.
"""

from __future__ import annotations

import argparse
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import winrm
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from benchmarks import replaying
from psbridge import Session, WinRM
from psbridge.engine.finding import find
from tests.winrm_server.faults import Effect
from tests.winrm_server.server import Machine, WinRMServer

SCRIPT = "1..3"
USER, PASSWORD = "ops", "open sesame 1"

Times = dict[str, list[float]]


def measure_calls(rounds: int) -> None:
    """One machine: opening a session, its first call, further calls, and ``run_ps``."""
    times: Times = {}
    with server() as machine, Session() as shell:
        target = target_of(machine)
        for _ in range(rounds + 1):
            note(times, "run_ps", run_ps, machine)
            with WSMan(machine.host, **pypsrp_settings(machine)) as wsman:
                pool = note(times, "pypsrp: open", RunspacePool(wsman).__enter__)
                note(times, "pypsrp: first call", run_psrp, pool)
                for _ in range(5):
                    note(times, "pypsrp: further call", run_psrp, pool)
                pool.__exit__(None, None, None)
            session = note(times, "psbridge: open", shell.connect, target)
            note(times, "psbridge: first call", session.run, SCRIPT)
            for _ in range(5):
                note(times, "psbridge: further call", session.run, SCRIPT)
            session.close()
            note(times, "psbridge: a job of its own", run_job, shell, [target])
        before = len(machine.actions())
        run_job(shell, [target])
        machine.wait_until(shells=0)
        requests = machine.actions()[before:]
    print(f"{'':28}  median ms  ratio to run_ps")
    base = median(times["run_ps"][1:])
    for name, found in times.items():
        value = median(found[1:])
        print(f"{name:28}  {1000 * value:9.0f}  {value / base:8.2f}")
    print(f"requests of a job of its own: {len(requests)}: {' '.join(requests)}")


def measure_fan_out(args: argparse.Namespace) -> None:
    """Many machines, of which each answers late, by threads of ``run_ps`` and as a job."""
    scripts = range(args.commands)
    limits: dict[str, Any] = {
        "latency": args.latency / 1000,
        "plugin_shells_per_user": None,
        "shells_per_user": None,
    }
    if not args.real:
        limits["kept_processes"] = args.throttle + 8
    times: Times = {}
    with (
        program(None if args.real else args.start) as pwsh,
        server(pwsh, **limits) as machine,
        Session() as shell,
        ThreadPoolExecutor(args.throttle) as threads,
    ):
        targets = [target_of(machine) for _ in range(args.targets)]

        def by_run_ps() -> None:
            side_by_side(threads, lambda t: run_ps(machine, len(scripts)), targets)

        def by_us() -> None:
            if args.commands == 1:
                run_job(shell, targets, args.throttle)
            else:
                side_by_side(threads, lambda t: run_session(shell, t, scripts), targets)

        if not args.real:
            for count in (1, args.throttle):
                run_job(shell, targets[:count], args.throttle)
                machine.wait_until(shells=0)
        for _ in range(args.rounds):
            note(times, "run_ps in threads", by_run_ps)
            late = None if args.real else machine.inject(Effect(late=args.start / 1000), "Create")
            note(times, "a job" if args.commands == 1 else "sessions in threads", by_us)
            if late is not None:
                late.remove()
    base = median(times["run_ps in threads"])
    for name, found in times.items():
        print(f"{name:20}  {median(found):6.1f} s  ratio {median(found) / base:5.2f}")
    print(f"at the end: {resources()}; at most {peak_megabytes()} MB")


def measure_soak(commands: int) -> None:
    """One session, many commands: what the process takes after each tenth of them."""
    with server() as machine, Session() as shell, shell.connect(target_of(machine)) as session:
        began = time.perf_counter()
        for number in range(1, commands + 1):
            assert session.run(SCRIPT) == [1, 2, 3]
            if number % max(1, commands // 10) == 0:
                each = (time.perf_counter() - began) / number
                print(f"{number:6} commands: {resources()}, {1000 * each:.1f} ms each", flush=True)


def resources() -> str:
    """What this process takes now."""
    me = psutil.Process()
    memory = me.memory_info().rss // 2**20
    return f"{memory} MB, {me.num_threads()} threads, {me.num_fds()} descriptors"


def peak_megabytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10


@contextmanager
def program(start: float | None) -> Iterator[Path]:
    """PowerShell, or what stands for it: a script takes so many milliseconds."""
    real = find().executable
    if start is None:
        yield real
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pwsh")
        replay = [sys.executable, "-S", replaying.__file__, f"{folder}/session", str(real)]
        path.write_text(
            f'#!/bin/sh\n[ "$1" = -s ] && exec {shlex.join(replay)} "$@"\n'
            f"sleep {start / 1000}; printf '1\\r\\n2\\r\\n3\\r\\n'\n"
        )
        path.chmod(0o755)
        yield path


@contextmanager
def server(pwsh: Path | None = None, **settings: Any) -> Iterator[Machine]:
    """A machine, in a process of its own."""
    with WinRMServer(pwsh or find().executable, **settings) as running:
        running.users = {USER: PASSWORD}
        yield running.machine


def target_of(machine: Machine) -> WinRM:
    """The machine as ours."""
    return WinRM(machine.host, port=machine.port, auth="ntlm", username=USER, password=PASSWORD)


def pypsrp_settings(machine: Machine) -> dict[str, Any]:
    """The machine as pypsrp's."""
    return {
        "port": machine.port,
        "ssl": False,
        "auth": "ntlm",
        "username": USER,
        "password": PASSWORD,
    }


def run_ps(machine: Machine, count: int = 1) -> None:
    """Calls of pywinrm's, by one session of it."""
    # Without proxy=None, with which requests' threads fall over one another in os.environ.
    session = winrm.Session(machine.url, (USER, PASSWORD), transport="ntlm")
    for _ in range(count):
        answer = session.run_ps(SCRIPT)
        assert answer.std_out.split() == [b"1", b"2", b"3"], answer


def side_by_side(
    threads: ThreadPoolExecutor, call: Callable[[WinRM], None], targets: Sequence[WinRM]
) -> None:
    """Call something for each target."""
    for _ in threads.map(call, targets):
        pass


def run_psrp(pool: RunspacePool) -> None:
    """A call of pypsrp's."""
    pipeline = PowerShell(pool)
    pipeline.add_script(SCRIPT)
    assert pipeline.invoke() == [1, 2, 3]


def run_job(shell: Session, targets: Sequence[WinRM], throttle: int = 32) -> None:
    """A job, with sessions of its own."""
    job = shell.start_remote(SCRIPT, targets, throttle_limit=throttle)
    assert len(job.result(600)) == 3 * len(targets)
    job.remove()


def run_session(shell: Session, target: WinRM, scripts: range) -> None:
    """A session, with some calls."""
    with shell.connect(target) as session:
        for _ in scripts:
            assert session.run(SCRIPT) == [1, 2, 3]


def note(times: Times, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call something and note how long it took."""
    began = time.perf_counter()
    result = call(*arguments)
    times.setdefault(name, []).append(time.perf_counter() - began)
    return result


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
    fan_out.add_argument("--start", type=float, default=300, help="milliseconds, of a PowerShell")
    fan_out.add_argument("--real", action="store_true", help="start PowerShell; see above")
    fan_out.add_argument("--rounds", type=int, default=1)
    fan_out.set_defaults(run=measure_fan_out)
    soak = what.add_parser("soak", help="many commands on one session: memory and threads")
    soak.add_argument("--commands", type=int, default=10_000)
    soak.set_defaults(run=lambda args: measure_soak(args.commands))
    args = parser.parse_args(arguments)
    args.run(args)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
