"""From a source to the feed that it names."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import FeedError
from .feed import ANOTHER_SOURCE, Feed
from .folder_feed import FolderFeed
from .source import Source

__all__ = ["open_feed"]


def open_feed(source: Source, tell: Callable[[str], None] | None = None) -> Feed:
    """Make the feed for a source; nothing is read or sent yet.

    Args:
        source: what is asked.
        tell: is told what a person who waits wants to know, such as another attempt.

    Raises:
        FeedError: the source cannot be used at all; see `Source.problem`.
    """
    problem = source.problem()
    if problem is not None:
        raise FeedError(
            f"The feed {source.shown} (from {source.origin}) is {problem}.", ANOTHER_SOURCE
        )
    if source.is_url:
        # Here, not above: requests takes a while to import, and a folder does without it.
        from .http_feed import HttpFeed

        return HttpFeed(source, tell)
    return FolderFeed(source)
