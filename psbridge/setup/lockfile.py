"""The lock file: which packages make an engine, each with its version, size and SHA-512."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import PackageError
from . import versions

__all__ = ["LOCK_FILE", "Lock", "Pin", "load_lock"]

LOCK_FILE = Path(__file__).with_name("packages.lock.json")
"""The lock file that is part of psbridge; ``relock`` writes it."""

_FORMAT = 1
_RECIPE = 2  # raise it when an engine is laid out differently from the same packages


@dataclass(frozen=True, slots=True)
class Pin:
    """One package and nothing else that bears its name.

    Attributes:
        id: as its description writes it.
        version: in its normal form.
        sha512: the SHA-512 of the file in base64, as NuGet writes it.
        size: the size of the file in bytes.
    """

    id: str
    version: str
    sha512: str
    size: int

    @property
    def title(self) -> str:
        """Id and version, for messages."""
        return f"{self.id} {self.version}"

    @property
    def key(self) -> str:
        """What the lock file calls it."""
        return f"{self.id}/{self.version}"


@dataclass(frozen=True, slots=True)
class Lock:
    """The packages of every platform.

    Attributes:
        powershell: the version of the engine.
        dotnet: the version of the runtime.
        platforms: the packages by runtime identifier, sorted by id.
    """

    powershell: str
    dotnet: str
    platforms: Mapping[str, tuple[Pin, ...]]

    def pins(self, rid: str) -> tuple[Pin, ...]:
        """Give the packages of a platform.

        Raises:
            PackageError: the lock file has none for it.
        """
        if rid not in self.platforms:
            known = ", ".join(sorted(self.platforms)) or "none"
            raise PackageError(
                f"psbridge has no engine of its own for this platform ({rid}); it has one for: "
                f"{known}. The other way to get an engine is to install PowerShell 7.4 or later."
            )
        return self.platforms[rid]

    def digest(self, rid: str) -> str:
        """Give a hash (hex) of all that an engine for a platform is made from."""
        parts = [str(_RECIPE), _console_digest(), rid, self.powershell, self.dotnet]
        parts += [f"{pin.key} {pin.sha512}" for pin in self.pins(rid)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def to_json(self) -> str:
        """Write the lock file: a package that several platforms share stands there once."""
        packages = {pin.key: pin for pins in self.platforms.values() for pin in pins}
        content = {
            "format": _FORMAT,
            "powershell": self.powershell,
            "dotnet": self.dotnet,
            "platforms": {
                rid: [pin.key for pin in pins] for rid, pins in sorted(self.platforms.items())
            },
            "packages": {
                key: {"size": pin.size, "sha512": pin.sha512}
                for key, pin in sorted(packages.items(), key=lambda item: item[0].lower())
            },
        }
        return json.dumps(content, indent=2) + "\n"


@cache
def _console_digest() -> str:
    """Give a hash of the console program, which is compiled into each engine."""
    from ..engine.console import console_sources

    return hashlib.sha256("\n".join(s.text for s in console_sources()).encode()).hexdigest()


@cache
def load_lock(path: Path = LOCK_FILE) -> Lock:
    """Read a lock file.

    Raises:
        PackageError: it cannot be read, or something in it is not as it must be.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        _want(content["format"] == _FORMAT, f"its format is not {_FORMAT}")
        pins = {key: _pin(key, facts) for key, facts in content["packages"].items()}
        platforms = {rid: _platform(pins, keys) for rid, keys in content["platforms"].items()}
        return Lock(
            versions.normalize(content["powershell"]),
            versions.normalize(content["dotnet"]),
            platforms,
        )
    except OSError as error:
        raise PackageError(f"The lock file {path} cannot be read: {error.strerror}.") from error
    except KeyError as error:
        raise PackageError(f"The lock file {path} is not sound: {error} is missing.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise PackageError(f"The lock file {path} is not sound: {error}.") from error


def _pin(key: str, facts: Mapping[str, Any]) -> Pin:
    package_id, _, version = key.partition("/")
    size, sha512 = facts["size"], facts["sha512"]
    _want(bool(package_id) and versions.normalize(version) == version, f"{key!r} is no package")
    _want(type(size) is int and size > 0, f"the size of {key} is not a number of bytes")
    try:
        digest = base64.b64decode(sha512, validate=True)
    except binascii.Error:
        digest = b""
    _want(len(digest) == hashlib.sha512().digest_size, f"the hash of {key} is not a SHA-512")
    return Pin(package_id, version, sha512, size)


def _platform(pins: Mapping[str, Pin], keys: Iterable[str]) -> tuple[Pin, ...]:
    chosen = [pins[key] for key in keys]
    ids = [pin.id.lower() for pin in chosen]
    _want(len(ids) == len(set(ids)), "a platform has a package twice")
    return tuple(chosen)


def _want(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
