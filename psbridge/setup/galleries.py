"""Where sites keep the service index of their NuGet feed."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["is_index", "usual_places"]

# The first are those of most servers that have one feed. Where a server has many, each with a
# name, there are the names that it gives the first one.
_AT_THE_SITE = (
    "/v3/index.json",
    "/index.json",
    "/nuget/v3/index.json",
    "/api/v3/index.json",
    "/nuget/index.json",
    "/repository/nuget-group/index.json",
    "/artifactory/api/nuget/v3/nuget/index.json",
)
_BELOW = ("/v3/index.json", "/index.json")


def is_index(address: str) -> bool:
    """Tell whether an address can only be meant as a service index, and not as a site."""
    return urlsplit(address).path.lower().endswith(".json")


def usual_places(address: str) -> list[str]:
    """List the addresses at which the index of a site may be, the likeliest first.

    Args:
        address: of a site or a page in it. A page may be a feed's own, so that is looked at
            itself, and the places below it, before those of the site.
    """
    parts = urlsplit(address)
    site = f"{parts.scheme}://{parts.netloc}"
    page = site + parts.path.rstrip("/")
    found = [address, *(page + place for place in _BELOW)] if page != site else []
    first, *others = [site + place for place in _AT_THE_SITE]
    found.append(first)
    if sibling := _sibling(parts.netloc):
        found.append(f"{parts.scheme}://{sibling}/v3/index.json")
    found += others
    if page == site:
        found.append(f"{site}/")
    return list(dict.fromkeys(found))


def _sibling(host: str) -> str | None:
    """Give the host that has the interface for programs where this one has the pages."""
    host = host.lower().removeprefix("www.")
    name = host.partition(":")[0]
    if "." not in name or name.startswith("api.") or host.startswith("["):
        return None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return f"api.{host}"
    return None
