"""OpenSSH servers on loopback, each with keys and a configuration of its own, for PowerShell."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import TracebackType

import psutil

_SSHD = next(
    (path for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(path).exists()), ""
)
_PRIVILEGE_FOLDER = Path("/run/sshd")  # where the daemon insists to be jailed
_MARK = "PSBRIDGE_TEST_SSHD"  # by which the processes of a server are found
_TRIES = 5  # a port that is free now may be taken a moment later
# What the engine behind it needs of our environment; sshd hands on nothing by itself.
_KEPT = ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "DOTNET_ROOT", "LANG", "LC_ALL")


def why_not() -> str | None:
    """Why no sshd can be started here, or None."""
    if sys.platform == "win32":
        return "the sshd of the tests is Linux's"
    if not _SSHD or not shutil.which("ssh") or not shutil.which("ssh-keygen"):
        return "OpenSSH's server or client is not installed (openssh-server)"
    if not _PRIVILEGE_FOLDER.is_dir():
        try:
            _PRIVILEGE_FOLDER.mkdir()
        except OSError:
            return f"{_PRIVILEGE_FOLDER} is missing, and only root can make it"
    return None


class Sshd:
    """One server for the time of a `with`."""

    host = "localhost"

    def __init__(
        self,
        servers: SshServers,
        folder: Path,
        *,
        subsystem: str | None,
        banner: str | None = None,
        extra: str = "",
    ):
        """Say what it is to be.

        Args:
            servers: whose keys it takes.
            folder: an empty one for its files.
            subsystem: the program of the subsystem `powershell`, or None for none.
            banner: what it prints on the client's standard error.
            extra: lines for its configuration.
        """
        self._servers, self._folder = servers, folder
        self._mark = uuid.uuid4().hex
        self.host_key = servers.new_key(folder / "host")
        lines = [
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            "PidFile none",
            f"AuthorizedKeysFile {servers.key}.pub",
            "StrictModes no",  # it would refuse keys in a temporary folder
            "UsePAM no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 200",
            "MaxSessions 200",
            "LogLevel VERBOSE",
            f"SetEnv {_MARK}={self._mark} {servers.environment()}",
        ]
        if subsystem is not None:
            lines.append(f"Subsystem powershell {subsystem}")
        if banner is not None:
            (folder / "banner").write_text(banner)
            lines.append(f"Banner {folder / 'banner'}")
        self._lines = [*lines, *extra.splitlines()]
        self.port = 0

    @property
    def user(self) -> str:
        """Who logs on: whoever runs the tests."""
        return getpass.getuser()

    @property
    def known_hosts_line(self) -> str:
        """The line by which a client knows this server."""
        kind, key = self.host_key.with_suffix(".pub").read_text().split()[:2]
        return f"[localhost]:{self.port},[127.0.0.1]:{self.port} {kind} {key}\n"

    def __enter__(self) -> Sshd:
        for _ in range(_TRIES):
            if self._start():
                with self._servers.known_hosts.open("a") as known:
                    known.write(self.known_hosts_line)
                return self
        raise RuntimeError(f"sshd does not start:\n{self.log()}")

    def _start(self) -> bool:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        configuration = self._folder / "sshd_config"
        configuration.write_text("\n".join([f"Port {self.port}", *self._lines]) + "\n")
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [_SSHD, "-D", "-e", "-f", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        while self._process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 5) as s,
            ):
                if s.recv(4) == b"SSH-":
                    return True
            time.sleep(0.01)  # until it listens
        return False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        below = self._below()  # sessions would outlive their server
        self._process.terminate()
        for process in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        psutil.wait_procs(below, timeout=10)

    def _below(self) -> list[psutil.Process]:
        """What it has started, also what has lost its parent since then."""
        try:
            found = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() == "pwsh" and process.environ().get(_MARK) == self._mark:
                    found.append(process)
        return list(dict.fromkeys(found))

    def engines(self) -> list[int]:
        """The processes of PowerShell that run in its sessions."""
        return self._named("pwsh")

    def sessions(self) -> list[int]:
        """The processes of the server that serve a connection."""
        return self._named("sshd")

    def _named(self, name: str) -> list[int]:
        found = []
        for process in self._below():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name().startswith(name):
                    found.append(process.pid)
        return found

    def wait_until_idle(self, timeout: float = 10.0) -> None:
        """Wait until no session and no engine is left.

        Raises:
            AssertionError: there is one when the time, in seconds, is up.
        """
        until = time.monotonic() + timeout
        while self._below():
            if time.monotonic() > until:
                raise AssertionError(f"left after {timeout} s: {self._below()}")
            time.sleep(0.02)

    def log(self) -> str:
        """What the server has logged."""
        return (self._folder / "log").read_text(errors="replace")


class SshServers:
    """The keys of a client, and servers that take them, for the time of a `with`.

    `key` is the client's key and `wrong_key` one that no server takes; `known_hosts` knows every
    server that was started; `pwsh` is the engine's executable.
    """

    def __init__(self, folder: Path, pwsh: Path):
        """Make the keys in a folder, for servers with this PowerShell behind them."""
        self._folder, self.pwsh = folder, pwsh
        self._stack = contextlib.ExitStack()
        self._started: dict[str, Sshd] = {}
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.touch()
        self.key = self.new_key(folder / "key")
        self.wrong_key = self.new_key(folder / "wrong_key")

    def __enter__(self) -> SshServers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def plain(self) -> Sshd:
        """A server as it should be: the subsystem is `pwsh -sshs -NoLogo`."""
        return self._kept("plain", subsystem=f"{self.pwsh} -sshs -NoLogo")

    @property
    def with_banner(self) -> Sshd:
        """The same, and it prints two lines on the client's standard error."""
        return self._kept(
            "with_banner",
            subsystem=f"{self.pwsh} -sshs -NoLogo",
            banner="Nur für Befugte.\nEverything is logged.\n",
        )

    @property
    def noisy(self) -> Sshd:
        """A server whose subsystem prints a line before PowerShell starts."""
        program = self._program("noisy", f"echo 'Welcome to noisy'\nexec {self.pwsh} -sshs -NoLogo")
        return self._kept("noisy", subsystem=str(program))

    @property
    def without_subsystem(self) -> Sshd:
        """A server that has no subsystem `powershell`."""
        return self._kept("without_subsystem", subsystem=None)

    @property
    def with_bad_subsystem(self) -> Sshd:
        """A server whose subsystem prints a line and ends with exit code 3.

        What a subsystem says on standard error is lost: sshd does not send it.
        """
        program = self._program("bad", "echo 'no PowerShell here'\nexit 3")
        return self._kept("with_bad_subsystem", subsystem=str(program))

    @property
    def mute(self) -> Sshd:
        """A server whose subsystem reads and never says anything."""
        return self._kept("mute", subsystem=str(self._program("mute", "exec cat >/dev/null")))

    def _kept(self, name: str, *, subsystem: str | None, banner: str | None = None) -> Sshd:
        if name not in self._started:
            self._started[name] = self.start(subsystem=subsystem, banner=banner)
        return self._started[name]

    def start(self, *, subsystem: str | None, banner: str | None = None, extra: str = "") -> Sshd:
        """Start one more server; see `Sshd`."""
        folder = self._folder / f"sshd-{len(list(self._folder.glob('sshd-*')))}"
        folder.mkdir()
        server = Sshd(self, folder, subsystem=subsystem, banner=banner, extra=extra)
        return self._stack.enter_context(server)

    def _program(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def new_key(self, path: Path) -> Path:
        """Make a key without a passphrase."""
        subprocess.run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "psbridge tests",
                "-f",
                str(path),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return path

    def environment(self) -> str:
        """What the engines get: no file of theirs is written outside of this folder."""
        variables = {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "POWERSHELL_TELEMETRY_OPTOUT": "1",
            "POWERSHELL_UPDATECHECK": "Off",
            **{
                f"XDG_{kind}_HOME": str(self._folder / kind.lower())
                for kind in ("CACHE", "CONFIG", "DATA", "STATE")
            },
        }
        return " ".join(f'{name}="{value}"' for name, value in variables.items())

    def configuration(self, **aliases: Sshd) -> Path:
        """Write a client's configuration file with an alias for each server, spelt as given."""
        path = self._folder / f"config-{len(list(self._folder.glob('config-*')))}"
        lines = [f"UserKnownHostsFile {self.known_hosts}", f"IdentityFile {self.key}"]
        for name, server in aliases.items():
            lines += [f"Host {name}", "  HostName localhost", f"  Port {server.port}"]
            lines.append(f"  User {server.user}")
        path.write_text("\n".join(lines) + "\n")
        return path
