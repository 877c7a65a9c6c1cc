"""A feed that hangs is given up in time, in every way of hanging, and what happens is shown."""

from __future__ import annotations

import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psbridge.errors import FeedError
from psbridge.setup import http_feed
from psbridge.setup.http_client import Patience
from psbridge.setup.http_feed import HttpFeed
from psbridge.setup.source import Source
from psbridge.setup.verified import fetch_all

from .conftest import Handler, WebFeed, make_package
from .test_resume import Watch

Serve = Callable[..., WebFeed]

SHORT = Patience(limit=0.4, pauses=(0.01, 0.01))
# For what has to begin in time, on a busy machine too, and then stops.
ONE_MORE = Patience(limit=2.0, pauses=(0.01,))
ONCE = Patience(limit=2.0, pauses=())
# For what fails at once.
QUICK = Patience(limit=10.0, pauses=(0.01, 0.01))


def test_the_longest_wait_without_progress() -> None:
    patience = Patience()
    assert patience.attempts == 3
    assert patience.longest == patience.attempts * patience.limit + sum(patience.pauses)
    assert patience.longest <= 40


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("localhost", 0)) as server:
        yield server.getsockname()[1]
    settle()


def settle() -> None:
    """Let the requests end that were given up, and what they leave go.

    Python's ssl does not close a socket whose other end has reset it before the handshake begins;
    it says so whenever the garbage collector meets it, which must not be in another test.
    """
    for thread in threading.enumerate():
        if thread.name == "psbridge-transfer":
            thread.join(30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def abrupt() -> Iterator[int]:
    """The port of a server that closes each connection at once."""
    server = socket.create_server(("localhost", 0))

    def close_all() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=close_all)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    settle()


@pytest.fixture
def web(serve: Serve, tmp_path: Path) -> WebFeed:
    """A web feed with one package."""
    make_package(tmp_path / "feed", "Some.Package", "1.0.0", {"x": bytes(range(256)) * 400})
    return serve(tmp_path / "feed")


class Sink:
    def restart(self) -> None: ...

    def add(self, chunk: bytes) -> None: ...


def give_up(source: Source, folder: Path, patience: Patience = SHORT) -> tuple[str, list[str]]:
    """Fetch from a feed that hangs; gives the error and what was told meanwhile."""
    told: list[str] = []
    feed = HttpFeed(source, told.append, patience)
    start = time.monotonic()
    with pytest.raises(FeedError) as caught:
        feed.fetch("Some.Package", "1.0.0", folder, Sink())
    # A busy machine is slow; a wait that has no end takes far longer.
    assert time.monotonic() - start < patience.longest + 15
    feed.close()
    return str(caught.value), told


def address(port: int) -> Source:
    return Source("web", f"https://localhost:{port}/v3/index.json", "a test")


def test_a_handshake_that_never_ends(silent: int, tmp_path: Path) -> None:
    message, told = give_up(address(silent), tmp_path)
    feed = f"the feed https://localhost:{silent}/v3/index.json (from a test)"
    assert message.splitlines() == [
        f"No answer from {feed} within 0.4 s.",
        "See whether it can be reached at all:",
        f"  curl -I https://localhost:{silent}/v3/index.json",
    ]
    assert told == [
        f"No answer from {feed} within 0.4 s; trying again (2 of 3)",
        f"No answer from {feed} within 0.4 s; trying again (3 of 3)",
    ]


def test_an_answer_that_never_begins(web: WebFeed, tmp_path: Path) -> None:
    web.behaviours["index.json"] = lambda handler: handler.feed.over.wait(60)
    message, told = give_up(web.source(), tmp_path)
    assert message.startswith("No answer from the feed")
    assert len(told) == 2


def test_headers_that_drip(web: WebFeed, tmp_path: Path) -> None:
    def drip(handler: Handler) -> bool:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not handler.feed.over.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                break
        return True

    web.behaviours["index.json"] = drip
    message, _ = give_up(web.source(), tmp_path)
    assert message.startswith("No answer from the feed")


def test_a_body_that_stalls(web: WebFeed, tmp_path: Path) -> None:
    web.behaviours["nupkg"] = lambda handler: handler.package(bytes(99), upto=9, stall=True)
    message, told = give_up(web.source(), tmp_path, ONE_MORE)
    assert message.startswith(f"The feed {web.url}/v3/index.json (from a test) stopped sending")
    assert message.splitlines()[-1] == "  psbridge setup"
    assert len(told) == 1


def test_a_body_that_drips_is_as_good_as_none(web: WebFeed, tmp_path: Path) -> None:
    def drip(handler: Handler) -> bool:
        handler.answer(200, b"", Content_Length="1000000")
        while not handler.feed.over.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                break
        return True

    web.behaviours["nupkg"] = drip
    message, _ = give_up(web.source(), tmp_path, ONCE)
    assert "stopped sending Some.Package 1.0.0" in message


def test_an_index_that_stalls(web: WebFeed, tmp_path: Path) -> None:
    web.behaviours["index.json"] = lambda handler: handler.package(bytes(9), upto=1, stall=True)
    message, _ = give_up(web.source(), tmp_path, ONCE)
    assert "stopped sending its service index" in message


def test_a_server_that_closes_at_once(abrupt: int, tmp_path: Path) -> None:
    message, told = give_up(address(abrupt), tmp_path, QUICK)
    assert message.startswith("No connection to the feed https://localhost")
    assert message.splitlines()[0].endswith(": it closed the connection.")
    assert len(told) == 2


def test_a_server_that_does_not_speak_tls(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    plain = serve(tmp_path / "feed", tls=False)
    message, _ = give_up(address(int(plain.url.rpartition(":")[2])), tmp_path, QUICK)
    assert message.splitlines()[0].endswith(": it does not speak TLS as it should.")


def test_always_busy(web: WebFeed, tmp_path: Path) -> None:
    web.behaviours["nupkg"] = lambda handler: handler.answer(503)
    message, told = give_up(web.source(), tmp_path, QUICK)
    feed = f"The feed {web.url}/v3/index.json (from a test)"
    failed = f"{feed} failed at Some.Package 1.0.0: status 503 Service Unavailable"
    assert message.startswith(f"{failed}.\n")
    assert told == [f"{failed}; trying again (2 of 3)", f"{failed}; trying again (3 of 3)"]


def test_a_name_that_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As the resolver says it; a real one may take its time.
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    source = Source("web", "https://feed.invalid/v3/index.json", "a test")
    message, _ = give_up(source, tmp_path, QUICK)
    first = "No connection to the feed https://feed.invalid/v3/index.json (from a test): "
    assert message.startswith(f"{first}its name is not known.")


def test_a_name_that_takes_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def slow(*_: object, **__: object) -> object:
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    source = Source("web", "https://feed.invalid/v3/index.json", "a test")
    message, _ = give_up(source, tmp_path)
    over.set()
    assert message.startswith("No answer from the feed https://feed.invalid/v3/index.json")


def test_a_proxy_that_hangs(silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("https_proxy", f"http://me:s3cret@localhost:{silent}")
    source = Source("web", "https://feed.invalid/v3/index.json", "a test")
    message, told = give_up(source, tmp_path)
    assert f"through the proxy http://localhost:{silent} within" in message
    assert message.splitlines()[-1] == "  export HTTPS_PROXY=http://proxy:port"
    assert "s3cret" not in message + "".join(told)


def test_a_feed_that_hangs_costs_its_time_once(
    web: WebFeed, silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = [make_package(tmp_path / "feed", f"Number{n}", "1.0.0") for n in range(6)]
    monkeypatch.setattr(http_feed, "Patience", lambda: ONE_MORE)
    progress, folder = Watch(), tmp_path / "kept"
    folder.mkdir()
    files = fetch_all(pins, [address(silent), web.source()], folder, progress)
    assert sorted(file.name for file in files.values()) == sorted(f.name for f in folder.iterdir())
    assert len(progress.complete) == len(pins)
    assert [step[-8:] for step in progress.steps] == ["(2 of 2)"]


def test_one_reason_is_said_once_and_several_are_listed(
    web: WebFeed, abrupt: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = [make_package(tmp_path / "other", f"Number{n}", "1.0.0") for n in range(3)]
    monkeypatch.setattr(http_feed, "Patience", lambda: QUICK)
    with pytest.raises(FeedError) as caught:
        fetch_all(pins, [address(abrupt)], tmp_path, Watch())
    message = str(caught.value)
    assert message.startswith("No connection to the feed https://localhost")
    assert message.count("No connection") == 1
    assert "Number" not in message
    gone = Source("gone", str(tmp_path / "gone"), "my.config")
    with pytest.raises(FeedError) as caught:
        fetch_all(pins[:1], [gone, address(abrupt), web.source()], tmp_path, Watch())
    lines = str(caught.value).splitlines()
    assert lines[0] == "No feed has the package Number0 1.0.0:"
    assert lines[1].startswith(f"  - The feed {tmp_path / 'gone'} (from my.config) is missing")
    assert lines[2].startswith("  - No connection to the feed https://localhost")
    assert lines[3].endswith("does not have Number0 1.0.0 (status 404).")
    assert lines[4].startswith("Name another source, ")
    assert lines[5:] == ["  psbridge setup --source FEED"]
