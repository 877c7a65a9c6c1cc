"""Downloads go on from where they were, in one run and over several, and nothing wrong gets in."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from conditions import until

from psbridge.errors import FeedError, PackageError
from psbridge.setup import http_feed
from psbridge.setup.downloads import interruption, kept_bytes
from psbridge.setup.http_client import Patience
from psbridge.setup.lockfile import Pin
from psbridge.setup.progress import SilentProgress
from psbridge.setup.source import Source
from psbridge.setup.verified import fetch_all

from .conftest import Handler, WebFeed, pin_of

Serve = Callable[..., WebFeed]
SIZE = 300_000
CUT = 200_000
KEPT = "What has arrived is kept; this goes on from there:"
posix = pytest.mark.skipif(os.name == "nt", reason="signals and links of POSIX")


class Watch(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.bytes = 0
        self.steps: list[str] = []
        self.complete: list[str] = []

    def advanced(self, file: str, size: int) -> None:
        self.bytes += size

    def finished(self, package: str) -> None:
        self.complete.append(package)

    def step(self, text: str) -> None:
        self.steps.append(text)


class Bench:
    """One package of random bytes on a server, and a folder for what is fetched of it."""

    def __init__(self, serve: Serve, folder: Path) -> None:
        self.serve = serve
        self.feed = folder / "feed"
        self.feed.mkdir()
        self.original = self.feed / "big.1.0.0.nupkg"
        self.content = random.Random(7).randbytes(SIZE)
        self.original.write_bytes(self.content)
        self.pin = pin_of(self.original, "Big", "1.0.0")
        self.web = serve(self.feed)
        self.folder = folder / "kept"
        self.folder.mkdir()
        self.file = self.folder / "big.1.0.0.nupkg"
        self.part = self.folder / "big.1.0.0.nupkg.part"
        self.progress = Watch()

    def fetch(self, *sources: Source, pins: Sequence[Pin] = ()) -> Path:
        """Fetch the package, with what was told anew."""
        self.progress = Watch()
        chosen = sources or (self.web.source(),)
        return fetch_all(pins or [self.pin], chosen, self.folder, self.progress)[self.pin]

    def right(self) -> bool:
        """Whether the package is there, and was counted as a whole."""
        return (
            self.file.read_bytes() == self.content
            and not self.part.exists()
            and self.progress.bytes == SIZE
            and self.progress.complete == ["Big 1.0.0"]
        )


@pytest.fixture
def bench(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A server and a folder, and no pauses between attempts."""
    quick = Patience(limit=10.0, pauses=(0.01, 0.01))
    monkeypatch.setattr(http_feed, "Patience", lambda: quick)
    return Bench(serve, tmp_path)


def each_time(*answers: Callable[[Handler], bool]) -> Callable[[Handler], bool]:
    """Answer in these ways, one after the other, and then properly."""
    left = list(answers)
    return lambda handler: left.pop(0)(handler) if left else False


def cut_at(bench: Bench, size: int) -> Callable[[Handler], bool]:
    return lambda handler: handler.package(bench.content, upto=size)


def test_what_is_complete_is_not_fetched_again(bench: Bench) -> None:
    bench.file.write_bytes(bench.content)
    assert kept_bytes([bench.pin], bench.folder) == SIZE
    assert bench.fetch() == bench.file
    assert bench.right()
    assert bench.web.asked == []
    assert bench.progress.steps == ["0.3 of 0.3 MB are here already"]
    # Not even a feed is needed then.
    assert fetch_all([bench.pin], [], bench.folder, SilentProgress())[bench.pin] == bench.file


@pytest.mark.parametrize("size", [SIZE, SIZE + 1])
def test_what_is_complete_but_wrong_is_fetched_again(bench: Bench, size: int) -> None:
    bench.file.write_bytes(bytes(size))
    bench.fetch()
    assert bench.right()
    assert bench.web.ranges == [""]
    assert "is not the package that is pinned; fetching it again" in bench.progress.steps[-1]


def test_what_was_interrupted_in_its_last_moment(bench: Bench) -> None:
    bench.part.write_bytes(bench.content)
    bench.fetch()
    assert bench.right()
    assert bench.web.asked == []


def test_a_beginning_is_gone_on_with(bench: Bench) -> None:
    bench.part.write_bytes(bench.content[:CUT])
    assert kept_bytes([bench.pin], bench.folder) == CUT
    bench.fetch()
    assert bench.right()
    assert bench.web.ranges == [f"bytes={CUT}-"]
    assert bench.progress.steps == ["0.2 of 0.3 MB are here already"]


def test_a_transfer_that_breaks_off_goes_on(bench: Bench) -> None:
    bench.web.behaviours["nupkg"] = each_time(cut_at(bench, CUT))
    bench.fetch()
    assert bench.right()
    first, second = bench.web.ranges
    assert first == ""
    # At most a piece that was on its way is lost.
    assert CUT - 65_536 <= int(second.removeprefix("bytes=").removesuffix("-")) <= CUT
    assert bench.progress.steps[-1].endswith("trying again (2 of 3)")


def test_as_long_as_it_goes_on_it_is_not_given_up(bench: Bench) -> None:
    cuts = [cut_at(bench, size) for size in range(40_000, SIZE, 40_000)]
    assert len(cuts) > 3
    bench.web.behaviours["nupkg"] = each_time(*cuts)
    bench.fetch()
    assert bench.right()


def test_what_never_gets_further_is_given_up_and_kept(bench: Bench) -> None:
    bench.web.behaviours["nupkg"] = cut_at(bench, CUT)
    with pytest.raises(FeedError) as caught:
        bench.fetch()
    message = str(caught.value)
    assert message.startswith(f"The connection to the feed {bench.web.url}/v3/index.json (from a")
    assert "broke off in the middle of Big 1.0.0" in message
    assert message.splitlines()[1:] == [KEPT, "  psbridge setup"]
    assert bench.part.stat().st_size > CUT - 65_536
    named = Source(f"{bench.web.url}/v3/index.json", f"{bench.web.url}/v3/index.json", "--source")
    with pytest.raises(FeedError) as caught:
        bench.fetch(named)
    again = f"  psbridge setup --source {named.name}"
    assert str(caught.value).splitlines()[1:] == [KEPT, again]
    with pytest.raises(FeedError) as caught:
        fetch_all([bench.pin], [named], bench.folder, bench.progress, command="psbridge setup -x")
    assert str(caught.value).splitlines()[1:] == [KEPT, "  psbridge setup -x"]
    del bench.web.behaviours["nupkg"]
    bench.fetch()
    assert bench.right()


@pytest.mark.parametrize("part", ["/v3/index.json", "nupkg"])
def test_what_has_not_arrived_is_not_said_to_be_kept(bench: Bench, part: str) -> None:
    bench.web.behaviours[part] = lambda handler: handler.answer(503)
    with pytest.raises(FeedError, match="status 503") as caught:
        bench.fetch()
    assert str(caught.value).splitlines()[1:] == ["Repeat it later:", "  psbridge setup"]
    bench.part.write_bytes(bench.content[:CUT])
    with pytest.raises(FeedError, match="status 503") as caught:
        bench.fetch()
    assert str(caught.value).splitlines()[1:] == [KEPT, "  psbridge setup"]


def whole(bench: Bench) -> Callable[[Handler], bool]:
    return lambda handler: handler.answer(200, bench.content)


def no_such_range(handler: Handler) -> bool:
    handler.feed.ranges.append("refused")
    return handler.answer(416)


def another_range(bench: Bench) -> Callable[[Handler], bool]:
    place = f"bytes 0-{SIZE - 1}/{SIZE}"
    return lambda handler: handler.answer(206, bench.content, Content_Range=place)


def the_end_is_missing(bench: Bench) -> Callable[[Handler], bool]:
    place = f"bytes {CUT}-{SIZE - 2}/{SIZE}"
    return lambda handler: handler.answer(206, bench.content[CUT:-1], Content_Range=place)


def unnamed_range(bench: Bench) -> Callable[[Handler], bool]:
    return lambda handler: handler.answer(206, bench.content[CUT:])


def other_bytes(_bench: Bench) -> Callable[[Handler], bool]:
    place = f"bytes {CUT}-{SIZE - 1}/{SIZE}"
    return lambda handler: handler.answer(206, bytes(SIZE - CUT), Content_Range=place)


def too_many_bytes(_bench: Bench) -> Callable[[Handler], bool]:
    place = f"bytes {CUT}-{SIZE + 9}/{SIZE + 10}"
    return lambda handler: handler.answer(206, bytes(SIZE - CUT + 10), Content_Range=place)


@pytest.mark.parametrize(
    "answer",
    [
        whole,
        lambda _: no_such_range,
        another_range,
        the_end_is_missing,
        unnamed_range,
        other_bytes,
        too_many_bytes,
    ],
)
def test_a_server_that_does_not_go_on_where_it_should(
    bench: Bench, answer: Callable[[Bench], Callable[[Handler], bool]]
) -> None:
    bench.part.write_bytes(bench.content[:CUT])
    bench.web.behaviours["nupkg"] = each_time(answer(bench))
    bench.fetch()
    assert bench.right()


def test_a_beginning_that_is_wrong(bench: Bench) -> None:
    bench.part.write_bytes(bytes(CUT))
    bench.fetch()
    assert bench.right()
    assert bench.web.ranges == [f"bytes={CUT}-", ""]
    assert bench.progress.steps[-1] == "What was kept of Big 1.0.0 does not fit; it comes anew"


def test_a_package_that_is_wrong_is_refused_after_one_more_attempt(bench: Bench) -> None:
    bench.original.write_bytes(bytes(SIZE))
    bench.part.write_bytes(bench.content[:CUT])
    with pytest.raises(PackageError, match="it has another SHA-512 than the lock file") as caught:
        bench.fetch()
    assert bench.web.ranges == [f"bytes={CUT}-", ""]
    message = str(caught.value)
    assert message.startswith(f"A wrong package from {bench.web.url}/v3/index.json: Big 1.0.0")
    assert message.splitlines()[-1] == "  psbridge setup --source FEED"
    assert list(bench.folder.iterdir()) == []


def test_another_feed_goes_on_with_it(bench: Bench) -> None:
    other = bench.serve(bench.feed)
    bench.web.behaviours["nupkg"] = cut_at(bench, CUT)
    bench.fetch(bench.web.source(), other.source())
    assert bench.right()
    (asked,) = other.ranges
    assert asked != ""


def test_a_folder_feed_is_read_in_place(bench: Bench) -> None:
    assert bench.fetch(Source("folder", str(bench.feed), "a test")) == bench.original
    assert bench.progress.bytes == SIZE
    assert list(bench.folder.iterdir()) == []


@posix
@pytest.mark.parametrize("ending", ["", ".part"])
def test_a_link_in_the_way_is_not_followed(bench: Bench, tmp_path: Path, ending: str) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    link = bench.folder / f"big.1.0.0.nupkg{ending}"
    link.symlink_to(precious)
    assert kept_bytes([bench.pin], bench.folder) == 0
    with pytest.raises(FeedError) as caught:
        bench.fetch()
    assert f"{link} is a symbolic link" in str(caught.value)
    assert str(caught.value).splitlines()[-1] == f"  mv '{link}' '{link}.old'"
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize("ending", ["", ".part"])
def test_a_folder_in_the_way(bench: Bench, ending: str) -> None:
    (bench.folder / f"big.1.0.0.nupkg{ending}").mkdir()
    with pytest.raises(FeedError, match="is a folder, and psbridge neither follows nor removes"):
        bench.fetch()


def test_what_an_interrupted_setup_says(bench: Bench, tmp_path: Path) -> None:
    pins = [bench.pin, Pin("Other", "1.0.0", bench.pin.sha512, 700_000)]
    says = interruption(pins, bench.folder)
    assert says == "Interrupted. `psbridge setup` starts again."
    assert interruption(pins, tmp_path / "gone") == says
    bench.part.write_bytes(bench.content[:CUT])
    assert interruption(pins, bench.folder, "psbridge setup --force") == (
        f"Interrupted: 0.2 of 1.0 MB are kept in {bench.folder}. "
        "`psbridge setup --force` goes on from there."
    )


INTERRUPTED = """
import json, sys
from pathlib import Path
from psbridge.setup.downloads import interruption
from psbridge.setup.lockfile import Pin
from psbridge.setup.progress import LineProgress
from psbridge.setup.source import Source
from psbridge.setup.verified import fetch_all
pin, address, folder = sys.argv[1:]
pins = [Pin(**json.loads(pin))]
try:
    fetch_all(pins, [Source("web", address, "a test")], Path(folder), LineProgress(sys.stderr))
except KeyboardInterrupt:
    print(interruption(pins, Path(folder)))
    sys.exit(130)
"""


@posix
@pytest.mark.parametrize("silent", [False, True], ids=["in the middle", "before an answer"])
def test_ctrl_c_leaves_at_once_and_keeps_what_has_arrived(bench: Bench, silent: bool) -> None:
    def stall(handler: Handler) -> bool:
        if silent:
            return handler.feed.over.wait(60)
        return handler.package(bench.content, upto=CUT, stall=True)

    bench.web.behaviours["nupkg"] = stall
    pin = json.dumps(asdict(bench.pin))
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, pin, bench.web.source().location, bench.folder],
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: any("nupkg" in path for path in bench.web.asked))
    if not silent:
        # All but what waits to be written in one piece with what follows.
        until(lambda: bench.part.exists() and bench.part.stat().st_size > CUT - 65_536)
    child.send_signal(signal.SIGINT)
    # The server says nothing for a minute: it ends because it was interrupted, or not in time.
    out, _ = child.communicate(timeout=8)
    assert child.returncode == 130
    if silent:
        assert out == "Interrupted. `psbridge setup` starts again.\n"
    else:
        # What the system had not handed over yet is asked for again.
        kept = len(bench.part.read_bytes())
        assert CUT - 65_536 < kept <= CUT
        assert bench.part.read_bytes() == bench.content[:kept]
        assert out.startswith("Interrupted: 0.")
        assert " of 0.3 MB are kept in " in out
    del bench.web.behaviours["nupkg"]
    bench.fetch()
    assert bench.right()
    assert bench.web.ranges[-1] == ("" if silent else f"bytes={kept}-")


def test_a_wrong_package_is_fetched_once_and_leaves_nothing(bench: Bench) -> None:
    """Nothing was kept, so nothing else can be the cause, and no beginning spoils the next feed."""
    wrong = bytes(len(bench.content))
    bench.web.behaviours["nupkg"] = lambda handler: handler.answer(200, wrong)
    beginning = bench.folder / "other.1.0.0.nupkg.part"
    beginning.write_bytes(wrong[:1000])
    other = replace(bench.pin, id="other")
    with pytest.raises(PackageError):
        fetch_all([bench.pin, other], [bench.web.source()], bench.folder, bench.progress)
    assert sum("big" in path and "nupkg" in path for path in bench.web.asked) == 1
    assert list(bench.folder.iterdir()) == []
