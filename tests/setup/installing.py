"""Installing a small engine, in this process or in another one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psbridge
from psbridge.setup.install import install
from psbridge.setup.lockfile import Lock
from psbridge.setup.source import Source

from .conftest import SmallEngine, write_console

Child = subprocess.Popen[str]

CHILD = """
import sys, time
from pathlib import Path
from psbridge.setup.install import install
from psbridge.setup.lockfile import load_lock
from psbridge.setup.progress import LineProgress
from psbridge.setup.source import Source
lock, feed, dest, hold, limit, force = sys.argv[1:]
if limit != "0":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
def build(folder):
    (folder / "pwsh.dll").write_bytes(b"console")
    if hold:
        Path(hold).touch()
        while Path(hold).exists():
            time.sleep(0.02)
source = Source("small", feed, "a test")
install([source], Path(dest), force=bool(force), lock=load_lock(Path(lock)), build=build,
        progress=LineProgress(sys.stdout))
"""


class Setup:
    """Installs a small engine, in this process or in others."""

    def __init__(self, engine: SmallEngine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.parent = folder / "engines"
        self.dest = self.parent / "one"
        self.hold = folder / "hold"

    def here(
        self,
        *,
        force: bool = False,
        sources: Sequence[Source] | None = None,
        lock: Lock | None = None,
        build: Callable[[Path], None] = write_console,
    ) -> Path:
        """Install in this process."""
        chosen = [self.engine.source] if sources is None else sources
        lock = lock or self.engine.lock
        return install(chosen, self.dest, force=force, lock=lock, build=build)

    def elsewhere(self, *, hold: bool = False, limit: int = 0, force: bool = False) -> Child:
        """Install in another process, which waits before its last step if it is held."""
        lock = self.folder / "lock.json"
        lock.write_text(self.engine.lock.to_json(), encoding="utf-8")
        package = Path(str(psbridge.__path__[0])).parent
        arguments = [lock, self.engine.feed, self.dest, self.hold if hold else "", limit]
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, *map(str, arguments), "yes" if force else ""],
            env={**os.environ, "PYTHONPATH": str(package)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def left(self) -> list[str]:
        """What is beside the engine's place, except for the lock and the engine itself."""
        return sorted({f.name for f in self.parent.iterdir()} - {".one.lock", "one"})


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def finish(child: Child) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err
