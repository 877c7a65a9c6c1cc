"""What an engine's errors say: the cause first, and at the end a line to paste."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from psbridge import EngineNotFound, FeedError
from psbridge.setup.downloads import describe_packages
from psbridge.setup.lockfile import LOCK_FILE, Pin
from psbridge.setup.progress import SilentProgress
from psbridge.setup.verified import fetch_all

PINS = [Pin("PowerShell", "7.6.9", "hash", 43_325_944), Pin("Some.Host", "10.0.15", "hash", 99_999)]
FILES = ["powershell.7.6.9.nupkg (43.3 MB)", "some.host.10.0.15.nupkg (0.1 MB)"]


def test_the_ways_to_an_engine_stand_in_the_order_in_which_people_can_use_them() -> None:
    assert describe_packages(PINS) == FILES
    lines = str(EngineNotFound([("pwsh on PATH", "not there")], FILES)).splitlines()
    assert lines[:4] == [
        "No PowerShell engine was found.",
        "Looked at:",
        "  - pwsh on PATH: not there",
        "Three ways to get one:",
    ]
    install, feed, bring = (lines.index(line) for line in lines if line[2:4] in ("1.", "2.", "3."))
    assert "Install PowerShell" in lines[install]
    assert lines[feed + 1].strip() == "psbridge setup --source FEED"
    assert [line.strip() for line in lines[bring + 1 :]] == [
        "They are, for this platform:",
        *FILES,
        f"Their hashes are in {LOCK_FILE}.",
        "There, and then here:",
        "psbridge setup --download FOLDER",
        "psbridge setup --source FOLDER",
    ]
    assert LOCK_FILE.is_file()


def test_without_a_feed_the_ways_are_the_same(tmp_path: Path) -> None:
    with pytest.raises(FeedError) as caught:
        fetch_all(PINS, [], tmp_path, SilentProgress())
    assert caught.value.cause == "No NuGet feed is configured, so no engine can be fetched."
    assert caught.value.next_step == EngineNotFound([], FILES).next_step


@pytest.mark.parametrize("error", [EngineNotFound([("a", "b")], FILES), FeedError("cause", "step")])
def test_they_survive_the_way_to_another_process(error: EngineNotFound | FeedError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert str(again).endswith(again.next_step)
