"""The examples of the pages that need machines run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.winrm_server.fixtures import PASSWORD, USER

if TYPE_CHECKING:
    from ssh_server import Sshd

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


def run(page: str, folder: Path, **variables: str) -> str:
    """Run a page's examples in a folder; gives what they print."""
    script = folder / "page.py"
    script.write_text("\n".join(BLOCK.findall((DOCS / page).read_text("utf-8"))), "utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_the_page_of_remote_jobs(winrm_server: WinRMServer, tmp_path: Path) -> None:
    winrm_server.users = {USER: PASSWORD}
    with winrm_server.machines(2) as (first, second):
        fleet = FLEET.format(
            user=USER,
            password=PASSWORD,
            python=sys.executable,
            first=first.port,
            second=second.port,
        )
        (tmp_path / "hosts.toml").write_text(fleet, "utf-8")
        printed = run("remote.md", tmp_path)
        assert "job double failed in 1 of 2 children" in printed
        for machine in (first, second):
            machine.wait_until(shells=0, processes=0)


def test_the_page_of_ssh(sshd: Sshd, tmp_path: Path) -> None:
    # The page's machine is one of ssh_config, which ssh finds by the password database only.
    (tmp_path / "config").write_text(
        f"Host lin1\n HostName localhost\n Port {sshd.port}\n User {sshd.user}\n"
        f" IdentityFile {sshd.key}\n UserKnownHostsFile {sshd.known_hosts}\n",
        "utf-8",
    )
    program = tmp_path / "ssh"
    program.write_text(
        f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/config "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    printed = run("remote-ssh.md", tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert printed == "3 processes of lin1\n"
