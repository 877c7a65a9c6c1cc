"""A Kerberos realm of its own on loopback: nothing under /etc is read or written."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

NAME = "PSBRIDGE.TEST"
_PROGRAMS = ("kdb5_util", "kadmin.local", "krb5kdc", "kinit")
_TRIES = 5  # a port that is free now may be taken a moment later


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def why_not() -> str | None:
    """Why there can be no realm here, or None."""
    if sys.platform == "win32":
        return "the KDC of the tests is MIT's"
    if missing := [name for name in _PROGRAMS if not shutil.which(name, path=_path())]:
        return f"{', '.join(missing)} not installed (krb5-kdc, krb5-admin-server, krb5-user)"
    if importlib.util.find_spec("kerberos") is None:
        return "pykerberos is not installed (the extra test-kerberos)"
    return None


class Realm:
    """A KDC with users and services, for the time of a `with`.

    `environment` has the variables by which libkrb5 finds it, in any process. The tickets of
    `kinit` are in one collection, in which the user name of a client chooses.
    """

    name = NAME

    def __init__(self, folder: Path):
        """Say where its files are; an empty folder."""
        self._folder = folder
        self.port = 0
        self.cache = folder / "tickets"
        self.environment = {
            "KRB5_CONFIG": f"{folder}/krb5.conf",
            "KRB5_KDC_PROFILE": f"{folder}/kdc.conf",
            "KRB5_KTNAME": f"FILE:{folder}/service.keytab",
            "KRB5CCNAME": f"DIR:{self.cache}",
            "KRB5RCACHENAME": "none:",
        }

    def __enter__(self) -> Realm:
        self.forget_tickets()
        for _ in range(_TRIES):
            self._configure()
            if not (self._folder / "principal").exists():
                self._run("kdb5_util", "create", "-s", "-r", NAME, "-P", "throw-away")
            if self._start():
                return self
        raise RuntimeError(f"the KDC does not start:\n{(self._folder / 'out').read_text()}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _configure(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        d = self._folder
        (d / "krb5.conf").write_text(f"""[libdefaults]
 default_realm = {NAME}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 default_ccache_name = DIR:{self.cache}
 default_keytab_name = FILE:{d}/service.keytab
[realms]
 {NAME} = {{
  kdc = 127.0.0.1:{self.port}
 }}
[domain_realm]
 localhost = {NAME}
 127.0.0.1 = {NAME}
 .psbridge.test = {NAME}
""")
        (d / "kdc.conf").write_text(f"""[kdcdefaults]
 kdc_listen = 127.0.0.1:{self.port}
 kdc_tcp_listen = 127.0.0.1:{self.port}
[realms]
 {NAME} = {{
  database_name = {d}/principal
  key_stash_file = {d}/stash
  acl_file = {d}/kadm5.acl
  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  max_life = 1h
  max_renewable_life = 1h
 }}
[logging]
 kdc = FILE:{d}/kdc.log
""")

    def _start(self) -> bool:
        program = shutil.which("krb5kdc", path=_path())
        assert program is not None
        with (self._folder / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [program, "-n", "-r", NAME],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        while self._process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 5),
            ):
                return True
            time.sleep(0.01)  # until it listens
        return False

    def stop(self) -> None:
        """End the KDC: who has no ticket gets none."""
        self._process.terminate()
        self._process.wait()

    def _run(self, *command: str, given: str | None = None) -> str:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment, "PATH": _path(), "LC_ALL": "C"},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def add_users(self, **passwords: str) -> None:
        """Add users; each has a keytab as well, `keytab(name)`."""
        lines = []
        for name, password in passwords.items():
            lines += [f'addprinc -pw "{password}" {name}']
            lines += [f"ktadd -norandkey -k {self.keytab(name)} {name}"]
        self._administer(lines)

    def add_services(self, *names: str) -> None:
        """Add services like `HTTP/localhost`, whose keys the server has."""
        keytab = self._folder / "service.keytab"
        self._administer(
            line
            for name in names
            for line in (f"addprinc -randkey {name}", f"ktadd -k {keytab} {name}")
        )

    def change_key(self, service: str) -> None:
        """Change a service's key at the KDC only: the server's keytab is out of date."""
        self._administer([f"cpw -randkey {service}"])

    def _administer(self, lines: object) -> None:
        text = "\n".join([*lines, "quit", ""])  # type: ignore[misc]
        self._run("kadmin.local", "-r", NAME, given=text)

    def keytab(self, user: str) -> Path:
        """The file with a user's keys: KRB5_CLIENT_KTNAME=FILE:… needs no kinit."""
        return self._folder / f"{user}.keytab"

    def kinit(
        self, user: str, password: str, *, lifetime: str | None = None, forwardable: bool = False
    ) -> None:
        """Get a user's ticket into the collection.

        Args:
            user: its name.
            password: it goes over standard input.
            lifetime: as kinit takes it, like `2s`.
            forwardable: whether it may be delegated.
        """
        options = ["-f" if forwardable else "-F"]
        if lifetime is not None:
            options += ["-l", lifetime]
        self._run("kinit", *options, user, given=password + "\n")

    def forget_tickets(self) -> None:
        """Empty the collection."""
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir()
