"""An engine in any case: found, or fetched then and there."""

from __future__ import annotations

from pathlib import Path

from ..errors import EngineNotFound
from ..openssl import keep_openssl
from .finding import find
from .homes import Home, read_home

__all__ = ["provide"]


def provide(pshome: str | Path | None = None) -> Home:
    """Find PowerShell, or make our own copy of it from the NuGet feeds that are configured.

    Args:
        pshome: the folder that has to be used; nothing is looked for or fetched then.

    Raises:
        EngineUnsupported: the folder that was named holds no PowerShell of 7.4 or later.
        EngineNotFound: nothing was found and no feed is configured; lists each place.
        FeedError: a feed was asked and failed.
        PackageError: a package is not the one that is pinned.
    """
    # Both to find and to fetch one imports hashlib.
    keep_openssl()
    try:
        return find(pshome)
    except EngineNotFound as error:
        looked_at = [*error.looked_at]
    # Not in there: an interruption or a feed's error would have that one in front of it.
    from ..setup.install import install
    from ..setup.nuget_config import sources
    from ..setup.progress import show_progress

    feeds = sources(None, None)
    if all(feed.problem() is not None for feed in feeds):
        looked_at += [(f"NuGet source {feed.name}", str(feed.problem())) for feed in feeds]
        if not feeds:
            looked_at.append(("NuGet sources", "none configured"))
        raise EngineNotFound(looked_at, _packages())
    with show_progress() as progress:
        return read_home(install(feeds, progress=progress), "our own copy")


def _packages() -> list[str]:
    """Name the files that our own copy is made from, for people who bring them."""
    from ..setup.downloads import describe_packages
    from ..setup.lockfile import load_lock
    from ..setup.platforms import current_rid

    platform = load_lock().platforms.get(current_rid())
    return [] if platform is None else describe_packages(platform.pins)
