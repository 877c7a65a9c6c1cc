"""A PowerShell that has no Python in it: the engine's own `pwsh`, as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge.engine.homes import read_home

Pwsh = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def pwsh(engine_home: Path, tmp_path: Path) -> Pwsh:
    """Run PowerShell code in a process; `env` changes its environment."""

    def run(
        code: str, *, env: dict[str, str] | None = None, python: str | None = sys.executable
    ) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
        if python is not None:
            variables["PSBRIDGE_PYTHON"] = python
        return subprocess.run(
            [read_home(engine_home, "the tests").executable, "-NoProfile", "-Command", code],
            cwd=tmp_path,
            env={**variables, **(env or {})},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=90,
            check=False,
        )

    return run
