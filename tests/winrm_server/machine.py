"""One machine as it is served: its ports, its connections, its service and what it has seen."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .connection import Connection
from .engine_process import Engines
from .injecting import Rules
from .listening import Listeners
from .powershell_shell import PowerShellShell
from .recording import Recorder
from .settings import Settings
from .users import Users
from .wsman import Service


class ServedMachine:
    """A machine. Several may live in one process, with accounts in common and nothing else."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        users: Users,
        engines: Engines,
        programs: Path,
        certificates: Certificates,
    ):
        self.number, self.users = number, users
        self._settings, self._first_settings = settings, settings
        self.certificates = certificates
        self._notes: list[str] = []
        self.recorder = Recorder()
        self.rules = Rules()
        self.service = Service(self.settings, engines, programs, self.changed)
        self._changed = threading.Condition()
        self._connections: set[Connection] = set()
        self._numbers = itertools.count(1)
        self._listeners = Listeners(f"accept {number}", self._connect)
        self.port, self.https_port = self._listeners.port, self._listeners.https_port
        self.refuse, self.accept = self._listeners.refuse, self._listeners.accept

    def settings(self) -> Settings:
        """The settings of this moment."""
        return self._settings

    def configure(self, changes: dict[str, Any]) -> None:
        """Change settings; they hold from the next request on."""
        self._settings = self._settings.changed(**changes)
        self.changed()

    # Connections.

    def _connect(self, sock: socket.socket, tls: bool) -> None:
        connection = Connection(self, next(self._numbers), sock, tls)
        with self._changed:
            self._connections.add(connection)
            self._changed.notify_all()
        connection.start()

    def connection_ended(self, connection: Connection) -> None:
        """A connection's thread is about to end."""
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def open_connections(self) -> int:
        """How many connections neither side has closed."""
        with self._changed:
            connections = list(self._connections)
        return sum(connection.is_open() for connection in connections)

    def close_connections(self, *, reset: bool = False) -> None:
        """Close every connection, whatever happens on it."""
        with self._changed:
            connections = list(self._connections)
        for connection in connections:
            connection.close(reset=reset)

    # What the test sees.

    def changed(self) -> None:
        """Something may have changed for which somebody waits."""
        with self._changed:
            self._changed.notify_all()

    def note(self, text: str) -> None:
        """Keep a sentence about what a client did wrong."""
        self._notes.append(text)

    def state(self) -> dict[str, Any]:
        """What is open and runs at this moment."""
        shells = [
            shell
            for shell in self.service.listed()
            if shell.exit_code is None or shell.removing  # its process may not have ended yet
        ]
        return {
            "shells": [
                {
                    "id": shell.id,
                    "resource": shell.resource,
                    "user": shell.user,
                    "name": shell.name,
                    "processes": shell.processes(),
                    "commands": shell.commands(),
                    "receives": shell.outstanding(),
                    "sends": int(shell.is_sending()),
                    "errors": shell.errors() if isinstance(shell, PowerShellShell) else [],
                }
                for shell in shells
            ],
            "connections": self.open_connections(),
            "notes": list(self._notes),
        }

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until a condition holds."""
        until = time.monotonic() + timeout
        while not condition():
            left = until - time.monotonic()
            if left <= 0:
                return condition()
            with self._changed:
                # Not everything tells: processes end, clients close.
                self._changed.wait(min(left, 0.02))
        return True

    # What happens to it.

    def kill_shells(self, shell_id: str | None) -> None:
        """End the processes of shells, of one or all, without a word."""
        for shell in self.service.listed():
            if shell_id is None or shell.id.upper() == shell_id.upper():
                shell.kill()

    def restart(self, down: float) -> None:
        """Lose all connections and shells, and be back after some seconds."""
        self.refuse(down or None)
        self.close_connections(reset=True)
        self.service.close_all()
        if not down:
            self.accept()

    # Its end.

    def reset(self) -> None:
        """Be as new: no shell, no connection, no rule, the first settings, nothing seen."""
        self.rules.clear()
        self.accept()
        self.close_connections()
        self.service.close_all()
        self._settings = self._first_settings
        self.recorder.clear()
        self._notes.clear()
        self.wait(lambda: not self._connections, 5)

    def close(self) -> None:
        """End all of it."""
        self.rules.clear()
        self._listeners.close()
        self.close_connections()
        self.service.close_all()
