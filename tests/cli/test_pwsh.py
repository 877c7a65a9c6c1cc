"""`psbridge pwsh`, as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..session.terminal import Terminal

PSBRIDGE = [sys.executable, "-m", "psbridge", "pwsh"]


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PSBRIDGE, *arguments],
        input=text, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [["--version"], ["-h"], ["-NoProfile", "-Command", "$PSHOME; exit 4"], ["-x:y"]]
)
def test_it_is_the_homes_own_with_all_its_arguments_and_its_exit_code(
    engine_home: Path, arguments: list[str]
) -> None:
    ran = run(*arguments)
    own = subprocess.run(
        [engine_home / "pwsh", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (own.returncode, own.stdout, own.stderr)


def test_standard_input_and_the_environment_are_its_own() -> None:
    ran = run(
        "-NoProfile", "-Command", "\"<$input>\"; $env:POWERSHELL_TELEMETRY_OPTOUT", text="a line\n"
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "<a line>\n1\n")


def test_on_a_terminal_it_is_a_prompt_with_psreadline() -> None:
    terminal = Terminal(
        "from psbridge.cli import main; main(['pwsh', '-NoProfile'])", cursor="\x1b[5;1R"
    )
    terminal.wait_for("PS ")
    terminal.wait_for_silence()
    terminal.send("(Get-Module PSReadLine).Name.ToUpper()\r")
    terminal.wait_for("PSREADLINE")
    terminal.wait_for_silence()
    terminal.send("exit 6\r")
    code, _ = terminal.end()
    assert code == 6
