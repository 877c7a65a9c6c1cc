"""The package sources that NuGet's own configuration names, and which of them count here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .config_files import Entry, configuration_files, read_entries
from .source import Credentials, Source, absolute, is_url, site_address

__all__ = ["SOURCE_VARIABLE", "configured_sources", "sources"]

SOURCE_VARIABLE = "PSBRIDGE_NUGET_SOURCE"
"""The environment variable that names the one source to use."""


def sources(explicit: str | None = None, folder: Path | None = None) -> list[Source]:
    """List the sources to get the engine from.

    Args:
        explicit: the value of ``--source``; it replaces everything else.
        folder: where NuGet's configuration is looked for, the current folder if None.

    Returns:
        The one source that ``--source`` or else ``PSBRIDGE_NUGET_SOURCE`` names; without
        either, all that NuGet has, those that cannot be used too (see `Source.problem`).

    Raises:
        FeedError: a configuration file is malformed.
    """
    folder = folder or Path.cwd()
    if explicit:
        return [_named(explicit, "--source", folder)]
    if variable := os.environ.get(SOURCE_VARIABLE):
        return [_named(variable, SOURCE_VARIABLE, folder)]
    return configured_sources(folder)


@dataclass(slots=True)
class _Settings:
    """What all files say together; the keys are names of sources in lower case."""

    sources: dict[str, Entry] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)
    patterns: dict[str, list[str]] = field(default_factory=dict)


def configured_sources(folder: Path) -> list[Source]:
    """List the sources that NuGet has in a folder, the closest file's first.

    Args:
        folder: configuration files in it and in its parents count before the user's, and
            those before the machine's.

    Raises:
        FeedError: a configuration file is malformed; the message names file and line.
    """
    files = configuration_files(folder)
    settings = _Settings()
    # The farthest first, so that a closer file overrides what was said before it.
    for file in reversed(files):
        for entry in read_entries(file):
            _apply(entry, settings)
    order = {file: number for number, file in enumerate(files)}
    entries = sorted(settings.sources.items(), key=lambda item: order[item[1].file])
    return [_source(key, entry, settings) for key, entry in entries]


def _apply(entry: Entry, settings: _Settings) -> None:
    match entry.path:
        case ("packageSources", "add"):
            entry.need("value")
            key = entry.need("key").lower()
            settings.sources.pop(key, None)  # so that it moves to the end of the order
            settings.sources[key] = entry
        case ("packageSources", "remove"):
            settings.sources.pop(entry.need("key").lower(), None)
        case ("packageSources", "clear"):
            settings.sources.clear()
        # NuGet does not look at the value here: being listed is being disabled.
        case ("disabledPackageSources", "add"):
            settings.disabled.add(entry.need("key").lower())
        case ("disabledPackageSources", "remove"):
            settings.disabled.discard(entry.need("key").lower())
        case ("disabledPackageSources", "clear"):
            settings.disabled.clear()
        case ("packageSourceCredentials", "clear"):
            settings.credentials.clear()
        case ("packageSourceCredentials", name):
            settings.credentials[name.lower()] = {}
        case ("packageSourceCredentials", name, "add"):
            secrets = settings.credentials[name.lower()]
            secrets[entry.need("key").lower()] = entry.need("value")
        case ("packageSourceMapping", "clear"):
            settings.patterns.clear()
        case ("packageSourceMapping", "packageSource"):
            settings.patterns[entry.need("key").lower()] = []
        case ("packageSourceMapping", "packageSource", "package"):
            name = entry.parents[-1]["key"].lower()
            settings.patterns[name].append(entry.need("pattern"))
        case _:
            pass  # a section that is not about sources


def _source(key: str, entry: Entry, settings: _Settings) -> Source:
    name = entry.need("key")
    credentials, problem = _credentials(name, settings.credentials.get(key, {}), entry.file)
    return Source(
        name=name,
        location=absolute(entry.need("value"), entry.file.parent),
        origin=str(entry.file),
        credentials=credentials,
        credentials_problem=problem,
        allow_insecure=entry.attributes.get("allowInsecureConnections", "").lower() == "true",
        disabled=key in settings.disabled,
        patterns=tuple(settings.patterns.get(key, ())),
    )


def _credentials(
    name: str, secrets: Mapping[str, str], file: Path
) -> tuple[Credentials | None, str | None]:
    """Give the credentials of a source, or why those that are configured cannot be used."""
    variable = "NuGetPackageSourceCredentials_" + name.replace(" ", "_x0020_")
    if text := os.environ.get(variable):
        match = re.search(r"Username=([^;]*);\s*Password=([^;]*)", text, re.IGNORECASE)
        if match is None:
            return None, f"{variable} is not of the form Username=...;Password=..."
        return Credentials(match[1], match[2]), None
    if "cleartextpassword" in secrets:
        return Credentials(secrets.get("username", ""), secrets["cleartextpassword"]), None
    if "password" in secrets:
        return None, (
            f"the password of {name!r} in {file.parent} or beyond is encrypted, which only NuGet "
            f"on Windows can read; use ClearTextPassword or {variable}"
        )
    return None, None


def _named(location: str, origin: str, folder: Path) -> Source:
    """Make the source that an option or a variable names.

    Only here may it be the bare name of a host: in a configuration file such a name is a folder,
    as it is for NuGet.
    """
    site = site_address(location, Path.cwd())
    place = site or absolute(location, Path.cwd())
    source = Source(name=location, location=place, origin=origin)
    if not is_url(place):
        return source
    # As with `dotnet --source`: an address that is configured keeps its credentials, but
    # neither being disabled nor its mapping counts, for it was asked for by name.
    for known in configured_sources(folder):
        same_site = site is not None and _identity(known.location).startswith(f"{site.lower()}/")
        if same_site or _identity(known.location) == _identity(source.location):
            return replace(
                known,
                origin=origin,
                credentials=source.credentials or known.credentials,
                disabled=False,
                patterns=(),
            )
    return source


def _identity(location: str) -> str:
    """Write a location so that two ways of writing it are equal."""
    return location.rstrip("/").lower() if is_url(location) else os.path.realpath(location)
