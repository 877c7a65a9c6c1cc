"""The lock file: which packages make a home, each with its version, size and SHA-512.

Finding our own copy reads this file in every process that uses it, so nothing slow is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import PackageError
from . import versions

__all__ = ["LOCK_FILE", "Lock", "Pin", "PlatformLock", "load_lock"]

LOCK_FILE = Path(__file__).with_name("packages.lock.json")
"""The lock file that is part of psbridge; ``tools/relock.py`` writes it."""

_FORMAT = 2
_RECIPE = 3  # raise it when a home is laid out differently from the same packages
_ROLES = ("powershell", "runtime", "host")


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
class PlatformLock:
    """What a home for one platform is made of.

    Attributes:
        rid: the platform's runtime identifier.
        powershell: the dotnet tool, which holds the whole PowerShell.
        runtime: .NET itself.
        host: has the apphost, of which the ``pwsh`` executable is made.
        crossgen2: the compiler that precompiles a home, where one is pinned; no part of it.
        folder: the name of the home's folder.
    """

    rid: str
    powershell: Pin
    runtime: Pin
    host: Pin
    crossgen2: Pin | None
    folder: str

    @classmethod
    def make(
        cls, rid: str, powershell: Pin, runtime: Pin, host: Pin, crossgen2: Pin | None = None
    ) -> PlatformLock:
        """Name the folder after what goes into it."""
        made = cls(rid, powershell, runtime, host, crossgen2, "")
        folder = f"{powershell.version}-{rid}-{made.digest[:8]}"
        return cls(rid, powershell, runtime, host, crossgen2, folder)

    @property
    def dotnet(self) -> str:
        """The version of .NET."""
        return self.runtime.version

    @property
    def pins(self) -> tuple[Pin, ...]:
        """The packages that a home is laid out from."""
        return self.powershell, self.runtime, self.host

    @property
    def digest(self) -> str:
        """A hash (hex) of all that a home is laid out from."""
        import hashlib

        parts = [str(_RECIPE), self.rid, *(f"{pin.key} {pin.sha512}" for pin in self.pins)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Lock:
    """The packages of every platform, by runtime identifier."""

    platforms: Mapping[str, PlatformLock]

    def platform(self, rid: str) -> PlatformLock:
        """Give what a home for a platform is made of.

        Raises:
            PackageError: the lock file has nothing for it.
        """
        if rid not in self.platforms:
            known = ", ".join(sorted(self.platforms)) or "none"
            raise PackageError(
                f"psbridge has no engine of its own for this platform ({rid}); it has one for: "
                f"{known}. The other way to get an engine is to install PowerShell 7.4 or later."
            )
        return self.platforms[rid]

    def to_json(self) -> str:
        """Write the lock file: a package that several platforms share stands there once."""
        packages: dict[str, Pin] = {}
        platforms = {}
        for rid, platform in sorted(self.platforms.items()):
            roles = {role: getattr(platform, role) for role in (*_ROLES, "crossgen2")}
            pins = {role: pin for role, pin in roles.items() if pin is not None}
            packages |= {pin.key: pin for pin in pins.values()}
            platforms[rid] = {
                "folder": platform.folder,
                "dotnet": platform.dotnet,
                **{role: pin.key for role, pin in pins.items()},
            }
        content = {
            "format": _FORMAT,
            "platforms": platforms,
            "packages": {
                key: {"size": pin.size, "sha512": pin.sha512}
                for key, pin in sorted(packages.items(), key=lambda item: item[0].lower())
            },
        }
        return json.dumps(content, indent=2) + "\n"


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
        platforms = content["platforms"].items()
        return Lock({rid: _platform(rid, facts, pins) for rid, facts in platforms})
    except OSError as error:
        raise PackageError(f"The lock file {path} cannot be read: {error.strerror}.") from error
    except KeyError as error:
        raise PackageError(f"The lock file {path} is not sound: {error} is missing.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise PackageError(f"The lock file {path} is not sound: {error}.") from error


def _platform(rid: str, facts: Mapping[str, Any], pins: Mapping[str, Pin]) -> PlatformLock:
    powershell, runtime, host = (pins[facts[role]] for role in _ROLES)
    crossgen2 = pins[facts["crossgen2"]] if "crossgen2" in facts else None
    folder = facts["folder"]
    _want(type(folder) is str and Path(folder).name == folder != "", f"{rid} names no folder")
    _want(facts["dotnet"] == runtime.version, f"the .NET of {rid} is not its runtime's version")
    return PlatformLock(rid, powershell, runtime, host, crossgen2, folder)


def _pin(key: str, facts: Mapping[str, Any]) -> Pin:
    import base64
    import binascii

    package_id, _, version = key.partition("/")
    size, sha512 = facts["size"], facts["sha512"]
    _want(bool(package_id) and versions.normalize(version) == version, f"{key!r} is no package")
    _want(type(size) is int and size > 0, f"the size of {key} is not a number of bytes")
    try:
        digest = base64.b64decode(sha512, validate=True)
    except binascii.Error:
        digest = b""
    _want(len(digest) == 64, f"the hash of {key} is not a SHA-512")
    return Pin(package_id, version, sha512, size)


def _want(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
