"""A hundred targets under random faults: children tell the truth, and nothing is left."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from psbridge import Session, WinRM
from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER

if TYPE_CHECKING:
    from tests.winrm_server.faults import Effect
    from tests.winrm_server.server import WinRMServer

MACHINES, EACH, SEED = 20, 5, 20261129
WANTED = [1, 2, 3, 4, 5]
SCRIPT = "1..5 | ForEach-Object { $_; Start-Sleep -Milliseconds 20 }"
ACTIONS = ("Create", "Command", "Receive", "Signal", "Delete", "any", "request", "connection")


def effects() -> list[Effect]:
    """All that can go wrong with a request, in measures that a test can wait for."""
    return [
        faults.delay(0.3),
        faults.late(0.5),
        faults.drip(0.002),
        faults.cut(40),
        faults.cut(700, reset=True),
        faults.lose(),
        faults.lose(reset=True),
        faults.drop(),
        faults.drop(reset=True),
        faults.silent(),
        faults.status(503),
        faults.status(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}),
        faults.fault(2150859236, "too many shells"),
        faults.fault(2150859241, "too many commands"),
        faults.fault(2150858843, "no such shell"),
        faults.fault(5, "denied"),
        faults.timed_out(),
    ]


def test_a_hundred_targets_under_random_faults(winrm_server: WinRMServer) -> None:
    chosen = random.Random(SEED)
    winrm_server.users = {USER: PASSWORD}
    before = set(threading.enumerate())
    with winrm_server.machines(MACHINES) as machines:
        for number, machine in enumerate(machines):
            if number % 4 == 0:
                continue  # healthy, and to stay so
            for _ in range(2):
                machine.inject(
                    chosen.choice(effects()),
                    on=chosen.choice(ACTIONS),
                    chance=chosen.choice([0.1, 0.3, 0.6]),
                    seed=chosen.randrange(1000),
                )
        targets = [
            WinRM(
                machine.host,
                port=machine.port,
                auth="ntlm",
                username=USER,
                password=PASSWORD,
                open_timeout=15,
                operation_timeout=2,
                refusals=None,
            )
            for machine in machines
            for _ in range(EACH)
        ]
        with Session() as shell:
            job = shell.start_remote(SCRIPT, targets, throttle_limit=16, timeout=40)
            assert job.wait(timeout=240)
            children = job.children
            assert len(children) == MACHINES * EACH
            states = [child.state for child in children]
            for child in children:
                got = list(child.receive())
                if child.state == "Completed":
                    assert got == WANTED
                else:
                    assert child.state == "Failed", child.state
                    assert got == WANTED[: len(got)]
                    assert child.reason
                    assert "Traceback" not in child.reason
                    assert PASSWORD not in child.reason
        # The healthy ones know nothing of the others' trouble.
        for number in range(0, MACHINES, 4):
            assert states[number * EACH : (number + 1) * EACH] == ["Completed"] * EACH
        assert "Failed" in states
        for machine in machines:
            machine.reset()
            machine.wait_until(shells=0, processes=0, timeout=30)
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("psbridge")]
    for thread in left:
        thread.join(10)
    assert [thread.name for thread in left if thread.is_alive()] == []
