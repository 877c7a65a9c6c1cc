"""An installation is there whole or not at all, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conditions import until

from psbridge.errors import EngineError, FeedError
from psbridge.setup import http_feed
from psbridge.setup.home_folder import read_marker
from psbridge.setup.http_client import Patience
from psbridge.setup.install import install

from .conftest import SmallEngine, WebFeed, make_package
from .installing import Setup, finish

posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")


@pytest.fixture
def setup(engine: SmallEngine, tmp_path: Path) -> Setup:
    """A small engine that can be installed."""
    return Setup(engine, tmp_path)


@posix
def test_a_full_disk(setup: Setup) -> None:
    # A limit on the size of files fails as a full disk does, and needs no administrator.
    code, _, err = finish(setup.elsewhere(limit=100_000))
    assert code == 1
    assert "EngineError: There is no room for the engine in" in err
    assert "--dest" in err
    assert not setup.dest.exists()
    assert setup.left() == []


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without rights for a while, if this is the administrator."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folders(tmp_path: Path) -> None:
    """Let everybody into the folders of this test."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.samefile(tempfile.gettempdir()):
            break
        folder.chmod(folder.stat().st_mode | 0o055)


@posix
@pytest.mark.usefixtures("open_folders")
def test_a_feed_folder_that_may_not_be_read(setup: Setup) -> None:
    setup.parent.mkdir(mode=0o777)
    setup.parent.chmod(0o777)
    install([], setup.here(), platform=setup.platform)  # everything that is lazy is imported now
    setup.dest = setup.parent / "two"
    setup.engine.feed.chmod(0o000)
    try:
        with nobody(), pytest.raises(FeedError, match=r"cannot be read: .*ermission") as caught:
            setup.here()
    finally:
        setup.engine.feed.chmod(0o755)
    assert str(setup.engine.feed) in str(caught.value)


@posix
@pytest.mark.usefixtures("open_folders")
def test_a_place_that_may_not_be_written(setup: Setup) -> None:
    setup.here()
    setup.parent.chmod(0o555)
    setup.dest = setup.parent / "two"
    try:
        with nobody(), pytest.raises(EngineError, match="You may not write to") as caught:
            setup.here()
    finally:
        setup.parent.chmod(0o755)
    assert "--dest" in str(caught.value)


@pytest.mark.parametrize("force", [False, True])
def test_two_processes_at_once(setup: Setup, force: bool) -> None:
    first = setup.elsewhere(hold=True, force=force)
    until(setup.hold.exists)
    second = setup.elsewhere(force=force)
    assert second.stdout is not None
    assert "Waiting for another process" in second.stdout.readline()
    assert not setup.dest.exists()
    setup.hold.unlink()
    assert finish(first)[0] == 0
    code, out, err = finish(second)
    assert (code, err) == (0, "")
    assert "Fetching" not in out, "the second one did the work again"
    assert read_marker(setup.dest)
    assert setup.left() == []


@posix
def test_killed_in_the_middle(setup: Setup) -> None:
    child = setup.elsewhere(hold=True)
    until(setup.hold.exists)
    child.kill()
    finish(child)
    assert not setup.dest.exists()
    assert len(setup.left()) == 2
    setup.here()
    assert read_marker(setup.dest)
    assert setup.left() == []


@posix
def test_interrupted_in_the_middle(setup: Setup) -> None:
    child = setup.elsewhere(hold=True)
    until(setup.hold.exists)
    child.send_signal(signal.SIGINT)
    code, out, err = finish(child)
    assert code != 0
    assert "KeyboardInterrupt" in err
    assert "Interrupted" in out
    assert "`psbridge setup` starts again." in out
    assert not setup.dest.exists()
    assert setup.left() == []


@posix
def test_interrupted_in_a_download(setup: Setup, serve: Callable[..., WebFeed]) -> None:
    web = serve(setup.engine.feed)

    def interrupt(handler: object) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return False

    web.behaviours["powershell.7.6.9"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        setup.here(sources=[web.source()])
    assert setup.left() == [".one.packages"]


@posix
def test_what_was_fetched_is_not_fetched_again(setup: Setup, serve: Callable[..., WebFeed]) -> None:
    web = serve(setup.engine.feed)

    def interrupt(handler: object) -> bool:
        # The other two have come when the last one is asked for: they are small.
        until(lambda: len(complete()) == 2)
        os.kill(os.getpid(), signal.SIGINT)
        return False

    def complete() -> list[Path]:
        return list((setup.parent / ".one.packages").glob("*.nupkg"))

    web.behaviours["powershell.7.6.9"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        setup.here(sources=[web.source()])
    assert len(complete()) == 2
    web.behaviours.clear()
    web.asked.clear()
    setup.here(sources=[web.source()])
    assert [path.rpartition("/")[2] for path in web.asked] == [
        "index.json",
        "powershell.7.6.9.nupkg",
    ]
    assert setup.left() == []


def test_a_silent_feed_costs_its_time_once(
    setup: Setup, serve: Callable[..., WebFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where crossgen2 is wanted beside what an engine is laid out from."""
    monkeypatch.setattr(http_feed, "Patience", lambda: Patience(limit=0.4, pauses=(0.01, 0.01)))
    crossgen2 = make_package(setup.engine.feed, "Crossgen2", "10.0.15")
    silent = serve(setup.engine.feed)
    silent.behaviours["index.json"] = lambda handler: handler.feed.over.wait(60)
    install(
        [silent.source(), setup.engine.source],
        setup.dest,
        platform=replace(setup.platform, crossgen2=crossgen2),
    )
    assert read_marker(setup.dest)
    assert len(silent.asked) == 3, "one for each attempt"
