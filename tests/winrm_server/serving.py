"""The server's process: its machines, and the socket over which the test commands it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .engine_process import Engines
from .faults import Effect
from .machine import ServedMachine
from .settings import Settings
from .users import Users

_MINDED = 0.1  # seconds


class Serving:
    """What a test can ask of the process, each as a method whose name is the operation."""

    def __init__(self, folder: Path, pwsh: str):
        os.environ["NTLM_USER_FILE"] = str(folder / "ntlm-users")
        self._engines, self._programs = Engines(pwsh), folder / "programs"
        self._programs.mkdir()
        for name in ("powershell", "pwsh"):
            program = self._programs / name
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(pwsh)} "$@"\n')
            program.chmod(0o755)
        self._users = Users(folder)
        self._certificates = Certificates(folder)
        self._machines: dict[int, ServedMachine] = {}
        self._lock = threading.Lock()
        self._next = 0

    def add_machine(self, settings: dict[str, Any]) -> dict[str, int]:
        with self._lock:
            self._next += 1
            number = self._next
        machine = ServedMachine(
            number,
            Settings().changed(**settings),
            self._users,
            self._engines,
            self._programs,
            self._certificates,
        )
        self._machines[number] = machine
        return {"number": number, "port": machine.port, "https_port": machine.https_port}

    def remove_machine(self, machine: int) -> None:
        self._machines.pop(machine).close()

    def set_users(self, users: dict[str, str]) -> None:
        self._users.set(users)

    def set_environment(self, variables: dict[str, str]) -> None:
        os.environ.update(variables)

    def attempts(self) -> list[dict[str, Any]]:
        return self._users.attempts()

    def forget_attempts(self) -> None:
        self._users.forget()

    def authority(self) -> str:
        return self._certificates.authority()

    def client_certificate(self, user: str, password: str | None, trusted: bool) -> dict[str, str]:
        return self._certificates.client(user, password, trusted)

    def configure(self, machine: int, changes: dict[str, Any]) -> None:
        self._machines[machine].configure(changes)

    def reset(self, machine: int) -> None:
        self._machines[machine].reset()

    def state(self, machine: int) -> dict[str, Any]:
        return self._machines[machine].state()

    def records(
        self, machine: int, action: str | None, after: int, bodies: bool
    ) -> list[dict[str, Any]]:
        found = []
        for record in self._machines[machine].recorder.records():
            if record.number > after and action in (None, record.action):
                values = record.to_json()
                if not bodies:
                    values.update(body=None, envelope=None)
                found.append(values)
        return found

    def wait_for_state(self, machine: int, wanted: dict[str, int], timeout: float) -> bool:
        served = self._machines[machine]

        def holds() -> bool:
            counts = _counts(served.state())
            return all(counts[name] == number for name, number in wanted.items())

        return served.wait(holds, timeout)

    def wait_for_requests(
        self, machine: int, action: str | None, count: int, answered: bool, timeout: float
    ) -> bool:
        served = self._machines[machine]

        def holds() -> bool:
            seen = [
                record
                for record in served.recorder.records()
                if action in (None, record.action) and not (answered and record.answered is None)
            ]
            return len(seen) >= count

        return served.wait(holds, timeout)

    def close_connections(self, machine: int, reset: bool) -> None:
        self._machines[machine].close_connections(reset=reset)

    def refuse(self, machine: int, seconds: float | None) -> None:
        self._machines[machine].refuse(seconds)

    def accept(self, machine: int) -> None:
        self._machines[machine].accept()

    def kill_shells(self, machine: int, shell: str | None) -> None:
        self._machines[machine].kill_shells(shell)

    def restart(self, machine: int, down: float) -> None:
        self._machines[machine].restart(down)

    def inject(self, machine: int, effect: dict[str, Any], which: dict[str, Any]) -> int:
        which = {name: tuple(v) if isinstance(v, list) else v for name, v in which.items()}
        return self._machines[machine].rules.add(Effect(**effect), **which)

    def remove_rule(self, machine: int, rule: int) -> None:
        self._machines[machine].rules.remove(rule)

    def hits(self, machine: int, rule: int) -> int:
        return self._machines[machine].rules.hits(rule)

    def wait_for_hits(self, machine: int, rule: int, hits: int, timeout: float) -> bool:
        served = self._machines[machine]
        return served.wait(lambda: served.rules.hits(rule) >= hits, timeout)

    def mind(self) -> None:
        """Remove the shells that nobody asks for, as long as the process lives."""
        while True:
            time.sleep(_MINDED)
            for machine in list(self._machines.values()):
                machine.service.remove_idle()

    def close(self) -> None:
        for machine in self._machines.values():
            machine.close()
        self._engines.close()


def _counts(state: dict[str, Any]) -> dict[str, int]:
    shells = state["shells"]
    return {
        "shells": len(shells),
        "commands": sum(len(shell["commands"]) for shell in shells),
        "receives": sum(shell["receives"] for shell in shells),
        "sends": sum(shell["sends"] for shell in shells),
        "processes": sum(len(shell["processes"]) for shell in shells),
        "connections": state["connections"],
    }


def main(folder: Path, pwsh: str) -> None:
    """Serve until standard input ends: so the server never outlives its test."""
    threading.excepthook = _die
    # The test's Ctrl-C is the test's. Not SIG_IGN, which the shells' processes would inherit.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "control"))
    listener.listen(64)
    serving = Serving(folder, pwsh)
    for work, arguments in ((_accept, (listener, serving)), (serving.mind, ())):
        threading.Thread(target=work, args=arguments, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.buffer.read()
    serving.close()
    os._exit(0)  # connections' threads may still wait


def _die(args: Any) -> None:
    """A fault of the server's own: it is printed, and the fixture fails."""
    threading.__excepthook__(args)
    sys.stderr.flush()


def _accept(listener: socket.socket, serving: Serving) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_commands, args=(sock, serving), daemon=True).start()


def _commands(sock: socket.socket, serving: Serving) -> None:
    with sock, sock.makefile("rb") as lines:
        for line in lines:
            asked = json.loads(line)
            operation: Callable[..., Any] = getattr(serving, asked.pop("operation"))
            try:
                answer = {"value": operation(**asked), "now": time.monotonic()}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            sock.sendall(json.dumps(answer).encode() + b"\n")
