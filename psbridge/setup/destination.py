"""Where our own copy lies. Every process that uses it asks, so nothing slow is imported."""

from __future__ import annotations

from pathlib import Path

from .lockfile import load_lock
from .platforms import current_rid

__all__ = ["default_destination", "homes_folder"]


def homes_folder() -> Path:
    """Give the folder that our own copies lie in."""
    from platformdirs import user_data_path

    return user_data_path("psbridge", appauthor=False) / "engine"


def default_destination() -> Path:
    """Give the folder of our own copy, whether or not it is there.

    Raises:
        PackageError: the lock file has no packages for this platform.
    """
    return homes_folder() / load_lock().platform(current_rid()).folder
