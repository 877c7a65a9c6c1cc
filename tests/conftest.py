"""What the tests have in common: a real engine, found as users' is, or fetched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from psbridge import EngineError, Session
from psbridge.engine.finding import EARLIER_COPY, find
from psbridge.engine.providing import provide
from psbridge.setup.home_folder import read_marker
from psbridge.setup.install import install
from psbridge.setup.lockfile import load_lock
from psbridge.setup.nuget_config import sources
from psbridge.setup.platforms import current_rid
from tests.winrm_server.fixtures import machine, realm, started_realm, winrm_server

__all__ = ["machine", "realm", "started_realm", "winrm_server"]

ROOT = Path(__file__).parents[1]

if sys.dont_write_bytecode:
    # The tests start more than a thousand programs, and each would compile psbridge anew. What must
    # not be written beside the sources is kept beside pytest's own cache.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(ROOT / ".pytest_cache" / "bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_configure(config: pytest.Config) -> None:
    """Let signals mean what they do at a prompt, also where a script or nohup runs the tests."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)  # what is ignored is so in all that is started


def pytest_sessionstart(session: pytest.Session) -> None:
    """Nothing is tested without an engine, and that is never passed over quietly."""
    if hasattr(session.config, "workerinput"):
        return  # a worker of xdist: the controller has seen to it
    try:
        if provide().found_as == EARLIER_COPY:
            install(sources(None, ROOT))
    except EngineError as error:
        line = "; ".join(part.strip(" -").rstrip(":.") for part in str(error).splitlines())
        raise pytest.UsageError(f"psbridge's tests need an engine. {line}") from None


@pytest.fixture(scope="session")
def engine_home() -> Path:
    """The folder of the engine that the tests run on."""
    return find().path


@pytest.fixture(scope="session")
def own_copy(engine_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of our own copy, made from the configured feeds where there is none."""
    marker = read_marker(engine_home)
    if marker is not None and marker.digest == load_lock().platform(current_rid()).digest:
        return engine_home
    folder = tmp_path_factory.mktemp("own") / "copy"
    return install(sources(None, ROOT), folder, precompiled=False)


@pytest.fixture
def shell() -> Iterator[Session]:
    """A session of its own; the engine below it is this process's one."""
    with Session() as session:
        yield session


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """Run Python code in a process of its own and give its exit code and output."""

    def run(
        code: str, *, env: dict[str, str] | None = None, timeout: float = 180, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **options,
        )

    return run
