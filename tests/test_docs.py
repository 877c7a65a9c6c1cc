"""The examples in the documentation run, and the documented names are the exported ones."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import psbridge
from psbridge.engine.homes import read_home
from psbridge.powershell.module_folder import module_path

ROOT = Path(__file__).parents[1]
# Its examples need machines, which tests/remote has.
WITH_MACHINES = {"remote.md", "remote-ssh.md"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if p.name not in WITH_MACHINES and BLOCK.search(p.read_text("utf-8"))],
    ids=lambda p: p.name,
)
def test_the_python_on_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    script = tmp_path / f"{page.stem}.py"
    script.write_text("\n".join(BLOCK.findall(page.read_text("utf-8"))), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_powershell_on_the_page_for_plain_powershell_runs(engine_home: Path) -> None:
    text = (ROOT / "docs" / "powershell.md").read_text("utf-8")
    blocks = re.findall(r"^```powershell\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    start = f"Import-Module '{module_path() / 'PSBridge'}'\n"
    ran = subprocess.run(
        [read_home(engine_home, "the tests").executable, "-NoProfile", "-Command",
         start + "\n".join(blocks)],
        cwd=ROOT, env={**os.environ, "PSBRIDGE_PYTHON": sys.executable},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "README.md" in ran.stdout


def test_the_exported_names_are_the_documented_ones() -> None:
    text = (ROOT / "docs" / "names.md").read_text("utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(documented) == sorted(psbridge.__all__)
    assert len(set(documented)) == len(documented)


@pytest.mark.parametrize("name", psbridge.__all__)
def test_each_exported_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(psbridge, name).__doc__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL | re.M)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), target
