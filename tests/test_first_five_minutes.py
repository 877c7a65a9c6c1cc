"""The README's first five minutes, line by line, for a user who has nothing but Python."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a newcomer's checkout has: the texts, the samples, and a feed that its file names."""
    folder = tmp_path / "psbridge"
    folder.mkdir()
    for file in ROOT.glob("*.md"):
        shutil.copy(file, folder)
    shutil.copytree(ROOT / "samples", folder / "samples", ignore=lambda *_: ["__pycache__"])
    # The configuration names the folder beside the checkout by a relative path.
    from psbridge.setup.nuget_config import configured_sources

    feed = next(s for s in configured_sources(ROOT) if not s.is_url and s.problem() is None)
    text = (ROOT / "nuget.config").read_text("utf-8")
    (folder / "nuget.config").write_text(
        re.sub('value="[^"]*"', f'value="{feed.location}"', text), encoding="utf-8"
    )
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="the lines are for a POSIX shell")
def test_every_line_does_what_it_should(checkout: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "psbridge").symlink_to(Path(sys.executable).with_name("psbridge"))
    environment = {"HOME": str(home), "PATH": f"{bin_folder}:/usr/bin:/bin"}
    text = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^## The first five minutes\n+```sh\n(.*?)^```", text, re.S | re.M)
    largest = sorted(
        (file.stat().st_size for file in checkout.rglob("*") if file.is_file()), reverse=True
    )[:3]
    said: list[tuple[str, str]] = []
    for line in block.splitlines():
        ran = subprocess.run(
            ["bash", "-c", line],
            cwd=checkout, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
        said.append((ran.stdout, ran.stderr))
    setup, files, words, late, thread, squares, help_, doctor = said

    engines = home / ".local" / "share" / "psbridge" / "engine"
    assert re.fullmatch(rf"PowerShell 7\.\S+ with .* is in {engines}/\S+\n", setup[0])
    assert [int(size) for size in re.findall(r"(\d+) \S+$", files[0], re.M)] == largest
    assert re.search(r"^\d+ +\S+ +PythonJob +Completed +True ", words[0], re.M)
    assert re.search(r"^README\.md +\d+ +\d+$", words[0], re.M)
    assert late[0].split() == ["42"]
    assert "WARNING: late" in late[0] + late[1]
    assert thread[0] == "on a thread\n"
    assert squares[0].split() == ["1", "4", "9", "16", "25"]
    assert "Get-Job [[-Id] <int[]>]" in " ".join(help_[0].split())
    assert doctor[0].splitlines()[-1].startswith("psbridge works here, with ")
    for line, (_, errors) in zip(block.splitlines()[1:], said[1:], strict=True):
        assert errors == ("WARNING: late\n" if "late" in line else ""), line
