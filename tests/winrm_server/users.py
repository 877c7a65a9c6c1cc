"""The accounts that the machines know, and who has tried to log on."""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """One try to log on; NTLM's legs are one."""

    time: float
    machine: int
    connection: int
    scheme: str
    user: str
    accepted: bool
    why: str  # it was not
    delegated: list[str] | None  # user and password that CredSSP has handed over
    service: str  # whose Kerberos ticket was shown


class Users:
    """Names and passwords. A name is known in the form in which it was given, and in no other."""

    def __init__(self, folder: Path):
        self._lock = Lock()
        self._passwords: dict[str, str] = {}
        self._attempts: list[Attempt] = []
        self.ntlm_file = folder / "ntlm-users"
        self.set({})

    def set(self, passwords: dict[str, str]) -> None:
        """Replace all accounts."""
        with self._lock:
            self._passwords = dict(passwords)
            self._write_ntlm_file()

    def _write_ntlm_file(self) -> None:
        """Write the file that pyspnego's acceptors look into.

        In its form with hashes: in the other one no password may have a colon.
        """
        lines = []
        if self._passwords:
            from spnego._ntlm_raw.crypto import ntowfv1

            for name, password in self._passwords.items():
                nt = base64.b16encode(ntowfv1(password)).decode()
                lines.append(f"{name}:1000:{'0' * 32}:{nt}:[U]:LCT-00000000")
        temporary = self.ntlm_file.with_suffix(".new")
        temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        temporary.replace(self.ntlm_file)

    def by_basic(self, token: str) -> tuple[str, bool]:
        """The user that a Basic header names, in UTF-8, and whether the password is right."""
        try:
            text = base64.b64decode(token, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return "", False
        name, _, password = text.partition(":")
        with self._lock:
            return name, self._passwords.get(name) == password

    def has(self, name: str) -> bool:
        """Whether there is an account of this name."""
        with self._lock:
            return name in self._passwords

    def note(
        self,
        machine: int,
        connection: int,
        scheme: str,
        user: str,
        why: str = "",
        delegated: list[str] | None = None,
        service: str = "",
    ) -> None:
        """Keep what came of a try: a reason means that it was refused."""
        now = time.monotonic()
        attempt = Attempt(now, machine, connection, scheme, user, not why, why, delegated, service)
        with self._lock:
            self._attempts.append(attempt)

    def attempts(self) -> list[dict[str, Any]]:
        """All tries, in their order."""
        with self._lock:
            return [asdict(attempt) for attempt in self._attempts]

    def forget(self) -> None:
        """Forget the tries."""
        with self._lock:
            self._attempts.clear()
