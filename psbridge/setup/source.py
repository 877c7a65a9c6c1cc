"""One package source: a folder or an address, where it was named, and how to get in."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

__all__ = ["Credentials", "Source", "absolute", "is_url", "redact", "site_address", "sources_for"]

# Two labels or more, or a port: a single word is the name of a folder.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_SITE = re.compile(rf"localhost|{_LABEL}(?:\.{_LABEL})+|(?:{_LABEL}(?:\.{_LABEL})*):[0-9]{{1,5}}")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """User name and password for a source; never shown."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(...)"


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A package source, whether or not it can be used.

    A user name and password inside an address are taken out of it when the source is made, so
    that `location` can be shown.

    Attributes:
        name: what its configuration calls it, or its location.
        location: the address of a v3 index or of the site that has one, or the absolute path of
            a folder.
        origin: the file, option, command or environment variable that named it.
        credentials: for basic authentication, if any.
        credentials_problem: why the configured credentials cannot be used, if so.
        allow_insecure: whether plain ``http://`` is allowed, which its configuration must say.
        disabled: whether its configuration disables it.
        patterns: the package ids mapped to it (``*`` at the end matches any rest).
    """

    name: str
    location: str
    origin: str
    credentials: Credentials | None = None
    credentials_problem: str | None = None
    allow_insecure: bool = False
    disabled: bool = False
    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        clean, inside = _split_userinfo(self.location)
        if inside is not None:
            object.__setattr__(self, "location", clean)
            object.__setattr__(self, "credentials", self.credentials or inside)
            if redact(self.name) != self.name:
                object.__setattr__(self, "name", redact(self.name))

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {self.shown!r}, origin={self.origin!r})"

    @property
    def is_url(self) -> bool:
        """Whether it is an address rather than a folder."""
        return is_url(self.location)

    @property
    def shown(self) -> str:
        """The location without anything secret, for messages."""
        return redact(self.location)

    def problem(self) -> str | None:
        """Say why this source is not asked for packages, or None if it is.

        Nothing is sent anywhere: whether an address answers shows when it is asked.
        """
        if self.disabled:
            return "disabled"
        if self.is_url:
            if self.location.lower().startswith("http://") and not self.allow_insecure:
                return (
                    'plain http://, which needs allowInsecureConnections="true" in a nuget.config'
                )
            return None
        folder = Path(self.location)
        try:
            if not folder.exists():
                return "missing: there is no such folder"
            if not folder.is_dir():
                return "not a folder"
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        return None if os.access(folder, os.R_OK | os.X_OK) else "cannot be read: no permission"


def is_url(location: str) -> bool:
    """Tell an address from a folder; ``file://`` names a folder."""
    return location.lower().startswith(("http://", "https://"))


def absolute(location: str, base: Path) -> str:
    """Write a location as `Source` keeps it.

    Args:
        location: an address, a ``file://`` URI or a path, with ``~`` for the home folder.
        base: the folder that a relative path starts from.
    """
    if is_url(location):
        return location
    if location.lower().startswith("file://"):
        # Here, not above: it brings http and email along, which a folder does without.
        from urllib.request import url2pathname

        location = url2pathname(urlsplit(location).path)
    elif os.name != "nt":
        # Configuration shared with Windows names folders the Windows way.
        location = location.replace("\\", "/")
    return os.path.normpath(base / Path(location).expanduser())


def site_address(name: str, base: Path) -> str | None:
    """Give the address of a site that is named by nothing but its host.

    Args:
        name: ``packages.example.org``, say, or ``localhost:5000``.
        base: a folder of that name in it is meant instead.

    Returns:
        An ``https://`` address without a path, or None if this is no name of a host.
    """
    if _SITE.fullmatch(name) is None or os.path.lexists(base / name):
        return None
    return f"https://{name}"


def redact(location: str) -> str:
    """Take user name, password and query out of an address."""
    if not is_url(location):
        return location
    clean, _ = _split_userinfo(location)
    return re.sub(r"\?.*", "?…", clean, flags=re.DOTALL)


def sources_for(package_id: str, sources: Sequence[Source]) -> list[Source]:
    """Choose the sources that may be asked for a package, by NuGet's package source mapping.

    Args:
        package_id: in any letter case.
        sources: every source, the disabled ones too, for a package that is mapped to a
            disabled source comes from nowhere else.

    Returns:
        All of them where none has patterns, else those whose pattern fits most specifically.
    """
    if not any(source.patterns for source in sources):
        return list(sources)
    ranked = [(_specificity(package_id.lower(), source.patterns), source) for source in sources]
    best = max((rank for rank, _ in ranked), default=0)
    return [source for rank, source in ranked if rank == best and rank > 0]


def _specificity(package_id: str, patterns: Sequence[str]) -> int:
    """Rank the best pattern: 0 for none, the length for a prefix, beyond any length if exact."""
    best = 0
    for pattern in (text.lower() for text in patterns):
        if pattern == package_id:
            best = max(best, 1_000_000)
        elif pattern.endswith("*") and package_id.startswith(pattern[:-1]):
            best = max(best, len(pattern))
    return best


def _split_userinfo(location: str) -> tuple[str, Credentials | None]:
    if not is_url(location):
        return location, None
    parts = urlsplit(location)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return location, None
    username, _, password = userinfo.partition(":")
    clean = urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))
    return clean, Credentials(unquote(username), unquote(password))
