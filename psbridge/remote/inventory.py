"""A fleet described once, in a TOML file: groups of machines and how to reach them.

Guarantee: the file holds no password. A credential says where its password is: a command prints it,
or the system's keyring keeps it. It is asked for when a group that uses it is, once, and kept in
memory with the inventory.
"""

from __future__ import annotations

import dataclasses
import difflib
import subprocess
import threading
import tomllib
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..cmdlets.credentials import Secret
from ..engine.paths import possible_path
from ..errors import InventoryError
from .carrying import Target
from .ssh.target import SSH
from .winrm.target import WinRM

__all__ = ["Inventory", "inventory"]

_KINDS: dict[str, type[WinRM] | type[SSH]] = {"winrm": WinRM, "ssh": SSH}
_SECTIONS = ("defaults", "credentials", "groups")
_PASSWORDS = ("command", "keyring")
# What names a credential, and what it gives to a target: the user's name and the password.
_CREDENTIALS: dict[str, tuple[str | None, str]] = {
    "credential": ("username", "password"),
    "proxy_credential": ("proxy_username", "proxy_password"),
    "key_credential": (None, "key_password"),
}
# What is given by them and never by itself.
_BY_CREDENTIAL = {
    "password": "credential",
    "proxy_username": "proxy_credential",
    "proxy_password": "proxy_credential",
    "key_password": "key_credential",
}
_COMMAND_SECONDS = 120.0

Table = dict[str, Any]


def inventory(path: str | PathLike[str]) -> Inventory:
    """Read the description of a fleet.

    Args:
        path: a TOML file; `docs/inventory.md` says what is in it.

    Returns:
        Its groups, by name.

    Raises:
        InventoryError: it cannot be read, or something in it is wrong; says what and where.
    """
    try:
        file = possible_path(path)
        with file.open("rb") as stream:
            tables = tomllib.load(stream)
    except OSError as error:
        raise InventoryError(f"{path}: it cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InventoryError(f"{file}: it is no TOML: {error}") from error
    return Inventory(file, tables)


class Inventory(Mapping[str, list[Target]]):
    """The groups of a fleet: ``fleet["web"]`` is a list of targets for `Session.start_remote`."""

    def __init__(self, path: Path, tables: Table) -> None:
        """Check the tables of a file; `inventory` reads one."""
        self._path = path
        self._lock = threading.Lock()
        self._secrets: dict[str, Secret] = {}
        self._targets: dict[str, list[Target]] = {}
        self._refuse_unknown(tables, _SECTIONS, "")
        self._defaults = self._table(tables, "defaults", "")
        self._credentials = self._tables(tables, "credentials")
        self._groups = self._tables(tables, "groups")
        if not self._groups:
            raise self._error("", "it has no group; a group is [groups.NAME] with hosts = [...]")
        for name, credential in self._credentials.items():
            self._check_credential(name, credential)
        known = {key for cls in _KINDS.values() for key in _settings_of(cls)} - {"host", "name"}
        self._refuse_unknown(self._defaults, sorted({*known, "kind"}), "[defaults]")
        for name in self._groups:
            # All that can be said without a password is said now.
            self._make(name, with_secrets=False)

    def __getitem__(self, group: str) -> list[Target]:
        """The machines of a group; asks for their passwords the first time.

        Raises:
            KeyError: there is no such group.
            InventoryError: a password cannot be had.
        """
        if group not in self._groups:
            near = difflib.get_close_matches(group, self._groups, 1)
            hint = f"; did you mean {near[0]}?" if near else f": {', '.join(self._groups)}"
            raise KeyError(f"{self._path} has no group {group!r}{hint}")
        with self._lock:
            if group not in self._targets:
                self._targets[group] = self._make(group, with_secrets=True)
            return list(self._targets[group])

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def all(self) -> list[Target]:
        """The machines of all groups, each once, in the order of the file.

        Raises:
            InventoryError: a password cannot be had.
        """
        found: list[Target] = []
        for group in self:
            found += [target for target in self[group] if target not in found]
        return found

    def __repr__(self) -> str:
        return f"<Inventory {self._path.name}: {', '.join(self._groups)}>"

    def _make(self, group: str, *, with_secrets: bool) -> list[Target]:
        where = f"[groups.{group}]"
        settings = dict(self._groups[group])
        hosts = settings.pop("hosts", None)
        if not isinstance(hosts, list) or not hosts:
            raise self._error(where, 'it needs hosts = ["name", ...]')
        targets = []
        for number, host in enumerate(hosts, 1):
            place = f"{where} host {number}"
            own = {"host": host} if isinstance(host, str) else host
            if not isinstance(own, dict) or not isinstance(own.get("host"), str):
                raise self._error(place, 'it is a name, or a table with host = "name"')
            targets.append(self._target(place, {**settings, **own}, with_secrets))
        return targets

    def _target(self, place: str, settings: Table, with_secrets: bool) -> Target:
        kind = settings.pop("kind", self._defaults.get("kind", "winrm"))
        if not isinstance(kind, str) or kind not in _KINDS:
            raise self._error(place, f"kind is one of {', '.join(_KINDS)}, not {kind!r}")
        cls = _KINDS[kind]
        allowed = _settings_of(cls)
        # What the defaults say of the other kind is not for this one.
        own = {key: value for key, value in self._defaults.items() if key in allowed} | settings
        for key, instead in _BY_CREDENTIAL.items():
            if key in own:
                raise self._error(place, f"{key} is not given here; give {instead} = NAME")
        self._refuse_unknown(own, allowed, place)
        for key, names in _CREDENTIALS.items():
            # The empty text is for what needs none where the defaults name one.
            if name := own.pop(key, ""):
                own |= self._account(place, name, names, with_secrets)
        host = own.pop("host")
        try:
            return cls(host, **own)
        except (ValueError, TypeError) as error:
            raise self._error(place, str(error)) from error

    def _account(
        self, place: str, name: object, names: tuple[str | None, str], with_secrets: bool
    ) -> Table:
        if not isinstance(name, str) or name not in self._credentials:
            raise self._error(place, f"there is no [credentials.{name}]")
        credential = self._credentials[name]
        user, password = names
        account: Table = {} if user is None else {user: credential["username"]}
        if "password" in credential:
            # A stand-in lets the settings be checked before anybody is asked.
            account[password] = self._secret(name) if with_secrets else Secret("-")
        return account

    def _check_credential(self, name: str, credential: Table) -> None:
        where = f"[credentials.{name}]"
        self._refuse_unknown(credential, ("username", "password"), where)
        if not isinstance(credential.get("username"), str):
            raise self._error(where, 'it needs username = "..."')
        source = credential.get("password", {"keyring": ""})
        if not isinstance(source, dict) or len(source) != 1 or set(source) - set(_PASSWORDS):
            raise self._error(
                where,
                "a password is never in the file: give password = { command = [...] } or "
                'password = { keyring = "service" }',
            )
        command = source.get("command", ["-"])
        if not isinstance(command, list) or not command or not _are_texts(command):
            raise self._error(where, 'command is a list of words, such as ["pass", "show", "ops"]')
        if not isinstance(source.get("keyring", ""), str):
            raise self._error(where, "keyring is the name of a service in the keyring")

    def _secret(self, name: str) -> Secret:
        if name not in self._secrets:
            where = f"[credentials.{name}]"
            source = self._credentials[name]["password"]
            if "command" in source:
                text = self._printed(where, source["command"])
            else:
                text = self._from_keyring(where, source["keyring"], name)
            self._secrets[name] = Secret(text)
        return self._secrets[name]

    def _printed(self, where: str, command: list[str]) -> str:
        """The first line that a command prints. What it asks, it asks on the terminal."""
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, timeout=_COMMAND_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            why = f"did not end within {_COMMAND_SECONDS:g} s"
            raise self._error(where, f"{command[0]} {why}") from None
        except OSError as error:
            raise self._error(where, f"{command[0]} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            raise self._error(where, f"{command[0]} ended with {done.returncode}")
        try:
            line = done.stdout.decode("utf-8").split("\n")[0].removesuffix("\r")
        except UnicodeDecodeError:
            # Its object would be the password.
            raise self._error(where, f"what {command[0]} printed is no UTF-8") from None
        if not line:
            raise self._error(where, f"{command[0]} printed nothing")
        return line

    def _from_keyring(self, where: str, service: str, name: str) -> str:
        try:
            import keyring
        except ImportError as error:
            raise self._error(
                where, "the keyring needs a package more: pip install 'psbridge[keyring]'"
            ) from error
        username = self._credentials[name]["username"]
        try:
            found = keyring.get_password(service, username)
        except Exception as error:
            raise self._error(where, f"the keyring cannot be asked: {error}") from error
        if not found:
            raise self._error(
                where,
                f"the keyring has no entry {service!r} for {username}: "
                f"`keyring set {service} {username}` makes one",
            )
        return str(found)

    def _table(self, tables: Table, key: str, where: str) -> Table:
        found = tables.get(key, {})
        if not isinstance(found, dict):
            raise self._error(where, f"{key} is a table: [{key}]")
        return found

    def _tables(self, tables: Table, key: str) -> dict[str, Table]:
        found = self._table(tables, key, "")
        for name, table in found.items():
            if not isinstance(table, dict):
                raise self._error(f"[{key}]", f"{name} is a table: [{key}.{name}]")
        return found

    def _refuse_unknown(self, table: Table, allowed: Any, where: str) -> None:
        for key in table:
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, 1)
                hint = f"did you mean {near[0]}?" if near else f"it may be {', '.join(allowed)}"
                raise self._error(where, f"{key} is not known; {hint}")

    def _error(self, where: str, what: str) -> InventoryError:
        return InventoryError(": ".join(part for part in (str(self._path), where, what) if part))


def _settings_of(cls: type[WinRM] | type[SSH]) -> list[str]:
    """What a file may say of a target of this kind."""
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    if cls is SSH:
        return names  # its accounts are ssh's
    given = {*_BY_CREDENTIAL, "credential"}
    return [name for name in names if name not in given] + list(_CREDENTIALS)


def _are_texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)
