"""The examples of the pages that need machines run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.winrm_server.fixtures import PASSWORD, USER

if TYPE_CHECKING:
    from tests.winrm_server.server import WinRMServer

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
FLEET = """
[credentials.ops]
username = "{user}"
password = {{ command = ["{python}", "-c", "print('{password}')"] }}

[groups.web]
auth = "ntlm"
credential = "ops"
hosts = [{{ host = "localhost", port = {first} }}, {{ host = "127.0.0.1", port = {second} }}]
"""


def test_the_page_of_remote_jobs(winrm_server: WinRMServer, tmp_path: Path) -> None:
    winrm_server.users = {USER: PASSWORD}
    script = tmp_path / "page.py"
    script.write_text("\n".join(BLOCK.findall((DOCS / "remote.md").read_text("utf-8"))), "utf-8")
    with winrm_server.machines(2) as (first, second):
        fleet = FLEET.format(
            user=USER,
            password=PASSWORD,
            python=sys.executable,
            first=first.port,
            second=second.port,
        )
        (tmp_path / "hosts.toml").write_text(fleet, "utf-8")
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "job double failed in 1 of 2 children" in ran.stdout
        for machine in (first, second):
            machine.wait_until(shells=0, processes=0)
