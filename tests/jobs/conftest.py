"""What the tests of jobs have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psbridge import Session
from psbridge.engine.compiling import SourceFile, load_compiled

SOURCE = Path(__file__).with_name("NaiveJobs.cs")
Until = Callable[..., None]


@pytest.fixture(scope="session")
def naive_jobs() -> Any:
    """The namespace of NaiveJobs.cs: jobs of somebody else's."""
    with Session() as shell:
        source = SourceFile(f"tests/jobs/{SOURCE.name}", SOURCE.read_text("utf-8"))
        load_compiled([source], name="PSBridge.Tests.NaiveJobs", home=shell.engine.home)
    import PSBridge.Tests

    return PSBridge.Tests


@pytest.fixture
def until() -> Until:
    """Wait until something is true, and fail where that takes too long."""

    def wait(condition: Callable[[], Any], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.002)

    return wait
