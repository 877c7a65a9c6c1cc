"""The sample that asks a fleet for its patch status, on machines of both kinds."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.winrm_server.fixtures import PASSWORD, USER, winrm_server

if TYPE_CHECKING:
    from tests.winrm_server.server import WinRMServer

__all__ = ["winrm_server"]

SAMPLE = Path(__file__).parents[2] / "samples" / "patch_status.py"
FLEET = """
[credentials.ops]
username = "{user}"
password = {{ command = ["{python}", "-c", "print('{password}')"] }}

[groups.web]
auth = "ntlm"
credential = "ops"
hosts = [{{ host = "localhost", port = {port} }}]

[groups.gone]
auth = "ntlm"
credential = "ops"
open_timeout = 5
hosts = [{{ host = "127.0.0.1", port = 9 }}]

[groups.nowhere]
kind = "ssh"
hosts = ["ops@127.0.0.1"]
port = 9
"""


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(SAMPLE), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_machine_that_fails_is_a_line_with_its_reason(
    winrm_server: WinRMServer, tmp_path: Path
) -> None:
    winrm_server.users = {USER: PASSWORD}
    with winrm_server.machines(1) as (machine,):
        fleet = FLEET.format(user=USER, password=PASSWORD, python=sys.executable, port=machine.port)
        (tmp_path / "hosts.toml").write_text(fleet, "utf-8")
        whole = run("hosts.toml", "--csv", "status.csv", folder=tmp_path)
        good = run("hosts.toml", "--group", "web", folder=tmp_path)
    assert (whole.returncode, whole.stderr) == (1, "")
    head, *lines = whole.stdout.splitlines()
    assert head.split() == ["machine", "state", "system", "last", "update", "pending", "restart"]
    assert lines[0].split()[:3] == ["localhost", "Completed", "Unix"]
    assert lines[1].split() == ["127.0.0.1", "Failed"]
    assert lines[2].split() == ["127.0.0.1:9", "Failed"]
    assert PASSWORD not in whole.stdout
    with (tmp_path / "status.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["Completed", "Failed", "Failed"]
    assert "refused" in rows[1]["reason"]
    assert "refused" in rows[2]["reason"]
    assert (good.returncode, good.stderr) == (0, "")
    assert len(good.stdout.splitlines()) == 2


def test_a_mistake_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text("[groups.web]\n", "utf-8")
    ran = run("hosts.toml", folder=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].endswith('[groups.web]: it needs hosts = ["name", ...]')
