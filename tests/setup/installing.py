"""Installing a small engine, in this process or in another one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psbridge
from psbridge.setup.install import install
from psbridge.setup.lockfile import Lock, PlatformLock
from psbridge.setup.source import Source

from .conftest import RID, SmallEngine

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
class Held(LineProgress):
    def step(self, text):
        super().step(text)
        if hold and text.startswith("Laying out"):
            Path(hold).touch()
            while Path(hold).exists():
                time.sleep(0.02)
source = Source("small", feed, "a test")
(platform,) = load_lock(Path(lock)).platforms.values()
install([source], Path(dest), force=bool(force), platform=platform, progress=Held(sys.stdout))
"""


class Setup:
    """Installs a small engine, in this process or in others."""

    def __init__(self, engine: SmallEngine, folder: Path) -> None:
        self.engine = engine
        self.platform = engine.make()
        self.folder = folder
        self.parent = folder / "engines"
        self.dest = self.parent / "one"
        self.hold = folder / "hold"

    def package(self, of: str) -> Path:
        """The file in the feed that a part of the lock pins: ``powershell``, ``runtime``."""
        pin = getattr(self.platform, of)
        return self.engine.feed / f"{pin.id}.{pin.version}.nupkg"

    def here(
        self,
        *,
        force: bool = False,
        sources: Sequence[Source] | None = None,
        platform: PlatformLock | None = None,
    ) -> Path:
        """Install in this process."""
        chosen = [self.engine.source] if sources is None else sources
        return install(chosen, self.dest, force=force, platform=platform or self.platform)

    def elsewhere(self, *, hold: bool = False, limit: int = 0, force: bool = False) -> Child:
        """Install in another process, which waits before it lays out if it is held."""
        lock = self.folder / "lock.json"
        lock.write_text(Lock({RID: self.platform}).to_json(), encoding="utf-8")
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


def finish(child: Child) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err
