"""Run as `python tests/winrm_server FOLDER PWSH` by `server.WinRMServer`."""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder but the root: the modules here are a package's.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.winrm_server.serving import main  # noqa: E402

main(Path(sys.argv[1]), sys.argv[2])
