"""NuGet's configuration files: where they are, and what one of them says.

The places are those of NuGet's own documentation, "Common NuGet configurations".
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from ..errors import FeedError

__all__ = ["Entry", "configuration_files", "read_entries"]

_NAMES = ("nuget.config", "NuGet.config", "NuGet.Config")
_VARIABLE = re.compile(r"%([^%]+)%")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class Entry:
    """One element of a configuration file.

    Attributes:
        path: its place, such as ``("packageSources", "add")``, as deep as it lies.
        attributes: with environment variables filled in.
        file: the file it is in.
        line: the line it starts on.
        parents: the attributes of the elements it lies in, the outermost first.
    """

    path: tuple[str, ...]
    attributes: dict[str, str]
    file: Path
    line: int
    parents: tuple[dict[str, str], ...]

    def need(self, attribute: str) -> str:
        """Give an attribute that must be there.

        Raises:
            FeedError: it is not; the message names file and line.
        """
        value = self.attributes.get(attribute)
        if value is None:
            raise FeedError(
                f"{self.file}, line {self.line}: <{self.path[-1]}> in "
                f"<{self.path[-2]}> has no {attribute!r}."
            )
        return value


def configuration_files(folder: Path) -> list[Path]:
    """List the configuration files that apply in a folder, the one that counts most first.

    Args:
        folder: where the program is used; its parents are searched as well.
    """
    folder = folder.absolute()
    found = [_first_named(place) for place in (folder, *folder.parents)]
    found += list(_user_files())
    machine = _machine_folder()
    if machine is not None:
        found += _configs_in(machine)
    unique: dict[Path, Path] = {}
    for file in found:
        # The user's file is met twice where the folder lies in the home folder.
        if file is not None:
            unique.setdefault(file.resolve(), file)
    return list(unique.values())


def read_entries(file: Path) -> list[Entry]:
    """Read every element of a configuration file, in order.

    expat is used directly because it knows the line of each element, and messages name it.

    Raises:
        FeedError: the file cannot be read, or is not sound XML, or is something else.
    """
    parser = expat.ParserCreate()
    names: list[str] = []
    outer: list[dict[str, str]] = []
    entries: list[Entry] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        filled = {key: _expand(value) for key, value in attributes.items()}
        names.append(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), name))
        line = parser.CurrentLineNumber
        entries.append(Entry(tuple(names[1:]), filled, file, line, tuple(outer)))
        outer.append(filled)

    def end(_name: str) -> None:
        names.pop()
        outer.pop()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(file.read_bytes(), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise FeedError(
            f"{file}, line {error.lineno}: this NuGet configuration is not sound XML: {reason}."
        ) from error
    except OSError as error:
        raise FeedError(
            f"{file}: this NuGet configuration cannot be read: {error.strerror}."
        ) from error
    return [entry for entry in entries if entry.path]


def _expand(value: str) -> str:
    """Fill in ``%NAME%``; NuGet does so on every system, and leaves unknown names alone."""
    return _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), value)


def _first_named(folder: Path) -> Path | None:
    # The first of the three spellings counts, as in NuGet.
    return next((file for name in _NAMES if _is_file(file := folder / name)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a parent that may not be looked into


def _user_files() -> Iterator[Path]:
    if os.name == "nt":
        appdata = os.environ.get("APPDATA")
        homes = [(Path(appdata) / "NuGet", Path(appdata) / "NuGet")] if appdata else []
    else:
        home = Path.home()
        dotnet = Path(os.environ.get("DOTNET_CLI_HOME") or home) / ".nuget"
        other = home / ".config" / "NuGet"
        homes = [(dotnet / "NuGet", dotnet), (other, other)]
    for settings, extra in homes:
        file = _first_named(settings)
        if file is not None:
            yield file
        yield from _configs_in(extra / "config")


def _machine_folder() -> Path | None:
    if sys.platform == "win32":
        # Names have no letter case on Windows.
        base = os.environ.get("PROGRAMFILES(X86)") or os.environ.get("PROGRAMFILES")
    else:
        default = "/Library/Application Support" if sys.platform == "darwin" else "/etc/opt"
        base = os.environ.get("NUGET_COMMON_APPLICATION_DATA") or default
    return Path(base) / "NuGet" / "Config" if base else None


def _configs_in(folder: Path) -> list[Path]:
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return []  # most machines have no such folder
    return [file for file in files if file.suffix.lower() == ".config" and _is_file(file)]
