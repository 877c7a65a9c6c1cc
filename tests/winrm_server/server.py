"""The test's side: starting the server, and a handle on each of its machines."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any

from .faults import Effect
from .recording import Record

_HERE = Path(__file__).parent
_GRACE = 30.0  # seconds beyond those that an operation may take


class Control:
    """Commands to the server's process; several threads may give them."""

    def __init__(self, path: Path):
        self._path = str(path)
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()

    def __call__(self, operation: str, *, patience: float = 0.0, **arguments: Any) -> Any:
        """Do one that may take so many seconds, and give its value."""
        with self._lock:
            sock = self._idle.pop() if self._idle else None
        if sock is None:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(self._path)
        sock.settimeout(patience + _GRACE)
        try:
            sock.sendall(json.dumps({"operation": operation, **arguments}).encode() + b"\n")
            answer = bytearray()
            while not answer.endswith(b"\n"):
                block = sock.recv(1 << 20)
                if not block:
                    raise ConnectionError(f"the server has ended while it did {operation}")
                answer += block
        except BaseException:
            sock.close()
            raise
        with self._lock:
            self._idle.append(sock)
        result = json.loads(answer)
        if "error" in result:
            raise RuntimeError(f"{operation}: {result['error']}")
        return result["value"]

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for sock in self._idle:
                sock.close()
            self._idle.clear()


class Machine:
    """A machine that the server plays: where it is, what it does, what it has seen."""

    host = "127.0.0.1"

    def __init__(self, server: WinRMServer, number: int, port: int, https_port: int):
        self.server, self.number, self.port, self.https_port = server, number, port, https_port

    def __repr__(self) -> str:
        return f"<Machine {self.number} on {self.host}:{self.port}, TLS {self.https_port}>"

    @property
    def url(self) -> str:
        """Its address over HTTP."""
        return f"http://{self.host}:{self.port}/wsman"

    @property
    def https_url(self) -> str:
        """Its address over TLS; the certificate is for localhost and 127.0.0.1."""
        return f"https://{self.host}:{self.https_port}/wsman"

    def _do(self, operation: str, *, patience: float = 0.0, **arguments: Any) -> Any:
        return self.server.control(operation, patience=patience, machine=self.number, **arguments)

    def configure(self, **settings: Any) -> None:
        """Change settings (see `settings.Settings`); `reset` takes the changes back."""
        self._do("configure", changes=settings)

    def reset(self) -> None:
        """Be as new: no shell, connection or fault, the first settings, nothing recorded."""
        self._do("reset")

    def remove(self) -> None:
        """End the machine: its ports refuse from now on."""
        self._do("remove_machine")

    # What it has seen.

    def requests(
        self, action: str | None = None, *, after: int = 0, bodies: bool = True
    ) -> list[Record]:
        """The requests that came, those of one action or all, the legs of logons among them."""
        names = {one.name for one in fields(Record)}
        records = []
        for values in self._do("records", action=action, after=after, bodies=bodies):
            for name in ("head", "body", "envelope"):
                values[name] = (
                    base64.b64decode(values[name] or "") if values[name] is not None else None
                )
            values["headers"] = [(name, value) for name, value in values["headers"]]
            records.append(Record(**{name: values[name] for name in names}))
        return records

    def actions(self) -> list[str]:
        """The actions of the requests that came, in their order, without those of no action."""
        return [record.action for record in self.requests(bodies=False) if record.action]

    def state(self) -> dict[str, Any]:
        """What is open: `shells` (each with commands, receives, processes), `connections`."""
        state: dict[str, Any] = self._do("state")
        return state

    @property
    def shells(self) -> list[dict[str, Any]]:
        """The shells that are open."""
        shells: list[dict[str, Any]] = self.state()["shells"]
        return shells

    # Waiting.

    def wait_until(self, *, timeout: float = 10.0, **counts: int) -> None:
        """Wait for numbers of shells, commands, processes, connections, and what is being done.

        That is `receives` (that wait) and `sends`.

        Raises:
            AssertionError: they were not reached in time.
        """
        if not self._do("wait_for_state", wanted=counts, timeout=timeout, patience=timeout):
            raise AssertionError(f"not {counts} within {timeout} s: {self.state()}")

    def wait_for_requests(
        self,
        action: str | None = None,
        count: int = 1,
        *,
        answered: bool = False,
        timeout: float = 10.0,
    ) -> None:
        """Wait until so many requests have come, or have been answered.

        Raises:
            AssertionError: they have not in time.
        """
        done = self._do(
            "wait_for_requests",
            action=action,
            count=count,
            answered=answered,
            timeout=timeout,
            patience=timeout,
        )
        if not done:
            raise AssertionError(f"not {count} of {action} in {timeout} s: {self.actions()}")

    # Doing something to it.

    def close_connections(self, *, reset: bool = False) -> None:
        """Close all connections from the server's side, with a TCP reset if so asked."""
        self._do("close_connections", reset=reset)

    def refuse(self, seconds: float | None = None) -> None:
        """Refuse connections for some time, or until `accept`. Those that are open stay."""
        self._do("refuse", seconds=seconds)

    def accept(self) -> None:
        """Accept connections again."""
        self._do("accept")

    def kill_shells(self, shell: str | None = None) -> None:
        """Kill the processes of a shell, or of all, as a memory limit does."""
        self._do("kill_shells", shell=shell)

    def restart(self, down: float = 0.0) -> None:
        """Reset all connections, end all shells, and refuse for some seconds."""
        self._do("restart", down=down)

    def inject(
        self,
        effect: Effect,
        on: str = "any",
        *,
        first: int | None = None,
        numbers: Sequence[int] = (),
        every: int | None = None,
        chance: float | None = None,
        seed: int = 0,
        per_shell: bool = False,
        shell: str | None = None,
        command: str | None = None,
    ) -> Rule:
        """Do something to requests from now on, until `remove` or `reset`.

        Args:
            effect: what; see `faults`.
            on: an action (`Create`, `Command`, `Receive`, `Send`, `Signal`, `Delete`), `any` of
                them, `request` for each HTTP request before the logon, or `connection` for each
                connection that is accepted.
            first: the first so many of them.
            numbers: these of them, counted from 1.
            every: each so many-th of them.
            chance: a part of them, from 0 to 1, chosen by `seed`.
            seed: see `chance`.
            per_shell: each shell has its own count.
            shell: those of this shell only.
            command: those of this command only.
        """
        which = {
            "on": on,
            "first": first,
            "numbers": list(numbers),
            "every": every,
            "chance": chance,
            "seed": seed,
            "per_shell": per_shell,
            "shell": shell,
            "command": command,
        }
        return Rule(self, self._do("inject", effect=effect.to_json(), which=which))


class Rule:
    """Something that is done to a machine's requests."""

    def __init__(self, machine: Machine, number: int):
        self.machine, self.number = machine, number

    def _do(self, operation: str, **arguments: Any) -> Any:
        number = self.machine.number
        return self.machine.server.control(operation, machine=number, rule=self.number, **arguments)

    @property
    def hits(self) -> int:
        """How many requests it was done to."""
        return int(self._do("hits"))

    def wait(self, hits: int = 1, *, timeout: float = 10.0) -> None:
        """Wait until it was done so many times.

        Raises:
            AssertionError: it was not in time.
        """
        if not self._do("wait_for_hits", hits=hits, timeout=timeout, patience=timeout):
            raise AssertionError(f"{self.hits} times, not {hits}, within {timeout} s")

    def remove(self) -> None:
        """Do it no more."""
        self._do("remove_rule")


class WinRMServer:
    """A WinRM server in a process of its own, for the time of a `with`."""

    def __init__(self, pwsh: Path | str, **settings: Any):
        """Say what is to be started.

        Args:
            pwsh: the engine's executable, which runs behind each PowerShell shell.
            **settings: of its first machine; see `settings.Settings`.
        """
        self._pwsh, self._settings = str(pwsh), settings
        self._users: dict[str, str] = {}

    def __enter__(self) -> WinRMServer:
        self.folder = Path(tempfile.mkdtemp(prefix="winrm"))
        self._log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE), str(self.folder), self._pwsh],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"ready\n":
            self.process.wait()
            raise RuntimeError(f"the server did not start:\n{self.log()}")
        self.control = Control(self.folder / "control")
        self.machine = self.add_machine(**self._settings)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.control.close()
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._log.close()
        log = self.log()
        shutil.rmtree(self.folder, ignore_errors=True)
        if log and error is None:
            raise AssertionError(f"the server has printed:\n{log}")

    def log(self) -> str:
        """What the process has printed on standard error: faults of its own."""
        return (self.folder / "log").read_text(errors="replace")

    def add_machine(self, **settings: Any) -> Machine:
        """One more machine in the same process, with ports, shells and faults of its own."""
        return Machine(self, **self.control("add_machine", settings=settings))

    @contextlib.contextmanager
    def machines(self, count: int, **settings: Any) -> Iterator[list[Machine]]:
        """So many machines for the time of a `with`."""
        added = [self.add_machine(**settings) for _ in range(count)]
        try:
            yield added
        finally:
            for machine in added:
                machine.remove()

    # Certificates.

    @property
    def authority(self) -> Path:
        """The certificate of the authority that all machines' certificates are of."""
        return Path(self.control("authority"))

    def client_certificate(
        self, user: str, *, password: str | None = None, trusted: bool = True
    ) -> tuple[Path, Path]:
        """A client's certificate for an account and its key, by path.

        Args:
            user: the account that it is mapped to.
            password: guards the key.
            trusted: False makes it one of an authority that the machines do not know.
        """
        paths = self.control("client_certificate", user=user, password=password, trusted=trusted)
        return Path(paths["certificate"]), Path(paths["key"])

    # Accounts, which all machines have in common.

    @property
    def users(self) -> dict[str, str]:
        """Names, in the forms in which they log on, and passwords."""
        return dict(self._users)

    @users.setter
    def users(self, passwords: dict[str, str]) -> None:
        self.control("set_users", users=passwords)
        self._users = dict(passwords)

    def join(self, environment: dict[str, str]) -> None:
        """Be in a Kerberos realm: the variables by which libkrb5 finds it and the keys."""
        self.control("set_environment", variables=environment)

    def attempts(self, user: str | None = None) -> list[dict[str, Any]]:
        """The tries to log on: time, machine, connection, scheme, user, accepted, why (not), …"""
        return [one for one in self.control("attempts") if user in (None, one["user"])]

    def forget_attempts(self) -> None:
        """Forget them."""
        self.control("forget_attempts")
