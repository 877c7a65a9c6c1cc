"""``psbridge setup`` as a command."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from psbridge.setup.downloads import file_name
from psbridge.setup.lockfile import load_lock
from psbridge.setup.nuget_config import configured_sources
from psbridge.setup.platforms import current_rid
from psbridge.setup.source import Source

ROOT = Path(__file__).parents[2]


@pytest.fixture
def feed() -> Source:
    """The real feed."""
    return next(s for s in configured_sources(ROOT) if not s.is_url and s.problem() is None)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A user who has nothing, on a machine that lives for one run."""
    home = str(tmp_path / "home")
    return {
        **os.environ,
        "HOME": home,
        **dict.fromkeys(("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), ""),
        **dict.fromkeys(("PSBRIDGE_PSHOME", "PSBRIDGE_NUGET_SOURCE"), ""),
        "PSBRIDGE_NO_PRECOMPILE": "1",
    }


def setup(
    *arguments: str | Path, env: dict[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "psbridge", "setup", *map(str, arguments)],
        env={**env, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=cwd, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def test_a_source_that_is_not_there(env: dict[str, str], tmp_path: Path) -> None:
    ran = setup("--source", tmp_path / "gone", "--dest", tmp_path / "e", env=env, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "gone (from --source) is missing" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "e").exists()


def test_set_up_listed_used_and_pruned(feed: Source, env: dict[str, str], tmp_path: Path) -> None:
    source = "--source", feed.location
    assert setup("--list", env=env, cwd=tmp_path).stdout == (
        "psbridge has no copy of its own; psbridge setup makes one.\n"
    )
    ran = setup(*source, env=env, cwd=tmp_path)
    platform = load_lock().platform(current_rid())
    engines = tmp_path / "home" / ".local" / "share" / "psbridge" / "engine"
    home = engines / platform.folder
    about = f"PowerShell {platform.powershell.version} with .NET {platform.dotnet}"
    assert (ran.returncode, ran.stdout) == (0, f"{about}, not precompiled, is in {home}\n")
    assert ran.stderr.startswith("Fetching 3 packages, ")
    # The C# halves are compiled with it, so the first start does not wait for them.
    compiled = tmp_path / "home" / ".cache" / "psbridge" / "compiled"
    halves = sorted(compiled.rglob("*.dll"))
    names = sorted(dll.name for dll in halves)
    assert names == ["PSBridge.Native.dll", "PSBridge.Remote.dll"]
    assert setup(*source, env=env, cwd=tmp_path).stderr == ""
    assert sorted(compiled.rglob("*.dll")) == halves

    earlier = engines / "7.0.0-earlier"
    earlier.mkdir()
    marker = (home / "psbridge-engine.json").read_text()
    (earlier / "psbridge-engine.json").write_text(marker.replace('"pwsh.dll"', '"gone.dll"'))
    lines = setup("--list", env=env, cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] in (["current", "earlier"], ["earlier", "current"])
    (current,) = (line for line in lines if line.startswith("current"))
    size = int(re.search(r"(\d+) MB", current)[1])  # type: ignore[index]
    assert 120 < size < 180
    assert current.endswith(str(home))
    ran = setup("--prune", env=env, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, f"{earlier} is removed\n")
    assert home.is_dir()
    assert setup("--prune", env=env, cwd=tmp_path).stdout == "There is nothing to remove.\n"


def test_another_place(feed: Source, env: dict[str, str], tmp_path: Path) -> None:
    dest = tmp_path / "engine"
    ran = setup("--source", feed.location, "--dest", dest, env=env, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith(f" is in {dest}; to use it, set PSBRIDGE_PSHOME={dest}\n")


def test_only_fetched(feed: Source, env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "for the other one"
    ran = setup("--source", feed.location, "--download", folder, env=env, cwd=tmp_path)
    platform = load_lock().platform(current_rid())
    pins = [*platform.pins, *filter(None, [platform.crossgen2])]
    files = [folder / file_name(pin.id, pin.version) for pin in pins]
    *listed, last = ran.stdout.splitlines()
    assert (ran.returncode, listed) == (0, [str(file) for file in files])
    assert last == 'On the other machine: psbridge setup --source "for the other one"'
    assert [file.stat().st_size for file in files] == [pin.size for pin in pins]
    assert not (tmp_path / "home" / ".local").exists()


def test_a_platform_that_the_feed_does_not_have(
    feed: Source, env: dict[str, str], tmp_path: Path
) -> None:
    arguments = "--source", feed.location, "--download", tmp_path / "f", "--platform", "osx-arm64"
    ran = setup(*arguments, env=env, cwd=tmp_path)
    assert ran.returncode == 1
    assert ".osx-arm64 10.0.12" in ran.stderr  # the runtime or the host, whichever came first
    ran = setup("--download", tmp_path / "f", "--platform", "plan9", env=env, cwd=tmp_path)
    assert "this platform (plan9); it has one for: linux-arm64, " in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--platform", "osx-arm64"], "--platform needs --download"),
        (["--list", "--prune"], "not allowed with argument"),
        (["--no-precompile", "--precompile-compiler"], "not allowed with argument"),
        (["--list", "--no-precompile"], "--list goes without --no-precompile"),
        (["--list", "--platform", "osx-arm64"], "--platform needs --download"),
        (["--prune", "--dest", "x", "--force"], "--prune goes without --dest, --force"),
        (["--prune", "--source", "x"], "--prune goes without --source"),
        (
            ["--download", "x", "--source", "x", "--precompile-compiler"],
            "--download goes without --precompile-compiler",
        ),
    ],
)
def test_a_wrong_command_line(
    env: dict[str, str], tmp_path: Path, arguments: list[str], what: str
) -> None:
    ran = setup(*arguments, env=env, cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.startswith("usage: psbridge setup [")
    assert what in ran.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_an_interrupted_setup_says_so_and_how_to_go_on(env: dict[str, str], tmp_path: Path) -> None:
    # A feed that accepts the connection and never answers.
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        feed = f"https://127.0.0.1:{server.getsockname()[1]}/v3/index.json"
        running = subprocess.Popen(
            [sys.executable, "-m", "psbridge", "setup", "--source", feed],
            env={**env, "PYTHONPATH": os.pathsep.join(sys.path), "NO_PROXY": "*"},
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        connection, _ = server.accept()
        with connection:
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, "")
    assert err.endswith(f"Interrupted. `psbridge setup --source {feed}` starts again.\n")
    assert "Traceback" not in err
