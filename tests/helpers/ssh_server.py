"""An sshd on loopback ports, with keys and a configuration of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from psbridge import SSH

__all__ = ["MISSING", "Sshd", "free_port", "make_key", "processes_with"]

_SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

# Why there can be none; empty where there can be one.
MISSING = ""
if not os.access(_SSHD, os.X_OK):
    MISSING = "there is no sshd (Debian's package openssh-server)"
elif not (shutil.which("ssh") and shutil.which("ssh-keygen")):
    MISSING = "there is no ssh (Debian's package openssh-client)"

_MARK = "PSBRIDGE_TESTS_SSHD"
BANNER = "Nobody may come in here."


class Sshd:
    """An sshd whose subsystem ``powershell`` is the engine's own ``pwsh``.

    Attributes:
        port: where it listens.
        banner_port: where it listens, too, and shows a banner first.
        key: a private key that it knows; `other_key` is one that it does not.
    """

    hears_of_a_kill = True  # see the machines of the tests of remote jobs

    def __init__(self, folder: Path, pwsh: Path, subsystems: Mapping[str, str] = {}) -> None:
        """Describe it.

        Args:
            folder: an empty folder for its files.
            pwsh: the engine's program.
            subsystems: further subsystems by name, each with its command.
        """
        self.folder = folder
        self.port, self.banner_port = free_port(), free_port()
        self.user = getpass.getuser()
        self.key, self.other_key = make_key(folder / "key"), make_key(folder / "other")
        self.known_hosts = folder / "known_hosts"
        self._mark = f"{_MARK}={uuid.uuid4()}"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        home = folder / "home"
        home.mkdir()
        host_key = make_key(folder / "host")
        kind, public = host_key.with_suffix(".pub").read_text("utf-8").split()[:2]
        ports = (self.port, self.banner_port)
        names = ",".join(f"[{n}]:{p}" for p in ports for n in ("localhost", "127.0.0.1"))
        self.known_hosts.write_text(f"{names} {kind} {public}\n", "utf-8")
        (folder / "banner").write_text(f"{BANNER}\n", "utf-8")
        commands = {"powershell": f"{pwsh} -sshs -NoLogo -NoProfile", **subsystems}
        self._config = folder / "sshd_config"
        self._config.write_text(
            "\n".join(
                [
                    "ListenAddress 127.0.0.1",
                    *(f"Port {port}" for port in ports),
                    f"HostKey {host_key}",
                    f"AuthorizedKeysFile {self.key}.pub",
                    "PidFile none",
                    "StrictModes no",  # the folder may be below one that anybody can write to
                    "UsePAM no",
                    "PermitRootLogin prohibit-password",
                    "PasswordAuthentication no",
                    "KbdInteractiveAuthentication no",
                    "MaxStartups 1000",
                    f"SetEnv {self._mark} HOME={home} POWERSHELL_TELEMETRY_OPTOUT=1",
                    *(f"Subsystem {name} {command}" for name, command in commands.items()),
                    f"Match LocalPort {self.banner_port}",
                    f"    Banner {folder / 'banner'}",
                    "",
                ]
            ),
            "utf-8",
        )

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # it wants this one, empty
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it and all that it has started."""
        for pid in (*self.session_processes(), *self.far_processes()):
            _kill(pid)
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def target(self, host: str = "localhost", **settings: Any) -> SSH:
        """A target that works, but for what the settings change."""
        given = {
            "port": self.port,
            "key_file": self.key,
            "config": "none",
            "options": {},
            **settings,
        }
        given["options"] = {
            "UserKnownHostsFile": str(self.known_hosts),
            "StrictHostKeyChecking": "yes",
            **given["options"],
        }
        return SSH(f"{self.user}@{host}", **given)

    def mute(self, **settings: Any) -> SSH:
        """A target that is reached and says nothing; a subsystem `mute` is for that."""
        return self.target(subsystem="mute", **settings)

    def code(self, target: SSH) -> str:
        """Python code that makes a target, for a program; it needs SSH and PosixPath."""
        return repr(target)

    def far_processes(self) -> list[int]:
        """What runs in its sessions: each PowerShell there, and what that has started."""
        return processes_with("environ", self._mark.encode())

    def session_processes(self) -> list[int]:
        """Its own processes for the connections it has."""
        assert self._process is not None
        found, new = set[int](), {self._process.pid}
        parents = {pid: parent for pid, parent in _parents() if b"sshd" in _read(pid, "cmdline")}
        while new:
            new = {pid for pid, parent in parents.items() if parent in new} - found
            found |= new
        return sorted(found)

    def near_processes(self) -> list[int]:
        """The ssh processes of this machine that it is, or was, to be reached by."""
        found = processes_with("cmdline", str(self.folder).encode())
        return [pid for pid in found if _read(pid, "cmdline").startswith(b"ssh\0")]

    def lines(self) -> int:
        """How many ways to it are open, or being opened."""
        return len(self.near_processes())

    def account(self) -> str:
        """Its log."""
        return self.log

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text("utf-8")

    def _start(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [_SSHD, "-D", "-e", "-f", self._config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        give_up_at = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                    if connection.recv(4) == b"SSH-":
                        return
            except OSError:
                assert self._process.poll() is None, self.log
            assert time.monotonic() < give_up_at, self.log
            time.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def make_key(path: Path) -> Path:
    """Make a pair of keys; gives the private one."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def processes_with(file: str, text: bytes) -> list[int]:
    """The processes in whose ``/proc`` file there is a text; none that have ended."""
    return [pid for pid, _ in _parents() if text in _read(pid, file)]


def _parents() -> list[tuple[int, int]]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            pid = int(folder.name)
            fields = _read(pid, "stat").rpartition(b")")[2].split()
            if fields and fields[0] != b"Z":
                found.append((pid, int(fields[1])))
    return found


def _read(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
