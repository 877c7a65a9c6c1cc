"""Modules that are loaded from files under names of ours, made importable in other processes.

A job's class goes to another process as the name of its module and its own. The name of a module
that was loaded by its path means nothing there, unless the path goes along.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["FileModules", "forget", "remember"]

_paths: dict[str, str] = {}


def remember(name: str, path: Path) -> bool:
    """Note that a module is loaded from a file.

    Args:
        name: the module's name.
        path: the file.

    Returns:
        Whether that was known before.
    """
    known = name in _paths
    _paths[name] = str(path)
    return known


def forget(name: str) -> None:
    """The module has not been loaded after all."""
    _paths.pop(name, None)


class FileModules:
    """The modules that are known here. To be pickled in front of what needs them.

    Where it is unpickled they can be imported from then on, if the files are there, too.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _make_importable, (dict(_paths),)


def _make_importable(paths: Mapping[str, str]) -> FileModules:
    _paths.update(paths)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    return FileModules()


class _Finder:
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = _paths.get(name)
        return None if file is None else importlib.util.spec_from_file_location(name, file)
