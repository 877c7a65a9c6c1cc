"""The index of a feed is found from the name of its site, at the places where servers have it."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge.errors import FeedError
from psbridge.setup.galleries import usual_places
from psbridge.setup.http_client import Patience
from psbridge.setup.http_feed import HttpFeed
from psbridge.setup.source import Credentials, Source

from .conftest import Handler, WebFeed, make_package

Serve = Callable[..., WebFeed]
QUICK = Patience(limit=10.0, pauses=(0.01, 0.01))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_package(tmp_path / "feed", "Some.Package", "1.0.0")
    return tmp_path / "feed"


def look(location: str, credentials: Credentials | None = None) -> tuple[str, list[str]]:
    """Ask the feed of a site for something; gives where its index was, and what was told."""
    told: list[str] = []
    feed = HttpFeed(Source(location, location, "--source", credentials), told.append, QUICK)
    try:
        assert feed.versions("Some.Package") == ["1.0.0"]
        return feed.source.shown, told
    finally:
        feed.close()


def test_the_likeliest_place_comes_first() -> None:
    assert usual_places("https://www.example.org")[:3] == [
        "https://www.example.org/v3/index.json",
        "https://api.example.org/v3/index.json",
        "https://www.example.org/index.json",
    ]
    assert usual_places("https://example.org/team/feed")[:4] == [
        "https://example.org/team/feed",
        "https://example.org/team/feed/v3/index.json",
        "https://example.org/team/feed/index.json",
        "https://example.org/v3/index.json",
    ]


@pytest.mark.parametrize("host", ["localhost:5000", "192.0.2.7", "api.example.org", "server"])
def test_not_every_host_has_a_sibling(host: str) -> None:
    assert {place.split("/")[2] for place in usual_places(f"https://{host}")} == {host}


@pytest.mark.parametrize(
    "index",
    ["/v3/index.json", "/index.json", "/nuget/v3/index.json", "/repository/nuget-group/index.json"],
)
@pytest.mark.parametrize("pages", [404, 200], ids=["not found", "a page for everything"])
def test_at_the_site(serve: Serve, folder: Path, index: str, pages: int) -> None:
    web = serve(folder)
    web.index = index

    def page(handler: Handler) -> bool:
        if handler.path == index or handler.path.startswith("/flat/"):
            return False
        return handler.answer(pages, b"<html></html>")

    web.behaviours["/"] = page
    found = f"{web.url}{index}"
    assert look(web.url) == (found, [f"The feed of {web.url} is {found}"])


def test_below_a_page(serve: Serve, folder: Path) -> None:
    web = serve(folder)
    web.index = "/team/feed/v3/index.json"
    assert look(f"{web.url}/team/feed/")[0] == web.url + web.index


def test_from_a_page_of_the_site(serve: Serve, folder: Path) -> None:
    web = serve(folder)
    assert look(f"{web.url}/packages/some")[0] == web.url + web.index


def test_beside_the_site_and_without_its_password(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("www.gallery.test", "api.gallery.test")
    web = serve(folder, names=names)
    port = web.url.rpartition(":")[2]
    web.url = f"https://api.gallery.test:{port}"
    real, seen = socket.getaddrinfo, []

    def resolve(host: str, *rest: object, **more: object) -> object:
        return real("127.0.0.1" if host in names else host, *rest, **more)  # type: ignore[arg-type]

    def at_www(handler: Handler) -> bool:
        seen.append((handler.headers["Host"].split(".")[0], handler.headers["Authorization"]))
        return handler.headers["Host"].startswith("www.") and handler.answer(404)

    web.behaviours["/"] = at_www
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    shown, _ = look(f"https://www.gallery.test:{port}", credentials=Credentials("me", "pw"))
    assert shown == f"https://api.gallery.test:{port}/v3/index.json"
    basic = "Basic " + base64.b64encode(b"me:pw").decode()
    assert seen == [("www", basic), ("api", None), ("api", None)]


def fail(location: str) -> str:
    with pytest.raises(FeedError) as caught:
        look(location)
    return str(caught.value)


def test_nowhere(serve: Serve, folder: Path) -> None:
    web = serve(folder)
    web.behaviours["/"] = lambda handler: handler.answer(404)
    lines = fail(web.url).splitlines()
    assert lines[0] == f"No NuGet feed was found at {web.url} (from --source). Tried:"
    assert lines[1:-2] == [f"  - {place}: status 404" for place in usual_places(web.url)]
    assert lines[-1] == f"  psbridge setup --source {web.url}/.../index.json"


def test_a_site_that_is_gone(tmp_path: Path) -> None:
    source = Source("localhost:9", "https://localhost:9", "--source")
    feed = HttpFeed(source, None, QUICK)
    with pytest.raises(FeedError) as caught:
        feed.versions("Some.Package")
    assert str(caught.value).splitlines() == [
        "No connection to the feed https://localhost:9 (from --source): connection refused.",
        "There is no folder localhost:9 here, so it is a host. "
        "See whether it can be reached at all:",
        "  curl -I https://localhost:9/v3/index.json",
    ]
    feed.close()


def test_a_site_that_wants_credentials(serve: Serve, folder: Path) -> None:
    web = serve(folder)
    web.secret = "Basic x"
    assert fail(web.url).startswith(f"The feed {web.url} (from --source) wants credentials")
