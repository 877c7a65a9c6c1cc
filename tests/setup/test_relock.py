"""The maintainers' command finds the packages that the engine needs, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge.setup.feeds import open_feed
from psbridge.setup.lockfile import LOCK_FILE, load_lock
from psbridge.setup.nuget_config import sources
from psbridge.setup.relock import main, make_lock
from psbridge.setup.source import Source

from .conftest import RID, SmallEngine, WebFeed, make_package


def test_the_lock_file_is_what_the_feed_gives(
    real_feed: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = load_lock()
    arguments = ["--source", real_feed.location, "--powershell", locked.powershell, "--check"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Runtime.win-x64" in captured.err or "win-x64" in locked.platforms


def relock(source: str, output: Path) -> dict[str, list[str]]:
    assert main(["--source", source, "--output", str(output)]) == 0
    platforms: dict[str, list[str]] = json.loads(output.read_text())["platforms"]
    return platforms


def test_from_a_folder(engine: SmallEngine, tmp_path: Path) -> None:
    output = tmp_path / "lock.json"
    assert relock(str(engine.feed), output) == {
        RID: sorted((p.key for p in engine.pins), key=str.lower)
    }
    assert load_lock(output).pins(RID) == tuple(sorted(engine.pins, key=lambda p: p.id.lower()))


def test_from_a_web_feed(
    engine: SmallEngine, tmp_path: Path, serve: Callable[..., WebFeed]
) -> None:
    web = serve(engine.feed)
    found = relock(web.source().location, tmp_path / "lock.json")
    assert [key.lower() for key in found[RID]] == sorted(pin.key.lower() for pin in engine.pins)


def test_the_highest_version_asked_for_and_the_newest_runtime(
    engine: SmallEngine, tmp_path: Path
) -> None:
    needs = (
        '<group targetFramework="net462"><dependency id="Absent" version="1.0.0" /></group>'
        '<group targetFramework=".NETStandard2.0">'
        '<dependency id="Some.Library" version="[1.1, 2.0)" />'
        '<dependency id="System.Runtime" version="4.3.0" />'
        '<dependency id="Microsoft.CodeAnalysis.Analyzers" version="3.11.0" /></group>'
    )
    dll = {"lib/net9.0/Microsoft.CodeAnalysis.CSharp.dll": b"d"}
    make_package(engine.feed, "Microsoft.CodeAnalysis.CSharp", "5.1.0", dll, needs)
    make_package(engine.feed, "Microsoft.CodeAnalysis.CSharp", "6.0.0-preview", dll)
    make_package(engine.feed, "Some.Library", "1.1.5", {"lib/net8.0/Some.Library.dll": b"1"})
    make_package(engine.feed, "Some.Library", "1.9.0", {"lib/net8.0/Some.Library.dll": b"2"})
    for name in ("Runtime", "Host"):
        make_package(engine.feed, f"Microsoft.NETCore.App.{name}.{RID}", "11.0.0", {})
    lock, absent = make_lock(open_feed(engine.source), tmp_path)
    keys = [pin.key for pin in lock.pins(RID)]
    assert "Microsoft.CodeAnalysis.CSharp/5.1.0" in keys
    assert "Some.Library/1.1.5" in keys
    assert not [
        key
        for key in keys
        if key.startswith(("Absent", "System.Runtime", "Microsoft.CodeAnalysis.A"))
    ]
    assert lock.dotnet == "10.0.14"
    assert len(absent) == 4


def test_a_difference_is_shown(
    engine: SmallEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "lock.json"
    relock(str(engine.feed), output)
    make_package(engine.feed, "Some.Library", "1.0.0", {"lib/net8.0/Some.Library.dll": b"changed"})
    capsys.readouterr()
    assert main(["--source", str(engine.feed), "--output", str(output), "--check"]) == 1
    assert '+      "sha512":' in capsys.readouterr().out


def test_a_feed_without_an_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", str(tmp_path)]) == 1
    assert "does not have System.Management.Automation" in capsys.readouterr().err
    assert sources(str(tmp_path))[0].problem() is None
    assert LOCK_FILE.is_file()
