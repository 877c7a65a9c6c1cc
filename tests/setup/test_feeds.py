"""Folders and v3 feeds deliver packages, and say what is wrong when they cannot."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge.errors import FeedError
from psbridge.setup.feeds import open_feed
from psbridge.setup.folder_feed import FolderFeed
from psbridge.setup.http_client import Patience
from psbridge.setup.http_feed import HttpFeed
from psbridge.setup.source import Credentials, Source

from .conftest import Handler, WebFeed, make_package

Serve = Callable[..., WebFeed]


class Collect:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.content = b""
        self.starts = 0

    def restart(self) -> None:
        self.content = b""
        self.starts += 1

    def add(self, chunk: bytes) -> None:
        self.content += chunk


def folder_source(folder: Path) -> Source:
    return Source("folder", str(folder), "a test")


@pytest.mark.parametrize(
    "place",
    [
        "some.package.10.0.14.nupkg",
        "Some.Package.10.0.14.0.NUPKG",
        "some.package/10.0.14/some.package.10.0.14.nupkg",
        "Some.Package/10.0.14/Some.Package.10.0.14.nupkg",
    ],
)
def test_folder_layouts(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"package")
    (tmp_path / "some.package.extra.1.0.0.nupkg").touch()
    feed = FolderFeed(folder_source(tmp_path))
    sink = Collect()
    assert feed.versions("SOME.Package") == ["10.0.14"]
    assert feed.fetch("Some.Package", "10.0.14", tmp_path, sink) == file
    assert sink.content == b"package"


def test_a_package_that_a_folder_does_not_have(tmp_path: Path) -> None:
    feed = open_feed(folder_source(tmp_path))
    assert feed.versions("Some.Package") == []
    with pytest.raises(FeedError, match=r"The folder .* does not have Some.Package 1.0.0"):
        feed.fetch("Some.Package", "1.0.0", tmp_path, Collect())


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="missing: there is no such folder"):
        open_feed(folder_source(tmp_path / "gone"))
    feed = FolderFeed(folder_source(tmp_path / "gone"))
    with pytest.raises(FeedError, match=r"gone cannot be read: No such file"):
        feed.versions("Some.Package")


def test_web_feed(serve: Serve, tmp_path: Path) -> None:
    for version in ("1.10.0", "1.9.0", "2.0.0-rc.1"):
        make_package(tmp_path / "feed", "Some.Package", version)
    web = serve(tmp_path / "feed")
    feed = open_feed(web.source())
    sink = Collect()
    assert feed.versions("Some.Package") == ["1.9.0", "1.10.0", "2.0.0-rc.1"]
    assert feed.versions("Other.Package") == []
    file = feed.fetch("Some.Package", "1.9.0", tmp_path, sink)
    assert file.parent == tmp_path
    assert file.read_bytes() == sink.content
    assert sink.content == (tmp_path / "feed/Some.Package.1.9.0.nupkg").read_bytes()
    assert web.asked.count("/v3/index.json") == 1
    feed.close()


@pytest.fixture
def web(serve: Serve, tmp_path: Path) -> WebFeed:
    """A web feed with one package."""
    make_package(tmp_path / "feed", "Some.Package", "1.0.0")
    return serve(tmp_path / "feed")


QUICK = Patience(limit=10.0, pauses=(0.01, 0.01))


def fetch(source: Source, folder: Path, package_id: str = "Some.Package") -> Collect:
    feed = HttpFeed(source, patience=QUICK) if source.problem() is None else open_feed(source)
    sink = Collect()
    try:
        feed.fetch(package_id, "1.0.0", folder, sink)
    finally:
        feed.close()
    return sink


def failure(source: Source, folder: Path, package_id: str = "Some.Package") -> str:
    with pytest.raises(FeedError) as caught:
        fetch(source, folder, package_id)
    return str(caught.value)


def first_time(answer: Callable[[Handler], bool]) -> Callable[[Handler], bool]:
    """Behave badly once, and then leave it to the server."""
    left = [answer]
    return lambda handler: left.pop()(handler) if left else False


def test_not_there(web: WebFeed, tmp_path: Path) -> None:
    message = failure(web.source(), tmp_path, "Other.Package")
    assert "does not have Other.Package 1.0.0 (status 404)" in message
    assert web.url in message


def test_credentials(web: WebFeed, tmp_path: Path) -> None:
    web.secret = "Basic " + base64.b64encode(b"me:s3cret").decode()
    message = failure(web.source(), tmp_path)
    assert "wants credentials, and none are configured" in message
    assert "status 401" in message
    message = failure(web.source(credentials=Credentials("me", "wr0ng")), tmp_path)
    assert "refuses the credentials" in message
    assert "wr0ng" not in message
    assert fetch(web.source(credentials=Credentials("me", "s3cret")), tmp_path).content
    message = failure(web.source(credentials_problem="the password is encrypted"), tmp_path)
    assert "the password is encrypted" in message


def test_busy_and_then_not(web: WebFeed, tmp_path: Path) -> None:
    web.behaviours["nupkg"] = first_time(lambda handler: handler.answer(503))
    assert fetch(web.source(), tmp_path).content
    assert sum("nupkg" in path for path in web.asked) == 2


def redirect(address: str) -> Callable[[Handler], bool]:
    return lambda handler: handler.answer(302, Location=address + handler.path)


def test_a_redirect_is_followed_without_the_password(
    web: WebFeed, serve: Serve, tmp_path: Path
) -> None:
    other = serve(tmp_path / "feed")
    seen: list[str | None] = []

    def look(handler: Handler) -> bool:
        seen.append(handler.headers["Authorization"])
        return False

    other.behaviours["nupkg"] = look
    web.behaviours["nupkg"] = redirect(other.url)
    assert fetch(web.source(credentials=Credentials("me", "pw")), tmp_path).content
    assert seen == [None]


def test_a_redirect_away_from_https_is_refused(web: WebFeed, serve: Serve, tmp_path: Path) -> None:
    plain = serve(tmp_path / "feed", tls=False)
    web.behaviours["nupkg"] = redirect(plain.url)
    assert "is not https://" in failure(web.source(), tmp_path)
    assert plain.asked == []


def test_plain_http_only_where_it_is_allowed(serve: Serve, tmp_path: Path) -> None:
    make_package(tmp_path / "feed", "Some.Package", "1.0.0")
    plain = serve(tmp_path / "feed", tls=False)
    assert "allowInsecureConnections" in failure(plain.source(), tmp_path)
    assert plain.asked == []
    assert fetch(plain.source(allow_insecure=True), tmp_path).content


def test_a_certificate_that_is_not_trusted(
    web: WebFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    message = failure(web.source(), tmp_path)
    assert message.startswith(f"The certificate of the feed {web.url}/v3/index.json (from a test)")
    assert message.splitlines()[-1].endswith("REQUESTS_CA_BUNDLE=/path/to/ca.pem")


def test_a_file_of_certificates_that_is_not_there(
    web: WebFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    message = failure(web.source(), tmp_path)
    assert message.startswith("There is no file of certificates where REQUESTS_CA_BUNDLE names one")
    assert message.splitlines()[-1].endswith("REQUESTS_CA_BUNDLE=/path/to/ca.pem")


@pytest.mark.parametrize("body", [b"<feed/>", b"[]", b"{}", b'{"resources": [{"@type": "x"}]}'])
def test_what_is_no_v3_feed(web: WebFeed, tmp_path: Path, body: bytes) -> None:
    web.behaviours["index.json"] = lambda handler: handler.answer(200, body)
    assert "v3 feed" in failure(web.source(), tmp_path)


def test_a_server_that_is_gone_is_asked_once(tmp_path: Path) -> None:
    source = Source("gone", "https://localhost:9/v3/index.json", "a test")
    told: list[str] = []
    feed = HttpFeed(source, told.append, QUICK)
    cause = "No connection to the feed https://localhost:9/v3/index.json (from a test): "
    for package in ("Some.Package", "Other.Package"):
        with pytest.raises(FeedError) as caught:
            feed.fetch(package, "1.0.0", tmp_path, Collect())
        assert caught.value.cause == f"{cause}connection refused."
        last = str(caught.value).splitlines()[-1]
        assert last == "  curl -I https://localhost:9/v3/index.json"
    again = f"{cause}connection refused; trying again"
    assert told == [f"{again} (2 of 3)", f"{again} (3 of 3)"]
    feed.close()


def test_what_is_to_be_done_about_credentials(web: WebFeed, tmp_path: Path) -> None:
    web.secret = "Basic " + base64.b64encode(b"me:s3cret").decode()
    named = Source(web.source().location, web.source().location, "--source")
    assert '<add key="ClearTextPassword" value="TOKEN" />' in failure(named, tmp_path)
    variable = "NuGetPackageSourceCredentials"
    for name, line in (
        ("work", f"  export {variable}_work='Username=USER;Password=TOKEN'"),
        ("a.b", f"  env '{variable}_a.b=Username=USER;Password=TOKEN' psbridge setup"),
    ):
        configured = Source(name, named.location, str(tmp_path / "NuGet.Config"))
        assert failure(configured, tmp_path).splitlines()[-1] == line


def test_nothing_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pr0xy@localhost:9")
    address = "https://you:f33d@feed.invalid/v3/index.json?key=qu3ry"
    message = failure(Source(address, address, "a test"), tmp_path)
    assert message.startswith("No connection to the feed https://feed.invalid/v3/index.json?…")
    assert "through the proxy http://localhost:9: connection refused." in message
    assert message.splitlines()[-1] == "  export HTTPS_PROXY=http://proxy:port"
    for secret in ("pr0xy", "f33d", "qu3ry"):
        assert secret not in message
