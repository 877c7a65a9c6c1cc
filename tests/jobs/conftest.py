"""What the tests of jobs have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from psbridge import Session
from psbridge.engine.compiling import SourceFile, load_compiled

SOURCE = Path(__file__).with_name("NaiveJobs.cs")


@pytest.fixture(scope="session")
def naive_jobs() -> Any:
    """The namespace of NaiveJobs.cs: jobs of somebody else's."""
    with Session() as shell:
        source = SourceFile(f"tests/jobs/{SOURCE.name}", SOURCE.read_text("utf-8"))
        load_compiled([source], name="PSBridge.Tests.NaiveJobs", home=shell.engine.home)
    import PSBridge.Tests

    return PSBridge.Tests
